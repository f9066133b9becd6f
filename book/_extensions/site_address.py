"""Sphinx extension for what depends on where the site will stand.

``SITE_URL`` in the environment is the published site's address, as in
``SITE_URL=https://example.org/softmax/ make book``. With it, pages name their canonical address and
the picture that others show beside a link to them (Open Graph), the page that a server shows in the
place of a missing one (404.html) finds its files, and ``sitemap.xml`` is written. Without it the
site works wherever it lies; 404.html then expects to lie at the root.

``REPOSITORY_URL`` is the address of the repository, as in ``https://github.com/someone/softmax``.
With it, pages lead to it, to their source there, and to its issues.
"""

import os
from typing import Any
from urllib.parse import urlsplit

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError


def configure(app: Sphinx, config: Config) -> None:
    """Hand the addresses to the extensions that want them."""
    repository = address_in(
        "REPOSITORY_URL", "https://github.com/someone/softmax"
    )
    if repository:
        buttons = ("repository", "edit_page", "issues")
        config.html_theme_options |= {"repository_url": repository} | {
            f"use_{button}_button": True for button in buttons
        }
    address = address_in("SITE_URL", "https://example.org/softmax/")
    if not address:
        config.notfound_urls_prefix = "/"
        config.ogp_social_cards = {"enable": False}
        return
    config.html_baseurl = config.ogp_site_url = f"{address}/"
    config.notfound_urls_prefix = urlsplit(config.html_baseurl).path
    app.setup_extension("sphinx_sitemap")
    config.sitemap_url_scheme = "{link}"


def address_in(variable: str, example: str) -> str:
    """Return the address in a variable of the environment, without a slash at its end."""
    address = os.environ.get(variable, "").rstrip("/")
    parts = urlsplit(address)
    if address and not (
        parts.scheme in {"http", "https"} and parts.netloc
    ):
        raise ConfigError(
            f"{variable} must be an address such as {example}, got {address!r}"
        )
    return address


def name_the_site_once(
    app: Sphinx,
    page: str,
    template: str,
    context: dict[str, Any],
    doctree: object,
) -> None:
    """On the front page the page's title is the site's."""
    if page == app.config.root_doc:
        context["docstitle"] = ""


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    # Before the extensions that look at their settings in the same event.
    app.connect("config-inited", configure, priority=100)
    app.connect("html-page-context", name_the_site_once)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
