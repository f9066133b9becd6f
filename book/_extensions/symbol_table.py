"""Sphinx extension with the directive ``{symbol-table}``: every symbol of the derivations' vocabulary.

The content has the rows of symbols that the vocabulary does not have, as items of a list table.
"""

import re
from itertools import groupby
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from softmax_lib.derivations import vocabulary
from softmax_lib.derivations.vocabulary import symbol_table

HEADER = """````{list-table}
:header-rows: 1
:widths: 24 52 24
:class: symbol-table

* - Symbol
  - Meaning
  - Unit"""


class SymbolTable(SphinxDirective):
    """One table: what the vocabulary has, and what is typed."""

    has_content = True

    def run(self) -> list[Any]:
        """Write the table as MyST; symbols that mean the same share a row."""
        self.env.note_dependency(str(vocabulary.__file__))
        rows = list(symbol_table())
        known = {row.latex for row in rows}
        typed = [line for line in self.content if line.startswith("* -")]
        for symbol in re.findall(r"\$(.+?)\$", "\n".join(typed)):
            if symbol in known:
                raise self.error(
                    f"{symbol} is typed, and stands in the vocabulary"
                )
        lines = [HEADER]
        for (says, unit, claim), alike in groupby(
            rows, key=lambda row: row[1:]
        ):
            symbols = ", ".join(f"${row.latex}$" for row in alike)
            see = f" ({{prf:ref}}`{claim}`)" if claim else ""
            lines += [f"* - {symbols}", f"  - {says}{see}", f"  - {unit}"]
        return self.parse_text_to_nodes(
            "\n".join([*lines, *self.content, "````"])
        )


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_directive("symbol-table", SymbolTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
