"""Sphinx extension that writes every chapter as a notebook that reads well, and runs, anywhere.

``notebooks/<chapter>.ipynb`` in the built site is what the download button gives, what JupyterLite
and JupyterLab open, and what Colab and Binder get. Its text is plain Markdown; its outputs are kept.
Its first cells install what is missing (softmax_lib as the wheel that lies in the site's ``wheels/``)
and write the files that the chapter reads. Links lead to the site, at ``SITE_URL`` if it is set.
Beside them stands, as Binder reads it, what all of them need.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import nbformat
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
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
    wheel = f"{site}wheels/{build_wheel(out / 'wheels').name}"
    folder = out / "notebooks"
    folder.mkdir(exist_ok=True)
    book = Path(app.srcdir) / app.config.book_folder
    needed: set[str] = set()
    for name in sorted(app.env.found_docs):
        source = Path(app.env.doc2path(name))
        if source.suffix != ".ipynb":
            continue
        chapter = nbformat.read(source, as_version=4)  # type: ignore[no-untyped-call]
        page = Page(app, name, site, glued(chapter))
        notebook, packages = portable(chapter, page, book, wheel)
        needed |= set(map(canonicalize_name, packages))
        nbformat.write(notebook, folder / source.name)  # type: ignore[no-untyped-call]
    pins = [
        pin
        for pin in pins_of(Path(app.srcdir) / "requirements.txt")
        if canonicalize_name(pin.partition("==")[0]) in needed
    ]
    write(
        folder / "requirements.txt",
        [f"softmax-lib[proofs] @ {wheel}", *pins],
    )
    python = f"python-{sys.version_info.major}.{sys.version_info.minor}"
    write(folder / "runtime.txt", [python])


def pins_of(path: Path) -> Iterator[str]:
    """Yield what is pinned for this Python; it need not be installed."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith((" ", "#")):
            pin = Requirement(line.removesuffix("\\"))
            if pin.marker is None or pin.marker.evaluate():
                yield f"{pin.name}{pin.specifier}"


def write(path: Path, lines: Iterable[str]) -> None:
    """Write lines."""
    path.write_text(
        "".join(f"{line}\n" for line in lines), encoding="utf-8"
    )


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("build-finished", write_notebooks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
