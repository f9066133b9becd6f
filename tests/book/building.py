"""How the tests build the site."""

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Where the site pretends to stand: 404.html finds its files below this path only.
SITE_URL = "https://book.example/softmax/"
SOURCES = ("book", "_config.yml", "_toc.yml", "requirements.txt")


def build(root: Path, target: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("jupyter-book"), "build", root]
    flags = ["--path-output", target, "-W", "-n", "--keep-going", "-q"]
    return run([*command, *flags], **{"SITE_URL": SITE_URL} | environment)


def build_once(folder: Path) -> Path:
    """Build the site into a folder of the run's, unless another process does; return the pages."""
    outcome = folder / "outcome.json"
    try:
        folder.mkdir()
    except FileExistsError:
        while not outcome.exists():
            time.sleep(0.2)
    else:
        built = build(ROOT, folder)
        written = folder / "being-written"
        written.write_text(json.dumps([built.returncode, built.stderr[-5000:]]), encoding="utf-8")
        written.rename(outcome)
    code, complaints = json.loads(outcome.read_text(encoding="utf-8"))
    assert code == 0, complaints
    return folder / "_build" / "html"


def copied(folder: Path) -> Path:
    """Copy the book's sources into a folder, and return it."""
    for source in SOURCES:
        origin = ROOT / source
        (shutil.copytree if origin.is_dir() else shutil.copy)(origin, folder / source)
    return folder


def add_lite(site: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Add the chapters that run in the browser, as `make lite` does."""
    return run([sys.executable, ROOT / "book" / "_lite" / "build.py", site], **environment)


def run(command: list[str | Path], **environment: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | environment
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env)


@functools.cache
def ids_on(page: Path) -> set[str]:
    return set(re.findall(r'\bid="([^"]+)"', page.read_text(encoding="utf-8")))
