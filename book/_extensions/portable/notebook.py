"""A chapter as a notebook that stands alone."""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from portable.markdown import Page, fold

GLUED = "application/papermill.record/text/plain"
# What stands on the page as its output alone.
BEHIND = {"remove-cell", "remove-input", "hide-input"}
UNTRUSTED = (
    "<em>Here is something to move and to try. It shows when this cell is run, or when the "
    "notebook is trusted.</em>"
)
SETUP = """\
# @title Run this first: it installs what is missing. The drawers of the text are folded cells here
import subprocess, sys
from importlib.util import find_spec

library = "softmax-lib[proofs]"
if sys.platform != "emscripten":
    library += " @ {wheel}"
needed = {{"softmax_lib": library{others}}}
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
from typing import Any

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
) -> tuple[NotebookNode, list[str]]:
    """Write a chapter so that it needs no other file, and nothing of Sphinx.

    Returns it with the packages that it needs.
    """
    cells: list[NotebookNode] = []
    for cell in chapter.cells:
        write = _text if cell.cell_type == "markdown" else _code
        cells += write(cell, page)
    sources = [cell.source for cell in cells if cell.cell_type == "code"]
    files = _files(sources, book)
    helpers = {
        name.removesuffix(".py"): text
        for name, text in files.items()
        if name.endswith(".py")
    }
    packages = _packages([*sources, *helpers.values()], {*helpers})
    entries = "".join(
        f', "{package}": "{package}"' for package in packages
    )
    first = [_added("setup", SETUP.format(wheel=wheel, others=entries))]
    if files:
        texts = "\n".join(_kept(*file) for file in files.items())
        first.append(_added("files", WRITE % texts))
    chapter.cells = [*first, *cells]
    return chapter, packages


def _text(cell: NotebookNode, page: Page) -> Iterator[NotebookNode]:
    source = page.cell(cell.source)
    if "evidence" in cell.metadata.get("tags", []):
        source = fold("Evidence", source)
    if source:
        yield _cell("markdown", cell.id, source)


def _code(cell: NotebookNode, page: Page) -> Iterator[NotebookNode]:
    source = _without_glue(cell.source)
    if not source:
        return
    tags = set(cell.metadata.get("tags", []))
    metadata = dict(cell.metadata)
    figure = metadata.pop("mystnb", {})
    in_drawer = "evidence" in tags or page.in_solution
    if in_drawer or tags & BEHIND:
        metadata["jupyter"] = {"source_hidden": True}
    if in_drawer:
        metadata["jupyter"]["outputs_hidden"] = True
    outputs = [_output(o, page, figure) for o in cell.outputs]
    yield _cell(
        "code",
        cell.id,
        source,
        metadata=metadata,
        execution_count=cell.execution_count,
        outputs=[o for o in outputs if o.get("data", True)],
    )
    if caption := figure.get("figure", {}).get("caption"):
        text = f"*Figure.* {page.line(caption)}"
        yield _cell("markdown", f"{cell.id}-caption", text)


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
        data["text/markdown"] = page.output(data["text/markdown"])
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
    return node({**output, "data": data, "metadata": metadata})


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
        *book.glob("data/*.*"),
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


def _packages(sources: Iterable[str], helpers: set[str]) -> list[str]:
    """Return the modules that the code imports, which are the packages, too.

    They have one name, as tests see to: the build needs none of what the chapters compute with.
    """
    modules = {"sympy"}  # which softmax_lib asks for where it proves
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                modules |= {
                    name.name.partition(".")[0] for name in node.names
                }
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module.partition(".")[0])
    modules -= (
        sys.stdlib_module_names | helpers | {"softmax_lib", "IPython"}
    )
    return sorted(modules)


def _kept(name: str, text: str) -> str:
    if "'''" in text or text.endswith("\\"):
        raise ValueError(f"{name} cannot be written between ''' and '''")
    return f"files[\"{name}\"] = r'''{text}'''"


def _added(tag: str, source: str) -> NotebookNode:
    folded = {"jupyter": {"source_hidden": True}, "cellView": "form"}
    return _cell(
        "code",
        tag,
        source,
        metadata={"tags": [tag], **folded},
        execution_count=None,
        outputs=[],
    )


def _cell(
    kind: str, name: str, source: str, **others: Any
) -> NotebookNode:
    return node(
        {"cell_type": kind, "id": name, "metadata": {}, "source": source}
        | others
    )


def node(content: dict[str, Any]) -> NotebookNode:
    """Return what nbformat makes of a dictionary."""
    made: NotebookNode = nbformat.from_dict(content)  # type: ignore[no-untyped-call]
    return made
