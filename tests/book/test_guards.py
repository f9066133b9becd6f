"""The notebooks pass the guards, and each guard finds what it guards against."""

from pathlib import Path

import nbformat
import pytest
from guards import (
    GUARDS,
    IN_ALL,
    LONGEST,
    MEDIAN,
    WORDS_OF_AN_ANSWER,
    typed_verdicts_in_text,
)
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from softmax_lib.claims import RECORD_TYPE

BOOK = Path(__file__).parents[2] / "book"
NOTEBOOKS = sorted(BOOK.glob("*.ipynb"))
PAGES = sorted(BOOK.glob("*.md"))


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 4


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_no_verdict_is_typed_into_a_page(page):
    assert list(typed_verdicts_in_text(page.read_text(encoding="utf-8"))) == []


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
        "display_data", data={key.replace("_", "/", 1): text for key, text in data.items()}
    )


FIGURE = {"image": {"alt": "A line that rises from the lower left to the upper right"}}
CAPTION = {"figure": {"caption": "A line that rises, in one colour."}}
RECORD = new_output("display_data", data={RECORD_TYPE: {"id": "sum-one"}})
BOX = "```{prf:theorem} Sum\n:label: sum-one\n\nThe sum is 1: {}.\n```"

GLUED = new_output("display_data", data={}, metadata={"scrapbook": {"name": "other"}})
MAGIC = "%matplotlib inline"

PLANTED = {
    "a cell that was never executed": ("unexecuted_cells", code(count=None)),
    "cells executed out of order": ("cells_out_of_order", code(count=7)),
    "a tag that skips the comparison": (
        "cells_that_are_not_compared",
        code(tags=["nbval-ignore-output"]),
    ),
    "an old tag that skips it": (
        "cells_that_are_not_compared",
        code(tags=["pytest-validate-ignore-output"]),
    ),
    "a comment that skips it": ("cells_that_are_not_compared", code("# NBVAL_SKIP\n1")),
    "an old comment that skips it": (
        "cells_that_are_not_compared",
        code("# PYTEST_VALIDATE_IGNORE_OUTPUT\n1"),
    ),
    "a magic command": ("code_that_does_not_parse", code(MAGIC)),
    "a screenful of code": ("long_code_in_the_way", code("1\n" * LONGEST + "1")),
    "more code than a chapter shows": (
        "much_code_in_sight",
        code("1\n" * IN_ALL + "1"),
    ),
    "cells of many lines": ("much_code_in_sight", code("1\n" * MEDIAN + "1")),
    "an error as output": ("complaints", code(outputs=[new_output("error", ename="E", evalue="")])),
    "a warning as output": (
        "complaints",
        code(outputs=[new_output("stream", name="stderr", text="RuntimeWarning")]),
    ),
    "a text in two pieces": (
        "text_in_pieces",
        code(outputs=[new_output("stream", name="stdout", text=half) for half in "ab"]),
    ),
    "a figure without alt text": (
        "figures_without_words",
        code(outputs=[shown(image_png="")], mystnb=CAPTION),
    ),
    "a drawing without alt text": (
        "figures_without_words",
        code(outputs=[shown(**{"image/svg+xml": ""})], mystnb=CAPTION),
    ),
    "a figure whose alt text is a path": (
        "figures_without_words",
        code(outputs=[shown(image_png="")], mystnb={"image": {"alt": "plot.png"}, **CAPTION}),
    ),
    "a figure without a caption": (
        "figures_without_words",
        code(outputs=[shown(image_png="")], mystnb=FIGURE),
    ),
    "an image in HTML": ("figures_without_words", code(outputs=[shown(text_html="<img src=x>")])),
    "an image in Markdown": ("figures_without_words", new_markdown_cell("![](plot.png)")),
    "an assert on an expression": ("asserted_expressions", code("assert simplify(left - right)")),
    "an assert on an equation object": ("asserted_expressions", code("assert Eq(left, right)")),
    "an assert on many expressions": (
        "asserted_expressions",
        code("assert all(simplify(a - b) for a, b in pairs)"),
    ),
    "an assert that there is something": (
        "asserted_expressions",
        code("assert simplify(left - right) is not None"),
    ),
    "a derivative in a proof": (
        "captured_indices",
        code("prove_equal(softmax(i).diff(z[j]), 0)"),
    ),
    "a derivative by function": ("captured_indices", code("prove_equal(diff(softmax(i), c), 0)")),
    "a substitution that a proof rests on": (
        "captured_indices",
        code("def other(a):\n    return softmax(i).subs(i, a)\n\nx = other(j)\nprove_positive(x)"),
    ),
    "an exchange that a definition rests on": (
        "captured_indices",
        code('x = softmax(i)\nx = x.xreplace({i: j})\nresult = on_paper.define("p", x)'),
    ),
    "a sum written out in a proof": (
        "captured_indices",
        code("for size in (1, 2):\n    x = Z.subs(K, size).doit()\nprove_nonnegative(x)"),
    ),
    "a verdict in code": ("typed_verdicts", code('show("This is proved for every K.")')),
    "a verdict in an argument": ("typed_verdicts", code('verdict = "convention"')),
    "a verdict in an f-string": ("typed_verdicts", code('show(f"{claim}: Proved for every K")')),
    "a record that no call made": ("typed_verdicts", code("pasted", outputs=[RECORD])),
    "a record written by hand": ("typed_verdicts", code(f"show({{{RECORD_TYPE!r}: {{}}}})")),
    "a record forged by name": ("typed_verdicts", code("show({RECORD_TYPE: {}})")),
    "a key to forge with": ("typed_verdicts", code("from x import _FROM_EVIDENCE")),
    "a verdict in a statement box": (
        "typed_verdicts",
        new_markdown_cell(BOX.replace("{}.", "breaks down.")),
    ),
    "a verdict in a colon fence": (
        "typed_verdicts",
        new_markdown_cell(BOX.replace("{}.", "breaks down.").replace("```", ":::")),
    ),
    "a verdict in prose": ("typed_verdicts", new_markdown_cell("It is Proved for every K.")),
    "a verdict as a badge": ("typed_verdicts", new_markdown_cell("So: **convention**.")),
    "a verdict in a table": ("typed_verdicts", new_markdown_cell("| sum | convention |")),
    "a verdict after a colon": ("typed_verdicts", new_markdown_cell("Over the reals: convention.")),
    "a badge in HTML": (
        "typed_verdicts",
        new_markdown_cell('<span class="verdict verdict-proved">yes</span>'),
    ),
    "a number typed into prose": ("typed_numbers", new_markdown_cell("The gap is 0.125 units.")),
    "a count typed into prose": ("typed_numbers", new_markdown_cell("Of 3200 rows, 12 do.")),
    "a question that does not ask": (
        "questions_out_of_shape",
        new_markdown_cell(f"(question-x)=\n## About softmax\n\n{'word ' * 20}"),
    ),
    "a section among questions without an address": (
        "headings_beside_questions",
        new_markdown_cell(f"(question-x)=\n## Why?\n\n{'word ' * 20}\n\n## Thoughts"),
    ),
    "a glued value with the name of another": (
        "glued_under_another_name",
        code('glue("one", 1, display=False)', outputs=[GLUED]),
    ),
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


ANSWER = "(question-x)=\n## What is it?\n\n" + "word " * WORDS_OF_AN_ANSWER
PYTORCH = "**In PyTorch**\n\n```python\nimport torch\nx = 1\nx\n# 1\n```\n"


def question(text=ANSWER, asked=("what",), lines="1\n" * 5, pytorch=PYTORCH, after=""):
    """Return the cells of a question with the longest answer that there may be."""
    outputs = [shown(**{"text/markdown": pytorch})]
    cells = [new_markdown_cell(text, metadata={"asked": list(asked)})]
    if lines:
        cells.append(code(lines))
    if pytorch:
        cells.append(code('in_pytorch("x")', outputs=outputs, tags=["remove-input"]))
    return [*cells, new_markdown_cell(after)]


BADLY_ASKED = {
    "should end in a question mark": question(ANSWER.replace("?", ".")),
    "no other words for 'What is it?'": question(asked=()),
    "no answer that could stand alone": question(ANSWER.replace("word ", "Yes.\n\n", 1)),
    "answers in 61 words, more than 60": question(ANSWER + "more"),
    "answers in 63 words, more than 60": question(after="and three more"),
    "has no lines of NumPy": question(lines=""),
    "has no lines of PyTorch": question(pytorch=""),
    "shows 13 lines of code, more than 12": question(lines="1\n" * 10),
}


def findings_in(cells, guard_name, folder):
    notebook = folder / "questions.ipynb"
    nbformat.write(new_notebook(cells=cells), notebook)
    return [
        finding for guard in GUARDS if guard.__name__ == guard_name for finding in guard(notebook)
    ]


@pytest.mark.parametrize(("finding", "cells"), BADLY_ASKED.items(), ids=BADLY_ASKED.keys())
def test_a_question_out_of_shape_is_named_with_what_is_wrong(finding, cells, tmp_path):
    (found,) = findings_in(cells, "questions_out_of_shape", tmp_path)
    assert found.startswith("questions.ipynb, cell 0: ")
    assert finding in found


@pytest.mark.parametrize(
    "cells",
    [
        question(),
        question(lines="1\n" * 9),
        question(after="```{prf:property} Box\nmany words\n```"),
        question(after="## Limits\n\nmany words"),
        question(ANSWER.replace("word", "{prf:ref}`word <of-many-words>`")),
        question(ANSWER.replace("word", "$a + b$")),
    ],
)
def test_a_question_may_be_as_long_as_allowed(cells, tmp_path):
    assert findings_in(cells, "questions_out_of_shape", tmp_path) == []


def test_a_table_after_questions_has_an_address(tmp_path):
    table = new_markdown_cell("(side-by-side)=\n## A table")
    assert findings_in([*question(), table], "headings_beside_questions", tmp_path) == []
    table = new_markdown_cell("## A table")
    (found,) = findings_in([*question(), table], "headings_beside_questions", tmp_path)
    assert "'A table' stands among questions" in found


HARMLESS = {
    "a comparison": code("assert simplify(left - right) == 0"),
    "a few lines": code("\n".join("1" * MEDIAN)),
    "a screenful of evidence": code("1\n" * LONGEST + "1", tags=["evidence"]),
    "a screenful of code that is folded": code("1\n" * LONGEST + "1", tags=["hide-input"]),
    "a figure with words": code(outputs=[shown(image_png="")], mystnb=FIGURE | CAPTION),
    "a record that was computed": code('record("sum-one")', outputs=[RECORD]),
    "a number in a statement": new_markdown_cell(BOX.replace("{}", "1.0")),
    "a number in code": new_markdown_cell("Write `temperature=0.7`."),
    "an everyday word": new_markdown_cell("It was *measured* and refuted, by definition: a gap."),
    "a derivative beside a proof": code("prove_positive(softmax(i))\nx = np.diff(steps)"),
    "a substitution for a check": code(
        "x = softmax(i).subs(i, 1)\nexamine(x)\ndifferentiate(y, c)"
    ),
    "a name of its own in a check": code(
        "def f(x):\n    return x.doit()\n\n\nprove_equal(x, c)", tags=["evidence"]
    ),
    "a year": new_markdown_cell("Since {cite:t}`ieee754` of 1985."),
}


@pytest.mark.parametrize("cell", HARMLESS.values(), ids=HARMLESS.keys())
def test_guards_pass_what_is_harmless(cell, tmp_path):
    notebook = tmp_path / "harmless.ipynb"
    nbformat.write(new_notebook(cells=[cell]), notebook)
    assert [finding for guard in GUARDS for finding in guard(notebook)] == []
