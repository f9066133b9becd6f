"""Sphinx extension with the directive ``{chapter-cards}``: a card for each chapter of a part.

The argument is the part's caption in ``_toc.yml``. A card has the chapter's title, the question that
it opens with, and how many claims it examines.
"""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

QUESTION = re.compile(
    r"^# (?P<title>.+)\n+\*\*(?P<question>.+?)\*\*", re.MULTILINE
)


class ChapterCards(SphinxDirective):
    """The chapters of one part, as cards."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[Any]:
        """Write the cards as MyST, for sphinx-design."""
        caption = self.arguments[0]
        parts = {
            part.caption: part.items
            for part in self.config.external_site_map.root.subtrees
        }
        if caption not in parts:
            known = ", ".join(map(repr, parts))
            raise self.error(
                f"no part {caption!r} in _toc.yml; there are {known}"
            )
        entries = self.env.app.claim_ledger  # type: ignore[attr-defined]
        claims = Counter(
            self.env.path2doc(str(entry.notebook))
            for entry in entries.values()
            if entry.notebook
        )
        lines = ["`````{grid} 1 2 2 2", ":gutter: 3", ""]
        for page in parts[caption]:
            lines += self._card(page, claims[page])
        lines.append("`````")
        return self.parse_text_to_nodes("\n".join(lines))

    def _card(self, page: str, claims: int) -> list[str]:
        path = Path(self.env.doc2path(page))
        self.env.note_dependency(str(path))
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".ipynb":
            text = "".join(json.loads(text)["cells"][0]["source"])
        opening = QUESTION.search(text)
        if opening is None:
            raise self.error(
                f"{page} should open with its title and its question in bold"
            )
        count = (
            f"{claims} claim{'s' if claims > 1 else ''}" if claims else ""
        )
        return [
            f"````{{grid-item-card}} {opening['title']}",
            f":link: /{page}",
            ":link-type: doc",
            "",
            opening["question"],
            *(["```{card-footer}", count, "```"] if count else []),
            "````",
        ]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_directive("chapter-cards", ChapterCards)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
