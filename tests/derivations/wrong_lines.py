"""Wrong variants of the lines of a derivation, one place changed in each."""

from collections.abc import Iterator

from softmax_lib.derivations import Derivation, Term
from softmax_lib.derivations.terms import LETTERS, parts

SWAPPED = {"+": "-", "-": "+"}
FLIPPED = {"=": "<", "≤": "≥", "≥": "≤", "<": ">", ">": "<"}

TRUE = {
    "both factors are 0 unless the indices are equal": {
        ("jacobian", 2, "i to j"),
        ("jacobian-t", 1, "i to j"),
        ("jvp", 2, "j to i"),
        *(("variance", line, what) for line in (1, 2) for what in ("i to j", "j to i")),
    },
    "both sides are 0": {
        *(("rows", line, what) for line in (1, 2, 3) for what in ("twice", "the other sign")),
        ("rows", 2, "i to j"),
        ("rows", 3, "i to a"),
    },
    "the sum of the slopes is 0, whatever it is multiplied by": {
        ("entropy-slope", 1, "+ to -"),
        ("entropy-slope", 1, "1 + 1"),
    },
}
"""Mutants that are true: derivation, line and change, by the reason."""


def variants(term: Term) -> Iterator[tuple[str, Term]]:
    """Yield the term with one more, doubled, negated, and with each of its places changed."""
    yield "one more", term + 1
    if term != Term("number", (0,)):
        yield "twice", 2 * term
        yield "the other sign", -term
    yield from _changed(term, free={part for part in parts(term) if part.head == "index"})


def _changed(term: Term, free: set[Term]) -> Iterator[tuple[str, Term]]:
    if term.head == "number":
        yield f"{term.args[0]} + 1", Term("number", (term.args[0] + 1,))
    elif term.head == "index":
        for other in sorted(free - {term}, key=str) or [_fresh(term)]:
            yield f"{term.args[0]} to {other.args[0]}", other
    elif term.head in SWAPPED:
        yield f"{term.head} to {SWAPPED[term.head]}", Term(SWAPPED[term.head], term.args)
    elif term.head == "neg":
        yield "no sign", term.args[0]
    elif term.head == "exp":
        yield "the exponent's sign", Term("exp", (-term.args[0],))
    elif term.head == "log":
        yield "no logarithm", term.args[0]
    if term.head in ("number", "index"):
        return
    # The letter that a sum binds is its own; what it sums over is not changed.
    first = 1 if term.head in ("sum", "others") else 0
    for place in range(first, len(term.args)):
        for what, changed in _changed(term.args[place], free):
            arguments = [*term.args[:place], changed, *term.args[place + 1 :]]
            if not (first and place == 1 and term.head == "others" and changed == term.args[0]):
                yield what, Term(term.head, tuple(arguments))


def _fresh(index: Term) -> Term:
    letter = next(letter for letter in LETTERS if letter != index.args[0])
    return Term("index", (letter,))


def up_to(derivation: Derivation, count: int) -> Derivation:
    """Return a derivation with its first lines only, without proving them again."""
    shorter = Derivation(derivation.id, derivation.start, derivation.given)
    object.__setattr__(shorter, "lines", derivation.lines[:count])
    return shorter


def mutants(derivation: Derivation) -> Iterator[tuple[int, str, Derivation, tuple, dict]]:
    """Yield line number, what was changed, the derivation up to there, and what `then` is given."""
    for count, line in enumerate(derivation.lines):
        before = up_to(derivation, count)
        rest = (line.because, line.relation)
        for what, term in variants(line.term):
            yield count + 1, what, before, (term, *rest), {"form": line.form}
        flipped = (line.term, line.because, FLIPPED[line.relation])
        yield count + 1, "the relation", before, flipped, {"form": line.form}
        if line.form is not None:
            for what, form in variants(line.form):
                yield count + 1, f"form: {what}", before, (line.term, *rest), {"form": form}
