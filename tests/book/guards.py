"""What a notebook must not contain. Each guard yields its findings, naming file and cell."""

import ast
import re
import symtable
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import nbformat

from softmax_lib import proofs
from softmax_lib.claims import RECORD_TYPE, Verdict

PHRASES = [str(verdict) for verdict in Verdict if " " in verdict]
# Words of every day; and to say that there is a gap claims nothing.
EVERYDAY = {Verdict.GAP, Verdict.HOLDS, Verdict.COMPUTED}
WORDS = [str(verdict) for verdict in Verdict if verdict.isalpha() and verdict not in EVERYDAY]
PROVERS = {name for name in dir(proofs) if name.startswith("prove_")} | {"define", "differentiate"}
CAPTURING = {"diff", "subs", "xreplace", "replace", "doit", "Derivative", "Subs"}
# Lines of code that stand open on a page: of one cell, of the middle one, and of all.
LONGEST, MEDIAN, IN_ALL = 12, 5, 80
# Of an answer: words, and lines of NumPy and of PyTorch together.
WORDS_OF_AN_ANSWER, LINES_OF_AN_ANSWER = 60, 12
NOT_READ = re.compile(r"\s*$|import |from .* import ")
# What puts a cell's code behind something to click.
FOLDED = {"evidence", "hide-input", "hide-cell", "remove-input", "remove-cell"}
ASKS = re.compile(r"\((question-[\w-]+)\)=\n## (.+)\n")
AFTER_QUESTIONS = {"Takeaway", "Limits", "Exercises", "Sources"}
FENCE = re.compile(r"^(`{3,}|:{3,})[^\n]*(.*?)^\1", re.DOTALL | re.MULTILINE)


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
        for tag in cell.metadata.get("tags", []):
            if tag.startswith(("nbval-", "pytest-validate-")) or tag == "raises-exception":
                yield f"{where}: the tag {tag} keeps its output from being compared"
        for marker in re.findall(r"NBVAL_\w+|PYTEST_VALIDATE_\w+", cell.source):
            yield f"{where}: the comment {marker} keeps its output from being compared"


def code_that_does_not_parse(notebook: Path) -> Iterator[str]:
    """A magic command runs in IPython alone, and hides its code from the guards."""
    for where, cell in cells(notebook, "code"):
        try:
            ast.parse(cell.source)
        except SyntaxError as error:
            yield f"{where}: is not plain Python: {error.msg}"


def _code_in_sight(notebook: Path) -> dict[str, int]:
    """Return how many lines to read each cell has whose code stands open on the page."""
    lengths, solution = {}, False
    for number, cell in enumerate(nbformat.read(notebook, as_version=4).cells):
        if cell.cell_type == "markdown":
            for edge in re.findall(r"\{solution-(start|end)\}", cell.source):
                solution = edge == "start"
        elif not solution and not FOLDED & set(cell.metadata.get("tags", [])):
            read = [line for line in cell.source.splitlines() if not NOT_READ.match(line)]
            lengths[f"{notebook.name}, cell {number}"] = len(read)
    return lengths


def long_code_in_the_way(notebook: Path) -> Iterator[str]:
    """On a phone a dozen lines fill the screen; what is longer is folded."""
    for where, length in _code_in_sight(notebook).items():
        if length > LONGEST:
            yield f"{where}: has {length} lines; fold it with the tag hide-input"


def much_code_in_sight(notebook: Path) -> Iterator[str]:
    """A chapter is read: the code that stands open is what teaches."""
    lengths = _code_in_sight(notebook)
    longest = max(lengths, key=lengths.__getitem__, default=None)
    if sum(lengths.values()) > IN_ALL:
        yield f"{longest}: the chapter shows {sum(lengths.values())} lines, more than {IN_ALL}"
    if lengths and median(lengths.values()) > MEDIAN:
        yield f"{longest}: the median of the cells in sight is above {MEDIAN} lines"


def complaints(notebook: Path) -> Iterator[str]:
    """A reader should meet no warning and no error that the text does not speak of."""
    for where, cell in cells(notebook, "code"):
        for output in cell.outputs:
            if output.output_type == "error":
                yield f"{where}: its output is an error, {output.ename}: {output.evalue}"
            elif output.get("name") == "stderr":
                yield f"{where}: writes to stderr: {output.text.strip()}"


def text_in_pieces(notebook: Path) -> Iterator[str]:
    """A text that takes a while comes in pieces, which differ from run to run."""
    for where, cell in cells(notebook, "code"):
        if sum(output.get("name") == "stdout" for output in cell.outputs) > 1:
            yield f"{where}: what it prints is stored in pieces; run make notebooks"


def figures_without_words(notebook: Path) -> Iterator[str]:
    """Without metadata the alt text is the file's path, which is no alt text."""
    for where, cell in cells(notebook, "code"):
        types = {kind for output in cell.outputs for kind in output.get("data", {})}
        if any(kind.startswith("image/") for kind in types):
            settings = cell.metadata.get("mystnb", {})
            alt = settings.get("image", {}).get("alt", "")
            caption = settings.get("figure", {}).get("caption", "")
            if len(alt.split()) < 8:
                yield f"{where}: a figure needs an alt text that says what is seen, not {alt!r}"
            if len(caption.split()) < 5:
                yield f"{where}: a figure needs a caption, not {caption!r}"
        if any("<img" in str(output.get("data", {})) for output in cell.outputs):
            yield f"{where}: shows an <img> of its own; return a figure, with alt text and caption"
    for where, cell in cells(notebook, "markdown"):
        if re.search(r"!\[\s*\]|<img(?![^>]*\balt=)", cell.source):
            yield f"{where}: an image without alt text"


def asserted_expressions(notebook: Path) -> Iterator[str]:
    """A SymPy expression is true whatever it is, so an assert has to compare something."""
    for where, tree in _parsed_cells(notebook):
        for node in ast.walk(tree):
            if isinstance(node, ast.Assert) and not _is_boolean(node.test):
                yield f"{where}: asserts {ast.unparse(node.test)!r}, which may always be true"


def _is_boolean(test: ast.expr) -> bool:
    match test:
        case ast.BoolOp():
            return all(map(_is_boolean, test.values))
        case ast.UnaryOp(op=ast.Not()):
            return _is_boolean(test.operand)
        case ast.Call(func=ast.Name(id="all" | "any"), args=[ast.GeneratorExp() as generator]):
            return _is_boolean(generator.elt)
        case ast.Call(func=ast.Name(id="isinstance")):
            return True
        case ast.Compare(ops=[ast.IsNot()], comparators=[ast.Constant(value=None)]):
            return False
        case _:
            return isinstance(test, ast.Compare)


def _parsed_cells(notebook: Path) -> Iterator[tuple[str, ast.Module]]:
    for where, cell in cells(notebook, "code"):
        try:
            yield where, ast.parse(cell.source)
        except SyntaxError:
            continue  # `code_that_does_not_parse` names it


def captured_indices(notebook: Path) -> Iterator[str]:
    """SymPy's own substitutions and derivatives let a sum's index capture a free one."""
    statements = [(where, part) for where, tree in _parsed_cells(notebook) for part in tree.body]
    defining = defaultdict(list)
    for _, statement in statements:
        for name in _global_names(statement, "is_assigned"):
            defining[name].append(statement)
    proved = [statement for _, statement in statements if PROVERS & _called(statement)]
    for statement in proved:
        for name in _global_names(statement, "is_referenced"):
            proved += [rested_on for rested_on in defining.pop(name, ()) if rested_on not in proved]
    for where, statement in statements:
        for name in sorted(CAPTURING & _called(statement)) if statement in proved else ():
            yield f"{where}: a proof rests on {name}; take differentiate or value_at"


def _called(statement: ast.stmt) -> set[str]:
    calls = [node.func for node in ast.walk(statement) if isinstance(node, ast.Call)]
    return {getattr(function, "id", getattr(function, "attr", "")) for function in calls}


def _global_names(statement: ast.stmt, role: str) -> set[str]:
    """Return the notebook's own names in a statement, those in functions too."""
    tables = [symtable.symtable(ast.unparse(statement), "", "exec")]
    for table in tables:
        tables += table.get_children()
    return {
        symbol.get_name()
        for table in tables
        for symbol in table.get_symbols()
        if getattr(symbol, role)() and (table is tables[0] or symbol.is_global())
    }


def typed_verdicts(notebook: Path) -> Iterator[str]:
    """A verdict comes out of `record` and from nowhere else."""
    for where, tree in _parsed_cells(notebook):
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from (f"{where}: {found}" for found in _verdicts_in(node.value))
                if node.value in WORDS:
                    yield f"{where}: the verdict {node.value!r} is typed"
            if isinstance(node, ast.Name | ast.Attribute | ast.alias):
                name = getattr(node, "id", None) or getattr(node, "attr", None) or node.name
                if name == "RECORD_TYPE" or name.startswith("_FROM_"):
                    yield f"{where}: {name} is what a record is forged with"
    for where, cell in cells(notebook, "code"):
        carries = any(RECORD_TYPE in output.get("data", {}) for output in cell.outputs)
        if carries and not re.search(r"^record\(", cell.source, re.MULTILINE):
            yield f"{where}: its output carries a record, and its code does not call record(...)"
        if RECORD_TYPE in cell.source:
            yield f"{where}: writes a record by hand"
    for where, cell in cells(notebook, "markdown"):
        yield from (f"{where}: {found}" for found in typed_verdicts_in_text(cell.source))


def typed_verdicts_in_text(text: str) -> Iterator[str]:
    """Say which verdicts a Markdown text contains as such, rather than as everyday words."""
    yield from _verdicts_in(text)
    words = "|".join(WORDS)
    in_a_cell = rf"\|[\s*_`]*({words})[\s*_`]*\|"
    after_a_colon = rf"(?:verdict|reals|floats|floating point)\W*:[\s*_`]*({words})\b"
    emphasised = rf"(?:\*\*|`)({words})(?:\*\*|`)"
    boxes = [body for fence, body in FENCE.findall(text) if "{prf:" in text]
    for pattern in (in_a_cell, after_a_colon, emphasised):
        for word in re.findall(pattern, text, re.IGNORECASE):
            yield f"the verdict {word!r} is typed"
    for word in re.findall(rf"\b({words})\b", " ".join(boxes), re.IGNORECASE):
        yield f"the verdict {word!r} is typed into a statement"


def _verdicts_in(text: str) -> Iterator[str]:
    for phrase in PHRASES:
        if phrase.casefold() in text.casefold():
            yield f"the verdict {phrase!r} is typed"
    if re.search(r"class\s*=\s*.verdict", text):
        yield "a badge is written by hand"


def typed_numbers(notebook: Path) -> Iterator[str]:
    """A computed number is glued. Statements, exercises and years apart, prose names none."""
    for where, cell in cells(notebook, "markdown"):
        prose = FENCE.sub("", cell.source)
        prose = re.sub(r"`[^`]*`|\]\([^)]*\)", "", prose)
        for number in re.findall(r"\d+\.\d+|\b(?!(?:19|20)\d\d\b)\d[\d\\,]{2,}\d", prose):
            yield f"{where}: the number {number} is typed into the prose; glue it"


def glued_under_another_name(notebook: Path) -> Iterator[str]:
    """nbval does not compare an output's metadata, where a glued value has its name."""
    for where, cell in cells(notebook, "code"):
        stored = [
            output.metadata["scrapbook"]["name"]
            for output in cell.outputs
            if "scrapbook" in output.get("metadata", {})
        ]
        glued = re.findall(r"^\s*glue\(\s*(.+?),", cell.source, re.MULTILINE)
        if [f'"{name}"' for name in stored] != glued:
            yield f"{where}: glues {', '.join(glued)} and stores {', '.join(stored)}"


def questions_out_of_shape(notebook: Path) -> Iterator[str]:
    """A question has an address and a title that asks; an answer is read at a glance, and runs."""
    for where, anchor, title, parts in _sections(notebook):
        if anchor is None:
            continue
        words = parts[0].metadata.get("asked", [])
        if not title.endswith("?"):
            yield f"{where}: {title!r} should end in a question mark"
        if not words:
            yield f"{where}: says under `asked`, in its metadata, no other words for {title!r}"
        prose = [part.source for part in parts if _is_read(part) and part.cell_type == "markdown"]
        answer = ASKS.sub("", FENCE.sub("", "\n\n".join(prose)))
        if len(answer.strip().partition("\n")[0]) < 50:
            yield f"{where}: begins with no answer that could stand alone as a description"
        if (count := len(_words(answer))) > WORDS_OF_AN_ANSWER:
            yield f"{where}: answers in {count} words, more than {WORDS_OF_AN_ANSWER}"
        code = [part for part in parts if _is_read(part) and part.cell_type == "code"]
        recorded = [part for part in code if part.source.startswith("in_pytorch(")]
        written = [part.source for part in code if not FOLDED & set(part.metadata.get("tags", []))]
        folded = [part for part in code if "hide-input" in part.metadata.get("tags", [])]
        if not written and not folded:
            yield f"{where}: has no lines of NumPy"
        if not recorded:
            yield f"{where}: has no lines of PyTorch"
        shown = [
            fenced
            for part in recorded
            for output in part.outputs
            for _, fenced in FENCE.findall(output.data["text/markdown"])
        ]
        lines = [line for text in written + shown for line in text.splitlines()]
        if (count := sum(not NOT_READ.match(line) for line in lines)) > LINES_OF_AN_ANSWER:
            yield f"{where}: shows {count} lines of code, more than {LINES_OF_AN_ANSWER}"


def headings_beside_questions(notebook: Path) -> Iterator[str]:
    """On a page of questions, what is no question comes after them, or has an address too."""
    if any(anchor for _, anchor, _, _ in _sections(notebook)):
        for where, cell in cells(notebook, "markdown"):
            for anchor, title in re.findall(r"^(\([\w-]+\)=\n)?## (.+)$", cell.source, re.M):
                if not anchor and title not in AFTER_QUESTIONS:
                    yield f"{where}: {title!r} stands among questions, and has no anchor"


def _sections(notebook: Path) -> Iterator[tuple[str, str | None, str, list[Any]]]:
    """Yield the sections of a notebook: where, the anchor of a question or None, title, cells."""
    started: list[tuple[str, str | None, str, list[Any]]] = []
    for number, cell in enumerate(nbformat.read(notebook, as_version=4).cells):
        if cell.cell_type == "markdown" and (found := re.search("^## (.+)$", cell.source, re.M)):
            yield from started
            asks = ASKS.search(cell.source + "\n")
            where = f"{notebook.name}, cell {number}"
            started = [(where, asks[1] if asks else None, found[1], [cell])]
        elif started:
            started[0][3].append(cell)
    yield from started


def _is_read(cell: Any) -> bool:
    return not {"evidence", "remove-cell"} & set(cell.metadata.get("tags", []))


def _words(text: str) -> list[str]:
    """Return the words that a reader sees; a formula or a piece of code is one."""
    shown = re.sub(r"\{[\w:]+\}`([^`<]*?)(?: <[^`]*>)?`", r"\1", text)
    shown = re.sub(r"\$[^$]*\$|`[^`]*`", "formula", shown)
    return [word for word in shown.split() if re.search(r"\w", word)]


GUARDS = (
    captured_indices,
    unexecuted_cells,
    cells_out_of_order,
    cells_that_are_not_compared,
    code_that_does_not_parse,
    long_code_in_the_way,
    much_code_in_sight,
    complaints,
    text_in_pieces,
    figures_without_words,
    asserted_expressions,
    typed_verdicts,
    typed_numbers,
    glued_under_another_name,
    questions_out_of_shape,
    headings_beside_questions,
)


def verdicts(notebook):
    records = (
        output.data[RECORD_TYPE]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if RECORD_TYPE in output.get("data", {})
    )
    # On its way out of the browser's Python, a None is lost.
    return {
        record["id"]: {
            side: record[side]["verdict"] for side in ("reals", "floats") if record.get(side)
        }
        for record in records
    }
