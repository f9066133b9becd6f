import mpmath
import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from logits import FORMATS, finite_arrays

from softmax_lib import exact_log_softmax, log_softmax, softmax, ulp_error
from softmax_lib._engine import passes

# The logarithm of a probability that errs by 3.1 ulps, itself good to 1 ulp; absolute, for a
# probability next to 1 has lost the digits that its logarithm would need.
LOG_ATOL = 4 * 2.0**-52
# Rounding of a gap of up to 2000.
SCIPY_ATOL = 2000 * 2.0**-52

any_slices = settings(max_examples=60, deadline=None)


@any_slices
@given(z=finite_arrays(bound=300))
def test_log_softmax_is_the_logarithm_of_softmax(z):
    np.testing.assert_allclose(log_softmax(z), np.log(softmax(z)), rtol=1e-15, atol=LOG_ATOL)


@any_slices
@given(z=finite_arrays())
def test_log_softmax_agrees_with_scipy(z):
    expected = scipy.special.log_softmax(z, axis=-1)
    np.testing.assert_allclose(log_softmax(z), expected, rtol=1e-15, atol=SCIPY_ATOL)


@any_slices
@given(z=finite_arrays())
def test_log_probabilities_are_never_positive(z):
    assert np.all(log_softmax(z) <= 0)


def test_log_softmax_stays_finite_where_softmax_underflows():
    assert log_softmax([0.0, -1e5])[1] == -1e5


def test_log_probability_of_the_top_class_underflows_gradually():
    assert log_softmax([740.0, 0.0])[0] == -softmax([740.0, 0.0])[1]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("gap", [3, 20, 80, 700])
def test_a_near_certain_class_keeps_its_digits_in_every_format(name, gap):
    third = np.longdouble(1) / 3
    z = np.array([third, third - gap]).astype(FORMATS[name])
    assert ulp_error(log_softmax(z), exact_log_softmax(z, rounded=False)).max() < 2


@pytest.mark.parametrize("place", [0, -1])
@pytest.mark.parametrize("length", [2, 1000, passes("d").LONGEST + 1])
def test_subnormal_exponentials_add_up_to_all_their_digits(place, length):
    z = np.full((2, length), -740.0)
    z[:, place] = 0
    z[1] /= 20  # a row beside it, whose exponentials are normal numbers
    with mpmath.workdps(400):
        exact = [-mpmath.log1p((length - 1) * mpmath.exp(row.min())) for row in z]
    assert ulp_error(log_softmax(z)[:, place], np.array(exact)).max() < 2


@pytest.mark.parametrize("name", FORMATS)
def test_equal_logits_have_the_logarithm_of_their_number(name):
    expected = -np.log(np.longdouble(5))
    computed = log_softmax(np.full(5, 3, dtype=FORMATS[name]))
    assert np.all(computed == computed[0])
    assert abs(np.longdouble(computed[0]) - expected) <= np.spacing(abs(computed[0]))


def test_log_softmax_takes_a_temperature():
    z = np.array([1.0, 2.0, 4.0])
    np.testing.assert_array_equal(log_softmax(z, temperature=0.5), log_softmax(2 * z))


@pytest.mark.parametrize("dtype", [np.float64, np.longdouble])
def test_log_softmax_of_nothing_is_empty(dtype):
    computed = log_softmax(np.zeros((2, 0), dtype))
    assert computed.shape == (2, 0)
    assert computed.dtype == dtype


@pytest.mark.parametrize("dtype", [np.float64, np.longdouble])
def test_log_softmax_leaves_out_what_where_leaves_out(dtype):
    computed = log_softmax(np.array([1.0, 50.0, 1.0], dtype), where=[True, False, True])
    np.testing.assert_allclose(computed, [-np.log(2), -np.inf, -np.log(2)], rtol=1e-15)


def test_what_the_logarithm_has_lost_is_given_back():
    rng = np.random.default_rng(20210108)
    # Where the logarithm is large beside the gaps, its last digits are those of the results.
    for classes in (2, 3, 4):
        z = rng.uniform(-1.5, 0, size=(1000, classes))
        z[:, 0] = 0
        assert ulp_error(log_softmax(z), exact_log_softmax(z, rounded=False)).max() < 1.6
