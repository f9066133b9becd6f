"""Sphinx extension for questions: a section with the anchor ``question-…``, and a ``?`` in its title.

The cell that asks has other words for it in its metadata, under ``asked``; the search page gets them.
A page's head says its questions with answer and address, for machines (schema.org, FAQPage).
"""

import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

ASKS = re.compile(r"^\((?P<anchor>question-[\w-]+)\)=$", re.MULTILINE)


def asked_on(path: Path) -> dict[str, list[str]]:
    """Return the other words for each question of a notebook, by its anchor."""
    if path.suffix != ".ipynb":
        return {}
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return {
        found["anchor"]: cell["metadata"].get("asked", [])
        for cell in cells
        if cell["cell_type"] == "markdown"
        and (found := ASKS.search("".join(cell["source"])))
    }


def for_the_search(app: Sphinx) -> list[tuple[str, str, str, list[str]]]:
    """Return page, title, anchor and other words of every question."""
    labels = app.env.domaindata["std"]["labels"]
    entries = []
    for page in sorted(app.env.found_docs):
        for anchor, words in asked_on(
            Path(app.env.doc2path(page))
        ).items():
            entries.append((page, labels[anchor][2], anchor, words))
    return entries


def for_machines(
    document: nodes.document, address: str
) -> dict[str, Any] | None:
    """Return the questions of a page with what they are answered with first."""
    asked = [
        (section, anchor)
        for section in document.findall(nodes.section)
        for anchor in section["ids"]
        if anchor.startswith("question-")
    ]
    if not asked:
        return None
    entities = [
        {
            "@type": "Question",
            "name": section.next_node(nodes.title).astext(),
            "url": f"{address}#{anchor}",
            "acceptedAnswer": {
                "@type": "Answer",
                "text": section.next_node(nodes.paragraph).astext(),
            },
        }
        for section, anchor in asked
    ]
    return {
        "@context": "https://schema.org",
        "@type": "FAQPage",
        "mainEntity": entities,
    }


def tell(
    app: Sphinx,
    page: str,
    template: str,
    context: dict[str, Any],
    document: nodes.document | None,
) -> None:
    """Put what is known of questions into the page's head."""
    if page == "search":
        entries = json.dumps(for_the_search(app), ensure_ascii=False)
        app.add_js_file(None, body=f"const QUESTIONS = {entries}")
    elif document is not None:
        address = context.get("pageurl") or ""
        if known := for_machines(document, address):
            text = json.dumps(known, ensure_ascii=False)
            # Within a script nothing is escaped, and nothing may end it.
            text = text.replace("<", "\\u003c")
            context["metatags"] += (
                f'<script type="application/ld+json">{text}</script>\n'
            )


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("html-page-context", tell)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
