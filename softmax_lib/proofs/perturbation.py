"""Wrong variants of a right statement: the negative control of every proof."""

from collections.abc import Iterator

from sympy import Dummy, Expr, Rational, Sum, preorder_traversal

from .fragment import is_index


def perturbations(expression: Expr) -> Iterator[Expr]:
    """Yield variants that differ by a constant, a factor, a sign, a number, an index or a sum."""
    yield expression + 1
    yield 2 * expression
    yield -expression
    nodes = sorted(set(preorder_traversal(expression)), key=str)
    for number in (node for node in nodes if isinstance(node, Rational)):
        # A sum's lower limit 1 must stay: it is put back after the change.
        changed = expression.replace(
            lambda node, number=number: node == number, lambda node: node + 1
        )
        yield changed.replace(
            lambda node: isinstance(node, Sum),
            lambda node: Sum(node.function, *((limit[0], 1, limit[2]) for limit in node.limits)),
        )
    indices = [symbol for symbol in sorted(expression.free_symbols, key=str) if is_index(symbol)]
    for index in indices:
        for other in [*indices, Dummy("other", integer=True, positive=True)]:
            if other != index:
                yield expression.xreplace({index: other})
    for part in (node for node in nodes if isinstance(node, Sum)):
        yield expression.xreplace({part: 2 * part})
