r"""The reader: from printed LaTeX back to what it says, by a grammar of its own.

It never sees the tree that was printed. What it shares with the rest is the vocabulary, and how a
sum names its index. Printer and prover cannot drift apart as long as it agrees with both.

    sum      = ["-"] quotient {("+" | "-") quotient}
    quotient = product {"/" factor}
    product  = {factor ["\cdot"]} [ (\sum | \log) ... | factor]
    factor   = (name | number | "e" | fraction | "(" sum ")") ["^" "{" sum "}"]
"""

import re
from functools import cache

from sympy import Expr, Indexed, Integer, KroneckerDelta, Symbol, exp, log

from softmax_lib.proofs import Refused, differentiate

from .terms import ENTRIES, LETTERS, Scope, summed

_LETTER = f"([{LETTERS}])"
_SUM = re.compile(rf"\\sum_\{{{_LETTER}(?: \\ne {_LETTER})?\}}")
_OPERATOR = re.compile(r"\\frac\{(\\partial|d)(?:\^\{(\d+)\})?(\}\{| )")
_NUMBER = re.compile(r"\d+")
_ENDS = ("+", "-", "/", "}", ")", r"\right")
_SPACE = re.compile(r"(?:\s|\\cdot|\\,)*")


def read(tex: str, scope: Scope | None = None) -> Expr:
    r"""Return what a printed term says.

    Parameters
    ----------
    tex : str
        The LaTeX of a term.
    scope : mapping, optional
        What `margin` or `margins` stands for, in a form.

    Raises
    ------
    Refused
        The LaTeX is none that a term prints as.

    Examples
    --------
    >>> from softmax_lib.derivations import latex, meaning, read
    >>> from softmax_lib.derivations.vocabulary import i, over, sigma
    >>> term = over(i, sigma[i]) - 1
    >>> read(latex(term)) == meaning(term)
    True
    """
    reader = _Reader(tex, scope or {})
    value = reader.sum()
    if reader.rest():
        raise Refused(f"{reader.rest()!r} is left over of {tex}")
    return value


@cache
def _patterns(_size: int) -> list[tuple[re.Pattern[str], str]]:
    """Return a pattern for each name, longer names first; anew when the vocabulary has grown."""
    entries = sorted(ENTRIES.items(), key=lambda item: -len(item[1].latex))
    return [
        (re.compile(re.sub(r"\\#(\d)", _group, re.escape(entry.latex))), head)
        for head, entry in entries
    ]


def _group(found: re.Match[str]) -> str:
    return f"(?P<index_{found[1]}>[{LETTERS}])"


class _Reader:
    def __init__(self, tex: str, scope: Scope) -> None:
        self.tex, self.at, self.scope = tex, 0, scope

    def rest(self) -> str:
        """Skip spaces and dots, and return what is still to be read."""
        space = _SPACE.match(self.tex, self.at)
        self.at = space.end() if space else self.at
        return self.tex[self.at :]

    def takes(self, text: str) -> bool:
        """Tell whether this comes next, and step over it."""
        found = self.rest().startswith(text)
        self.at += len(text) * found
        return found

    def must(self, text: str) -> None:
        if not self.takes(text):
            raise Refused(f"{text!r} is expected before {self.rest()!r} in {self.tex}")

    def matched(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        self.rest()
        found = pattern.match(self.tex, self.at)
        self.at = found.end() if found else self.at
        return found

    def sum(self) -> Expr:
        value = -self.quotient() if self.takes("-") else self.quotient()
        while True:
            if self.takes("+"):
                value += self.quotient()
            elif self.takes("-"):
                value -= self.quotient()
            else:
                return value

    def quotient(self) -> Expr:
        value = self.product()
        while self.takes("/"):
            value /= self.factor()
        return value

    def product(self) -> Expr:
        value = self.factor()
        while self.rest() and not self.rest().startswith(_ENDS):
            value *= self.factor()
        return value

    def factor(self) -> Expr:
        under = self.matched(_SUM)
        if under:
            return summed(lambda index: self.summand(index, under[1], under[2]))
        if self.takes(r"\log"):
            argument = self.factor()
            if self.rest() and not self.rest().startswith(_ENDS):
                raise Refused(f"{self.rest()!r} may stand under the logarithm, in {self.tex}")
            return log(argument)
        value = self.atom()
        if self.takes("^{"):
            exponent = self.sum()
            self.must("}")
            value = value**exponent if exponent.is_Integer else exp(log(value) * exponent)
        return value

    def summand(self, index: Expr, letter: str, other: str | None) -> Expr:
        guard = 1 - KroneckerDelta(index, self.index(other)) if other else 1
        outside, self.scope = self.scope, {**self.scope, letter: index}
        value = self.product()
        self.scope = outside
        return guard * value

    def index(self, letter: str) -> Expr:
        return self.scope.get(letter, Symbol(letter, integer=True, positive=True))

    def atom(self) -> Expr:
        if self.takes("e^{"):
            exponent = self.sum()
            self.must("}")
            return exp(exponent)
        if self.takes(r"\left("):
            value = self.sum()
            self.must(r"\right)")
            return value
        number = self.matched(_NUMBER)
        if number:
            return Integer(number[0])
        for pattern, head in _patterns(len(ENTRIES)):
            name = self.matched(pattern)
            if name:
                letters = (name[f"index_{n + 1}"] for n in range(ENTRIES[head].indices))
                stands_for = self.scope.get(head, ENTRIES[head].meaning)
                return stands_for(*map(self.index, letters))
        # After the names: some begin with a bracket.
        if self.takes("("):
            value = self.sum()
            self.must(")")
            return value
        return self.fraction()

    def fraction(self) -> Expr:
        derivative = self.matched(_OPERATOR)
        if derivative:
            return self.derivative(derivative[1], int(derivative[2] or 1), derivative[3] == " ")
        self.must(r"\frac{")
        above = self.sum()
        self.must("}{")
        below = self.sum()
        self.must("}")
        return above / below

    def derivative(self, sign: str, order: int, is_inside: bool) -> Expr:
        value = self.factor() if is_inside else None
        if is_inside:
            self.must("}{")
        variables = []
        for _ in range(order):
            self.must(sign)
            variables.append(self.variable())
        self.must("}")
        value = self.factor() if value is None else value
        for variable in variables:
            value = differentiate(value, variable)
        return value

    def variable(self) -> Expr:
        variable = self.atom()
        if not isinstance(variable, Symbol | Indexed):
            raise Refused(f"{variable} is no variable, in {self.tex}")
        return variable
