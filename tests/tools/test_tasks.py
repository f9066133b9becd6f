"""The verbs say in a sentence what is wrong, and what to do."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import tasks

ROOT = Path(tasks.__file__).parents[1]


@pytest.fixture
def make(tmp_path):
    """`make` in a copy of the repository's settings, with an interpreter that lacks something."""
    (tmp_path / "tools").mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements.txt", "tools/tasks.py", "uv.lock"):
        shutil.copy(ROOT / name, tmp_path / name)

    def make(*arguments: str, lacking: str = "", **settings: str) -> subprocess.CompletedProcess:
        python = tmp_path / "python"
        start = f"import runpy, sys; del sys.argv[0]; {lacking}"
        run = "runpy.run_path(sys.argv[0], run_name='__main__')"
        python.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{start}\n{run}" "$@"\n')
        python.chmod(0o755)
        command = ["make", "--no-print-directory", f"PYTHON={python}", *arguments]
        outcome = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=False,
            env=os.environ | settings,
        )  # fmt: skip
        assert "Traceback" not in outcome.stderr
        return outcome

    return make


def test_a_missing_python_is_named(make):
    outcome = make("book", "PYTHON=no-such-python")
    assert outcome.returncode != 0
    assert "No 'no-such-python' found. Install Python 3.11 or newer" in outcome.stdout


def test_an_old_python_is_named_with_its_version(make):
    outcome = make("test", lacking="sys.version_info, sys.version = (3, 8, 18), '3.8.18 (old)'")
    assert outcome.returncode != 0
    assert "is Python 3.8.18; this book needs Python 3.11 or newer" in outcome.stderr


def test_a_python_without_venv_is_named(make):
    outcome = make("book", lacking="sys.modules['ensurepip'] = None")
    assert outcome.returncode != 0
    assert "Install its venv module" in outcome.stderr


def test_an_environment_of_another_python_is_made_anew(make, tmp_path):
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "pyvenv.cfg").write_text("version = 3.9.1\n", encoding="utf-8")
    outcome = make("book", lacking="sys.modules['ensurepip'] = None")
    asked = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert f".venv is not of Python {asked}, and is made anew" in outcome.stdout
    assert not (tmp_path / ".venv").exists()


def test_a_missing_network_is_named(make):
    outcome = make("book", PIP_INDEX_URL="https://127.0.0.1:9/simple", PATH="/usr/bin:/bin")
    assert outcome.returncode != 0
    assert "cannot be downloaded: 127.0.0.1 does not answer" in outcome.stderr
    assert "No matching distribution" not in outcome.stderr


def test_a_network_that_is_missing_once_there_is_uv_is_named(make, tmp_path):
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\nexit 2\n", encoding="utf-8")
    uv.chmod(0o755)
    address = "https://127.0.0.1:9/simple"
    outcome = make("book", PIP_INDEX_URL=address, PATH=f"{tmp_path}:/usr/bin:/bin")
    assert outcome.returncode != 0
    assert "cannot be downloaded: 127.0.0.1 does not answer" in outcome.stderr


def test_a_port_that_is_taken_is_named_before_anything_is_built(make):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        outcome = make("serve", f"PORT={port}")
    assert outcome.returncode != 0
    assert f"Port {port} is taken" in outcome.stderr
    assert outcome.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["serve", "PORT=eight"], "PORT must be a number from 1 to 65535, got 'eight'"),
        (["serve", "SITE=light"], "SITE must be one of book, lite, got 'light'"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(arguments, said, make):
    assert said in make(*arguments).stderr


def test_a_verb_or_a_setting_that_there_is_not_is_named():
    for argument in ("serv", "PROT=1"):
        outcome = subprocess.run(
            [sys.executable, tasks.__file__, argument], capture_output=True, text=True, check=False
        )
        assert outcome.returncode == 1
        assert f"There is no {'setting' if '=' in argument else 'verb'} " in outcome.stderr


def test_make_has_the_verbs_of_the_script(make):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    line = next(line for line in makefile.splitlines() if line.startswith("VERBS := "))
    assert line.split()[2:] == ["help", *tasks.VERBS]
    shown = make("help").stdout
    assert all(f"\n  {name} " in shown for name in tasks.VERBS)


def test_the_groups_that_verbs_need_are_in_the_project(make):
    import tomllib

    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = {group for _, wanted in tasks.VERBS.values() for group in wanted}
    assert needed <= set(groups["dependency-groups"])
