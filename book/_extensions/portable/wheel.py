"""The library's wheel."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from sphinx.errors import ExtensionError

import softmax_lib

# The library is installed in place: its source lies where it is imported from.
ROOT = Path(softmax_lib.__file__).parents[1]
# One date for all files makes two wheels the same; ZIP knows none before 1980.
ENVIRONMENT = os.environ | {"SOURCE_DATE_EPOCH": "1767225600"}


def build_wheel(target: Path) -> Path:
    """Build softmax_lib's wheel into a folder, and return its path."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        # From a copy, for a build leaves its traces beside the source.
        source = Path(folder)
        shutil.copytree(ROOT / "softmax_lib", source / "softmax_lib")
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, source)
        build = "import sys; from setuptools.build_meta import build_wheel; print(build_wheel(sys.argv[1]))"
        outcome = subprocess.run(
            [sys.executable, "-c", build, target],
            cwd=source,
            env=ENVIRONMENT,
            check=False,
            capture_output=True,
            text=True,
        )
    if outcome.returncode:
        raise ExtensionError(
            f"softmax_lib's wheel could not be built:\n{outcome.stderr[-2000:]}"
        )
    return target / outcome.stdout.splitlines()[-1]
