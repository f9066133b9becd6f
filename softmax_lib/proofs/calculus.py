"""Partial derivatives, without the captures that SymPy's ``diff`` allows."""

from sympy import Expr, Indexed, Sum, Symbol, diff

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
    bound = {limit[0] for part in expression.atoms(Sum) for limit in part.limits}
    name, *indices = named(variable)
    if bound.intersection(indices):
        raise Refused(f"the index of {variable} is bound in {expression}")
    if name not in named(expression):
        raise Refused(f"{name} does not occur in {expression}")
    return diff(expression, variable)
