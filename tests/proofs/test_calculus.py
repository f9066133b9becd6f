from dataclasses import replace
from fractions import Fraction

import pytest
from sympy import IndexedBase, Sum, Symbol, exp, log

from softmax_lib.proofs import K, Refused, c, differentiate, i, j, k, softmax, total, value_at, z
from softmax_lib.proofs.evaluation import evaluate, points

plain_z = IndexedBase("z")
other = IndexedBase("w", real=True)


def numerical_derivative(expression, point, index):
    """Return the derivative at a point by five-point differences of the written-out expression."""

    def at(shift):
        components = {**point.components, (z, index): point.components[z, index] + shift}
        return evaluate(expression, replace(point, components=components))

    step = Fraction(1, 10**8)
    difference = 8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))
    return difference * 10**8 / 12


@pytest.mark.parametrize(
    "expression",
    [
        softmax(i),
        log(softmax(i)),
        log(total(lambda a: exp(z[a]))),
        total(lambda a: softmax(a) * z[a] ** 2),
        Sum(softmax(i) * z[k], (i, 1, K), (k, 1, K)),
        z[i] * z[j] * softmax(i),
    ],
)
def test_the_derivative_agrees_with_differences_at_explicit_k(expression):
    derivative = differentiate(expression, z[j])
    for point in list(points(derivative, expression))[::5]:
        index = point.indices[j]
        numerical = numerical_derivative(expression, point, index)
        assert abs(evaluate(derivative, point) - numerical) < 1e-25


@pytest.mark.parametrize(
    ("expression", "variable", "reason"),
    [
        (Sum(exp(z[j]), (j, 1, K)), z[j], "is bound"),
        (softmax(i) * Sum(z[j], (j, 1, K)), z[j], "is bound"),
        (softmax(i), plain_z[j], "declared"),
        (softmax(i), IndexedBase("z", positive=True)[j], "two things"),
        (softmax(i), other[j], "does not occur"),
        (softmax(i), c, "does not occur"),
        (softmax(i), z[2], "not a symbol in"),
        (softmax(i), z[K], "not a symbol in"),
        (K * softmax(i), K, "neither"),
        (softmax(i), i, "stands where a number"),
        (softmax(i), exp(z[i]), "neither"),
        (softmax(i), Symbol("z", real=True), "two things"),
        (Sum(z[i], (i, 2, K)), z[j], "not a sum over"),
    ],
)
def test_a_derivative_that_diff_gets_wrong_is_refused(expression, variable, reason):
    with pytest.raises(Refused, match=reason):
        differentiate(expression, variable)


def test_a_symbol_may_be_differentiated_by():
    assert differentiate(exp(c * z[i]), c) == z[i] * exp(c * z[i])


def test_a_value_is_put_for_a_symbol():
    assert value_at(total(lambda a: c * z[a]), c, z[i] + K) == total(lambda a: (z[i] + K) * z[a])


@pytest.mark.parametrize(
    ("expression", "variable", "value", "reason"),
    [
        (Sum(c * z[i], (i, 1, K)), c, z[i], r"^i is bound in Sum\(c\*z\[i\]"),
        (softmax(i), c, 0, r"^c does not occur in exp"),
        (c * softmax(i), i, j, "stands where a number"),
        (K * softmax(i), K, 2, "^K is no real symbol"),
        (softmax(i), z[i], 0, r"^z\[i\] is no real symbol"),
        (c * softmax(i), Symbol("c", positive=True), 0, "two things"),
        (c * softmax(i), c, Symbol("z_i", real=True), "is no name"),
        (c * softmax(i), c, z[2], "not a symbol in"),
    ],
)
def test_a_value_that_subs_gets_wrong_is_refused(expression, variable, value, reason):
    with pytest.raises(Refused, match=reason):
        value_at(expression, variable, value)
