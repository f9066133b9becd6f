"""What a notebook must not contain. Each guard yields its findings, naming file and cell."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat

from softmax_lib.claims import RECORD_TYPE, Verdict

VERDICT_WORDS = {str(verdict) for verdict in Verdict} - {str(Verdict.NOT_ASKED)}
SKIPPING_TAGS = ("nbval-skip", "nbval-ignore-output", "nbval-raises-exception")


def cells(notebook: Path, kind: str) -> Iterator[tuple[str, Any]]:
    """Yield the cells of a kind, each with where it stands."""
    for number, cell in enumerate(nbformat.read(notebook, as_version=4).cells):
        if cell.cell_type == kind:
            yield f"{notebook.name}, cell {number}", cell


def unexecuted_cells(notebook: Path) -> Iterator[str]:
    """nbval never compares a cell without outputs that was not executed."""
    for where, cell in cells(notebook, "code"):
        if cell.source.strip() and cell.execution_count is None:
            yield f"{where}: never executed; run make notebooks"


def cells_out_of_order(notebook: Path) -> Iterator[str]:
    """Outputs of a session that did not run from top to bottom may not come out again."""
    counts = [(where, cell.execution_count) for where, cell in cells(notebook, "code")]
    for expected, (where, count) in enumerate(counts, start=1):
        if count not in (expected, None):
            yield f"{where}: executed as number {count}, and stands as number {expected}"
            return


def cells_that_are_not_compared(notebook: Path) -> Iterator[str]:
    for where, cell in cells(notebook, "code"):
        for tag in set(SKIPPING_TAGS) & set(cell.metadata.get("tags", [])):
            yield f"{where}: the tag {tag} keeps its output from being compared"
        if "NBVAL_" in cell.source:
            yield f"{where}: an NBVAL_ comment keeps its output from being compared"


def complaints(notebook: Path) -> Iterator[str]:
    """A reader should meet no warning and no error that the text does not speak of."""
    for where, cell in cells(notebook, "code"):
        for output in cell.outputs:
            if output.output_type == "error":
                yield f"{where}: its output is an error, {output.ename}: {output.evalue}"
            elif output.get("name") == "stderr":
                yield f"{where}: writes to stderr: {output.text.strip()}"


def figures_without_words(notebook: Path) -> Iterator[str]:
    """Without metadata the alt text is the file's path, which is no alt text."""
    for where, cell in cells(notebook, "code"):
        if any("image/png" in output.get("data", {}) for output in cell.outputs):
            settings = cell.metadata.get("mystnb", {})
            alt = settings.get("image", {}).get("alt", "")
            caption = settings.get("figure", {}).get("caption", "")
            if len(alt.split()) < 8:
                yield f"{where}: a figure needs an alt text that says what is seen, not {alt!r}"
            if len(caption.split()) < 5:
                yield f"{where}: a figure needs a caption, not {caption!r}"


def asserted_expressions(notebook: Path) -> Iterator[str]:
    """A SymPy expression is true whatever it is, so an assert has to compare something."""
    for where, cell in cells(notebook, "code"):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Assert) and not _is_boolean(node.test):
                yield f"{where}: asserts {ast.unparse(node.test)!r}, which may always be true"


def _is_boolean(test: ast.expr) -> bool:
    if isinstance(test, ast.BoolOp):
        return all(_is_boolean(value) for value in test.values)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return _is_boolean(test.operand)
    if isinstance(test, ast.Call):
        return isinstance(test.func, ast.Name) and test.func.id in {"all", "any", "isinstance"}
    return isinstance(test, ast.Compare)


def typed_verdicts(notebook: Path) -> Iterator[str]:
    """A verdict comes out of `record` and from nowhere else."""
    for where, cell in cells(notebook, "code"):
        tree = ast.parse(cell.source)
        literals = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
        for word in VERDICT_WORDS & {text for text in literals if isinstance(text, str)}:
            yield f"{where}: the verdict {word!r} is typed"
        calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
        records = any(isinstance(call, ast.Name) and call.id == "record" for call in calls)
        carries = any(RECORD_TYPE in output.get("data", {}) for output in cell.outputs)
        if carries and not records:
            yield f"{where}: its output carries a record, and its code does not call record(...)"
        if RECORD_TYPE in cell.source:
            yield f"{where}: writes a record by hand"
    for where, cell in cells(notebook, "markdown"):
        for word in VERDICT_WORDS:
            inside_box = any(
                re.search(rf"\b{re.escape(word)}\b", box)
                for box in re.findall(r"^```\{prf:[^\n]*(.*?)^```", cell.source, re.DOTALL | re.M)
            )
            as_badge = re.search(rf"[*`|]\s*{re.escape(word)}\s*[*`|]", cell.source)
            if inside_box or (as_badge and " " in word):
                yield f"{where}: the verdict {word!r} is typed"


def typed_numbers(notebook: Path) -> Iterator[str]:
    """A computed number is glued. Statements and exercises may name one; prose may not."""
    for where, cell in cells(notebook, "markdown"):
        prose = re.sub(r"^```.*?^```", "", cell.source, flags=re.DOTALL | re.M)
        prose = re.sub(r"`[^`]*`|\]\([^)]*\)", "", prose)
        for number in re.findall(r"\d+\.\d+", prose):
            yield f"{where}: the number {number} is typed into the prose; glue it"


GUARDS = (
    unexecuted_cells,
    cells_out_of_order,
    cells_that_are_not_compared,
    complaints,
    figures_without_words,
    asserted_expressions,
    typed_verdicts,
    typed_numbers,
)
