"""A chapter as a notebook that stands alone."""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from portable.markdown import Page, fold

GLUED = "application/papermill.record/text/plain"
# What stands on the page as its output alone, or in a drawer.
BEHIND = {"remove-cell", "remove-input", "hide-input", "evidence"}
UNTRUSTED = (
    "<em>Here is something to move and to try. It shows when this cell is run, or when the "
    "notebook is trusted.</em>"
)
SETUP = """\
# @title Set-up, to be run first: installs what this chapter needs, where it is missing
import subprocess, sys
from importlib.util import find_spec

library = "softmax-lib[proofs]"
if sys.platform != "emscripten":
    library += " @ {wheel}"
needed = {{{needed}}}
missing = [package for module, package in needed.items() if find_spec(module) is None]
if missing and sys.platform == "emscripten":
    import piplite
    await piplite.install(missing)
elif missing:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *missing], check=True)"""
WRITE = """\
# @title The files that this chapter reads, written where they are missing
from importlib import invalidate_caches
from pathlib import Path

files = {}
%s
for name, text in files.items():
    if not Path(name).exists():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")
invalidate_caches()"""


def glued(chapter: NotebookNode) -> dict[str, str]:
    """Return what a chapter glues into its text."""
    return {
        output.metadata.scrapbook.name: str(
            ast.literal_eval(output.data[GLUED])
        )
        for cell in chapter.cells
        for output in cell.get("outputs", [])
        if "scrapbook" in output.get("metadata", {})
    }


def portable(
    chapter: NotebookNode, page: Page, book: Path, wheel: str
) -> NotebookNode:
    """Write a chapter so that it needs no other file, and nothing of Sphinx."""
    cells: list[NotebookNode] = []
    for cell in chapter.cells:
        if cell.cell_type == "markdown":
            cells += _text(cell, page)
        else:
            cells += _code(cell, page)
    sources = [cell.source for cell in cells if cell.cell_type == "code"]
    files = _files(sources, book)
    sources += [
        text for name, text in files.items() if name.endswith(".py")
    ]
    setup = SETUP.format(
        wheel=wheel, needed=", ".join(_needed(sources, book))
    )
    first = [_added("setup", setup)]
    if files:
        texts = "\n".join(_kept(*file) for file in files.items())
        first.append(_added("files", WRITE % texts))
    notebook = nbformat.v4.new_notebook(
        cells=[*first, *cells], metadata=chapter.metadata
    )
    nbformat.validate(notebook)
    return notebook


def _text(cell: NotebookNode, page: Page) -> Iterator[NotebookNode]:
    source = page.cell(cell.source)
    if "evidence" in cell.metadata.get("tags", []):
        source = fold("Evidence", source)
    if source:
        yield nbformat.v4.new_markdown_cell(source, id=cell.id)


def _code(cell: NotebookNode, page: Page) -> Iterator[NotebookNode]:
    source = _without_glue(cell.source)
    if not source:
        return
    tags = set(cell.metadata.get("tags", []))
    metadata = dict(cell.metadata)
    figure = metadata.pop("mystnb", {})
    if tags & BEHIND or page.in_solution:
        hidden = metadata.setdefault("jupyter", {})
        hidden["source_hidden"] = True
        hidden["outputs_hidden"] = "evidence" in tags or page.in_solution
    outputs = [_output(o, page, figure) for o in cell.outputs]
    yield nbformat.v4.new_code_cell(
        source,
        id=cell.id,
        metadata=metadata,
        execution_count=cell.execution_count,
        outputs=[o for o in outputs if o.get("data", True)],
    )
    if caption := figure.get("figure", {}).get("caption"):
        yield nbformat.v4.new_markdown_cell(
            f"*Figure.* {page.text(caption)}", id=f"{cell.id}-caption"
        )


def _output(
    output: NotebookNode, page: Page, figure: dict[str, dict[str, str]]
) -> NotebookNode:
    if "data" not in output:
        return output
    data = {
        kind: value
        for kind, value in output.data.items()
        if not kind.startswith("application/")
    }
    if GLUED in output.data:
        data = {}
    if "text/markdown" in data:
        data["text/markdown"] = page.text(data["text/markdown"])
    if "text/html" in data:
        # The element's own text shows only where its script does not run.
        data["text/html"] = page.derivations(
            re.sub(
                r"(?=</[a-z]+-playground>\Z)",
                UNTRUSTED,
                data["text/html"],
            )
        )
    metadata = {}
    if "image/png" in data:
        metadata["image/png"] = {
            "alt": figure.get("image", {}).get("alt", "")
        }
    return nbformat.from_dict(
        {**output, "data": data, "metadata": metadata}
    )


def _without_glue(source: str) -> str:
    """Leave out what puts numbers into the text: they stand there."""
    lines = source.splitlines()
    for statement in reversed(ast.parse(source).body):
        match statement:
            case ast.Expr(ast.Call(ast.Name("glue"))) | ast.ImportFrom(
                "myst_nb"
            ):
                del lines[statement.lineno - 1 : statement.end_lineno]
    return "\n".join(lines).strip()


def _files(sources: Iterable[str], book: Path) -> dict[str, str]:
    """Return the files that are named in the code, or in a file of code that it imports."""
    there = [
        *book.glob("*.py"),
        *book.glob("*.mplstyle"),
        *book.glob("data/*"),
    ]
    found: dict[str, str] = {}
    code = [*sources]
    while code:
        text = code.pop()
        for path in there:
            name = path.relative_to(book).as_posix()
            named = (
                rf"^from {path.stem} import"
                if path.suffix == ".py"
                else re.escape(f'{path.name}"')
            )
            if name not in found and re.search(named, text, re.MULTILINE):
                found[name] = path.read_text(encoding="utf-8")
                if path.suffix == ".py":
                    code.append(found[name])
    return dict(sorted(found.items()))


def _needed(sources: Iterable[str], book: Path) -> Iterator[str]:
    """Yield the modules that the code imports, each with the package that has it."""
    packages = packages_distributions()
    modules = {"softmax_lib", "sympy"}
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                modules |= {
                    name.name.partition(".")[0] for name in node.names
                }
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module.partition(".")[0])
    beside = {path.stem for path in book.glob("*.py")}
    modules -= (
        sys.stdlib_module_names | beside | {"softmax_lib", "IPython"}
    )
    yield '"softmax_lib": library'
    for module in sorted(modules):
        yield f'"{module}": "{packages[module][0]}"'


def _kept(name: str, text: str) -> str:
    if "'''" in text or text.endswith("\\"):
        raise ValueError(f"{name} cannot be written between ''' and '''")
    return f"files[\"{name}\"] = r'''\\\n{text}'''"


def _added(tag: str, source: str) -> NotebookNode:
    return nbformat.v4.new_code_cell(
        source,
        id=tag,
        metadata={
            "tags": [tag],
            "jupyter": {"source_hidden": True},
            "cellView": "form",
        },
    )
