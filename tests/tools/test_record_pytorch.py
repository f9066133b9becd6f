"""What the pages show of PyTorch was returned by the lines that stand beside it."""

import json
import re

import pytest
from record_pytorch import FILE, value_of

BOOK = FILE.parents[1]
# What the column of a page is wide, in characters.
COLUMN = 74
RECORDED = json.loads(FILE.read_text(encoding="utf-8"))


def test_the_value_is_that_of_the_last_line():
    assert value_of(["x = 20", "x + 1"]) == "21"


def test_a_last_line_without_a_value_is_refused():
    with pytest.raises(ValueError, match="should be an expression, not 'x = 1'"):
        value_of(["x = 1"])


def test_the_versions_and_the_date_are_recorded():
    assert set(RECORDED["versions"]) == {"PyTorch", "Python"}
    assert RECORDED["date"]


def test_the_pages_show_every_example_and_no_other():
    text = "".join(path.read_text(encoding="utf-8") for path in BOOK.glob("*.ipynb"))
    shown = re.findall(r'(?:in_pytorch|returned|recorded)\(\\"([^"\\]+)\\"\)', text)
    assert set(shown) == set(RECORDED["examples"])


@pytest.mark.parametrize("name", RECORDED["examples"])
def test_a_page_has_room_for_the_lines(name):
    example = RECORDED["examples"][name]
    lines = [*example["lines"], *(f"# {line}" for line in example["returns"].splitlines())]
    assert [line for line in lines if len(line) > COLUMN] == []


@pytest.mark.parametrize("name", RECORDED["examples"])
def test_what_is_recorded_comes_out_again(name):
    pytest.importorskip("torch")
    example = RECORDED["examples"][name]
    assert value_of(example["lines"]) == example["returns"]
