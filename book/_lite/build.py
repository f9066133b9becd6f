"""Add a JupyterLite site, with the chapters and softmax_lib, to a built site.

Usage: python book/_lite/build.py _build/html

Pyodide, the Python that runs in the browser, comes from its CDN, in the
version that the installed jupyterlite-pyodide-kernel was made for. With
PYODIDE_DIST=<folder> a distribution of that version is copied into the site,
which then needs nobody else's server.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from jupyterlite_pyodide_kernel.constants import PYODIDE_VERSION

SETTINGS = Path(__file__).parent
BOOK = SETTINGS.parent
ROOT = BOOK.parent

# What chapters and kernel import that Pyodide does not have, all pure Python.
WHEELS = (
    "comm",
    "dask",
    "locket",
    "markdown-it-py",
    "mdurl",
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
INSTALL = """\
# Only in the browser: what Python does not find here by itself.
%pip install softmax-lib[proofs] dask tabulate"""
# One date for all files makes two builds the same; ZIP knows none before 1980.
ENVIRONMENT = os.environ | {"SOURCE_DATE_EPOCH": "1767225600"}


def main() -> None:
    """Lay out what JupyterLite builds from, and build."""
    output = Path(sys.argv[1]).resolve() / "lite"
    distribution = os.environ.get("PYODIDE_DIST")
    if distribution:
        check_distribution(Path(distribution))
    with tempfile.TemporaryDirectory() as folder:
        lite = Path(folder)
        for settings in SETTINGS.glob("*.json"):
            shutil.copy(settings, lite)
        copy_chapters(lite / "files")
        build_wheels(lite / "pypi")
        if distribution:
            (lite / "static").mkdir()
            pyodide = Path(distribution).resolve()
            (lite / "static" / "pyodide").symlink_to(pyodide)
        run("jupyterlite_core", "build", "--output-dir", output, cwd=lite)
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


def copy_chapters(target: Path) -> None:
    """Copy the chapters, and what they read, for the browser's kernel."""
    aside = shutil.ignore_patterns("_*", ".*", "*.md", "*.bib", "*.toml")
    shutil.copytree(BOOK, target, ignore=aside)
    shutil.copy(SETTINGS / "myst_nb.py", target)
    for path in target.glob("*.ipynb"):
        chapter = nbformat.read(path, as_version=4)
        chapter.metadata.kernelspec = {
            "name": "python",
            "display_name": "Python (Pyodide)",
        }
        install = nbformat.v4.new_code_cell(
            INSTALL, id="only-in-the-browser"
        )
        chapter.cells.insert(0, install)
        # JupyterLite trips over texts that are lists of lines, as nbformat
        # writes them; in memory they are whole.
        text = json.dumps(chapter, ensure_ascii=False, indent=1)
        path.write_text(text, encoding="utf-8")


def build_wheels(target: Path) -> None:
    """Build softmax_lib's wheel, and fetch the pinned ones of the others."""
    with tempfile.TemporaryDirectory() as folder:
        # From a copy, for a build leaves its traces beside the source.
        source = Path(folder)
        shutil.copytree(ROOT / "softmax_lib", source / "softmax_lib")
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, source)
        run(
            *("pip", "wheel", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--no-build-isolation"),
            *("--constraint", ROOT / "requirements.txt"),
            *("--wheel-dir", target, source, *WHEELS),
        )


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
