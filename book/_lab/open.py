"""Open the chapters in JupyterLab.

Usage: python book/_lab/open.py _build/html   copies of the portable notebooks, to read and to try
       python book/_lab/open.py book          what they are written in

Further arguments go to JupyterLab.
"""

import os
import shutil
import sys
from pathlib import Path

import nbformat
from jupyter_core.paths import jupyter_path
from nbformat.sign import NotebookNotary

BOOK = Path(__file__).resolve().parents[1]
INSTALLED = Path(sys.prefix, "share", "jupyter", "labextensions")
# JupyterLite's kernel is no part of Lab: it is an error there at every start.
ASIDE = ["@jupyterlite"]


def main() -> None:
    """Start JupyterLab in place of this process."""
    folder = Path(sys.argv[1]).resolve()
    aside, own = ASIDE, BOOK.parent / "_build"
    if folder != BOOK:
        # Portable notebooks are plain Markdown.
        aside = [*ASIDE, "jupyterlab-myst"]
        folder = own = copies(folder)
    trust(folder)
    paths = extensions(own / ".labextensions", aside)
    command = [
        *(sys.executable, "-m", "jupyterlab"),
        f"--ServerApp.root_dir={folder}",
        "--LabApp.default_url=/lab/tree/intro.ipynb",
        *(f"--LabApp.labextensions_path={path}" for path in paths),
        *sys.argv[2:],
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        print("You are root, so JupyterLab is started with --allow-root.")
        command.append("--allow-root")
    os.execv(sys.executable, command)


def copies(site: Path) -> Path:
    """Copy a site's notebooks, and what they read, beside it.

    What was changed there since the last time is left alone.
    """
    lab = site.parent / "lab"
    lab.mkdir(exist_ok=True)
    stamp = lab / ".copied"
    last = stamp.stat().st_mtime if stamp.exists() else 0
    originals = [
        *((site / "notebooks", "*.ipynb"), (BOOK, "*.py")),
        *((BOOK, "*.mplstyle"), (BOOK, "data/*.*")),
    ]
    for top, pattern in originals:
        for original in top.glob(pattern):
            copy = lab / original.relative_to(top)
            if not copy.exists() or copy.stat().st_mtime <= last:
                copy.parent.mkdir(exist_ok=True)
                shutil.copy2(original, copy)
    stamp.touch()
    return lab


def trust(folder: Path) -> None:
    """Let the sliders show before anything is run."""
    notary = NotebookNotary()
    for path in folder.glob("*.ipynb"):
        notary.sign(nbformat.read(path, as_version=4))


def extensions(target: Path, aside: list[str]) -> list[str]:
    """Return where Lab finds its extensions, but for those to leave aside."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(
        INSTALLED, target, ignore=shutil.ignore_patterns(*aside)
    )
    others = [
        path
        for path in jupyter_path("labextensions")
        if Path(path) != INSTALLED
    ]
    return [str(target), *others]


if __name__ == "__main__":
    main()
