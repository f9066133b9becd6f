from fractions import Fraction

import ml_dtypes
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logits import FORMATS

from softmax_lib import ulp_error

every_format = pytest.mark.parametrize("dtype", FORMATS.values(), ids=str)


def neighbour(value, towards):
    return np.nextafter(value, value.dtype.type(towards))


@every_format
def test_a_float_is_zero_ulps_from_itself(dtype):
    values = np.array([0, 1, -3, 1e-7, 240], dtype=dtype)
    np.testing.assert_array_equal(ulp_error(values, values), np.zeros(5))


@every_format
@pytest.mark.parametrize("value", [1.5, -1.5, 1.0, -2.0, 96.0, 0.375])
def test_the_next_float_away_from_zero_is_one_ulp_off(dtype, value):
    exact = dtype.type(value)
    assert ulp_error(neighbour(exact, np.copysign(np.inf, value)), exact) == 1


@every_format
def test_below_a_power_of_two_the_floats_lie_half_an_ulp_apart(dtype):
    one = dtype.type(1)
    assert ulp_error(neighbour(one, 0), one) == 0.5
    assert ulp_error(one, neighbour(one, 0)) == 1


@every_format
@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_unit_of_a_subnormal_is_the_smallest_subnormal(dtype, count):
    smallest = neighbour(dtype.type(0), 1)
    exact = dtype.type(smallest * dtype.type(count))
    assert ulp_error(exact, exact) == 0
    assert ulp_error(neighbour(exact, 1), exact) == 1
    assert ulp_error(dtype.type(0), exact) == count


@every_format
def test_the_unit_is_the_spacing_at_the_smallest_normal(dtype):
    smallest_normal = ml_dtypes.finfo(dtype).smallest_normal if dtype.kind == "V" else None
    if smallest_normal is None:
        smallest_normal = np.finfo(dtype).smallest_normal
    exact = dtype.type(smallest_normal)
    assert ulp_error(neighbour(exact, 0), exact) == 1
    assert ulp_error(neighbour(exact, 1), exact) == 1


@every_format
def test_the_unit_of_the_largest_number_does_not_overflow(dtype):
    largest = neighbour(dtype.type(np.inf), 0)
    assert ulp_error(neighbour(largest, 0), largest) == 1


@pytest.mark.parametrize(
    ("dtype", "digits"),
    [(np.float16, 10), (ml_dtypes.bfloat16, 7), (np.float32, 23), (np.float64, 52)],
)
def test_halves_of_an_ulp_show_in_a_wider_format(dtype, digits):
    exact = np.longdouble(1) + np.longdouble(2) ** -(digits + 1)
    assert ulp_error(np.array(1, dtype=dtype), exact) == 0.5
    assert (
        ulp_error(np.array(1, dtype=dtype), np.array([Fraction(*exact.as_integer_ratio())])) == 0.5
    )


INF, NAN = np.inf, np.nan
LARGEST = float(np.finfo(np.float32).max)
MIDPOINT = LARGEST + 2.0**103  # halfway from the largest float32 to 2**128
SPECIAL = [
    ("a subnormal", 2.0**-148, 2.0**-149, 1.0),
    ("zero", 2.0**-149, 0.0, 1.0),
    ("two NaN", NAN, NAN, 0.0),
    ("computed NaN", NAN, 1.0, INF),
    ("exact NaN", 1.0, NAN, INF),
    ("equal infinities", INF, INF, 0.0),
    ("equal negative infinities", -INF, -INF, 0.0),
    ("an infinity and what rounds to it", INF, MIDPOINT, 0.0),
    ("a negative infinity and what rounds to it", -INF, -MIDPOINT, 0.0),
    ("an infinity and what does not round to it", INF, np.nextafter(MIDPOINT, 0), INF),
    ("the largest number and what rounds to infinity", LARGEST, MIDPOINT, 0.5),
    ("computed infinite", INF, 1.0, INF),
    ("exact infinite", 1.0, INF, INF),
    ("opposite infinities", -INF, INF, INF),
    ("an infinity and what rounds to the other", -INF, MIDPOINT, INF),
]


@pytest.mark.parametrize(
    "convert", [np.float64, np.longdouble, mpmath.mpf], ids=lambda c: c.__name__
)
@pytest.mark.parametrize(
    ("computed", "exact", "error"), [pytest.param(*row, id=name) for name, *row in SPECIAL]
)
def test_special_values_of_ulp_error(convert, computed, exact, error):
    with np.errstate(all="raise"):
        assert ulp_error(np.float32(computed), convert(exact)) == error


@settings(max_examples=300, deadline=None)
@given(st.floats(allow_nan=False), st.floats(allow_nan=False, allow_infinity=False))
def test_floats_and_fractions_measure_alike(computed, exact):
    by_floats = ulp_error(computed, exact)
    by_fractions = ulp_error(computed, np.array(Fraction(exact)))
    np.testing.assert_allclose(by_floats, by_fractions, rtol=2.0**-52)


@settings(max_examples=300, deadline=None)
@given(st.floats(width=32, allow_nan=False), st.floats(allow_nan=False, allow_infinity=False))
def test_wider_floats_and_fractions_measure_alike(computed, exact):
    by_floats = ulp_error(np.float32(computed), exact)
    by_fractions = ulp_error(np.float32(computed), np.array(Fraction(exact)))
    np.testing.assert_allclose(by_floats, by_fractions, rtol=2.0**-52, atol=2.0**-52)


@pytest.mark.parametrize("dtype", [np.float64, np.longdouble])
def test_the_largest_number_is_infinitely_far_from_infinity(dtype):
    assert ulp_error(np.finfo(dtype).max, dtype(INF)) == INF


def test_rounding_to_a_format_errs_by_half_an_ulp_at_most():
    exact = np.random.default_rng(8).normal(size=1000) * 10.0 ** np.linspace(-50, 40, 1000)
    with np.errstate(all="ignore"):
        for dtype in (np.float16, np.float32):
            finite = exact[np.abs(exact) < np.finfo(dtype).max]
            assert np.max(ulp_error(finite.astype(dtype), finite)) <= 0.5


def test_numbers_far_beyond_the_exponents_of_the_format_are_measured_at_once():
    tiny, huge = (mpmath.ldexp(1, exponent) for exponent in (-(10**15), 10**15))
    assert ulp_error(0.0, tiny) == 0
    assert ulp_error(5e-324, tiny) == 1
    assert ulp_error(np.inf, huge) == 0
    assert ulp_error(1.0, huge) == 2.0**52


def test_errors_broadcast():
    computed, exact = np.ones((3, 1)), np.ones(4)
    assert ulp_error(computed, exact).shape == (3, 4)
    by_fractions = ulp_error(computed, np.array([Fraction(1)] * 4))
    assert by_fractions.shape == (3, 4)
    assert by_fractions.dtype == np.float64


@pytest.mark.parametrize(
    ("computed", "exact"),
    [
        (np.float64, np.float32),
        (np.float32, np.float16),
        (np.float16, ml_dtypes.bfloat16),
        (ml_dtypes.bfloat16, np.float16),
        (np.longdouble, np.float64),
    ],
)
def test_a_narrower_reference_is_refused(computed, exact):
    with pytest.raises(TypeError, match=f"holds {np.dtype(computed)}, got dtype {np.dtype(exact)}"):
        ulp_error(np.ones(2, dtype=computed), np.ones(2, dtype=exact))


def test_integers_are_refused():
    with pytest.raises(TypeError, match="computed must be floating, got dtype int64"):
        ulp_error(np.array([1]), np.array([1.0]))
    with pytest.raises(TypeError, match="got dtype int64"):
        ulp_error(np.array([1.0]), np.array([1]))


def test_objects_that_are_not_exact_numbers_are_refused():
    with pytest.raises(TypeError, match="got str"):
        ulp_error(np.array([1.0]), np.array(["1"], dtype=object))
