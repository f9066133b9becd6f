"""How the tests build the site."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def build(root: Path, target: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("jupyter-book"), "build", root]
    flags = ["--path-output", target, "-W", "-n", "--keep-going", "-q"]
    return subprocess.run([*command, *flags], capture_output=True, text=True, check=False)
