import math

import mpmath
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from logits import FORMATS, finite_arrays, hard_logits, hard_temperature

from softmax_lib import (
    cross_entropy,
    entropy,
    exact_log_softmax,
    exact_softmax,
    log_softmax,
    softmax,
    ulp_error,
)

NAN, INF = np.nan, np.inf

# The largest errors that random searches came upon in float64 and longdouble.
FOUND_ENTROPY_ULPS = {"float64": 2.0, "longdouble": 2.5}  # 1.7 and 2.0
FOUND_CROSS_ENTROPY_ULPS = {"float64": 3.0, "longdouble": 4.0}  # 2.1 and 3.1
# One rounding of a float64 result, which is off by that many units of 2**-29 ulps.
ROUNDED_ONCE_ULPS = 0.5 + 3.0 * 2.0**-29
EPS = np.finfo(np.float64).eps
FEW_ULPS = 4 * EPS
# SciPy normalises, takes logarithms and adds; -p log p is at most 1/e, and there are at most 5.
SCIPY_ATOL = 20 * EPS
# An entropy that does not change with T, computed twice.
MONOTONE_RTOL = 2 * 2 * EPS
# Sum of K products of a weight and a loss that err by a few ulps, against the library's own sum.
SUM_RTOL = 20 * EPS
TRIES = 200
DIGITS = 60

any_slices = settings(max_examples=60, deadline=None)


def exact_entropy(z, temperature):
    probabilities = exact_softmax(z, temperature=temperature, rounded=False)
    return np.array(
        -probabilities @ exact_log_softmax(z, temperature=temperature, rounded=False), dtype=object
    )


def normal_entropy(z, temperature):
    """Tell whether no probability of a slice is subnormal in the format that is computed in."""
    working = np.longdouble if z.dtype.char == "g" else np.float64
    probabilities = softmax(z.astype(working), temperature=temperature)
    return np.min(probabilities) >= np.finfo(working).smallest_normal


@pytest.mark.parametrize("name", FORMATS)
def test_entropy_errs_by_a_few_ulps_on_hard_logits(name):
    rng = np.random.default_rng(20240301)
    bound = FOUND_ENTROPY_ULPS.get(name, ROUNDED_ONCE_ULPS)
    with mpmath.workdps(DIGITS):
        for _ in range(TRIES):
            z, temperature = hard_logits(FORMATS[name], rng), hard_temperature(rng)
            if normal_entropy(z, temperature):
                error = ulp_error(
                    entropy(z, temperature=temperature), exact_entropy(z, temperature)
                )
                assert error <= bound, (z, temperature)


def test_entropy_does_not_lose_digits_with_the_number_of_classes():
    z = np.random.default_rng(1).normal(size=20_000) * 3
    with mpmath.workdps(DIGITS):
        assert ulp_error(entropy(z), exact_entropy(z, 1.0)) <= FOUND_ENTROPY_ULPS["float64"]


def test_entropy_of_a_near_certain_class_keeps_its_digits():
    # With x = exp(-100), the entropy is x (1 + 100) but for x**2.
    np.testing.assert_allclose(entropy([0.0, 100.0]), 101 * 3.720075976020836e-44, rtol=FEW_ULPS)


@any_slices
@given(z=finite_arrays(bound=30))
def test_entropy_agrees_with_scipy(z):
    np.testing.assert_allclose(
        entropy(z), scipy.stats.entropy(softmax(z), axis=-1), atol=SCIPY_ATOL, rtol=0
    )


@any_slices
@given(z=finite_arrays())
def test_entropy_lies_between_zero_and_the_logarithm_of_the_number_of_classes(z):
    computed = entropy(z)
    assert np.all((computed >= 0) & (computed <= np.log(z.shape[-1]) * (1 + FEW_ULPS)))


@any_slices
@given(z=finite_arrays(), temperatures=st.tuples(*[st.floats(1e-3, 1e3)] * 2).map(sorted))
def test_entropy_never_falls_as_the_temperature_grows(z, temperatures):
    colder, warmer = (entropy(z, temperature=temperature) for temperature in temperatures)
    assert np.all(warmer >= colder * (1 - MONOTONE_RTOL))


# What is special, logits, T, entropy.
ENTROPIES = [
    ("NaN", [1.0, NAN, INF], 1, NAN),
    ("one +inf", [0.0, INF, -INF], 1, 0),
    ("two +inf", [INF, 0.0, INF], 1, NAN),
    ("-inf", [3.0, -INF, 3.0], 1, np.log(2)),
    ("-inf alone", [-INF, -INF], 1, NAN),
    ("a single -inf", [-INF], 1, NAN),
    ("empty", [], 1, 0),
    ("one element", [7.0], 1, 0),
    ("T = 0", [2.0, 1.0, 2.0], 0, np.log(2)),
    ("T = -0", [2.0, 1.0, 2.0], -0.0, np.log(2)),
    ("T = 0, no tie", [2.0, 1.0, 1.0], 0, 0),
    ("T = inf", [9.0, 1.0, -INF], INF, np.log(2)),
    ("+inf before T = inf", [9.0, INF], INF, 0),
    ("two +inf before T = 0", [INF, INF], 0, NAN),
    ("NaN before T = 0", [NAN, 1.0], 0, NAN),
    ("-inf alone before T = inf", [-INF, -INF], INF, NAN),
    ("underflow", [0.0, -1e6], 1, 0),
    ("overflow", [1.7e308, -1.7e308], 1, 0),
]


@pytest.mark.parametrize(
    ("z", "temperature", "expected"), [pytest.param(*row, id=name) for name, *row in ENTROPIES]
)
def test_special_values_of_entropy(z, temperature, expected):
    with np.errstate(all="raise"):
        computed = entropy(z, temperature=temperature)
    np.testing.assert_allclose(computed, expected, rtol=FEW_ULPS)


@pytest.mark.parametrize("function", [entropy, lambda z: cross_entropy(z, 0)])
def test_the_value_of_certainty_is_positive_zero(function):
    for z in ([7.0], [INF, 0.0]):
        assert function(z) == 0
        assert not np.signbit(function(z))


def test_each_row_may_have_its_own_temperature():
    z = np.random.default_rng(2).normal(size=(4, 5))
    temperatures = np.array([0.0, 0.5, 3.0, np.inf])
    by_row = [entropy(row, temperature=t) for row, t in zip(z, temperatures, strict=True)]
    np.testing.assert_array_equal(entropy(z, temperature=temperatures[:, None]), by_row)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_errs_by_a_few_ulps_on_hard_logits(name, weighted):
    rng = np.random.default_rng(20240302)
    bound = FOUND_CROSS_ENTROPY_ULPS.get(name, ROUNDED_ONCE_ULPS)
    with mpmath.workdps(DIGITS):
        for _ in range(TRIES):
            z = hard_logits(FORMATS[name], rng)
            # Weights that mpmath takes as they are, whatever the format.
            weights = rng.integers(0, 100, size=z.size) / 64
            target = weights if weighted else rng.integers(z.size)
            weights = weights if weighted else np.eye(z.size)[target]
            exact = np.array(-weights @ exact_log_softmax(z, rounded=False), dtype=object)
            assert ulp_error(cross_entropy(z, target), exact) <= bound, (z, target)


def test_cross_entropy_does_not_lose_the_small_terms_of_its_sum():
    weights = np.zeros(2**16)
    weights[0] = 1
    weights[2 ** np.arange(16)] = 0.9 * EPS / 2  # less than half a unit of 1, and halved away
    exact = np.log(weights.size) * math.fsum(weights)
    np.testing.assert_allclose(cross_entropy(np.zeros(2**16), weights), exact, rtol=FEW_ULPS)


def test_what_a_gap_loses_to_rounding_counts_with_its_weight():
    # The gap, 2**20 + 0.99 * 2**-33, is rounded to 2**20.
    z = [2.0**20, -0.99 * 2.0**-33]
    assert cross_entropy(z, [0.0, 3.0]) == 3 * 2.0**20 + 2.0**-31


def test_cross_entropy_with_many_weights_is_that_of_all_pieces_of_a_row():
    z, weights = np.tile([0.0, -1.0], 2**17), np.ones(2**18)
    exact = 2**17 * (1 + 2 * np.log(2**17 * (1 + np.exp(-1))))
    np.testing.assert_allclose(cross_entropy(z, weights), exact, rtol=FEW_ULPS)


@any_slices
@given(z=finite_arrays(), seed=st.integers(0, 2**32))
def test_cross_entropy_of_a_class_is_its_log_probability_negated(z, seed):
    target = np.random.default_rng(seed).integers(z.shape[-1], size=z.shape[:-1])
    expected = -np.take_along_axis(log_softmax(z), target[..., None], axis=-1)[..., 0]
    np.testing.assert_array_equal(cross_entropy(z, target), expected)


def test_cross_entropy_of_a_near_certain_class_keeps_its_digits():
    np.testing.assert_allclose(cross_entropy([100.0, 0.0], 0), 3.720075976020836e-44, rtol=FEW_ULPS)


@any_slices
@given(z=finite_arrays())
def test_a_class_is_the_weights_that_are_one_there_and_zero_elsewhere(z):
    one_hot = np.eye(z.shape[-1])[0]
    # The sum of one product is not rounded at the same places.
    np.testing.assert_allclose(
        cross_entropy(z, one_hot), cross_entropy(z, np.zeros(z.shape[:-1], dtype=int)), rtol=4e-16
    )


@any_slices
@given(z=finite_arrays(bound=600))
def test_cross_entropy_with_the_distribution_itself_is_the_entropy(z):
    np.testing.assert_allclose(
        cross_entropy(z, softmax(z)), entropy(z), rtol=SUM_RTOL, atol=np.finfo(np.float64).tiny
    )


def test_weights_need_not_sum_to_one():
    z, weights = [1.0, 2.0, 4.0], np.array([0.5, 0.25, 0.25])
    assert cross_entropy(z, 4 * weights) == 4 * cross_entropy(z, weights)
    assert cross_entropy(z, 2.0) == 2 * cross_entropy(z, 1.0)


def test_every_class_may_be_a_slice_with_a_weight():
    np.testing.assert_array_equal(cross_entropy([1.0, 2.0], [2.0, 0.0], axis=()), [0, 0])


def test_the_gradient_of_cross_entropy_is_the_probabilities_less_the_target():
    rng = np.random.default_rng(3)
    z, weights, step = rng.normal(size=6), rng.dirichlet(np.ones(6)), 1e-5
    central = [
        (cross_entropy(z + h, weights) - cross_entropy(z - h, weights)) / (2 * step)
        for h in step * np.eye(6)
    ]
    # step**2 / 6 times the third derivative, at most 1, and 2 rounding errors over the step.
    np.testing.assert_allclose(central, softmax(z) - weights, atol=step**2 + 8 * EPS / step)


# What is special, logits, target, cross-entropy.
CROSS_ENTROPIES = [
    ("NaN", [1.0, NAN, INF], 0, NAN),
    ("NaN without weight", [1.0, NAN], [1.0, 0.0], NAN),
    ("no weight beside NaN", [1.0, NAN], [0.0, 0.0], NAN),
    ("one +inf", [0.0, INF, -INF], 1, 0),
    ("one +inf, weighted", [0.0, INF, -INF], [0.0, 2.0, 0.0], 0),
    ("one +inf, another class", [0.0, INF, -INF], 0, INF),
    ("one +inf, another weight", [0.0, INF, -INF], [0.1, 0.9, 0.0], INF),
    ("two +inf", [INF, 0.0, INF], 0, NAN),
    ("-inf", [3.0, -INF, 3.0], 1, INF),
    ("-inf, another class", [3.0, -INF, 3.0], 0, np.log(2)),
    ("-inf without weight", [3.0, -INF, 3.0], [0.5, 0.0, 0.5], np.log(2)),
    ("-inf with weight -0", [3.0, -INF, 3.0], [0.5, -0.0, 0.5], np.log(2)),
    ("-inf alone", [-INF, -INF], 0, NAN),
    ("a single -inf", [-INF], 0, NAN),
    ("empty", [], [], 0),
    ("one element", [7.0], 0, 0),
    ("no weight", [3.0, -INF], [0.0, 0.0], 0),
    ("overflow of a product", [0.0, -1e300], [0.0, 1e300], INF),
    ("overflow of the sum", [0.0, -1e9], [1e300, 1e300], INF),
]


@pytest.mark.parametrize(
    ("z", "target", "expected"), [pytest.param(*row, id=name) for name, *row in CROSS_ENTROPIES]
)
def test_special_values_of_cross_entropy(z, target, expected):
    with np.errstate(all="raise"):
        computed = cross_entropy(z, target)
    np.testing.assert_allclose(computed, expected, rtol=FEW_ULPS)


def test_an_infinite_value_is_that_of_its_row_alone():
    z = np.array([[3.0, -INF], [3.0, -INF]])
    np.testing.assert_array_equal(cross_entropy(z, [[0.0, 1.0], [1.0, 0.0]]), [INF, 0])


@pytest.mark.parametrize("index", [-1, 3, 2**63])
def test_an_index_out_of_range_is_refused_by_its_value(index):
    with pytest.raises(ValueError, match=rf"at least 0 and below K = 3, got {index}"):
        cross_entropy(np.zeros((1, 3)), [index])


@pytest.mark.parametrize("shape", [(0, 3), (0, 0), (2, 0, 3), (1, 0, 3)])
def test_no_class_indices_give_no_values(shape):
    assert cross_entropy(np.zeros(shape), np.zeros(shape[:-1], int)).shape == shape[:-1]


def test_no_index_is_in_range_where_there_are_no_classes():
    with pytest.raises(ValueError, match="below K = 0, got 0"):
        cross_entropy(np.zeros((2, 0)), [0, 0])


@pytest.mark.parametrize("shape", [(), (3,), (1, 2), (2, 3)])
def test_class_indices_of_another_shape_are_refused_with_both_shapes(shape):
    with pytest.raises(ValueError, match=r"z's shape without axis, \(2,\), got shape \("):
        cross_entropy(np.zeros((2, 3)), np.zeros(shape, dtype=int))


@pytest.mark.parametrize("axis", [None, (0, 1), (1,)])
def test_class_indices_want_a_single_axis(axis):
    with pytest.raises(TypeError, match="axis must be an int if target is class indices"):
        cross_entropy(np.zeros((2, 3)), [0, 0], axis=axis)


@pytest.mark.parametrize("weight", [-0.5, NAN, INF])
def test_a_weight_that_is_negative_or_not_finite_is_refused_by_its_value(weight):
    with pytest.raises(ValueError, match=f"must be finite and at least 0, got {weight}"):
        cross_entropy([1.0, 2.0], [1.0, weight])


def test_weights_that_do_not_broadcast_are_refused_with_both_shapes():
    with pytest.raises(ValueError, match=r"target of shape \(3,\) .* z's shape \(2,\)"):
        cross_entropy([1.0, 2.0], [1.0, 0.0, 0.0])


@pytest.mark.parametrize("dtype", ["bool", "complex128", "object", "U1", "m8[s]"])
def test_a_target_that_is_neither_indices_nor_weights_is_refused_by_its_dtype(dtype):
    target = np.zeros(2, dtype=dtype)
    with pytest.raises(TypeError, match=r"class indices .* got dtype ") as raised:
        cross_entropy([1.0, 2.0], target)
    assert str(target.dtype) in str(raised.value)


def test_a_masked_target_is_refused():
    with pytest.raises(TypeError, match="target is a masked array"):
        cross_entropy([1.0, 2.0], np.ma.array([1.0, 0.0], mask=[True, False]))


@pytest.mark.parametrize("function", [entropy, lambda z: cross_entropy(z, [0.5, 0.5])])
def test_logits_that_are_not_real_are_refused_by_their_dtype(function):
    with pytest.raises(TypeError, match="z must be real numbers, got dtype complex128"):
        function(np.array([1j, 2]))


@pytest.mark.parametrize("name", FORMATS)
def test_the_format_is_that_of_the_logits(name):
    z = np.zeros((2, 3), dtype=FORMATS[name])
    assert entropy(z).dtype == FORMATS[name]
    assert cross_entropy(z, [0, 1]).dtype == FORMATS[name]
    assert cross_entropy(z, np.ones(3)).dtype == FORMATS[name]


@pytest.mark.parametrize("name", FORMATS)
def test_weights_may_have_any_floating_format(name):
    weights = np.array([0.5, 0.25, 0.25], dtype=FORMATS[name])
    z = [1.0, 2.0, 4.0]
    assert cross_entropy(z, weights) == cross_entropy(z, weights.astype(np.float64))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.uint64])
def test_class_indices_may_have_any_integer_format(dtype):
    z = np.random.default_rng(4).normal(size=(2, 3))
    np.testing.assert_array_equal(
        cross_entropy(z, np.array([0, 2], dtype=dtype)), cross_entropy(z, [0, 2])
    )


@pytest.mark.parametrize("axis", [0, (0, 2), (2, 1), None])
def test_values_along_axes_are_those_of_the_flattened_slices(axis):
    rng = np.random.default_rng(5)
    z, weights = rng.normal(size=(2, 3, 4)), rng.random(size=(2, 3, 4))
    axes = (0, 1, 2) if axis is None else np.atleast_1d(axis)
    moved = [np.moveaxis(a, axes, range(-len(axes), 0)) for a in (z, weights)]
    flat = [a.reshape(*a.shape[: 3 - len(axes)], -1) for a in moved]
    np.testing.assert_array_equal(entropy(z, axis=axis), entropy(flat[0]))
    np.testing.assert_array_equal(cross_entropy(z, weights, axis=axis), cross_entropy(*flat))


def test_class_indices_along_another_axis():
    z = np.random.default_rng(6).normal(size=(2, 3, 4))
    target = np.random.default_rng(7).integers(3, size=(2, 4))
    np.testing.assert_array_equal(
        cross_entropy(z, target, axis=1), cross_entropy(np.swapaxes(z, 1, 2), target)
    )


@pytest.mark.parametrize("shape", [(3,), (2, 3), (4, 2, 3), (0, 3), (2, 0)])
def test_a_slice_gives_one_value(shape):
    assert np.shape(entropy(np.zeros(shape))) == shape[:-1]
    assert np.shape(cross_entropy(np.zeros(shape), 1.0)) == shape[:-1]


def test_inputs_are_left_as_they_were_and_their_layout_does_not_matter():
    rng = np.random.default_rng(8)
    z, weights = rng.normal(size=(5, 8)), rng.random(size=(5, 8))
    strided_z, strided_weights = (np.asfortranarray(a)[:, ::-1] for a in (z, weights))
    for array in (strided_z, strided_weights):
        array.flags.writeable = False
    reversed_z, reversed_weights = (np.ascontiguousarray(a[:, ::-1]) for a in (z, weights))
    np.testing.assert_array_equal(entropy(strided_z), entropy(reversed_z))
    np.testing.assert_array_equal(
        cross_entropy(strided_z, strided_weights), cross_entropy(reversed_z, reversed_weights)
    )
    np.testing.assert_array_equal(strided_z, reversed_z)
    np.testing.assert_array_equal(strided_weights, reversed_weights)


@pytest.mark.parametrize("function", [entropy, lambda z: cross_entropy(z, z)])
def test_slices_without_classes_give_one_zero_each(function):
    np.testing.assert_array_equal(function(np.zeros((2, 3, 0))), np.zeros((2, 3)))
