r"""Signs of expressions over sums, with K and all indices symbolic.

Trusted base, beside SymPy's assumptions on sums, products and quotients of signed symbols:

6. a sum over $1..K$ ($K \ge 1$) of positive terms is positive, of non-negative ones non-negative;
7. $\exp$ is positive and increasing, with $\exp(0) = 1$: for $g > 0$, $\exp(g) = 1 + v$ with a
   $v > 0$; for $g \ge 0$, with a $v \ge 0$. So $\log(x)$ has the sign of $x - 1$.

Every sum, exponential and logarithm becomes a symbol that knows its own sign and forgets all else,
even that it belongs to what stands beside it. That only makes more values possible, so that a sign
which is proved of the symbols holds of the expression.
"""

from collections.abc import Iterator

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
    """Tell whether rules 6 and 7 and SymPy's assumptions show that the expression is > 0."""
    check_fragment(expression)
    return _sign(rename_bound_indices(expression))[0]


def is_nonnegative(expression: Expr) -> bool:
    """Tell whether rules 6 and 7 and SymPy's assumptions show that the expression is >= 0."""
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
    numerator, denominator = fraction(together(_with_signed_symbols(expression, {})))
    if expand(denominator).is_positive is not True:
        return False, False
    # Expanding shows 1 + v - 1 to be positive, and hides that a square is not negative.
    forms = (numerator, expand(numerator))
    return (
        any(form.is_positive is True for form in forms),
        any(form.is_nonnegative is True for form in forms),
    )


def _with_signed_symbols(part: Expr, symbol_of: dict[Expr, Expr]) -> Expr:
    if isinstance(part, Sum):
        return symbol_of.setdefault(part, _symbol_of_sign(_sign(part.function)))
    if isinstance(part, log):
        return symbol_of.setdefault(part, _symbol_of_sign(_sign(part.args[0] - 1)))
    if isinstance(part, exp):
        return Mul(*(_exponential(term, symbol_of) for term in Add.make_args(expand(part.args[0]))))
    if isinstance(part, Add | Mul | Pow):
        return part.func(*(_with_signed_symbols(argument, symbol_of) for argument in part.args))
    return part


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
