"""Without a usable Python, make says in a sentence what to install."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def make(tmp_path):
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)

    def make(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    return make


def fake_python(folder: Path, script: str) -> str:
    path = folder / "fake-python"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return f"PYTHON={path}"


def test_a_missing_python_is_named(make):
    outcome = make("book", "PYTHON=no-such-python")
    assert outcome.returncode != 0
    assert "No 'no-such-python' found. Install Python 3.11 or newer" in outcome.stdout


def test_an_old_python_is_named_with_its_version(make, tmp_path):
    old = fake_python(tmp_path, 'test "$1" = --version && echo Python 3.8.18 || exit 1')
    outcome = make("test", old)
    assert outcome.returncode != 0
    assert "is Python 3.8.18; this book needs Python 3.11 or newer" in outcome.stdout


def test_a_python_without_venv_is_named(make, tmp_path):
    bare = fake_python(tmp_path, 'case "$2" in *ensurepip*) exit 1;; esac')
    outcome = make("book", bare)
    assert outcome.returncode != 0
    assert "Install its venv module" in outcome.stdout


def test_help_lists_every_verb(make):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    verbs = makefile.partition(".PHONY: ")[2].partition("\n")[0].split()
    shown = make("help").stdout
    assert all(f"make {verb} " in shown for verb in verbs)
