"""Derivatives and values, without the captures that SymPy's ``diff`` and ``subs`` allow."""

from sympy import Expr, Indexed, Symbol, diff, sympify

from .errors import Refused
from .fragment import check_fragment, check_names, named
from .symbols import K


def differentiate(expression: Expr, variable: Expr) -> Expr:
    """Return the partial derivative by a component, for instance ``z[j]``, or by a real symbol.

    Parameters
    ----------
    expression : Expr
        An expression of the fragment that the prover covers.
    variable : Indexed or Symbol
        A component whose index is bound nowhere in the expression, or a symbol that is not an
        index and not K. Its base, or the symbol itself, must occur in the expression.

    Returns
    -------
    Expr
        The derivative. A component gives Kronecker deltas: they settle which index is meant.

    Raises
    ------
    Refused
        Where ``diff`` goes wrong without a word. It gives the whole sum for
        ``Sum(exp(z[j]), (j, 1, K)).diff(z[j])``, because the bound j captures the free one; and 0
        for a variable that differs from the expression's own in its assumptions only.

    Examples
    --------
    >>> from softmax_lib.proofs import differentiate, i, j, prove_equal, softmax, z
    >>> from sympy import KroneckerDelta
    >>> derivative = differentiate(softmax(i), z[j])
    >>> proof = prove_equal(derivative, softmax(i) * (KroneckerDelta(i, j) - softmax(j)))
    """
    for part in (expression, variable):
        check_fragment(part)
    check_names(expression, variable)
    if variable == K or not isinstance(variable, Indexed | Symbol):
        raise Refused(f"{variable} is neither a component nor a real symbol")
    name = next(named(variable))
    if name not in named(expression):
        raise Refused(f"{name} does not occur in {expression}")
    return diff(expression, variable)


def value_at(expression: Expr, variable: Symbol, value: Expr) -> Expr:
    """Return the expression with a value in the place of a real symbol.

    Parameters
    ----------
    expression : Expr
        An expression of the fragment that the prover covers.
    variable : Symbol
        A symbol that is not an index and not K.
    value : Expr
        What is put for it.

    Raises
    ------
    Refused
        The symbol is no number, or does not occur; or an index of the value is bound in the
        expression, which would capture it, as ``Sum(c * z[i], (i, 1, K)).subs(c, z[i])`` does.

    Examples
    --------
    >>> from softmax_lib.proofs import K, c, i, prove_equal, softmax, value_at, z
    >>> flat = value_at(softmax(i, lambda index: c * z[index]), c, 0)
    >>> proof = prove_equal(flat, 1 / K)
    """
    value = sympify(value, strict=True)
    for part in (expression, variable, value):
        check_fragment(part)
    check_names(expression, variable, value)
    if variable == K or not isinstance(variable, Symbol):
        raise Refused(f"{variable} is no real symbol")
    if variable not in expression.free_symbols:
        raise Refused(f"{variable} does not occur in {expression}")
    return expression.xreplace({variable: value})
