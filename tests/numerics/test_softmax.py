import numpy as np
import pytest
import scipy.special
from engines import COMPILED
from hypothesis import given, settings
from hypothesis import strategies as st
from logits import FORMATS, finite_arrays, hard_logits

from softmax_lib import exact_softmax, naive_softmax, softmax, ulp_error

# NumPy takes exponentials without a shift where it can: the last bits are not those with one.
LAST_BITS = 0 if COMPILED else 4
# Two results that are each within 3.1 ulps of one exact value.
ULPS_APART = 6.2
# SciPy's gap z - max z is rounded to within 2**-53 of at most 2 * 40, and so is its exponent.
SCIPY_RTOL = 100 * 2.0**-53
# K probabilities that are each within 3.1 ulps, and K - 1 additions.
SUM_ULPS_PER_CLASS = 4.0

any_slices = settings(max_examples=60, deadline=None)


@any_slices
@given(z=finite_arrays())
def test_probabilities_sum_to_one_but_for_rounding(z):
    tolerance = SUM_ULPS_PER_CLASS * z.shape[-1] * np.finfo(np.float64).eps
    np.testing.assert_allclose(softmax(z).sum(axis=-1), 1.0, rtol=tolerance)


@any_slices
@given(z=finite_arrays())
def test_probabilities_lie_between_zero_and_one(z):
    probabilities = softmax(z)
    assert np.all((probabilities >= 0) & (probabilities <= 1))


@any_slices
@given(z=finite_arrays(bound=40))
def test_softmax_agrees_with_scipy(z):
    np.testing.assert_allclose(softmax(z), scipy.special.softmax(z, axis=-1), rtol=SCIPY_RTOL)


@any_slices
@given(
    z=st.lists(st.integers(-1000, 1000), min_size=1, max_size=9), shift=st.integers(-(2**40), 2**40)
)
def test_softmax_is_unchanged_by_a_common_shift_that_is_exact(z, shift):
    assert np.max(ulp_error(softmax(np.array(z) + shift), softmax(z))) <= LAST_BITS


@any_slices
@given(z=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=9))
def test_softmax_permutes_with_its_input(z):
    assert np.max(ulp_error(softmax(z[::-1])[::-1], softmax(z))) <= ULPS_APART


def test_larger_logits_never_get_smaller_probabilities():
    rng = np.random.default_rng(11)
    for _ in range(300):
        z = np.sort(hard_logits(np.float64, rng))
        assert np.all(np.diff(softmax(z)) >= 0), z


@pytest.mark.parametrize("name", FORMATS)
def test_equal_logits_share_alike(name):
    z = np.full(5, 7, dtype=FORMATS[name])
    expected = (np.ones(5, dtype=np.longdouble) / 5).astype(FORMATS[name])
    assert np.max(ulp_error(softmax(z), expected)) <= (0 if name != "float64" else LAST_BITS)


def test_softmax_does_not_overflow_where_the_naive_quotient_does():
    z = np.array([1000.0, 999.0])
    assert np.isnan(naive_softmax(z)[0])
    np.testing.assert_allclose(softmax(z), softmax([1.0, 0.0]), rtol=1e-15)


@any_slices
@given(z=finite_arrays(), temperature=st.floats(1e-3, 1e3))
def test_a_temperature_divides_the_logits(z, temperature):
    exact = exact_softmax(z, temperature=temperature)
    assert np.max(ulp_error(softmax(z, temperature=temperature), exact)) <= ULPS_APART


@pytest.mark.parametrize("temperature", [0.125, 2.0, 64.0])
def test_a_power_of_two_as_temperature_gives_the_bits_of_scaled_logits(temperature):
    z = np.random.default_rng(2).normal(size=(20, 7)) * 30
    by_temperature = softmax(z, temperature=temperature)
    assert np.max(ulp_error(by_temperature, softmax(z / temperature))) <= LAST_BITS


def test_each_row_may_have_its_own_temperature():
    z = np.random.default_rng(3).normal(size=(4, 5))
    temperatures = np.array([0.0, 0.5, 3.0, np.inf])
    by_row = [softmax(row, temperature=t) for row, t in zip(z, temperatures, strict=True)]
    np.testing.assert_array_equal(softmax(z, temperature=temperatures[:, None]), by_row)


def test_a_temperature_broadcasts_across_the_other_axes():
    z = np.random.default_rng(3).normal(size=(2, 5, 3))
    temperatures = np.array([0.5, 1.0, 2.0])
    by_column = [softmax(z[..., k], temperature=t) for k, t in enumerate(temperatures)]
    computed = softmax(z, axis=1, temperature=temperatures)
    np.testing.assert_array_equal(computed, np.stack(by_column, axis=-1))


def test_what_where_leaves_out_is_as_if_it_were_not_there():
    z = np.random.default_rng(4).normal(size=(50, 6)) * 9
    keep = np.random.default_rng(5).random((50, 6)) < 0.5
    computed = softmax(z, where=keep)
    assert np.all(computed[~keep] == 0)
    for row, kept, probabilities in zip(z, keep, computed, strict=True):
        errors = ulp_error(probabilities[kept], softmax(row[kept]))
        assert np.all(errors <= ULPS_APART)


def test_where_broadcasts():
    z = np.zeros((2, 3, 4))
    np.testing.assert_array_equal(
        softmax(z, where=[True, True, False, False])[1, 2], [0.5, 0.5, 0, 0]
    )


@pytest.mark.parametrize("name", FORMATS)
def test_naive_softmax_is_the_quotient_in_its_own_format(name):
    z = np.array([0.5, 1.0, 2.0], dtype=FORMATS[name])
    computed = naive_softmax(z)
    assert computed.dtype == FORMATS[name]
    np.testing.assert_array_equal(computed, np.exp(z) / np.sum(np.exp(z)))


def test_naive_softmax_overflows_without_a_warning():
    with np.errstate(all="raise"):
        computed = naive_softmax(np.array([100.0, 0.0], dtype=np.float32))
    np.testing.assert_array_equal(computed, np.array([np.nan, 0.0], dtype=np.float32))


def test_naive_softmax_underflows_to_nan():
    assert np.all(np.isnan(naive_softmax([-1000.0, -1000.0])))


@pytest.mark.parametrize(
    ("name", "precision", "smallest"),
    [("float16", 11, -24), ("float32", 24, -149), ("float64", 53, -1074)],
)
def test_two_logits_saturate_where_the_exact_values_round_to_one_and_zero(
    name, precision, smallest
):
    # 1 - p is half the spacing below 1, and 1 - p is half the smallest number; but for the 2**-23
    # ulps by which the sum of the exponentials may be off.
    for bits, index, value in [(precision + 1, 0, 1), (1 - smallest, 1, 0)]:
        dtype = FORMATS[name].type
        below, above = (
            np.array([np.nextafter(dtype(gap), dtype(end)), 0], dtype=dtype)
            for gap, end in [
                (bits * np.log(2) * (1 - 2.0**-22), 0),
                (bits * np.log(2) * (1 + 2.0**-22), np.inf),
            ]
        )
        assert softmax(below)[index] != value
        assert softmax(above)[index] == value


@pytest.mark.parametrize("dtype", [np.float64, np.longdouble])
def test_softmax_of_nothing_is_empty(dtype):
    computed = softmax(np.zeros((2, 0), dtype))
    assert computed.shape == (2, 0)
    assert computed.dtype == dtype
