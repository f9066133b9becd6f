"""Wrong variants of the lines of a derivation, one place changed in each."""

from collections.abc import Iterator

from softmax_lib.derivations import Derivation, Term
from softmax_lib.derivations.terms import LETTERS, parts

SWAPPED = {"+": "-", "-": "+"}
FLIPPED = {"=": "<", "≤": "≥", "≥": "≤", "<": ">", ">": "<"}


def _those(name: str, line: int, *changes: str) -> set[tuple[str, int, str]]:
    return {(name, line, change) for change in changes}


TRUE: dict[str, set[tuple[str, int, str]]] = {
    "the inequality has room": {
        *_those("positive", 0, "start: one more", "start: twice", "start: i to a"),
        *_those("weights-are-positive", 0, "start: one more", "start: twice", "start: i to a"),
        *_those("others-lose", 2, "one more", "0 + 1"),
        *_those("responds-to-others", 3, "one more", "0 + 1"),
        *_those("trace", 4, "one more", "- to +", "1 + 1"),
        *_those("row-sums", 3, "one more"),
        *_those("at-most-half", 3, "one more", "twice"),
        *_those("sum-from-one", 2, "the other sign"),
        *_those("sum-at-least", 2, "the other sign"),
        *_those("equal-share", 2, "one more", "twice", "1 + 1"),
        *_those("top-falls", 4, "one more", "0 + 1"),
        *_those("threshold-falls", 2, "one more", "0 + 1"),
        *_those("top-mass-falls", 3, "one more", "0 + 1"),
        *_those("second-ratio", 4, "one more", "twice", "1 + 1"),
    },
    "both sides are 0": {
        *_those("rows-sum-to-zero", 0, "start: twice", "start: the other sign"),
        *_those("rows-sum-to-zero", 1, "twice", "the other sign"),
        *_those("rows-sum-to-zero", 2, "twice", "the other sign", "i to j"),
    },
    "both factors are 0 unless the indices are equal": {
        *_those("jacobian", 2, "i to j"),
        *_those("at-a-temperature", 2, "i to j"),
        *_those("product-with-a-vector", 2, "j to i"),
        *_those("hessian-of-lse", 2, "i to j"),
        *_those("variance", 1, "i to j", "j to i"),
        *_those("variance", 2, "i to j", "j to i"),
        *_those("standard", 1, "i to j", "j to i"),
        *_those("standard", 2, "i to j", "j to i"),
    },
    "what has no such logit has the derivative 0, with either sign": {
        *_those("cross-gradient", 1, "the exponent's sign"),
    },
    "the exponent is 0": {
        *_those("single-score", 1, "the exponent's sign"),
        *_those("single-score", 0, "start: the exponent's sign"),
        *_those("single-score", 0, "start: a to i", "start: i to a"),
        *_those("uniform-at-zero", 1, "the exponent's sign"),
        *_those("neutral", 0, "start: the exponent's sign"),
    },
    "at inverse temperature 0, all outputs are the same": {
        *_those("uniform-at-zero", 0, "start: i to a"),
        *_those("slope-at-zero", 1, "i to a", "a to i"),
    },
    "what is added is 0": {
        *_those("neutral", 0, "start: + to -", "start: - to +"),
    },
    "the sum of the slopes is 0, whatever it is multiplied by": {
        *_those("entropy-rate", 1, "+ to -", "1 + 1"),
    },
    "the other hypothesis implies it": {
        *_those("ratio-falls", 3, "a hypothesis dropped"),
    },
}
"""Changes that leave a true line: derivation, line and change, by the reason."""

KNOWN_TO_BE_TRUE = set().union(*TRUE.values())


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
