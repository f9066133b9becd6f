import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st
from logits import FORMATS, finite_arrays

from softmax_lib import cross_entropy, exact_logsumexp, log_softmax, logsumexp

# Both err by about 2 ulps of max(|max z|, |result|, 1); |z| stays below 1000.
PEER_ATOL = 4 * 1000 * 2.0**-52

any_slices = settings(max_examples=60, deadline=None)


@any_slices
@given(z=finite_arrays())
def test_logsumexp_agrees_with_scipy(z):
    expected = scipy.special.logsumexp(z, axis=-1)
    np.testing.assert_allclose(logsumexp(z), expected, rtol=0, atol=PEER_ATOL)


@any_slices
@given(z=finite_arrays())
def test_logsumexp_lies_between_the_maximum_and_log_k_above(z):
    maximum = z.max(axis=-1)
    excess = logsumexp(z) - maximum
    assert np.all(excess >= 0)
    assert np.all(excess <= np.log(z.shape[-1]) + PEER_ATOL)


@any_slices
@given(z=finite_arrays())
def test_log_softmax_is_the_gap_to_logsumexp(z):
    expected = z - logsumexp(z, keepdims=True)
    np.testing.assert_allclose(log_softmax(z), expected, rtol=0, atol=PEER_ATOL)


@any_slices
@given(z=st.lists(st.integers(-20, 20), min_size=1, max_size=9), shift=st.integers(-900, 900))
def test_logsumexp_moves_with_a_common_shift(z, shift):
    moved = logsumexp(np.array(z) + shift)
    np.testing.assert_allclose(moved, logsumexp(z) + shift, rtol=0, atol=PEER_ATOL)


@pytest.mark.parametrize(
    "z",
    [[*np.full(20_000, -np.log(20_000)), -np.inf], [-(2.0**-145), -100.7]],
    ids=["many logits", "a maximum close to 0"],
)
def test_a_result_near_zero_keeps_its_digits(z):
    expected = exact_logsumexp(z)
    for rows in (np.array([z]), np.array([z, [0.0] * len(z), [1e3] * len(z)])):
        computed = logsumexp(rows)
        assert computed[0] == pytest.approx(expected, rel=2.0**-51, abs=0)
        np.testing.assert_array_equal(computed[1:], [logsumexp(row) for row in rows[1:]])


def test_a_longdouble_result_near_zero_keeps_the_digits_of_its_logits():
    z = np.full(3, -np.log(np.longdouble(3)))
    assert abs(logsumexp(z)) <= 4 * np.finfo(np.longdouble).eps


@pytest.mark.parametrize("name", FORMATS)
def test_logsumexp_of_the_largest_numbers_is_finite(name):
    dtype = FORMATS[name]
    largest = np.nextafter(dtype.type(np.inf), dtype.type(0))
    assert logsumexp(np.array([largest, largest])) == largest


@pytest.mark.parametrize("dtype", [np.float64, np.longdouble])
def test_keepdims_keeps_the_axes_with_length_one(dtype):
    z = np.zeros((2, 3, 4), dtype)
    assert logsumexp(z, axis=(0, 2), keepdims=True).shape == (1, 3, 1)
    assert logsumexp(z, axis=(0, 2)).shape == (3,)
    assert logsumexp(z, axis=None, keepdims=True).shape == (1, 1, 1)


def test_logsumexp_over_no_axis_is_the_identity():
    z = np.array([1.0, -2.0, 3.0])
    np.testing.assert_array_equal(logsumexp(z, axis=()), z)


def test_logsumexp_leaves_out_what_where_leaves_out():
    z = np.array([1.0, 50.0, 1.0])
    assert logsumexp(z, where=[True, False, True]) == pytest.approx(1 + np.log(2), rel=1e-15)


@pytest.mark.parametrize(
    ("shape", "axis", "result"), [((3, 0), -1, (3,)), ((0, 3), -1, (0,)), ((0, 3), 0, (3,))]
)
def test_empty_slices_give_minus_infinity(shape, axis, result):
    np.testing.assert_array_equal(logsumexp(np.zeros(shape), axis=axis), np.full(result, -np.inf))


def test_a_result_beyond_the_largest_number_of_a_format_is_infinite_without_a_warning():
    z = np.array([[6.5e4, -6.5e4]], dtype=np.float16)
    assert cross_entropy(z, [1]) == np.inf
    assert log_softmax(z)[0, 1] == -np.inf
