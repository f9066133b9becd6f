"""Sphinx extension that keeps a comma, a full stop or a bracket with the formula before it."""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

MARKS = re.compile(r"[.,;:!?)\]\u2019\u201d]+")


def keep_together(
    app: Sphinx, document: nodes.document, page: str
) -> None:
    """Put a formula and the marks that follow it into one piece that no line breaks."""
    for formula in list(document.findall(nodes.math)):
        parent = formula.parent
        place = parent.index(formula)
        after = parent[place + 1] if place + 1 < len(parent) else None
        if not isinstance(after, nodes.Text):
            continue
        if marks := MARKS.match(after):
            text = nodes.Text(after[marks.end() :])
            kept = nodes.inline(classes=["kept-together"])
            parent[place : place + 2] = [kept, text]
            kept += [formula, nodes.Text(marks[0])]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("doctree-resolved", keep_together)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
