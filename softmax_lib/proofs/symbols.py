"""The one place that makes symbols, so that equal names are equal objects.

SymPy takes ``IndexedBase('z')`` and ``IndexedBase('z', real=True)`` for different objects, and the
derivative of the one by the other is silently 0.
"""

from collections.abc import Callable

from sympy import Dummy, Expr, IndexedBase, Sum, Symbol, exp, symbols, sympify

from .errors import Refused

K = Symbol("K", integer=True, positive=True)
"""Number of logits, at least 1."""

i, j, k, m, n = symbols("i j k m n", integer=True, positive=True)
"""Indices in 1..K. The standing hypothesis of every proof is that a free index lies there."""

z = IndexedBase("z", real=True)
"""Logits."""

c = Symbol("c", real=True)
"""A constant added to, or subtracted from, every logit."""

T = Symbol("T", positive=True)
"""A temperature."""

gap = Symbol("g", positive=True)
"""A positive difference of two logits."""

depth = IndexedBase("d", nonnegative=True)
"""How far each logit lies below the largest: d[i] = max z - z[i] >= 0."""


def total(term: Callable[[Symbol], Expr], index: Symbol = k) -> Expr:
    """Return the sum of ``term(index)`` over index = 1..K.

    Parameters
    ----------
    term : callable
        Index to the term with that index.
    index : Symbol, optional
        The name of the bound index.

    Raises
    ------
    Refused
        The term uses the index itself, and the sum would capture it: name another one.

    Examples
    --------
    >>> from softmax_lib.proofs import total, z
    >>> total(lambda index: z[index] ** 2)
    Sum(z[k]**2, (k, 1, K))
    """
    placeholder = Dummy(index.name, integer=True, positive=True)
    body = sympify(term(placeholder))
    # An inner sum may bind the same name, as long as this sum's own index does not stand in it.
    inner = [part for part in body.atoms(Sum) if index in part.variables]
    if index in body.free_symbols or any(part.has(placeholder) for part in inner):
        raise Refused(f"{body} uses {index} itself: name another index for the sum over it")
    return Sum(body.xreplace({placeholder: index}), (index, 1, K))


def softmax(component: Symbol, logit: Callable[[Symbol], Expr] = lambda index: z[index]) -> Expr:
    """Return exp(logit(component)) / sum over 1..K of exp(logit(index)), as a SymPy expression.

    Parameters
    ----------
    component : Symbol
        The index of the component.
    logit : callable, optional
        Index to logit; the default is ``z[index]``.

    Examples
    --------
    >>> from softmax_lib.proofs import i, softmax
    >>> softmax(i)
    exp(z[i])/Sum(exp(z[n]), (n, 1, K))
    """
    return exp(logit(component)) / total(lambda index: exp(logit(index)), n)
