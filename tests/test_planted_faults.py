"""The tests fail where the library or a stored number is wrong: planted, and seen to fail."""

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from softmax_lib.claims import RECORD_TYPE

ROOT = Path(__file__).parents[1]

LIBRARY_FAULTS = {
    "no maximum subtracted": ("two_sum(rows, -_maximum(rows))", "two_sum(rows, 0 * rows)"),
    "the smallest logit subtracted": (
        "maximum: Array = np.max(rows, axis=-1, keepdims=True, initial=-np.inf)",
        "maximum: Array = np.min(rows, axis=-1, keepdims=True, initial=np.inf)",
    ),
    "a wrong axis": ("prepare(z, axis=axis,", "prepare(z, axis=0,"),
}


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def plant(path: Path, right: str, wrong: str) -> None:
    source = path.read_text(encoding="utf-8")
    assert right in source, f"{path.name} no longer says {right!r}: plant the fault elsewhere"
    path.write_text(source.replace(right, wrong), encoding="utf-8")


@pytest.fixture
def library_tests(tmp_path):
    """A copy of the library with its tests, which runs against the copy."""
    shutil.copytree(ROOT / "softmax_lib", tmp_path / "softmax_lib")
    for path in (ROOT / "tests").glob("*.py"):
        shutil.copy(path, tmp_path)
    return tmp_path


def test_the_sound_library_passes(library_tests):
    outcome = run_pytest(library_tests, "test_softmax.py")
    assert outcome.returncode == 0, outcome.stdout


@pytest.mark.parametrize(("right", "wrong"), LIBRARY_FAULTS.values(), ids=LIBRARY_FAULTS.keys())
def test_a_broken_library_fails(right, wrong, library_tests):
    plant(library_tests / "softmax_lib" / "_softmax.py", right, wrong)
    outcome = run_pytest(library_tests, "test_softmax.py")
    assert outcome.returncode == 1, outcome.stdout


@pytest.fixture
def chapter(tmp_path):
    """A chapter in a folder of its own."""
    return Path(shutil.copy(ROOT / "book" / "intro.ipynb", tmp_path))


def run_nbval(chapter: Path) -> subprocess.CompletedProcess[str]:
    return run_pytest(chapter.parent, "--nbval", "--nbval-current-env", chapter.name)


def test_a_sound_chapter_passes(chapter):
    outcome = run_nbval(chapter)
    assert outcome.returncode == 0, outcome.stdout


def test_a_stored_number_that_is_off_by_a_digit_fails(chapter):
    plant(chapter, "0.6652", "0.6653")
    outcome = run_nbval(chapter)
    assert outcome.returncode == 1, outcome.stdout
    assert "0.6653" in outcome.stdout


RECORDING = """
from softmax_lib.claims import examine, record
check = examine("n is even", lambda n: n % 2 == 0, [2, 4], control=3, scope="n = 2, 4")
record("sum-one", floats=[check])
"""


def test_a_stored_record_that_was_changed_fails(tmp_path):
    chapter = tmp_path / "chapter.ipynb"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(RECORDING)])
    nbformat.write(NotebookClient(notebook, record_timing=False).execute(), chapter)
    assert run_nbval(chapter).returncode == 0
    # In the record alone: the readable lines beside it stay as they are.
    plant(chapter, '"verdict": "measured"', '"verdict": "refuted"')
    outcome = run_nbval(chapter)
    assert outcome.returncode == 1, outcome.stdout
    assert RECORD_TYPE in outcome.stdout
