"""Sphinx extension that writes every chapter as a notebook that reads well, and runs, anywhere.

``notebooks/<chapter>.ipynb`` in the built site is what the download button gives, what JupyterLite
and JupyterLab open, and what Colab and Binder get. Its text is plain Markdown; its outputs are kept.
Its first cells install what is missing (softmax_lib as the wheel that lies in the site's ``wheels/``)
and write the files that the chapter reads. Links lead to the site, at ``SITE_URL`` if it is set.
``notebooks/requirements.txt`` has what all of them need, for Binder.
"""

import json
import os
from pathlib import Path
from typing import Any

import nbformat
from sphinx.application import Sphinx

from portable.markdown import Page
from portable.notebook import glued, portable
from portable.wheel import build_wheel

# Where `make serve` shows a site that has no address yet.
LOCAL = "http://127.0.0.1:8000/"


def write_notebooks(app: Sphinx, exception: Exception | None) -> None:
    """Write the wheel, and then the notebooks, which name it."""
    if exception or app.builder.format != "html":
        return
    site = app.config.html_baseurl or LOCAL
    out = Path(app.outdir)
    wheel = build_wheel(out / "wheels")
    folder = out / "notebooks"
    folder.mkdir(exist_ok=True)
    book = Path(app.srcdir) / app.config.book_folder
    for name in sorted(app.env.found_docs):
        source = Path(app.env.doc2path(name))
        if source.suffix != ".ipynb":
            continue
        chapter = nbformat.read(source, as_version=4)
        page = Page(app, name, site, glued(chapter))
        notebook = portable(
            chapter, page, book, f"{site}wheels/{wheel.name}"
        )
        nbformat.write(notebook, folder / source.name)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("build-finished", write_notebooks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
