"""Buttons on every chapter that run it, and that hand out its notebook.

*Run* opens the chapter in the browser, or leads to how to run it. Where the site has an address
(`SITE_URL`) and its repository one on GitHub (`REPOSITORY_URL`), two more open it in Colab and on
Binder. Both can read GitHub only: the notebooks are published there too, on a branch of their own.

The theme's own launch buttons open the chapters' sources, and break on pages in subfolders.
"""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from docutils import nodes
from sphinx.application import Sphinx

NOTEBOOK_VIEW = "lite/notebooks/index.html"
RUN_PAGE = "book/run"
# What `notebooks/` of the built site is published as.
BRANCH = "notebooks"


def add_buttons(
    app: Sphinx,
    page: str,
    template: str,
    context: dict[str, Any],
    document: nodes.document | None,
) -> None:
    """Put the buttons into the header of a page that is a notebook."""
    if (
        page not in app.env.found_docs
        or Path(app.env.doc2path(page)).suffix != ".ipynb"
    ):
        return
    pathto = context["pathto"]
    notebook = f"{Path(page).name}.ipynb"
    for group in context["header_buttons"]:
        for button in group.get("buttons", []):
            if button["label"] == "download-source-button":
                button["url"] = pathto(f"notebooks/{notebook}", 1)
                button["tooltip"] = "Download this chapter as a notebook"
    if app.config.lite:
        address = f"{pathto(NOTEBOOK_VIEW, 1)}?path={notebook}"
        tooltip = "Run this chapter in your browser"
    else:
        address, tooltip = pathto(RUN_PAGE), "How to run this chapter"
    run = {
        "type": "link",
        "url": address,
        "text": "Run",
        "icon": "fas fa-play",
        "tooltip": tooltip,
        "label": "launch-button",
    }
    elsewhere = [
        {
            "type": "link",
            "url": url,
            "text": name,
            "tooltip": f"Run this chapter on {name}",
            "label": f"launch-{name.lower()}-button",
        }
        for name, url in hosts(app, notebook).items()
    ]
    group = {
        "type": "group",
        "buttons": elsewhere,
        "icon": "fas fa-cloud",
        "tooltip": "Run this chapter on other machines",
        "label": "launch-buttons",
    }
    context["header_buttons"][:0] = [run, *([group] if elsewhere else [])]


def hosts(app: Sphinx, notebook: str) -> dict[str, str]:
    """Return where others run a notebook, as far as they can reach it."""
    repository = urlsplit(os.environ.get("REPOSITORY_URL", ""))
    if repository.netloc != "github.com" or not app.config.html_baseurl:
        return {}
    name = repository.path.strip("/")
    return {
        "Colab": f"https://colab.research.google.com/github/{name}/blob/{BRANCH}/{notebook}",
        "Binder": f"https://mybinder.org/v2/gh/{name}/{BRANCH}?urlpath=lab/tree/{notebook}",
    }


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension. `make lite` sets LITE in the environment."""
    app.add_config_value("lite", "LITE" in os.environ, "html", bool)
    # After the theme, which makes the list and fills it at 501.
    app.connect("html-page-context", add_buttons, priority=502)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
