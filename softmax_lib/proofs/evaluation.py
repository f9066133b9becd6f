"""The falsifier's route: a statement written out at explicit K and computed with intervals.

It takes no step in common with the normaliser: no expansion, no substitution, no SymPy evaluation.
Sums are Python loops, and logits are random rationals, or zero. A value is known by two bounds,
with more and more digits until they settle what is asked: rounding makes no counterexample.
"""

import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import mpmath
from mpmath.ctx_iv import MPIntervalContext
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
REMEMBERED = 1000
"""How many of the last values, and lists of points, are kept: a statement's variants are tried at
its own points."""
DIGITS = (60, 240, 960)
"""How many are tried in turn. What the last do not tell from 0 is taken for 0."""

_context = mpmath.MPContext()
_context.dps = DIGITS[0]
_intervals = MPIntervalContext()

TOLERANCE = _context.mpf(10) ** -40
"""Values that differ by more are different. Relative above 1."""
ACCURACY = TOLERANCE / 10**10
"""To how much a value is known, relative above 1: far better than what makes a difference."""


@dataclass(frozen=True, eq=False)
class Point:
    """A number of logits, a value for every free symbol and for every component.

    A point equals itself alone, so that values can be kept for it.
    """

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
    return iter(_points(tuple(bases), tuple(indices), tuple(numbers)))


@lru_cache(REMEMBERED)
def _points(
    bases: tuple[IndexedBase, ...], indices: tuple[Symbol, ...], numbers: tuple[Symbol, ...]
) -> tuple[Point, ...]:
    # All components of a base are declared alike.
    declarations = [(base, base[1]) for base in bases]
    generator = random.Random(0)
    found = []

    def value_of(declared: Expr, is_last: bool) -> Fraction:
        if is_last and not declared.is_positive:
            return Fraction(0)
        magnitude = Fraction(generator.randint(1, 300), 101)
        return magnitude if declared.is_nonnegative else generator.choice((-1, 1)) * magnitude

    for size in range(1, LARGEST_K + 1):
        for chosen in itertools.product(range(1, size + 1), repeat=len(indices)):
            for is_last in (False,) * (ROUNDS - 1) + (True,):
                at = dict(zip(indices, chosen, strict=True))
                values = {symbol: value_of(symbol, is_last) for symbol in numbers}
                components = {
                    (base, index): value_of(declared, is_last)
                    for base, declared in declarations
                    for index in range(1, size + 1)
                }
                found.append(Point(size, at, values, components))
    return tuple(found)


class _Undefined(Exception):
    """A node has no value at a point, as far as the digits tell."""


@lru_cache(REMEMBERED)
def evaluate(expression: Expr, point: Point) -> mpmath.mpf:
    """Return the value of an expression at a point, to `ACCURACY`; 0 if it is known no better.

    Raises
    ------
    Refused
        When a node has no meaning here, or none at this point (a division by zero, the logarithm
        of a number that is not positive), or when no number of digits settles the value.
    """
    for lower, upper in _bounds(expression, point):
        if _are_close(lower, upper):
            return (lower + upper) / 2 if lower * upper > 0 else _context.zero
    raise _undecided(expression, point)


def sign_at(expression: Expr, point: Point) -> int:
    """Return 1 or -1, which is certain, or 0 if the last `DIGITS` tell no difference from 0.

    Raises
    ------
    Refused
        As `evaluate` does.
    """
    for lower, upper in _bounds(expression, point):
        if lower > 0 or upper < 0:
            return 1 if lower > 0 else -1
    if not _are_close(lower, upper):
        raise _undecided(expression, point)
    return 0


def _bounds(expression: Expr, point: Point) -> Iterator[tuple[mpmath.mpf, mpmath.mpf]]:
    """Yield bounds of the value, for each number of digits with which there are any."""
    for digits in DIGITS:
        _intervals.dps = digits
        try:
            value = _value(expression, point, {})
        except _Undefined as reason:
            # More digits may tell a denominator from 0.
            if digits == DIGITS[-1]:
                raise Refused(f"{reason} at {point}") from None
        else:
            yield _ends(value)


def _ends(interval: Any) -> tuple[mpmath.mpf, mpmath.mpf]:
    lower, upper = interval._mpi_
    return _context.make_mpf(lower), _context.make_mpf(upper)


def _are_close(lower: mpmath.mpf, upper: mpmath.mpf) -> bool:
    return bool(upper - lower <= ACCURACY * max(abs(lower), 1))


def _undecided(expression: Expr, point: Point) -> Refused:
    return Refused(f"{DIGITS[-1]} digits do not settle {expression} at {point}")


def _value(node: Expr, point: Point, bound: Mapping[Symbol, int]) -> Any:
    """Return an interval that the value lies in."""
    if isinstance(node, Rational):
        return _intervals.mpf(int(node.p)) / int(node.q)
    if node is S.Exp1:
        return _intervals.e
    if node == K:
        return _intervals.mpf(point.K)
    if isinstance(node, Indexed):
        value = point.components[node.base, _index(node.indices[0], point, bound)]
        return _intervals.mpf(value.numerator) / value.denominator
    if isinstance(node, Symbol):
        value = point.symbols[node]
        return _intervals.mpf(value.numerator) / value.denominator
    if isinstance(node, KroneckerDelta):
        first, second = (_index(index, point, bound) for index in node.args)
        return _intervals.mpf(first == second)
    if isinstance(node, Sum):
        *inner, (index, lower, upper) = node.limits
        if (lower, upper) != (1, K):
            raise Refused(f"{node} is not a sum over 1..K")
        body = Sum(node.function, *inner) if inner else node.function
        return _intervals.fsum(
            _value(body, point, {**bound, index: value}) for value in range(1, point.K + 1)
        )
    return _combined(node, [_value(part, point, bound) for part in node.args])


def _index(symbol: Expr, point: Point, bound: Mapping[Symbol, int]) -> int:
    if symbol not in bound and symbol not in point.indices:
        raise Refused(f"index {symbol} has no value in {point}")
    return bound[symbol] if symbol in bound else point.indices[symbol]


def _combined(node: Expr, parts: list[Any]) -> Any:
    if isinstance(node, Add):
        return _intervals.fsum(parts)
    if isinstance(node, Mul):
        return _intervals.fprod(parts)
    if isinstance(node, exp):
        return _intervals.exp(parts[0])
    if isinstance(node, log):
        if not parts[0] > 0:
            raise _Undefined(f"{node} is the logarithm of {mpmath.nstr(_ends(parts[0])[1], 10)}")
        return _intervals.log(parts[0])
    if isinstance(node, Pow):
        if node.exp.is_negative and 0 in parts[0]:
            raise _Undefined(f"{node} divides by zero")
        return parts[0] ** int(node.exp)
    raise Refused(f"{node} ({type(node).__name__}) cannot be written out at explicit K")


def differ(left: mpmath.mpf, right: mpmath.mpf) -> bool:
    """Tell whether two values differ by more than `TOLERANCE`, relative if they are above 1."""
    # What matters is a factor of 1 + TOLERANCE: either of them may be the measure.
    return bool(abs(left - right) > TOLERANCE * max(abs(left), 1))
