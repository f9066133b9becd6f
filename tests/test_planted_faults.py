"""The tests fail where the library or a stored number is wrong: planted, and seen to fail."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from softmax_lib.claims import RECORD_TYPE, examine, record

ROOT = Path(__file__).parents[1]

LIBRARY_FAULTS = {
    "compiled": {
        "no maximum subtracted": ("_compiled.py", "gap = logit - maximum\n", "gap = logit\n"),
        "a rounding error lost": ("_compiled.py", "fma(k, log2_low, lost)", "k * log2_low"),
        "a sum without its error": ("_compiled.py", "low += lost + part_low", "low += 0.0"),
    },
    "numpy": {
        "no maximum subtracted": (
            "_arrays.py",
            "two_sum(z, -reference)",
            "two_sum(z, 0 * reference)",
        ),
        "the smallest logit subtracted": (
            "_arrays.py",
            "np.maximum.reduce(z",
            "np.minimum.reduce(z",
        ),
        "a rounding error lost": (
            "_arrays.py",
            "np.multiply(gap.error, terms",
            "np.multiply(0, terms",
        ),
    },
    "either": {
        "a wrong axis": (
            "_slices.py",
            "axes = _axes(axis, logits.ndim)",
            "axes = _axes(0, logits.ndim)",
        ),
    },
}
CASES = [
    pytest.param(engine, *fault, id=f"{engine}: {name}")
    for engine, faults in LIBRARY_FAULTS.items()
    for name, fault in faults.items()
]


def run_pytest(
    folder: Path, *arguments: str, engine: str | None = None
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    # Without plugins but for those that are named: they take longer than the tests.
    chosen = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    if engine in ("compiled", "numpy"):
        chosen["SOFTMAX_LIB_ENGINE"] = engine
    return subprocess.run(
        [*command, *arguments],
        cwd=folder,
        env=os.environ | chosen,
        capture_output=True,
        text=True,
        check=False,
    )


def plant(path: Path, right: str, wrong: str) -> None:
    source = path.read_text(encoding="utf-8")
    assert right in source, f"{path.name} no longer says {right!r}: plant the fault elsewhere"
    path.write_text(source.replace(right, wrong), encoding="utf-8")


@pytest.fixture
def library_tests(tmp_path):
    """A copy of the library with its tests, which runs against the copy."""
    shutil.copytree(ROOT / "softmax_lib", tmp_path / "softmax_lib")
    for path in (ROOT / "tests" / "numerics").glob("*.py"):
        shutil.copy(path, tmp_path)
    return tmp_path


def test_the_sound_library_passes(library_tests):
    outcome = run_pytest(library_tests, "test_softmax.py", "-k", "scipy or axes or shift")
    assert outcome.returncode == 0, outcome.stdout


@pytest.mark.parametrize(("engine", "module", "right", "wrong"), CASES)
def test_a_broken_library_fails(engine, module, right, wrong, library_tests):
    plant(library_tests / "softmax_lib" / module, right, wrong)
    outcome = run_pytest(library_tests, "test_softmax.py", "test_accuracy.py", "-x", engine=engine)
    assert outcome.returncode == 1, outcome.stdout


EVIDENCE = """
from softmax_lib.claims import examine, record
check = examine("n is even", lambda n: n % 2 == 0, [2, 4], control=3, scope="n = 2, 4")
"""


def stored(source: str, **data: object) -> nbformat.NotebookNode:
    output = nbformat.v4.new_output("execute_result", data=data, execution_count=1)
    cell: nbformat.NotebookNode = nbformat.v4.new_code_cell(
        source, execution_count=1, outputs=[output]
    )
    return cell


def test_nbval_finds_a_digit_that_is_off_and_a_record_that_was_changed(tmp_path):
    check = examine("n is even", lambda n: n % 2 == 0, [2, 4], control=3, scope="n = 2, 4")
    right = record("sum-one", floats=[check])._repr_mimebundle_()
    # In the record alone: the readable lines beside it stay as they are.
    content = right[RECORD_TYPE]
    wrong = right | {RECORD_TYPE: content | {"floats": content["floats"] | {"verdict": "refuted"}}}
    recording = EVIDENCE + 'record("sum-one", floats=[check])'
    cells = [
        stored("0.1 + 0.2", **{"text/plain": "0.30000000000000004"}),
        stored("0.1 + 0.2", **{"text/plain": "0.30000000000000005"}),
        stored(recording, **right),
        stored(recording, **wrong),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "chapter.ipynb")
    outcome = run_pytest(
        tmp_path, "-pnbval.plugin", "--nbval", "--nbval-current-env", "chapter.ipynb", "-rA"
    )
    verdicts = re.findall(
        r"^(PASSED|FAILED) chapter.ipynb::Cell (\d)", outcome.stdout, re.MULTILINE
    )
    assert sorted(verdicts, key=lambda verdict: verdict[1]) == [
        ("PASSED", "0"),
        ("FAILED", "1"),
        ("PASSED", "2"),
        ("FAILED", "3"),
    ]
