"""The run that drops clauses of checks sees what goes unnoticed, and a chapter hides nothing."""

import re
import subprocess
import sys

import clauses
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

CHAPTERS = sorted(clauses.BOOK.glob("*.ipynb"))
IMPORTS = "from softmax_lib.claims import AtMost, examine\n"


def write(folder, code):
    chapter = folder / "chapter.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(IMPORTS + code)]), chapter)
    return chapter


HONEST = """
check = examine(
    "it is an even digit",
    {"even": lambda n: n % 2 == 0, "a digit": AtMost(abs, 9)},
    [2, 8],
    control={"even": 3, "a digit": 12},
)
"""


def test_a_chapter_hides_nothing():
    command = [sys.executable, "-W", "ignore", clauses.__file__, "numerical-stability"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"[1-9]\d* parts dropped", done.stdout)


def test_every_part_is_dropped_and_every_bound_taken_ten_times(tmp_path):
    done = clauses.run(write(tmp_path, HONEST))
    changes = [(mutant.part, mutant.change) for mutant in done.mutants]
    assert changes == [
        ("even", "dropped"),
        ("a digit", "dropped"),
        ("a digit", "bound times ten"),
    ]
    assert all(mutant.noticed for mutant in done.mutants)


def test_what_goes_unnoticed_is_told(tmp_path, monkeypatch):
    lenient = [("", "dropped", {"": lambda n: n < 9})]
    monkeypatch.setattr(clauses, "mutants", lambda parts: lenient)
    chapter = write(tmp_path, 'examine("n < 9", lambda n: n < 9, [1, 2], control=9)')
    (mutant,) = clauses.run(chapter).mutants
    assert not mutant.noticed


def test_a_predicate_is_asked_about_a_case_once():
    asked = []

    def holds(case):
        asked.append(case)
        return True

    remembered = clauses.remember(holds)
    case, other = [1], [1]
    assert remembered(case)
    assert remembered(case)
    assert remembered(other)
    assert len(asked) == 2


def test_a_fault_that_changes_nothing_goes_unnoticed(tmp_path):
    chapter = write(tmp_path, HONEST)
    stored = clauses.run(chapter).outcomes[0]
    notebook = nbformat.read(chapter, as_version=4)
    notebook.cells[0].metadata["stored"] = stored
    nbformat.write(notebook, chapter)
    assert not clauses.is_noticed(chapter, "[2, 8]", "[2, 8]")
    assert clauses.is_noticed(chapter, "[2, 8]", "[2, 6, 8]")
    assert clauses.is_noticed(chapter, "[2, 8]", "[2, 2]")


def test_a_fault_has_to_be_planted_somewhere(tmp_path):
    with pytest.raises(AssertionError, match="no 'something else'"):
        clauses.is_noticed(write(tmp_path, HONEST), "something else", "")


@pytest.mark.parametrize(
    "predicate",
    ["lambda n: n > 0 and n < 9", "lambda n: 0 < n < 9", "between", '{"a": len, "b": between}'],
)
def test_two_clauses_in_one_part_are_found(tmp_path, predicate):
    code = f"def between(n):\n    return 0 < n < 9\n\nexamine('digits', {predicate}, [1, 2])"
    (found,) = clauses.compound_parts(write(tmp_path, code))
    assert found.startswith("chapter, 'digits': ")


@pytest.mark.parametrize(
    "chapter", sorted(clauses.BOOK.glob("*.ipynb")), ids=lambda path: path.stem
)
def test_no_part_of_a_check_asks_for_two_things(chapter):
    assert not list(clauses.compound_parts(chapter))
