"""Add a JupyterLite site, with the chapters and softmax_lib, to the site in a folder.

Usage: python book/_lite/build.py _build/html

Pyodide, the Python that runs in the browser, comes from its CDN, in the version that the
installed jupyterlite-pyodide-kernel was made for. With PYODIDE_DIST=<folder> a distribution of
that version is copied into the site, which then needs nobody else's server.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from jupyterlite_pyodide_kernel.constants import PYODIDE_VERSION

HERE = Path(__file__).parent
BOOK, ROOT = HERE.parent, HERE.parents[1]
# What the chapters and the kernel import and Pyodide does not have; all of it pure Python.
WHEELS = ("comm", "markdown-it-py", "mdurl", "tabulate")
# What they need of Pyodide.
PACKAGES = ("ipython", "jedi", "matplotlib", "micropip", "ml-dtypes", "numpy", "sympy")
INSTALL = """\
# Only in the browser: the book's library, and what else Python does not find here.
%pip install softmax-lib[proofs] tabulate"""
# One date for all files, so that two builds are the same. ZIP knows none before 1980.
ENVIRONMENT = os.environ | {"SOURCE_DATE_EPOCH": "1767225600"}


def main() -> None:
    """Lay out what JupyterLite builds from, and build."""
    site = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        lite = Path(folder)
        shutil.copytree(HERE, lite, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.py"))
        copy_chapters(lite / "files")
        build_wheels(lite / "pypi")
        if distribution := os.environ.get("PYODIDE_DIST"):
            check_distribution(Path(distribution))
            (lite / "static").mkdir()
            (lite / "static" / "pyodide").symlink_to(Path(distribution).resolve())
        run("jupyterlite_core", "build", "--output-dir", site / "lite", cwd=lite)


def copy_chapters(target: Path) -> None:
    """Copy the chapters, with what they read, for the browser's kernel."""
    aside = shutil.ignore_patterns("_*", ".*", "*.md", "*.bib", "*.toml")
    shutil.copytree(BOOK, target, ignore=aside)
    shutil.copy(HERE / "myst_nb.py", target)
    for path in target.glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        notebook.metadata.kernelspec = {"name": "python", "display_name": "Python (Pyodide)"}
        notebook.cells.insert(0, nbformat.v4.new_code_cell(INSTALL, id="only-in-the-browser"))
        # As nbformat holds it, in whole strings: JupyterLite trips over texts in lists of lines.
        path.write_text(json.dumps(notebook, ensure_ascii=False, indent=1), encoding="utf-8")


def build_wheels(target: Path) -> None:
    """Build softmax_lib's wheel from a copy, and fetch the others in the pinned versions."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        shutil.copytree(ROOT / "softmax_lib", source / "softmax_lib")
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, source)
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation"]
        pinned = ["--constraint", ROOT / "requirements.txt", "--wheel-dir", target]
        run("pip", "wheel", *options, *pinned, source, *WHEELS)


def check_distribution(folder: Path) -> None:
    """Stop, with a sentence, unless the folder holds the Pyodide that the kernel was made for."""
    wanted = f"PYODIDE_DIST={folder} is no distribution of Pyodide {PYODIDE_VERSION}"
    for name in ("package.json", "pyodide-lock.json", "pyodide.mjs", "python_stdlib.zip"):
        if not (folder / name).is_file():
            sys.exit(f"{wanted}: it has no {name}")
    version = json.loads((folder / "package.json").read_text(encoding="utf-8"))["version"]
    if version != PYODIDE_VERSION:
        sys.exit(f"{wanted}: its version is {version}")
    packages = json.loads((folder / "pyodide-lock.json").read_text(encoding="utf-8"))["packages"]
    needed = [*PACKAGES]
    for package in needed:  # which grows on the way
        entry = packages[package.lower().replace("_", "-")]
        needed += [name for name in entry["depends"] if name not in needed]
        wheel = folder / entry["file_name"]
        if not wheel.is_file():
            sys.exit(f"{wanted}: it has no {wheel.name}")
        if hashlib.sha256(wheel.read_bytes()).hexdigest() != entry["sha256"]:
            sys.exit(f"{wanted}: {wheel.name} is not the file that pyodide-lock.json names")


def run(module: str, *arguments: str | Path, cwd: Path | None = None) -> None:
    """Run a module of this environment as a program."""
    command = [sys.executable, "-m", module, *arguments]
    subprocess.run(command, cwd=cwd, env=ENVIRONMENT, check=True)


if __name__ == "__main__":
    main()
