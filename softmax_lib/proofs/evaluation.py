"""The falsifier's route: a statement written out at explicit K and computed with 60 digits.

It takes no step in common with the normaliser: no expansion, no substitution, no SymPy evaluation.
Sums are Python loops, and logits are random rationals, or zero.
"""

import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

import mpmath
from sympy import (
    Add,
    Expr,
    Indexed,
    IndexedBase,
    KroneckerDelta,
    Mul,
    Pow,
    Rational,
    S,
    Sum,
    Symbol,
    exp,
    log,
)

from .errors import Refused
from .fragment import is_index, named
from .symbols import K

LARGEST_K = 3
ROUNDS = 3
DIGITS = 60
_context = mpmath.MPContext()
_context.dps = DIGITS

TOLERANCE = _context.mpf(10) ** -40
"""Relative. Twenty digits of the sixty are left for cancellation inside a statement."""


@dataclass(frozen=True)
class Point:
    """A number of logits, a value for every free symbol and for every component."""

    K: int
    indices: Mapping[Symbol, int]
    symbols: Mapping[Symbol, Fraction]
    components: Mapping[tuple[IndexedBase, int], Fraction]

    def __str__(self) -> str:
        """List the values, for the message of a falsified statement."""
        values = {
            **{str(symbol): value for symbol, value in {**self.indices, **self.symbols}.items()},
            **{f"{base}[{index}]": value for (base, index), value in self.components.items()},
        }
        return f"K = {self.K}, " + ", ".join(f"{name} = {value}" for name, value in values.items())


def points(*expressions: Expr) -> Iterator[Point]:
    """Yield K = 1, 2, 3 with every value of the free indices, each `ROUNDS` times.

    Symbols and components get random rationals of the sign that they are declared with; in the last
    round each is 0 unless it is declared positive, for that is where strict signs fail. The
    generator is seeded: the points are the same in every run.
    """
    names = sorted({name for expression in expressions for name in named(expression)}, key=str)
    free = {symbol for expression in expressions for symbol in expression.free_symbols}
    bases = [name for name in names if isinstance(name, IndexedBase)]
    symbols = [name for name in names if name in free and name not in bases and name != K]
    indices = [symbol for symbol in symbols if is_index(symbol)]
    numbers = [symbol for symbol in symbols if not is_index(symbol)]
    generator = random.Random(0)

    def value_of(declared: Expr, is_last: bool) -> Fraction:
        if is_last and not declared.is_positive:
            return Fraction(0)
        magnitude = Fraction(generator.randint(1, 300), 101)
        return magnitude if declared.is_nonnegative else generator.choice((-1, 1)) * magnitude

    for size in range(1, LARGEST_K + 1):
        for chosen in itertools.product(range(1, size + 1), repeat=len(indices)):
            for is_last in (False,) * (ROUNDS - 1) + (True,):
                yield Point(
                    K=size,
                    indices=dict(zip(indices, chosen, strict=True)),
                    symbols={symbol: value_of(symbol, is_last) for symbol in numbers},
                    components={
                        (base, index): value_of(base[index], is_last)
                        for base in bases
                        for index in range(1, size + 1)
                    },
                )


def evaluate(expression: Expr, point: Point) -> mpmath.mpf:
    """Return the value of an expression at a point, to about `DIGITS` digits.

    Raises
    ------
    Refused
        When a node has no meaning here, or none at this point (a division by zero, the logarithm
        of a number that is not positive).
    """
    try:
        return _value(expression, point, {})
    except ZeroDivisionError:
        raise Refused(f"{expression} divides by zero at {point}") from None


def _value(node: Expr, point: Point, bound: Mapping[Symbol, int]) -> mpmath.mpf:
    def index_of(symbol: Expr) -> int:
        if symbol not in bound and symbol not in point.indices:
            raise Refused(f"index {symbol} has no value in {point}")
        return bound[symbol] if symbol in bound else point.indices[symbol]

    if isinstance(node, Rational):
        return _context.mpf(int(node.p)) / int(node.q)
    if node is S.Exp1:
        return _context.e
    if node == K:
        return _context.mpf(point.K)
    if isinstance(node, Indexed):
        value = point.components[node.base, index_of(node.indices[0])]
        return _context.mpf(value.numerator) / value.denominator
    if isinstance(node, Symbol):
        value = point.symbols[node]
        return _context.mpf(value.numerator) / value.denominator
    if isinstance(node, KroneckerDelta):
        return _context.mpf(index_of(node.args[0]) == index_of(node.args[1]))
    if isinstance(node, Sum):
        *inner, (index, lower, upper) = node.limits
        if (lower, upper) != (1, K):
            raise Refused(f"{node} is not a sum over 1..K")
        body = Sum(node.function, *inner) if inner else node.function
        return _context.fsum(
            _value(body, point, {**bound, index: value}) for value in range(1, point.K + 1)
        )
    parts = [_value(part, point, bound) for part in node.args]
    if isinstance(node, Add):
        return _context.fsum(parts)
    if isinstance(node, Mul):
        return _context.fprod(parts)
    if isinstance(node, exp):
        return _context.exp(parts[0])
    if isinstance(node, log):
        if parts[0] <= 0:
            raise Refused(f"{node} is the logarithm of {parts[0]} at {point}")
        return _context.log(parts[0])
    if isinstance(node, Pow):
        return parts[0] ** int(node.exp)
    raise Refused(f"{node} ({type(node).__name__}) cannot be written out at explicit K")


def differ(left: mpmath.mpf, right: mpmath.mpf) -> bool:
    """Tell whether two values differ by more than `TOLERANCE`, relative if they are above 1."""
    # What matters is a factor of 1 + TOLERANCE: either of them may be the measure.
    return bool(abs(left - right) > TOLERANCE * max(abs(left), 1))
