from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softmax_lib._double_word import (
    add,
    divide,
    finite_or_zero,
    sum_last_axis,
    two_product,
    two_sum,
)

# Far from underflow and overflow, where an error is not a float any more.
floats = st.floats(1e-100, 1e100) | st.floats(-1e100, -1e-100)
many = settings(max_examples=200, deadline=None)
# Double the precision, but for a few roundings of the errors.
DOUBLED = Fraction(1, 2**100)


def fractions(*values):
    return [Fraction(float(value)) for value in values]


@many
@given(floats, floats)
def test_a_sum_and_its_error_are_exact(a, b):
    total, error = two_sum(np.float64(a), np.float64(b))
    assert total == a + b
    assert sum(fractions(total, error)) == sum(fractions(a, b))


@many
@given(floats, floats)
def test_a_product_and_its_error_are_exact(a, b):
    product, error = two_product(np.float64(a), np.float64(b))
    assert product == a * b
    assert sum(fractions(product, error)) == Fraction(a) * Fraction(b)


@many
@given(st.floats(-1e10, 1e10), st.floats(-1e10, 1e10))
def test_a_longdouble_product_and_its_error_are_exact(a, b):
    a, b = np.sqrt(np.abs(np.array([a, b], dtype=np.longdouble)) + 1)
    exact = Fraction(*a.as_integer_ratio()) * Fraction(*b.as_integer_ratio())
    parts = two_product(a, b)
    assert sum(Fraction(*part.as_integer_ratio()) for part in parts) == exact


@pytest.mark.parametrize("dtype", [np.float64, np.longdouble])
def test_a_product_of_numbers_with_all_their_digits_is_exact(dtype):
    numbers = np.sqrt(1 + np.random.default_rng(0).random((2, 200)).astype(dtype))
    for pair, parts in zip(numbers.T, np.transpose(two_product(*numbers)), strict=True):
        a, b, product, error = (Fraction(*x.as_integer_ratio()) for x in (*pair, *parts))
        assert product + error == a * b


@many
@given(floats, st.floats(-1, 1), st.floats(1, 1e5), st.floats(-1, 1))
def test_a_quotient_and_its_error_have_twice_the_precision(a, a_part, b, b_part):
    a_error, b_error = a_part * abs(a) * 2.0**-54, b_part * b * 2.0**-54
    quotient, error = divide(*map(np.float64, (a, a_error, b, b_error)))
    exact = sum(fractions(a, a_error)) / sum(fractions(b, b_error))
    assert abs(sum(fractions(quotient, error)) - exact) <= abs(exact) * DOUBLED


@many
@given(st.lists(st.floats(0, 1e100), min_size=1, max_size=40))
def test_a_sum_over_an_axis_has_twice_the_precision(values):
    row = np.array(values)
    (total,), (error,) = sum_last_axis(row, np.zeros_like(row))
    exact = sum(fractions(*values))
    assert abs(sum(fractions(total, error)) - exact) <= exact * DOUBLED


def test_a_sum_over_an_axis_takes_in_the_errors():
    total, error = sum_last_axis(np.ones((2, 3)), np.full((2, 3), 2.0**-60))
    np.testing.assert_array_equal(total, [[3.0], [3.0]])
    np.testing.assert_array_equal(error, np.full((2, 1), 3 * 2.0**-60))


def test_what_cancels_leaves_the_errors():
    np.testing.assert_array_equal(
        add(np.float64(1), np.float64(-1), np.float64(2.0**-60)), 2.0**-60
    )


def test_a_sum_of_three_is_rounded_after_its_last_addition():
    # 1 + 2**-53 is a tie that goes to 1; what is added to it decides otherwise.
    total = add(np.float64(1), np.float64(2.0**-53), np.float64(2.0**-54))
    assert total == 1 + 2.0**-52


def test_an_error_that_is_not_finite_is_none():
    errors = np.array([np.nan, np.inf, -np.inf, 2.0])
    np.testing.assert_array_equal(finite_or_zero(errors), [0, 0, 0, 2])


def test_an_infinite_sum_has_no_error():
    with np.errstate(invalid="ignore"):
        assert add(np.float64(-np.inf), np.float64(1), np.float64(0)) == -np.inf
