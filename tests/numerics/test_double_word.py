from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softmax_lib._double_word import (
    DoubleWord,
    exactly,
    exponential,
    finite_or_zero,
    two_product,
    two_sum,
)

# Far from underflow and overflow, where an error is not a float any more.
floats = st.floats(1e-100, 1e100) | st.floats(-1e100, -1e-100)
parts = st.floats(-1, 1)
many = settings(max_examples=200, deadline=None)
# Double the precision, but for a few roundings of the errors.
DOUBLED = Fraction(1, 2**100)


def word(value, part=0.0):
    return DoubleWord(np.array([value]), np.array([part * abs(value) * 2.0**-54]))


def exact(number):
    return sum(Fraction(*np.ravel(part)[0].as_integer_ratio()) for part in number)


def row(values):
    return exactly(np.array([values]))


@many
@given(floats, floats)
def test_a_sum_of_floats_is_exact(a, b):
    total = two_sum(np.array([a]), np.array([b]))
    assert total.value == a + b
    assert exact(total) == Fraction(a) + Fraction(b)
    assert exact(two_sum(np.float64(a), np.float64(b))) == exact(total)


@many
@given(floats, floats)
def test_a_product_of_floats_is_exact(a, b):
    assert two_product(np.float64(a), np.float64(b)).value == a * b
    assert exact(two_product(np.float64(a), np.float64(b))) == Fraction(a) * Fraction(b)


@pytest.mark.parametrize("dtype", [np.float64, np.longdouble])
def test_a_product_of_numbers_with_all_their_digits_is_exact(dtype):
    numbers = np.sqrt(1 + np.random.default_rng(0).random((2, 200)).astype(dtype))
    for a, b in numbers.T:
        assert exact(two_product(a, b)) == exact([a]) * exact([b])


@many
@given(floats, parts, floats, parts)
def test_a_sum_has_twice_the_precision(a, a_part, b, b_part):
    first, second = word(a, a_part), word(b, b_part)
    error = abs(exact(first + second) - exact(first) - exact(second))
    assert error <= (abs(Fraction(a)) + abs(Fraction(b))) * DOUBLED
    assert exact(-second) == -exact(second)
    assert exact(first - second) == exact(first + -second)


@many
@given(floats, parts, floats, parts)
def test_a_product_has_twice_the_precision(a, a_part, b, b_part):
    first, second = word(a, a_part), word(b, b_part)
    product = exact(first) * exact(second)
    assert abs(exact(first * second) - product) <= abs(product) * DOUBLED


@many
@given(floats, parts, floats, parts)
def test_a_quotient_has_twice_the_precision(a, a_part, b, b_part):
    first, second = word(a, a_part), word(b, b_part)
    quotient = exact(first) / exact(second)
    assert abs(exact(first / second) - quotient) <= abs(quotient) * DOUBLED


@many
@given(st.lists(st.floats(-1e100, 1e100), min_size=1, max_size=40))
def test_a_sum_along_an_axis_has_twice_the_precision(values):
    # Of the largest value: what cancels costs digits.
    bound = max(abs(Fraction(value)) for value in values) * len(values) ** 3 * DOUBLED
    total = row(values).sum()
    assert abs(exact(part[0, 0] for part in total) - sum(map(Fraction, values))) <= bound


def test_a_sum_keeps_the_digits_of_small_values_if_it_is_told_of_no_larger_ones():
    values = [2.0**-60 * n for n in range(1, 30)]
    assert exact(part[0, 0] for part in row(values).sum()) == sum(map(Fraction, values))
    assert exact(part[0, 0] for part in row(values).sum(np.ones((1, 1)))) == sum(
        map(Fraction, values)
    )


@pytest.mark.parametrize(("twice", "bits"), [(False, 96), (True, 105)])
def test_each_sum_along_the_last_axis_keeps_its_digits_whatever_the_others_are(twice, bits):
    rng = np.random.default_rng(0)
    # Of the last one, any multiple would overflow.
    values = rng.random((2, 3, 1000)) * np.array([[1], [2.0**-60], [2.0**1013]])
    errors = values * rng.uniform(-1, 1, values.shape) * 2.0**-54
    total = DoubleWord(values, errors).sum(twice=twice)
    assert total.value.shape == (2, 3, 1)
    for place in np.ndindex(2, 3):
        expected = sum(map(Fraction, values[place])) + sum(map(Fraction, errors[place]))
        found = [part[place][0] for part in total]
        assert found[0] == float(expected)
        assert abs(exact(found) - expected) <= expected / 2**bits


def test_a_sum_along_an_axis_takes_in_the_errors():
    total = DoubleWord(np.ones((2, 3)), np.full((2, 3), 2.0**-60)).sum()
    np.testing.assert_array_equal(total.value, [[3.0], [3.0]])
    np.testing.assert_array_equal(total.error, np.full((2, 1), 3 * 2.0**-60))


def test_rounding_is_the_last_step():
    # 1 + 2**-53 is a tie that goes to 1; what is added to it decides otherwise.
    total = DoubleWord(np.float64(1), np.float64(2.0**-53 + 2.0**-54)).rounded()
    assert total == 1 + 2.0**-52


def test_an_error_that_is_not_finite_is_none():
    errors = np.array([np.nan, np.inf, -np.inf, 2.0])
    np.testing.assert_array_equal(finite_or_zero(errors), [0, 0, 0, 2])


def test_an_infinite_sum_has_no_error():
    with np.errstate(invalid="ignore"):
        total = exactly(np.array([-np.inf])) + exactly(np.array([1.0]))
        assert total.rounded() == -np.inf


def test_an_exponential_has_twice_the_precision():
    rng = np.random.default_rng(0)
    values = np.r_[0.0, rng.uniform(-100, 1, 500), rng.uniform(-600, 700, 100), [1e-20, -1e-9]]
    result = exponential(values)
    with mpmath.workprec(300):
        for value, *found in zip(values, *result, strict=True):
            quotient = mpmath.fsum(map(mpmath.mpf, map(float, found))) / mpmath.exp(float(value))
            assert abs(quotient - 1) < mpmath.mpf(2) ** -102
