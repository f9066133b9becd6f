"""Sphinx extension for what the pages refer to: statements by title, derivations, sources.

``{prf:ref}`label` `` shows the title of the statement, ``{prf:ref}`any words <label>` `` the words;
the number stays in the link's tooltip, for those who look things up. A reason that names a
derivation leads to the page that shows it. The entries of the bibliography are the items of a list.
``anchors.json`` is written beside the pages: where each anchor is that one page alone has.
"""

import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.builders import Builder
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode
from sphinx_proof.domain import ProofDomain  # type: ignore[import-untyped]


class TitledProofDomain(ProofDomain):  # type: ignore[misc]
    """sphinx-proof replaces even given words by "Theorem 4" if the label occurs in them."""

    def resolve_xref(
        self,
        env: BuildEnvironment,
        fromdocname: str,
        builder: Builder,
        typ: str,
        target: str,
        node: pending_xref,
        contnode: nodes.Element,
    ) -> nodes.Element | None:
        """Put the words, or else the statement's title, in the place of its number."""
        numbered = super().resolve_xref(
            env, fromdocname, builder, typ, target, node, contnode
        )
        entry = env.app.claim_ledger.get(target)  # type: ignore[attr-defined]
        if entry is None or numbered is None:
            return numbered
        words = (
            contnode.astext() if node.get("refexplicit") else entry.title
        )
        shown = nodes.inline("", words)
        page = env.proof_list[target]["docname"]  # type: ignore[attr-defined]
        return make_refnode(
            builder, fromdocname, page, target, shown, numbered.astext()
        )


def find_derivations(app: Sphinx) -> None:
    """Note which page shows which derivation."""
    pages: dict[str, str] = {}
    for path in sorted(
        (Path(app.srcdir) / app.config.book_folder).glob("*.ipynb")
    ):
        for name in re.findall(
            r'id=\\"derivation-([\w-]+)\\"',
            path.read_text(encoding="utf-8"),
        ):
            pages.setdefault(
                name, f"{app.config.book_folder}/{path.stem}"
            )
    app.pages_of_derivations = pages  # type: ignore[attr-defined]


def mend_body(
    app: Sphinx, page: str, _: str, context: dict[str, Any], *__: Any
) -> None:
    """Lead to derivations on other pages; give a source the role of an item.

    That of docutils is deprecated, and not one of a list.
    """
    body = context.get("body", "")

    def lead(link: re.Match[str]) -> str:
        shown = app.pages_of_derivations.get(link[1])  # type: ignore[attr-defined]
        if f'id="derivation-{link[1]}"' in body:
            return link[0]
        if shown is None:
            return link[2]
        address = app.builder.get_relative_uri(page, shown)
        return f'<a href="{address}#derivation-{link[1]}">{link[2]}</a>'

    body = re.sub(
        r'<a href="#derivation-([\w-]+)">([^<]*)</a>', lead, body
    )
    context["body"] = body.replace(
        'role="doc-biblioentry"', 'role="listitem"'
    )


def write_anchors(app: Sphinx, exception: Exception | None) -> None:
    """Write ``anchors.json``, by which an old address finds what has moved."""
    if exception or app.builder.format != "html":
        return
    pages: dict[str, list[str]] = {}
    for path in sorted(
        (Path(app.outdir) / app.config.book_folder).glob("*.html")
    ):
        page = path.relative_to(app.outdir).as_posix()
        for anchor in set(
            re.findall(r'\bid="([a-z][\w-]*)"', path.read_text("utf-8"))
        ):
            pages.setdefault(anchor, []).append(page)
    alone = {
        anchor: found[0]
        for anchor, found in sorted(pages.items())
        if len(found) == 1
    }
    text = json.dumps(alone, ensure_ascii=False, indent=0) + "\n"
    (Path(app.outdir) / "anchors.json").write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.setup_extension("sphinx_proof")
    app.add_domain(TitledProofDomain, override=True)
    app.connect("builder-inited", find_derivations)
    app.connect("html-page-context", mend_body)
    app.connect("build-finished", write_anchors)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
