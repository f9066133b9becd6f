"""Sphinx extension that names what opens a chapter's pages in the sidebar.

The theme's arrow is a picture without words; who listens to the page needs some.
"""

from typing import Any

from bs4 import BeautifulSoup
from sphinx.application import Sphinx


def name_arrows(
    app: Sphinx, page: str, _: str, context: dict[str, Any], *__: Any
) -> None:
    """Give each arrow the title of the chapter that it opens."""
    contents = context.get("generate_toctree_html")
    if contents is None:
        return

    def named(*args: Any, **settings: Any) -> Any:
        tree = contents(*args, **settings)
        if isinstance(tree, BeautifulSoup):
            for chapter in tree.select("li:has(> details)"):
                (title,) = chapter.select(":scope > a")
                (arrow,) = chapter.select(":scope > details > summary")
                name = title.get_text().strip()
                arrow["aria-label"] = f"Pages of “{name}”"
        return tree

    context["generate_toctree_html"] = named


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    # After the theme, which has made the contents at 500.
    app.connect("html-page-context", name_arrows, priority=501)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
