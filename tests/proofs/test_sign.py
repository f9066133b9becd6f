import pytest
from sympy import Sum, exp, log

from softmax_lib.proofs import K, Refused, c, depth, gap, i, j, softmax, total, z
from softmax_lib.proofs.evaluation import evaluate, points
from softmax_lib.proofs.sign import conditions, is_nonnegative, is_positive


@pytest.mark.parametrize(
    "expression",
    [
        exp(gap) - 1 - gap,  # true, but exp forgets its exponent here
        exp(exp(gap)) - 2 * exp(1) / 3,
        total(lambda a: exp(z[a])) - exp(z[i]),  # true, but the sum forgets its terms here
        z[i] ** 2 - 2 * z[i] + 1 - c,
        exp(z[i]) - exp(z[j]),
        total(lambda a: exp(z[a])) - total(lambda a: exp(2 * z[a])),
        log(2 + exp(c)) - log(3 + exp(c)),
        log(softmax(i)),
        exp(gap) - 2,
        1 / c,
    ],
)
def test_a_sign_that_depends_on_what_was_forgotten_stays_open(expression):
    assert not is_positive(expression)
    assert not is_nonnegative(expression)


@pytest.mark.parametrize(
    "expression",
    [exp(gap) - exp(-gap), exp(2 * gap) - exp(gap), exp(gap / 2) - 1],
)
def test_increasing_exponentials_are_compared(expression):
    assert is_positive(expression)


@pytest.mark.parametrize(
    "expression", [exp(gap) - 1, softmax(i), 1 + depth[i], log(1 + exp(gap)) * K]
)
def test_a_proven_sign_holds_at_every_point(expression):
    assert is_positive(expression)
    assert all(evaluate(expression, point) > 0 for point in points(expression))


@pytest.mark.parametrize("expression", [depth[i], K - 1, exp(depth[i]) - 1])
def test_what_may_be_0_is_nonnegative_and_not_positive(expression):
    assert is_nonnegative(expression)
    assert not is_positive(expression)


def test_the_square_of_a_sum_is_nonnegative():
    assert is_nonnegative(total(lambda a: z[a]) ** 2)


def test_a_sum_of_terms_of_either_sign_has_no_sign():
    assert not is_nonnegative(Sum(z[i] * z[j], (i, 1, K)))


def test_the_conditions_are_the_denominators_and_the_logarithms_arguments():
    expression = log(1 + exp(z[i] / gap)) / K**2
    assert set(conditions(expression)) == {K, 1 + exp(z[i] / gap), gap}


def test_a_denominator_inside_a_sum_is_a_condition():
    assert set(conditions(Sum(1 / z[i], (i, 1, K)))) == {z[i]}


def test_a_sum_with_other_limits_has_no_sign():
    with pytest.raises(Refused):
        is_positive(Sum(exp(z[i]), (i, 2, K)))
