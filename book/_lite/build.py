"""Add a JupyterLite site, with the portable notebooks and softmax_lib, to a built site.

Usage: python book/_lite/build.py _build/html

Pyodide, the Python that runs in the browser, comes from its CDN, in the
version that the installed jupyterlite-pyodide-kernel was made for. With
PYODIDE_DIST=<folder> a distribution of that version is copied into the site,
which then needs nobody else's server.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from jupyterlite_pyodide_kernel.constants import PYODIDE_VERSION

SETTINGS = Path(__file__).parent
ROOT = SETTINGS.parents[1]
# The one extension of JupyterLab that JupyterLite needs; others that are installed are for Lab.
KERNEL = Path(
    sys.prefix,
    "share/jupyter/labextensions/@jupyterlite/pyodide-kernel-extension",
)

# What chapters and kernel import that Pyodide does not have, all pure Python.
WHEELS = (
    "comm",
    "dask",
    "locket",
    "partd",
    "tabulate",
)
# What they import that Pyodide has.
PACKAGES = (
    "click",
    "cloudpickle",
    "fsspec",
    "ipython",
    "jedi",
    "matplotlib",
    "micropip",
    "ml-dtypes",
    "numpy",
    "packaging",
    "pyyaml",
    "scipy",
    "sympy",
    "toolz",
)
# One date for all files makes two builds the same; ZIP knows none before 1980.
ENVIRONMENT = os.environ | {"SOURCE_DATE_EPOCH": "1767225600"}


def main() -> None:
    """Lay out what JupyterLite builds from, and build."""
    site = Path(sys.argv[1]).resolve()
    output = site / "lite"
    distribution = os.environ.get("PYODIDE_DIST")
    if distribution:
        check_distribution(Path(distribution))
    with tempfile.TemporaryDirectory() as folder:
        lite = Path(folder)
        for settings in SETTINGS.glob("*.json"):
            shutil.copy(settings, lite)
        copy_notebooks(site / "notebooks", lite / "files")
        copy_wheels(site / "wheels", lite / "pypi")
        if distribution:
            (lite / "static").mkdir()
            pyodide = Path(distribution).resolve()
            (lite / "static" / "pyodide").symlink_to(pyodide)
        run(
            *("jupyterlite_core", "build", "--output-dir", output),
            f"--LiteBuildConfig.federated_extensions={KERNEL}",
            cwd=lite,
        )
    sort_listings(output / "api" / "contents")


def check_distribution(folder: Path) -> None:
    """Stop, saying why, unless this is the Pyodide the kernel was made for."""
    refusal = (
        f"PYODIDE_DIST={folder} is no distribution of Pyodide "
        f"{PYODIDE_VERSION}: "
    )
    for name in (
        "package.json",
        "pyodide-lock.json",
        "pyodide.mjs",
        "python_stdlib.zip",
    ):
        if not (folder / name).is_file():
            sys.exit(f"{refusal}it has no {name}")
    version = read_json(folder / "package.json")["version"]
    if version != PYODIDE_VERSION:
        sys.exit(f"{refusal}its version is {version}")
    locked = read_json(folder / "pyodide-lock.json")["packages"]
    needed = [*PACKAGES]
    for package in needed:  # grows by what a package depends on
        entry = locked[package.lower().replace("_", "-")]
        needed += [
            name for name in entry["depends"] if name not in needed
        ]
        wheel = folder / entry["file_name"]
        if not wheel.is_file():
            sys.exit(f"{refusal}it has no {wheel.name}")
        if (
            hashlib.sha256(wheel.read_bytes()).hexdigest()
            != entry["sha256"]
        ):
            sys.exit(
                f"{refusal}{wheel.name} is not the file that was locked"
            )


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def copy_notebooks(source: Path, target: Path) -> None:
    """Copy the portable notebooks for the browser's kernel."""
    target.mkdir()
    for path in source.glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        notebook.metadata.kernelspec = {
            "name": "python",
            "display_name": "Python (Pyodide)",
        }
        # JupyterLite trips over texts that are lists of lines, as nbformat
        # writes them; in memory they are whole.
        text = json.dumps(notebook, ensure_ascii=False, indent=1)
        (target / path.name).write_text(text, encoding="utf-8")


def copy_wheels(source: Path, target: Path) -> None:
    """Copy softmax_lib's wheel, and fetch the pinned ones of the others."""
    shutil.copytree(source, target)
    # Each stands there with its hashes, on lines that are indented.
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    pins = [
        pin
        for pin in re.split(r"\n(?=\S)", text)
        if pin.partition("==")[0] in WHEELS
    ]
    wanted = target.with_name("wheels.txt")
    wanted.write_text("\n".join(pins), encoding="utf-8")
    run(
        *("pip", "wheel", "--quiet", "--disable-pip-version-check"),
        *("--no-deps", "--requirement", wanted, "--wheel-dir", target),
    )
    wanted.unlink()


def sort_listings(folder: Path) -> None:
    """Put the listings of the copied files in an order of their own.

    JupyterLite leaves them in the file system's, which is not the same on
    every machine.
    """
    for path in folder.rglob("all.json"):
        listing = read_json(path)
        listing["content"].sort(key=lambda entry: entry["name"])
        path.write_text(json.dumps(listing), encoding="utf-8")


def run(
    module: str, *arguments: str | Path, cwd: Path | None = None
) -> None:
    """Run a module of this environment as a program."""
    command = [sys.executable, "-m", module, *arguments]
    subprocess.run(command, cwd=cwd, env=ENVIRONMENT, check=True)


if __name__ == "__main__":
    main()
