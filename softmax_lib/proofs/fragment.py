"""The fragment: what a statement may be made of, so that every node has one meaning.

Numbers are rationals, e, K, and symbols or components declared real, non-negative or positive and
nothing else. Indices are symbols declared as K is. They stand in components and deltas, where no
number stands, and are summed over 1..K. On top come sums, products, integer powers, exp and log.
What is named is a letter, Latin or Greek, with a number as subscript if need be, so that a printed
formula has one meaning.
"""

import re
from collections.abc import Iterator

from sympy import (
    Add,
    Dummy,
    Expr,
    Indexed,
    IndexedBase,
    Integer,
    KroneckerDelta,
    Mul,
    Pow,
    Rational,
    S,
    Sum,
    Symbol,
    exp,
    latex,
    log,
)

from .errors import Refused
from .symbols import K

CANONICAL_INDEX = Dummy("index", integer=True, positive=True)
"""The bound index of every sum in normal form. No statement may use it, or it would be captured."""

_NUMBERS = [
    Symbol("x", **{assumption: True}).assumptions0
    for assumption in ("real", "nonnegative", "positive")
]

# Greek letters that look unlike Latin ones, but for pi, which is a number.
_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta kappa lambda mu nu xi rho sigma tau phi chi psi "
    "omega"
)
# Dummy is what SymPy calls a placeholder that was given no name.
_NAME = re.compile(rf"([A-Za-z]|{_GREEK.replace(' ', '|')}|Dummy)(_?[0-9]+)?")
_PRINTED = {latex(thing): thing for thing in (K, S.Exp1)}


def is_index(symbol: Expr) -> bool:
    """Tell whether a symbol may stand for an index: declared as K is, and nothing more.

    SymPy takes ``KroneckerDelta(even, odd)`` for 0: an index that is known to be more than a
    positive integer would bring a hypothesis that no proof states.
    """
    return (
        isinstance(symbol, Symbol)
        and symbol.assumptions0 == K.assumptions0
        and symbol not in (K, CANONICAL_INDEX)
    )


def check_fragment(expression: Expr) -> None:
    """Raise `Refused`, naming the term, unless every node lies in the fragment."""
    if isinstance(expression, Sum):
        for limit in expression.limits:
            if len(limit) != 3 or limit[1] != 1 or limit[2] != K or not is_index(limit[0]):
                raise Refused(f"sum over {limit} is not a sum over 1..K, in {expression}")
        check_fragment(expression.function)
    elif isinstance(expression, Indexed):
        if not isinstance(expression.base, IndexedBase) or expression.assumptions0 not in _NUMBERS:
            raise Refused(f"{expression} is not declared real, non-negative or positive")
        if len(expression.indices) != 1 or not is_index(expression.indices[0]):
            raise Refused(f"index of {expression} is not a symbol in 1..K")
    elif isinstance(expression, KroneckerDelta):
        if not all(is_index(index) for index in expression.args):
            raise Refused(f"{expression} does not compare two indices")
    elif isinstance(expression, Pow):
        if not isinstance(expression.exp, Integer):
            raise Refused(f"exponent of {expression} is not an integer")
        check_fragment(expression.base)
    elif isinstance(expression, Add | Mul | exp | log):
        for argument in expression.args:
            check_fragment(argument)
    elif isinstance(expression, Symbol):
        if is_index(expression):
            raise Refused(f"index {expression} stands where a number is asked for")
        if expression != K and expression.assumptions0 not in _NUMBERS:
            raise Refused(f"{expression} is not declared real, non-negative or positive")
    elif not isinstance(expression, Rational) and expression is not S.Exp1:
        raise Refused(f"{expression} ({type(expression).__name__}) is outside the fragment")


def named(expression: Expr) -> Iterator[Expr]:
    """Yield the bases, the indices (bound ones too) and the symbols of an expression."""
    if isinstance(expression, Indexed):
        yield expression.base
        yield from expression.indices
    elif isinstance(expression, Symbol):
        yield expression
    else:
        for argument in expression.args:
            yield from named(argument)


def check_names(*expressions: Expr) -> None:
    """Raise `Refused` where a printed formula could be read in two ways.

    It could if two things were printed alike, if a name were printed as a formula, or a symbol as a
    component: the sum of ``Symbol("z_i")`` over i looks like that of ``z[i]``. So would ``z[i]``
    times the sum of 1 over i, at a glance.
    """
    meaning = dict(_PRINTED)
    for thing in (thing for expression in expressions for thing in named(expression)):
        if not _NAME.fullmatch(thing.name) or latex(thing) != latex(Symbol(thing.name)):
            raise Refused(
                f"{thing.name!r} is no name: take a letter, or a Greek letter's name such as beta, "
                "with a number behind it if need be"
            )
        if meaning.setdefault(latex(thing), thing) != thing:
            raise Refused(f"{thing} stands for two things, declared differently or printed alike")
    bases = {printed for printed, thing in meaning.items() if isinstance(thing, IndexedBase)}
    for printed, thing in meaning.items():
        letter, _, number = printed.partition("_")
        if isinstance(thing, Symbol) and number and letter in bases:
            raise Refused(f"{thing} is printed as a component of {letter}: name it otherwise")
    _check_scopes(*expressions)


def _check_scopes(*expressions: Expr) -> None:
    free = {symbol for expression in expressions for symbol in expression.free_symbols}
    for part in (part for expression in expressions for part in expression.atoms(Sum)):
        for index in free.intersection(part.variables):
            raise Refused(f"{index} is bound in {part} and free elsewhere: name another index")
