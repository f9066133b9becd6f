"""A button on every chapter that runs it in the browser, or that leads to how to run it.

The theme's own launch buttons copy an address as it stands, which breaks on pages in subfolders.
"""

import os
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

NOTEBOOK_VIEW = "lite/notebooks/index.html"
RUN_PAGE = "book/run"


def add_button(
    app: Sphinx,
    page: str,
    template: str,
    context: dict[str, Any],
    document: nodes.document | None,
) -> None:
    """Put the button first in the header of a page that is a notebook."""
    if (
        page not in app.env.found_docs
        or Path(app.env.doc2path(page)).suffix != ".ipynb"
    ):
        return
    pathto = context["pathto"]
    if app.config.lite:
        address = (
            f"{pathto(NOTEBOOK_VIEW, 1)}?path={Path(page).name}.ipynb"
        )
        tooltip = "Run this chapter in your browser"
    else:
        address, tooltip = pathto(RUN_PAGE), "How to run this chapter"
    button = {
        "type": "link",
        "url": address,
        "text": "Run",
        "icon": "fas fa-play",
    }
    context["header_buttons"].insert(
        0, button | {"tooltip": tooltip, "label": "launch-button"}
    )


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension. `make lite` sets LITE in the environment."""
    app.add_config_value("lite", "LITE" in os.environ, "html", bool)
    # After the theme, which makes the list and fills it at 501.
    app.connect("html-page-context", add_button, priority=502)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
