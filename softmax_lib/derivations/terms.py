r"""Terms: formulas as a hand writes them, kept as small immutable trees.

A term is the name of an operation, or of an entry of the vocabulary, and its arguments in the order
in which they were written. What it looks like (`latex`) and what it says (`meaning`) are two
functions of the tree, and neither is made from the other: SymPy's order never reaches the page, and
a folded name never reaches the prover.
"""

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from sympy import Dummy, Expr, Integer, KroneckerDelta, Sum, Symbol, exp, log, symbols, sympify

from softmax_lib.proofs import K, Refused, differentiate

LETTERS = "abijn"
"""The letters of indices. Not k: the book writes d_k for the width of a key."""

BOUND = symbols("b_1:9", integer=True, positive=True)
"""What sums bind in a meaning, the innermost first; an author's letter is none of them."""

_placeholders = count()

SIGNATURES = {
    **dict.fromkeys(("+", "-", "*", "/", "power", "partial", "d"), "tt"),
    **dict.fromkeys(("neg", "exp", "log"), "t"),
    "^": "t#",
    "sum": "it",
    "others": "iit",
}
"""What each operation takes: terms (t), indices (i), a whole number (#)."""

# How tightly a piece of LaTeX holds together.
ADD, SLASH, MUL, POWER, FRACTION, ATOM = range(6)

Scope = Mapping[str, Any]
"""What letters stand for inside a sum, and margins inside a form."""


@dataclass(frozen=True)
class Assumption:
    """Something about the world that no prover can settle, in words."""

    words: str


@dataclass(frozen=True)
class Entry:
    """One name of the vocabulary."""

    latex: str
    """As the page shows it, with #1 and #2 for the letters of its indices."""
    meaning: Callable[..., Expr]
    """Indices to what it stands for, in definitions only."""
    says: str
    """What it is, in plain English."""
    indices: int = 0
    tightness: int = ATOM
    assumes: Assumption | None = None
    unit: str = "1"
    claim: str = ""
    """The claim that says more about it, if one does."""


ENTRIES: dict[str, Entry] = {}
"""The vocabulary, which `vocabulary` alone fills."""


@dataclass(frozen=True)
class Term:
    """An operation or a name, and its arguments; well formed from the start."""

    head: str
    args: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what has no meaning: an unknown name, a wrong number or kind of arguments."""
        if self.head == "number":
            fits = len(self.args) == 1 and type(self.args[0]) is int and self.args[0] >= 0
        elif self.head == "index":
            fits = len(self.args) == 1 and self.args[0] in tuple(LETTERS)
        else:
            kinds = _signature(self.head)
            fits = len(kinds) == len(self.args) and all(map(_is_of_kind, self.args, kinds))
        if not fits:
            raise Refused(f"{self.head!r} does not take {self.args}")
        if self.head in ("sum", "others"):
            index, *others, body = self.args
            if index in bound_in(body) or index in others:
                raise Refused(f"a sum over {index.args[0]} uses the same letter once more")

    def __add__(self, other: object) -> "Term":
        return Term("+", (self, lift(other)))

    def __radd__(self, other: object) -> "Term":
        return Term("+", (lift(other), self))

    def __sub__(self, other: object) -> "Term":
        return Term("-", (self, lift(other)))

    def __rsub__(self, other: object) -> "Term":
        return Term("-", (lift(other), self))

    def __mul__(self, other: object) -> "Term":
        return _signed_first(operator.mul, "*", self, lift(other))

    def __rmul__(self, other: object) -> "Term":
        return lift(other) * self

    def __truediv__(self, other: object) -> "Term":
        return _signed_first(operator.truediv, "/", self, lift(other))

    def __rtruediv__(self, other: object) -> "Term":
        return lift(other) / self

    def __pow__(self, exponent: object) -> "Term":
        return Term("^" if isinstance(exponent, int) else "power", (self, lift(exponent)))

    def __neg__(self) -> "Term":
        return Term("neg", (self,))


def _signed_first(apply: Callable[[Term, Term], Term], head: str, left: Term, right: Term) -> Term:
    # Python reads -a * b as (-a) * b; a hand writes -ab and means -(ab).
    return -apply(left.args[0], right) if left.head == "neg" else Term(head, (left, right))


def _signature(head: str) -> str:
    if head in SIGNATURES:
        return SIGNATURES[head]
    if head not in ENTRIES:
        raise Refused(f"{head!r} is neither an operation nor in the vocabulary")
    return "i" * ENTRIES[head].indices


def _is_of_kind(argument: object, kind: str) -> bool:
    if not isinstance(argument, Term):
        return False
    return {"i": argument.head == "index", "#": argument.head == "number"}.get(
        kind, argument.head != "index"
    )


def lift(value: object) -> Term:
    """Return a term as it is and a whole number as a term; refuse anything else."""
    if isinstance(value, Term):
        return value
    if type(value) is not int:
        raise Refused(f"{value!r} ({type(value).__name__}) is no term and no whole number")
    return Term("number", (value,)) if value >= 0 else -Term("number", (-value,))


def parts(term: Term) -> Iterator[Term]:
    """Yield the term and all terms inside it."""
    yield term
    for argument in term.args:
        if isinstance(argument, Term):
            yield from parts(argument)


def bound_in(term: Term) -> set[Term]:
    """Return the indices that sums in a term bind."""
    return {part.args[0] for part in parts(term) if part.head in ("sum", "others")}


def needs(term: Term) -> Iterator[Term]:
    """Yield what must be positive for the printed line to have a value; SymPy forgets it in x/x."""
    for part in parts(term):
        if part.head == "/" and not (part.args[1].head == "number" and part.args[1].args[0]):
            yield part.args[1]
        elif part.head in ("log", "power"):
            yield part.args[0]


def assumed_in(term: Term) -> Iterator[Assumption]:
    """Yield what the names in a term assume."""
    for part in parts(term):
        entry = ENTRIES.get(part.head)
        if entry and entry.assumes:
            yield entry.assumes


# What a term means.

_MEANINGS: dict[str, Callable[..., Expr]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": operator.pow,
    "neg": operator.neg,
    "power": lambda base, exponent: exp(log(base) * exponent),
    "exp": exp,
    "log": log,
    "partial": differentiate,
    "d": differentiate,
}


def meaning(term: Term, scope: Scope | None = None) -> Expr:
    """Return what a term stands for, with every name replaced by its definition.

    Parameters
    ----------
    term : Term
        The term. Its free letters become indices in 1..K.
    scope : mapping, optional
        What letters, or the names `margin` and `margins`, stand for instead.

    Returns
    -------
    Expr
        An expression of the prover's fragment. Bound indices are named by their height, so that no
        sum captures a letter and sums that differ in letters only are equal.

    Examples
    --------
    >>> from softmax_lib.derivations import meaning
    >>> from softmax_lib.derivations.vocabulary import i, over, sigma, v
    >>> meaning(over(i, sigma[i] * v[i]))
    Sum(exp(z[b_2])*v[b_2]/Sum(exp(z[b_1]), (b_1, 1, K)), (b_2, 1, K))
    """
    scope = scope or {}
    if term.head == "number":
        return Integer(term.args[0])
    if term.head == "index":
        (letter,) = term.args
        return scope.get(letter, Symbol(letter, integer=True, positive=True))
    if term.head in ("sum", "others"):
        letter, body = term.args[0].args[0], term.args[-1]

        def at(index: Expr) -> Expr:
            inner = {**scope, letter: index}
            guards = (1 - KroneckerDelta(index, meaning(a, scope)) for a in term.args[1:-1])
            return meaning(body, inner) * next(guards, 1)

        return summed(at)
    arguments = [meaning(argument, scope) for argument in term.args]
    if term.head in scope:
        return scope[term.head](*arguments)
    apply = _MEANINGS.get(term.head) or ENTRIES[term.head].meaning
    return sympify(apply(*arguments))


def summed(body_at: Callable[[Expr], Expr]) -> Expr:
    """Return the sum of ``body_at(index)`` over 1..K, its index named by its height."""
    # Different names for sums within each other, and such as the prover takes.
    placeholder = Dummy(f"xi{next(_placeholders)}", integer=True, positive=True)
    body = sympify(body_at(placeholder))
    used = body.atoms(Symbol)
    height = max((n for n, index in enumerate(BOUND, start=1) if index in used), default=0)
    if height == len(BOUND):
        raise Refused(f"more than {height} sums within each other")
    return Sum(body.xreplace({placeholder: BOUND[height]}), (BOUND[height], 1, K))


# What a term looks like.


@dataclass(frozen=True)
class _Printed:
    tex: str
    tightness: int = ATOM
    is_open: bool = False
    """A sum or a logarithm: what follows in a product would fall under it."""

    def held(self, tightness: int, is_last: bool = True) -> str:
        if self.tightness >= tightness and (is_last or not self.is_open):
            return self.tex
        is_tall = r"\frac{" in self.tex or r"\sum" in self.tex
        return rf"\left({self.tex}\right)" if is_tall else f"({self.tex})"


def latex(term: Term) -> str:
    r"""Return the LaTeX of a term, in the order in which it was written.

    Examples
    --------
    >>> from softmax_lib.derivations import latex
    >>> from softmax_lib.derivations.vocabulary import i, j, partial, sigma, z
    >>> print(latex(-sigma[i] * sigma[j]))
    -\sigma_{i} \sigma_{j}
    >>> print(latex(partial(sigma[i], z[j])))
    \frac{\partial \sigma_{i}}{\partial z_{j}}
    """
    return _printed(term, flat=False).tex


def named(entry: Entry, letters: Iterator[str]) -> str:
    """Return the LaTeX of an entry with letters in the place of #1 and #2."""
    tex = entry.latex
    for number, letter in enumerate(letters, start=1):
        tex = tex.replace(f"#{number}", letter)
    return tex


def _printed(term: Term, flat: bool) -> _Printed:
    """Print a term; flat, as in an exponent, with a slash for a fraction."""
    if term.head in ("number", "index"):
        return _Printed(str(term.args[0]))
    if term.head in _PRINTERS:
        return _PRINTERS[term.head](*term.args, flat=flat)
    entry = ENTRIES[term.head]
    return _Printed(named(entry, (index.args[0] for index in term.args)), entry.tightness)


def _sum_or_difference(sign: str) -> Callable[..., _Printed]:
    def show(a: Term, b: Term, flat: bool) -> _Printed:
        left, right = _printed(a, flat), _printed(b, flat)
        alone = b.head == "neg" or (sign == "-" and right.tightness == ADD)
        held = right.held(ATOM) if alone or right.tex.startswith("-") else right.tex
        return _Printed(f"{left.tex} {sign} {held}", ADD)

    return show


def _product(a: Term, b: Term, flat: bool) -> _Printed:
    left, right = _printed(a, flat).held(MUL, is_last=False), _printed(b, flat)
    second = right.held(MUL)
    # A derivative would seem to act on its neighbour, and 2 1/2 be two and a half.
    looks_joined = second[0].isdigit() or second.startswith((r"\frac{\partial", r"\frac{d"))
    mixed = a.head == "number" and second.startswith((r"\frac", r"\tfrac"))
    sign = r" \cdot " if looks_joined or mixed else " "
    return _Printed(left + sign + second, MUL, right.is_open and second == right.tex)


def _quotient(a: Term, b: Term, flat: bool) -> _Printed:
    above, below = _printed(a, flat), _printed(b, flat)
    if flat:
        return _Printed(f"{above.held(MUL, is_last=False)}/{below.held(ATOM)}", SLASH)
    return _Printed(rf"\frac{{{above.tex}}}{{{below.tex}}}", FRACTION)


def _negative(a: Term, flat: bool) -> _Printed:
    return _Printed("-" + _printed(a, flat).held(SLASH), ADD)


def _power(a: Term, exponent: Term, flat: bool) -> _Printed:
    above = _printed(exponent, flat=True).tex
    return _Printed(f"{_printed(a, flat).held(ATOM)}^{{{above}}}", POWER)


def _exponential(a: Term, flat: bool) -> _Printed:
    return _Printed(f"e^{{{_printed(a, flat=True).tex}}}", POWER)


def _logarithm(a: Term, flat: bool) -> _Printed:
    return _Printed(rf"\log {_printed(a, flat).held(FRACTION)}", MUL, is_open=True)


def _sum(index: Term, body: Term, flat: bool) -> _Printed:
    held = _printed(body, flat).held(MUL)
    return _Printed(rf"\sum_{{{index.args[0]}}} {held}", MUL, is_open=True)


def _sum_over_others(index: Term, other: Term, body: Term, flat: bool) -> _Printed:
    below = rf"{index.args[0]} \ne {other.args[0]}"
    return _Printed(rf"\sum_{{{below}}} {_printed(body, flat).held(MUL)}", MUL, is_open=True)


def _derivative(head: str, sign: str) -> Callable[..., _Printed]:
    def show(body: Term, variable: Term, flat: bool) -> _Printed:
        variables = [variable]
        while body.head == head:
            body, variable = body.args
            variables.insert(0, variable)
        order = f"^{{{len(variables)}}}" if len(variables) > 1 else ""
        below = r" \, ".join(f"{sign} {_printed(one, flat=False).tex}" for one in variables)
        inside = _printed(body, flat=False)
        if inside.tightness == ATOM or body.head == "exp":
            return _Printed(rf"\frac{{{sign}{order} {inside.tex}}}{{{below}}}", FRACTION)
        return _Printed(rf"\frac{{{sign}{order}}}{{{below}}} {inside.held(ATOM)}", MUL)

    return show


_PRINTERS: dict[str, Callable[..., _Printed]] = {
    "+": _sum_or_difference("+"),
    "-": _sum_or_difference("-"),
    "*": _product,
    "/": _quotient,
    "^": _power,
    "power": _power,
    "neg": _negative,
    "exp": _exponential,
    "log": _logarithm,
    "sum": _sum,
    "others": _sum_over_others,
    "partial": _derivative("partial", r"\partial"),
    "d": _derivative("d", "d"),
}
