"""The notebooks pass the guards, and each guard finds what it guards against."""

from pathlib import Path

import nbformat
import pytest
from guards import GUARDS
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from softmax_lib.claims import RECORD_TYPE

BOOK = Path(__file__).parents[2] / "book"
NOTEBOOKS = sorted(BOOK.glob("*.ipynb"))


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 4


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.__name__)
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_notebook_passes(guard, notebook):
    assert list(guard(notebook)) == []


def code(source="1 + 1", count=1, outputs=(), **metadata):
    return new_code_cell(
        source, execution_count=count, outputs=list(outputs), metadata=nbformat.from_dict(metadata)
    )


def shown(**data):
    return new_output(
        "display_data", data={key.replace("_", "/"): text for key, text in data.items()}
    )


FIGURE = {"image": {"alt": "A line that rises from the lower left to the upper right"}}
CAPTION = {"figure": {"caption": "A line that rises, in one colour."}}
RECORD = new_output("display_data", data={RECORD_TYPE: {"id": "sum-one"}})
BOX = "```{prf:theorem} Sum\n:label: sum-one\n\nThe sum is 1: {}.\n```"

PLANTED = {
    "a cell that was never executed": ("unexecuted_cells", code(count=None)),
    "cells executed out of order": ("cells_out_of_order", code(count=7)),
    "a tag that skips the comparison": (
        "cells_that_are_not_compared",
        code(tags=["nbval-ignore-output"]),
    ),
    "a comment that skips the comparison": (
        "cells_that_are_not_compared",
        code("# NBVAL_SKIP\n1"),
    ),
    "an error as output": ("complaints", code(outputs=[new_output("error", ename="E", evalue="")])),
    "a warning as output": (
        "complaints",
        code(outputs=[new_output("stream", name="stderr", text="RuntimeWarning")]),
    ),
    "a figure without alt text": (
        "figures_without_words",
        code(outputs=[shown(image_png="")], mystnb=CAPTION),
    ),
    "a figure whose alt text is a path": (
        "figures_without_words",
        code(outputs=[shown(image_png="")], mystnb={"image": {"alt": "plot.png"}, **CAPTION}),
    ),
    "a figure without a caption": (
        "figures_without_words",
        code(outputs=[shown(image_png="")], mystnb=FIGURE),
    ),
    "an assert on an expression": ("asserted_expressions", code("assert simplify(left - right)")),
    "an assert on an equation object": ("asserted_expressions", code("assert Eq(left, right)")),
    "a verdict in code": ("typed_verdicts", code('show("proved, every K")')),
    "a verdict in an argument": ("typed_verdicts", code('verdict = "measured"')),
    "a record that no call made": ("typed_verdicts", code("pasted", outputs=[RECORD])),
    "a record written by hand": (
        "typed_verdicts",
        code(f"display({{{RECORD_TYPE!r}: {{}}}}, raw=True); record()", outputs=[RECORD]),
    ),
    "a verdict in a statement box": (
        "typed_verdicts",
        new_markdown_cell(BOX.replace("{}.", "proved, every K.")),
    ),
    "a verdict as a badge": ("typed_verdicts", new_markdown_cell("Verdict: **proved, every K**")),
    "a number typed into prose": ("typed_numbers", new_markdown_cell("The gap is 0.125 units.")),
}


@pytest.mark.parametrize(("guard_name", "cell"), PLANTED.values(), ids=PLANTED.keys())
def test_guard_names_file_and_cell_of_the_planted_fault(guard_name, cell, tmp_path):
    notebook = tmp_path / "planted.ipynb"
    nbformat.write(new_notebook(cells=[cell]), notebook)
    findings = {guard.__name__: list(guard(notebook)) for guard in GUARDS}
    assert findings[guard_name]
    assert all(finding.startswith("planted.ipynb, cell 0: ") for finding in findings[guard_name])


def test_every_guard_has_a_planted_fault():
    assert {name for name, _ in PLANTED.values()} == {guard.__name__ for guard in GUARDS}


HARMLESS = {
    "a comparison": code("assert simplify(left - right) == 0"),
    "a figure with words": code(outputs=[shown(image_png="")], mystnb=FIGURE | CAPTION),
    "a record that was computed": code('record("sum-one")', outputs=[RECORD]),
    "a number in a statement": new_markdown_cell(BOX.replace("{}", "1.0")),
    "a number in code": new_markdown_cell("Write `temperature=0.7`."),
    "an everyday word": new_markdown_cell("It was *measured* and refuted."),
}


@pytest.mark.parametrize("cell", HARMLESS.values(), ids=HARMLESS.keys())
def test_guards_pass_what_is_harmless(cell, tmp_path):
    notebook = tmp_path / "harmless.ipynb"
    nbformat.write(new_notebook(cells=[cell]), notebook)
    assert [finding for guard in GUARDS for finding in guard(notebook)] == []
