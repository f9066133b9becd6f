"""What Pyodide runs: the wheel is installed, and as much of it tried as PyPI's packages allow.

micropip is there; `/wheels` has softmax_lib's wheel, `/notebooks` the portable notebooks.
"""

import doctest
import importlib.util
import json
import os
import pkgutil
import sys
import types
from pathlib import Path

# Until PyPI has NumPy for this Pyodide, only proofs run. Then: True, and chapters do.
NUMPY_IS_ON_PYPI = False
PROOFS = ("softmax_lib.proofs", "softmax_lib.derivations")


async def main():
    import micropip

    (wheel,) = Path("/wheels").iterdir()
    if NUMPY_IS_ON_PYPI:
        packages = ["ipython", "matplotlib", "ml-dtypes", "scipy", "tabulate", "dask"]
        await micropip.install([f"emfs:{wheel}", "sympy", *packages])
        os.environ["MPLBACKEND"] = "agg"
        for path in sorted(Path("/notebooks").glob("*.ipynb")):
            run(json.loads(path.read_text(encoding="utf-8")))
            print(f"{path.name} ran to its end")
        return
    try:
        await micropip.install("numpy")
    except ValueError as error:
        print(error)
    else:
        sys.exit("PyPI has NumPy for this Pyodide: set NUMPY_IS_ON_PYPI in smoke.py")
    await micropip.install(f"emfs:{wheel}", deps=False)
    await micropip.install(["sympy"])
    # The package itself imports NumPy; its modules are found where it lies.
    package = types.ModuleType("softmax_lib")
    package.__path__ = list(importlib.util.find_spec("softmax_lib").submodule_search_locations)
    sys.modules["softmax_lib"] = package
    for name in PROOFS:
        try_examples(name)
    print("installed:", *(f"{name} {package.version}" for name, package in micropip.list().items()))


def try_examples(name):
    """Run the examples of a package's modules."""
    package = importlib.import_module(name)
    names = [f"{name}.{module.name}" for module in pkgutil.iter_modules(package.__path__)]
    for module in names:
        failed, tried = doctest.testmod(importlib.import_module(module))
        if failed:
            sys.exit(1)
        if tried:
            print(f"{module}: {tried} lines of examples")


def run(notebook):
    """Run a notebook's cells but for the one that installs."""
    namespace = {"__name__": "__main__"}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and "setup" not in cell["metadata"].get("tags", []):
            exec("".join(cell["source"]), namespace)
