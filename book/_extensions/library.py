"""Sphinx extension for the reference of the library: docstrings, the claims that they name, and back.

The ids behind ``Claims:`` become a table of statements with their verdicts. Below the first sentence
on a name stands which chapters lead to it. The search page gets every name with its parameters.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx.addnodes import (
    desc,
    desc_parameter,
    desc_signature,
    pending_xref,
)
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

CLAIMS = re.compile(r"^Claims: (?P<ids>.+(\n.+)*)", re.MULTILINE)
HEADER = """\
.. rubric:: Claims

.. list-table::
   :header-rows: 1
   :widths: 46 27 27
   :class: verdict-table

   * - Claim
     - Over the reals
     - In floating point"""


def tabulate_claims(
    app: Sphinx,
    what: str,
    name: str,
    documented: Any,
    options: Any,
    lines: list[str],
) -> None:
    """Put statements and verdicts in the place of ids."""

    def table(claims: re.Match[str]) -> str:
        rows = [
            f"   * - :prf:ref:`{claim}`\n     - :reals:`{claim}`\n     - :floats:`{claim}`"
            for claim in re.findall("`(.+?)`", claims["ids"])
        ]
        return "\n".join([HEADER, *rows])

    lines[:] = CLAIMS.sub(table, "\n".join(lines)).split("\n")


def hide_the_key(
    app: Sphinx,
    what: str,
    name: str,
    documented: Any,
    options: Any,
    signature: str | None,
    returned: str | None,
) -> tuple[str, str] | None:
    """Show no call of a class that only the library makes."""
    made_inside = what == "class" and "key=" in (signature or "")
    return ("", "") if made_inside else None


def link_known_types(app: Sphinx, config: Config) -> None:
    """Link those types alone that have an alias; Jupyter Book cannot say it, for the default is a set."""
    config.numpydoc_xref_ignore = "all"


def shorten_citations(app: Sphinx, document: nodes.document) -> None:
    """Show [1] for what numpydoc calls [R0123456789ab-1], as it does in the list of references."""
    for reference in document.findall(pending_xref):
        if reference["refdomain"] == "citation":
            number = reference.astext().rpartition("-")[2]
            reference.children = [nodes.inline("", f"[{number}")]


def go_through_pages(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Note which pages lead to a name, and each name's place and parameters."""
    readers: dict[str, list[str]] = {}
    names: list[tuple[str, str, list[str]]] = []
    for page in app.config.external_site_map:
        document = env.get_doctree(page)
        here = [(page, *name) for name in _names_on(document)]
        names += here
        for reference in document.findall(pending_xref):
            if reference["refdomain"] == "py" and not here:
                known = readers.setdefault(reference["reftarget"], [])
                known += [page] * (page not in known)
    app.readers, app.names = readers, names  # type: ignore[attr-defined]
    # What leads to a name may have changed where the page with its docstring has not.
    return [page for page, *_ in names]


def _names_on(
    document: nodes.document,
) -> Iterator[tuple[str, list[str]]]:
    """Yield the names that a page describes, each with the words that it is searched by."""
    for signature in document.findall(desc_signature):
        for name in signature["ids"]:
            words = [name, name.rpartition(".")[2]]
            for parameter in signature.findall(desc_parameter):
                word = parameter[0].astext()
                words += [word, f"{word}="]
            # A word of English is searched for in prose, unless it is assigned to.
            unlike = [
                word for word in words if not re.fullmatch("[a-z]+", word)
            ]
            yield name, unlike


def lead_to_readers(
    app: Sphinx, document: nodes.document, page: str
) -> None:
    """Say below the first sentence on a name which chapters lead to it."""
    for described in document.findall(desc):
        content = described[-1]
        readers = {
            reader: app.env.titles[reader].astext()
            for signature in described.findall(desc_signature)
            if signature.parent is described
            for name in signature["ids"]
            for reader in app.readers.get(name, [])  # type: ignore[attr-defined]
        }
        if not readers:
            continue
        line = nodes.paragraph("", "Read in: ", classes=["read-in"])
        for reader, title in readers.items():
            line += make_refnode(
                app.builder, page, reader, "", nodes.Text(title)
            )
            line += nodes.Text(", ")
        line[-1] = nodes.Text(".")
        content.insert(1, line)


def tell_the_search(
    app: Sphinx, page: str, _: str, context: dict[str, Any], *__: Any
) -> None:
    """Give the search page all names with their parameters."""
    if page == "search":
        names = json.dumps(app.names, ensure_ascii=False)  # type: ignore[attr-defined]
        app.add_js_file(None, body=f"const NAMES = {names}")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    for extension in (
        "sphinx.ext.autodoc",
        "sphinx.ext.intersphinx",
        "numpydoc",
    ):
        app.setup_extension(extension)
    app.connect("config-inited", link_known_types)
    # Before numpydoc, which takes sections to pieces at 500.
    app.connect(
        "autodoc-process-docstring", tabulate_claims, priority=400
    )
    app.connect("autodoc-process-signature", hide_the_key)
    # After numpydoc, which goes by the long names.
    app.connect("doctree-read", shorten_citations, priority=501)
    app.connect("env-updated", go_through_pages)
    app.connect("doctree-resolved", lead_to_readers)
    app.connect("html-page-context", tell_the_search)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
