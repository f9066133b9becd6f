r"""Signs of expressions over sums, with K and all indices symbolic.

Trusted base, beside SymPy's assumptions on sums, products and quotients of signed symbols:

6. a sum over $1..K$ ($K \ge 1$) of positive terms is positive, of non-negative ones non-negative;
7. $\exp$ is positive and increasing, with $\exp(0) = 1$: for $g > 0$, $\exp(g) = 1 + v$ with a
   $v > 0$; for $g \ge 0$, with a $v \ge 0$. So $\log(x)$ has the sign of $x - 1$;
8. $\log(x) \le x - 1$ for $x > 0$: $\log(x) = x - 1 - v$ with a $v \ge 0$.

Every sum, exponential and logarithm becomes a symbol that knows its own sign and forgets all else,
even that it belongs to what stands beside it. That only makes more values possible, so that a sign
which is proved of the symbols holds of the expression. A logarithm is read by rule 7 and by
rule 8, one after the other.
"""

from collections.abc import Callable, Iterator

from sympy import (
    Add,
    Dummy,
    Expr,
    Mul,
    Pow,
    Sum,
    exp,
    expand,
    fraction,
    log,
    preorder_traversal,
    together,
)

from .fragment import check_fragment
from .normaliser import coincidences, rename_bound_indices


def is_positive(expression: Expr) -> bool:
    """Tell whether rules 6 to 8 and SymPy's assumptions show that the expression is > 0."""
    check_fragment(expression)
    return _sign(rename_bound_indices(expression))[0]


def is_nonnegative(expression: Expr) -> bool:
    """Tell whether rules 6 to 8 and SymPy's assumptions show that the expression is >= 0."""
    check_fragment(expression)
    return _sign(rename_bound_indices(expression))[1]


def conditions(expression: Expr) -> Iterator[Expr]:
    """Yield what must be positive for an expression to have a value: denominators, logarithms'."""
    for part in preorder_traversal(expression):
        if isinstance(part, Pow) and part.exp.is_negative:
            yield part.base
        elif isinstance(part, log):
            yield part.args[0]


def _sign(expression: Expr) -> tuple[bool, bool]:
    cases = [_sign_of_case(case) for case in coincidences(expression)]
    return all(positive for positive, _ in cases), all(nonnegative for _, nonnegative in cases)


def _sign_of_case(expression: Expr) -> tuple[bool, bool]:
    logarithms = (_log_of_signed, _log_below_tangent) if expression.has(log) else (_log_of_signed,)
    signs = [
        _sign_of_symbols(_with_signed_symbols(expression, {}, logarithm))
        for logarithm in logarithms
    ]
    return any(positive for positive, _ in signs), any(nonnegative for _, nonnegative in signs)


def _sign_of_symbols(expression: Expr) -> tuple[bool, bool]:
    numerator, denominator = fraction(together(expression))
    if expand(denominator).is_positive is not True:
        return False, False
    # Expanding shows 1 + v - 1 to be positive, and hides that a square is not negative.
    forms = (numerator, expand(numerator))
    return (
        any(form.is_positive is True for form in forms),
        any(form.is_nonnegative is True for form in forms),
    )


def _with_signed_symbols(
    part: Expr, symbol_of: dict[Expr, Expr], logarithm: Callable[[Expr, Expr], Expr]
) -> Expr:
    def signed(argument: Expr) -> Expr:
        return _with_signed_symbols(argument, symbol_of, logarithm)

    if isinstance(part, Sum):
        return symbol_of.setdefault(part, _symbol_of_sign(_sign(part.function)))
    if isinstance(part, log):
        return symbol_of.setdefault(part, logarithm(part.args[0], signed(part.args[0])))
    if isinstance(part, exp):
        return Mul(*(_exponential(term, symbol_of) for term in Add.make_args(expand(part.args[0]))))
    if isinstance(part, Add | Mul | Pow):
        return part.func(*map(signed, part.args))
    return part


def _log_of_signed(argument: Expr, _signed: Expr) -> Expr:
    return _symbol_of_sign(_sign(argument - 1))


def _log_below_tangent(_argument: Expr, signed: Expr) -> Expr:
    return signed - 1 - Dummy(nonnegative=True)


def _exponential(exponent: Expr, symbol_of: dict[Expr, Expr]) -> Expr:
    coefficient, rest = exponent.as_coeff_Mul()
    base = exp(rest / coefficient.q)
    if base not in symbol_of:
        _, nonnegative = sign = _sign(rest)
        symbol_of[base] = 1 + _symbol_of_sign(sign) if nonnegative else Dummy(positive=True)
    return symbol_of[base] ** coefficient.p


def _symbol_of_sign(sign: tuple[bool, bool]) -> Expr:
    positive, nonnegative = sign
    if positive:
        return Dummy(positive=True)
    return Dummy(nonnegative=True) if nonnegative else Dummy(real=True)
