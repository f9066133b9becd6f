"""How a derivation is shown: as rows of a grid, and as plain text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .reasons import RELATIONS, Cited, Given, Unlike
from .terms import Assumption, Term, latex

if TYPE_CHECKING:
    from .derivation import Derivation


def in_words(reason: object) -> str:
    """Return a reason or a hypothesis as words, with its mathematics between dollars."""
    match reason:
        case str():
            return reason
        case Given() | Unlike():
            return f"${reason.latex}$"
        case Assumption(words=words):
            return words
        case Cited():
            return f"{reason.says} {{cite:p}}`{reason.key}`"
        case _:
            return str(getattr(reason, "id", reason))


def as_text(derivation: Derivation) -> str:
    """Return a derivation with a line of text for each line."""
    lines = [
        f"  {line.relation} {latex(line.term)}  [{_all_in_words(line.because)}]"
        for line in derivation.lines
    ]
    heading = f"{derivation.id}: {latex(derivation.start)}"
    return "\n".join([heading, *lines, str(derivation)])


def as_html(derivation: Derivation) -> str:
    """Return a derivation as rows of a formula and, beside or below it, the reason."""
    given = _all_in_words(derivation.given, ", ")
    rows = [f'<p class="derivation-given">For {_inline(given)}:</p>'] if given else []
    rows.append(f'<div class="derivation-start">{_formula(latex(derivation.start))}</div>')
    for line in derivation.lines:
        formula = _formula(rf"{RELATIONS[line.relation]}\; {latex(line.term)}")
        reasons = "; ".join(map(_reason, line.because))
        by_hand = f" ({line.status})" if line.status.is_by_hand else ""
        rows.append(f'<div class="derivation-line">{formula}</div>')
        rows.append(f'<div class="derivation-reason">{reasons}{by_hand}</div>')
        if line.form is not None:
            difference = _inline(_difference(line.form, line.hypothesis))
            rows.append(f'<div class="derivation-form">{difference}</div>')
    return (
        f'<div class="derivation" id="derivation-{derivation.id}">\n'
        + "\n".join(rows)
        + f'\n<p class="derivation-verdict"><strong>{spaced(derivation.id)}</strong>: '
        + f"{_inline(str(derivation))}</p>\n</div>"
    )


def _all_in_words(reasons: Iterable[object], between: str = "; ") -> str:
    return between.join(map(in_words, reasons))


def _reason(reason: object) -> str:
    words = _inline(in_words(reason))
    is_named = not isinstance(reason, str | Given | Assumption | Cited)
    return f'<a href="#derivation-{words}">{spaced(words)}</a>' if is_named else words


def _difference(form: Term, hypothesis: Given | None) -> str:
    words = f"The difference is ${latex(form)}$"
    if hypothesis is None:
        return f"{words}."
    return f"{words}, with ${latex(hypothesis.name)} = {latex(hypothesis.margin)}$."


def spaced(name: str) -> str:
    """Return the name of a derivation as words."""
    return html.escape(name.replace("-", " "))


def _formula(tex: str) -> str:
    return rf'<span class="math">\(\displaystyle {html.escape(tex)}\)</span>'


def _inline(text: str) -> str:
    """Escape words, mark what stands between dollars as mathematics, and link citations."""
    marked = re.sub(r"\$([^$]*)\$", r'<span class="math">\\(\1\\)</span>', html.escape(text))
    return re.sub(r"\{cite:p\}`([^`]*)`", r'<a href="references.html">[\1]</a>', marked)
