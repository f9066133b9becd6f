"""Sphinx extension for what depends on where the site will stand.

``SITE_URL`` in the environment is the published site's address, as in
``SITE_URL=https://example.org/softmax/ make book``. With it, pages name their canonical address and
the picture that others show beside a link to them (Open Graph), the page that a server shows in the
place of a missing one (404.html) finds its files, and ``sitemap.xml`` is written. Without it the
site works wherever it lies; 404.html then expects to lie at the root.
"""

import os
from typing import Any
from urllib.parse import urlsplit

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError


def configure(app: Sphinx, config: Config) -> None:
    """Hand the address to the extensions that want it."""
    address = os.environ.get("SITE_URL", "")
    if not address:
        config.notfound_urls_prefix = "/"
        config.ogp_social_cards = {"enable": False}
        return
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ConfigError(
            f"SITE_URL must be an address such as https://example.org/softmax/, got {address!r}"
        )
    config.html_baseurl = config.ogp_site_url = address.rstrip("/") + "/"
    config.notfound_urls_prefix = urlsplit(config.html_baseurl).path
    app.setup_extension("sphinx_sitemap")
    config.sitemap_url_scheme = "{link}"


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
