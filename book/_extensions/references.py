"""Sphinx extension for what the pages refer to: statements by their titles, and sources.

``{prf:ref}`label` `` shows the title of the statement, ``{prf:ref}`any words <label>` `` the words;
the number stays in the link's tooltip, for those who look things up. The entries of the
bibliography are the items of a list.
"""

import re
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.builders import Builder
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode
from sphinx_proof.domain import ProofDomain


class TitledProofDomain(ProofDomain):
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
        shown = nodes.inline()
        for position, part in enumerate(re.split(r"\$(.+?)\$", words)):
            shown += (
                nodes.math(part, part)
                if position % 2
                else nodes.Text(part)
            )
        page = env.proof_list[target]["docname"]
        return make_refnode(
            builder, fromdocname, page, target, shown, numbered.astext()
        )


def list_the_sources(
    app: Sphinx,
    page: str,
    template: str,
    context: dict[str, Any],
    tree: nodes.document | None,
) -> None:
    """Give a source the role of an item: that of docutils is deprecated, and not one of a list."""
    if "body" in context:
        context["body"] = context["body"].replace(
            'role="doc-biblioentry"', 'role="listitem"'
        )


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.setup_extension("sphinx_proof")
    app.add_domain(TitledProofDomain, override=True)
    app.connect("html-page-context", list_the_sources)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
