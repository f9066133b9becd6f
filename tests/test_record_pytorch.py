"""What the first chapter shows of PyTorch was returned by the lines that stand beside it."""

import json

import pytest
from record_pytorch import FILE, value_of

RECORDED = json.loads(FILE.read_text(encoding="utf-8"))


def test_the_value_is_that_of_the_last_line():
    assert value_of(["x = 20", "x + 1"]) == "21"


def test_a_last_line_without_a_value_is_refused():
    with pytest.raises(ValueError, match="should be an expression, not 'x = 1'"):
        value_of(["x = 1"])


def test_the_versions_and_the_date_are_recorded():
    assert set(RECORDED["versions"]) == {"PyTorch", "Python"}
    assert RECORDED["date"]


@pytest.mark.parametrize("name", RECORDED["examples"])
def test_what_is_recorded_comes_out_again(name):
    pytest.importorskip("torch")
    example = RECORDED["examples"][name]
    assert value_of(example["lines"]) == example["returns"]
