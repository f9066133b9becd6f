"""Sphinx extension that puts the checking behind the reading.

Consecutive cells with the tag ``evidence`` go into one closed drawer. The line that stays in sight
is written from the record of the claim that the drawer holds; a drawer without outputs holds code
that the rest of the page uses, and says so. One switch in the header opens and shuts all drawers.
Neither drawers nor code are searched.
"""

import json
from pathlib import Path
from typing import Any

from docutils import nodes
from ledger import Entry
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from softmax_lib.claims import RECORD_TYPE

SIDES = {"reals": "over the reals", "floats": "in floating point"}


class Drawer(nodes.General, nodes.Element):  # type: ignore[misc]
    """A closed drawer; ``claim`` is the one that its evidence is for, if there is one."""


def enclose(app: Sphinx, document: nodes.document) -> None:
    """Put each run of tagged cells into a drawer."""
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix != ".ipynb":
        return
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    tags = [set(cell["metadata"].get("tags", [])) for cell in cells]
    for run in _runs(tags):
        claim = _claim_of(path.name, run, cells)
        inside = [
            node for node in _blocks(document) if _cell_of(node) in run
        ]
        for node in inside:
            if isinstance(node, nodes.section):
                raise ExtensionError(
                    f"{path.name}, cell {_cell_of(node)}: a heading cannot stand in evidence"
                )
        if not inside:
            continue
        if len({id(node.parent) for node in inside}) > 1:
            raise ExtensionError(
                f"{path.name}, cells {run[0]} to {run[-1]}: evidence goes over a heading"
            )
        drawer = Drawer(claim=claim, ids=[f"drawer-{run[0]}"])
        inside[0].replace_self(drawer)
        for node in inside:
            if node is not inside[0]:
                node.parent.remove(node)
            node.attributes.pop("hide_mode", None)  # one click is enough
            drawer += node


def _runs(tags: list[set[str]]) -> list[range]:
    """Return the stretches of cells in evidence; a cell that no page shows does not end one."""
    runs, start = [], None
    for cell, of_cell in enumerate([*tags, set()]):
        if "evidence" in of_cell:
            start = cell if start is None else start
        elif start is not None and "remove-cell" not in of_cell:
            runs.append(range(start, cell))
            start = None
    return runs


def _claim_of(
    name: str, run: range, cells: list[dict[str, Any]]
) -> str | None:
    outputs = [
        output
        for cell in run
        for output in cells[cell].get("outputs", [])
    ]
    claims = [
        output["data"][RECORD_TYPE]["id"]
        for output in outputs
        if RECORD_TYPE in output.get("data", {})
    ]
    if len(claims) == 1 or not outputs:
        return claims[0] if claims else None
    raise ExtensionError(
        f"{name}, cells {run[0]} to {run[-1]}: a drawer holds the evidence of one claim and its "
        f"record, or code without outputs; this one has {len(claims) or 'no'} records"
    )


def _blocks(document: nodes.document) -> list[nodes.Element]:
    """Return what stands in a section itself."""
    return [
        node
        for node in document.findall(nodes.Element)
        if isinstance(node.parent, nodes.section | nodes.document)
    ]


def _cell_of(node: nodes.Element) -> int | None:
    """Return the cell that a block comes from, if it says so.

    A code cell has its index; the lines of Markdown are counted from (cell + 1) · 10000.
    """
    if isinstance(node, nodes.section):
        return (node.line or 0) // 10_000 - 1
    for part in node.findall(nodes.Element):
        line = int(part.line or 0)
        if "cell_index" in part:
            return int(part["cell_index"])
        if line >= 10_000:
            return line // 10_000 - 1
    return None


def summary(entry: Entry | None) -> str:
    """Say in one line what a drawer holds."""
    if entry is None:
        return "<b>Code</b> that the rest of this page uses"
    refused = sum(side["refused"] for side in entry.counts.values())
    parts = (
        [f"{_written(refused)} planted mistakes refused"]
        if refused
        else []
    )
    for side, where in SIDES.items():
        if cases := entry.counts.get(side, {}).get("cases"):
            parts.append(f"{_written(cases)} cases {where}")
    return f"<b>Evidence</b> {', '.join(parts) or 'sources'}"


def _written(number: int) -> str:
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def open_drawer(translator: Any, node: Drawer) -> None:
    """Begin the drawer with its summary."""
    line = summary(translator.builder.app.claim_ledger.get(node["claim"]))
    translator.body.append(
        f'<details class="evidence" id="{node["ids"][0]}"><summary>{line}</summary>\n'
    )


def shut_drawer(translator: Any, node: Drawer) -> None:
    """End the drawer."""
    translator.body.append("</details>\n")


def search_the_prose(app: Sphinx) -> None:
    """Give the search a copy of each page without drawers and code."""
    index_page = getattr(app.builder, "index_page", None)
    if index_page is None:
        return

    def without(page: str, document: nodes.document, title: str) -> None:
        prose = document.deepcopy()
        for node in list(prose.findall(nodes.Element)):
            if (
                isinstance(node, Drawer)
                or node.get("nb_element") == "cell_code_source"
            ):
                node.parent.remove(node)
        index_page(page, prose, title)

    app.builder.index_page = without  # type: ignore[attr-defined]


def show_prose(app: Sphinx, page: str, *_: Any) -> None:
    """Let the search show of a page what it searches."""
    if page == "search":
        app.add_js_file("search.js", type="module")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_node(Drawer, html=(open_drawer, shut_drawer))
    app.connect("builder-inited", search_the_prose)
    app.connect("doctree-read", enclose)
    app.connect("html-page-context", show_prose)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
