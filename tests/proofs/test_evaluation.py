from fractions import Fraction

import pytest
from sympy import IndexedBase, KroneckerDelta, Max, Sum, Symbol, exp, log

from softmax_lib.proofs import K, Refused, c, depth, gap, i, j, softmax, z
from softmax_lib.proofs.evaluation import (
    LARGEST_K,
    TOLERANCE,
    Point,
    differ,
    evaluate,
    points,
    sign_at,
)

POINT = Point(
    K=2,
    indices={i: 1, j: 2},
    symbols={c: Fraction(1, 2)},
    components={(z, 1): Fraction(3), (z, 2): Fraction(5)},
)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (K + c, 2.5),
        (z[j] / z[i] * 3, 5),
        (Sum(z[i], (i, 1, K)), 8),
        (Sum(z[i] * z[j], (i, 1, K), (j, 1, K)), 64),
        (Sum(z[i] * Sum(z[i], (i, 1, K)), (i, 1, K)), 64),
        (Sum(z[i] * z[j], (j, 1, K)), 24),
        (KroneckerDelta(i, j), 0),
        (Sum(KroneckerDelta(i, j) * z[i], (i, 1, K)), 5),
        (log(exp(c) * exp(z[i]), evaluate=False), 3.5),
        ((exp(200 * c) + 1) ** 2 - exp(400 * c) - 2 * exp(200 * c), 1),
        (1 / (exp(-200 * c) + 1 - exp(-200 * c, evaluate=False) - c), 2),
        (exp(z[i]) / exp(z[i], evaluate=False) - 1, 0),
    ],
)
def test_an_expression_is_written_out_at_explicit_k(expression, value):
    assert not differ(evaluate(expression, POINT), value)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        (1 / (z[i] - 3), r"1/\(z\[i\] - 3\) divides by zero at K = 2, "),
        (log(z[i] - z[j]), r"log\(z\[i\] - z\[j\]\) is the logarithm of -2\.0 at K = 2, "),
        (log(z[i] - 3), r"is the logarithm of 0\.0 at K = 2, "),
        (Max(z[i], z[j]), r"Max\(z\[i\], z\[j\]\) \(Max\) cannot be written out at explicit K"),
        (Sum(z[i], (i, 2, K)), r"Sum\(z\[i\], \(i, 2, K\)\) is not a sum over 1\.\.K"),
        (z[Symbol("a")], "index a has no value in K = 2, "),
    ],
)
def test_what_has_no_value_is_refused(expression, reason):
    with pytest.raises(Refused, match=reason):
        evaluate(expression, POINT)


@pytest.mark.parametrize(
    ("expression", "sign"),
    [
        (z[i] - z[j], -1),
        (exp(-400 * c), 1),
        (log(1 + exp(-400 * c)), 1),
        ((exp(400 * c) + 1) ** 2 - exp(800 * c) - 2 * exp(400 * c) - 1, 0),
        (z[i] - 3, 0),
    ],
)
def test_a_sign_is_that_of_the_value_however_small(expression, sign):
    assert sign_at(expression, POINT) == sign


@pytest.mark.parametrize("ask", [evaluate, sign_at])
@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ((exp(9000 * c) + 1) ** 2 - exp(18000 * c) - 2 * exp(9000 * c), "960 digits do not settle"),
        (1 / log(1 + exp(-9000 * c)), "divides by zero"),
    ],
)
def test_what_no_number_of_digits_settles_is_refused(ask, expression, reason):
    with pytest.raises(Refused, match=reason):
        ask(expression, POINT)


def test_a_point_lists_its_values():
    assert str(POINT) == "K = 2, i = 1, j = 2, c = 1/2, z[1] = 3, z[2] = 5"


def test_every_value_of_the_free_indices_is_tried():
    tried = {(point.K, point.indices[i], point.indices[j]) for point in points(z[i] * z[j])}
    assert tried == {
        (size, first, second)
        for size in range(1, LARGEST_K + 1)
        for first in range(1, size + 1)
        for second in range(1, size + 1)
    }


def test_bound_indices_get_no_value():
    assert all(set(point.indices) == {j} for point in points(Sum(z[i] * z[j], (i, 1, K))))


def test_values_have_their_declared_signs():
    assert all(value >= 0 for point in points(depth[i]) for value in point.components.values())


def test_real_values_have_either_sign_and_are_below_3():
    values = [point.symbols[c] for point in points(c * z[i] * z[j])]
    values += [value for point in points(c * z[i]) for value in point.components.values()]
    assert min(values) < 0 < max(values)
    assert max(map(abs, values)) < 3


def test_every_component_has_a_value_and_no_other():
    for point in points(z[i]):
        assert set(point.components) == {(z, index) for index in range(1, point.K + 1)}


def test_the_boundary_of_a_nonnegative_declaration_is_tried():
    assert any(point.components[depth, 1] == 0 for point in points(depth[i]))


def test_zero_is_tried_unless_a_symbol_is_declared_positive():
    assert {0 in point.symbols.values() for point in points(c + 1)} == {True, False}
    assert not any(0 in point.symbols.values() for point in points(gap + 1))


def test_the_points_are_the_same_in_every_run():
    assert [str(at) for at in points(softmax(i))] == [str(at) for at in points(softmax(i))]


def test_two_bases_of_one_name_have_values_of_their_own():
    other = IndexedBase("z", positive=True)
    point = next(points(z[i] + other[i]))
    assert point.components[z, 1] != point.components[other, 1]


@pytest.mark.parametrize(
    ("left", "right", "is_different"),
    [
        (1, 1, False),
        (1, 1 + 1e-12, True),
        (0, TOLERANCE / 2, False),
        (0, TOLERANCE * 2, True),
        (10**30, 10**30 + TOLERANCE * 10**29, False),
        (-(10**30), -(10**30) - TOLERANCE * 10**31, True),
    ],
)
def test_values_differ_beyond_forty_digits(left, right, is_different):
    assert differ(left, right) is is_different
