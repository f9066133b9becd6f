"""Sphinx extension for the reference of the library: docstrings, the claims that they name, and back.

The ids behind ``Claims:`` become a table of statements with their verdicts. Below the first sentence
on a name stands which chapters lead to it. The search page gets every name with its parameters.
"""

import re
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

CLAIMS = re.compile(r"^Claims: (?P<ids>.+(\n.+)*)", re.MULTILINE)
HEADER = """\
.. rubric:: Claims

.. list-table::
   :header-rows: 1
   :widths: 46 27 27
   :class: verdict-table

   * - Claim
     - Over the reals
     - In floating point"""


def tabulate_claims(
    app: Sphinx, what: str, name: str, documented: Any, options: Any, lines: list[str]
) -> None:
    """Put statements and verdicts in the place of ids."""

    def table(claims: re.Match[str]) -> str:
        rows = [
            f"   * - :prf:ref:`{claim}`\n     - :reals:`{claim}`\n     - :floats:`{claim}`"
            for claim in re.findall("`(.+?)`", claims["ids"])
        ]
        return "\n".join([HEADER, *rows])

    lines[:] = CLAIMS.sub(table, "\n".join(lines)).split("\n")


def hide_the_key(
    app: Sphinx, what: str, name: str, documented: Any, options: Any, *signature: str
) -> tuple[str, str] | None:
    """Show no call of a class that only the library makes."""
    made_inside = what == "class" and "key=" in (signature[0] or "")
    return ("", "") if made_inside else None


def link_known_types(app: Sphinx, config: Config) -> None:
    """Link those types alone that have an alias; of a set, Jupyter Book can make no setting."""
    config.numpydoc_xref_ignore = "all"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    for extension in ("sphinx.ext.autodoc", "sphinx.ext.intersphinx", "numpydoc"):
        app.setup_extension(extension)
    # Before numpydoc, which takes sections to pieces at 500.
    app.connect("autodoc-process-docstring", tabulate_claims, priority=400)
    app.connect("config-inited", link_known_types)
    app.connect("autodoc-process-signature", hide_the_key)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
