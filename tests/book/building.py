"""How the tests build the site."""

import functools
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Where the site pretends to stand: 404.html finds its files below this path only.
SITE_URL = "https://book.example/softmax/"


def build(root: Path, target: Path, site_url: str = SITE_URL) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("jupyter-book"), "build", root]
    flags = ["--path-output", target, "-W", "-n", "--keep-going", "-q"]
    environment = os.environ | {"SITE_URL": site_url}
    return subprocess.run(
        [*command, *flags], capture_output=True, text=True, check=False, env=environment
    )


@functools.cache
def ids_on(page: Path) -> set[str]:
    return set(re.findall(r'\bid="([^"]+)"', page.read_text(encoding="utf-8")))
