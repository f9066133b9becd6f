"""Sphinx extension with the directive ``{chapter-cards}``: a card for each chapter of a part.

The argument is the part's caption in ``_toc.yml``. A card has the chapter's title, the question that
it opens with, and how many claims it examines.
"""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from claim_ledger import ledger
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
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
        lines = ["`````{grid} 1 2 2 2", ":gutter: 3", ""]
        try:
            cards = cards_of(self.env, self.arguments[0])
        except ValueError as error:
            raise self.error(str(error)) from None
        for page, title, question, count in cards:
            self.env.note_dependency(self.env.doc2path(page))
            lines += [
                f"````{{grid-item-card}} {title}",
                f":link: /{page}",
                ":link-type: doc",
                "",
                question,
                *(["```{card-footer}", count, "```"] if count else []),
                "````",
            ]
        lines.append("`````")
        return self.parse_text_to_nodes("\n".join(lines))


def cards_of(
    env: BuildEnvironment, caption: str
) -> list[tuple[str, str, str, str]]:
    """Return page, title, question and number of claims of each chapter of a part."""
    parts = {
        part.caption: part.items
        for part in env.config.external_site_map.root.subtrees
    }
    if caption not in parts:
        known = ", ".join(map(repr, parts))
        raise ValueError(
            f"no part {caption!r} in _toc.yml; there are {known}"
        )
    claims = Counter(
        env.path2doc(str(entry.notebook))
        for entry in ledger(env).values()
        if entry.notebook
    )
    cards = []
    for page in map(str, parts[caption]):
        path = Path(env.doc2path(page))
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".ipynb":
            text = "".join(json.loads(text)["cells"][0]["source"])
        opening = QUESTION.search(text)
        if opening is None:
            raise ValueError(
                f"{page} should open with its title and its question in bold"
            )
        many = claims[page]
        count = f"{many} claim{'s' if many > 1 else ''}" if many else ""
        cards.append((page, opening["title"], opening["question"], count))
    return cards


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_directive("chapter-cards", ChapterCards)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
