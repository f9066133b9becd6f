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
    kl_divergence,
    log_softmax,
    softmax,
    ulp_error,
)

NAN, INF = np.nan, np.inf

# The largest errors that random searches came upon in float64 and longdouble.
FOUND_ENTROPY_ULPS = {"float64": 2.0, "longdouble": 2.5}  # 1.7 and 2.0
FOUND_CROSS_ENTROPY_ULPS = {"float64": 3.0, "longdouble": 4.0}  # 2.1 and 3.1
SMOOTHED_ULPS = 6.0  # 3 more
DIVERGENCE_ULPS = 16.0  # 6
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


@pytest.mark.parametrize("axis", [(0, 2), (2, 0), None])
def test_class_indices_of_several_axes_count_their_classes_one_after_the_other(axis):
    z = np.random.default_rng(11).normal(size=(3, 4, 5))
    axes = (0, 1, 2) if axis is None else axis
    lengths = [z.shape[one] for one in axes]
    rows = np.moveaxis(z, axes, range(-len(axes), 0)).reshape(-1, math.prod(lengths))
    places = [np.random.default_rng(12).integers(length, size=len(rows)) for length in lengths]
    target = np.ravel_multi_index(places, lengths)
    expected = cross_entropy(rows, target)
    computed = cross_entropy(z, target.reshape(() if axis is None else (4,)), axis=axis)
    np.testing.assert_array_equal(np.ravel(computed), expected)


def test_an_index_of_several_axes_is_out_of_range_from_their_product_on():
    with pytest.raises(ValueError, match="below K = 6, got 6"):
        cross_entropy(np.zeros((2, 3)), 6, axis=None)


def smoothed(target, epsilon, keep):
    """Return exact weights of a smoothed target, an index or weights."""
    y = np.eye(keep.size)[target] if np.ndim(target) == 0 else target
    count = np.count_nonzero(keep)
    return [
        (1 - mpmath.mpf(epsilon)) * mpmath.mpf(float(weight))
        + (mpmath.mpf(epsilon) / count if kept else 0)
        for weight, kept in zip(y, keep, strict=True)
    ]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("weighted", [False, True])
def test_smoothed_cross_entropy_errs_by_a_few_ulps(name, weighted):
    bound = SMOOTHED_ULPS if name in ("float64", "longdouble") else ROUNDED_ONCE_ULPS + 1e-6
    with mpmath.workdps(DIGITS):
        for seed in range(60):
            rng = np.random.default_rng(seed)
            z = hard_logits(FORMATS[name], rng)
            keep = rng.random(z.size) < 0.8
            place = rng.integers(z.size)
            keep[place] = True
            epsilon = float(rng.choice([0.1, 1e-3, 1e-12, 0.9, 1.0]))
            target = rng.random(z.size) * keep if weighted else place
            logs = exact_log_softmax(z, where=keep, rounded=False)
            weights = smoothed(target, epsilon, keep)
            exact = mpmath.fsum(-w * x for w, x in zip(weights, logs, strict=True) if w)
            if exact < 1e-300:
                continue
            computed = cross_entropy(z, target, where=keep, label_smoothing=epsilon)
            assert ulp_error(computed, np.array(exact, object)) <= bound, (seed, epsilon)


# What is special, logits, target, smoothing, what is left in, loss.
SMOOTHED = [
    ("a left-in -inf", [0.0, -INF], 0, 0.1, True, INF),
    ("all of it, on a class left out", [0.0, 5.0], 1, 1.0, [True, False], 0),
    ("some of it, on a class left out", [0.0, 5.0], 1, 0.5, [True, False], INF),
    ("a class left out gets none", [0.0, 0.0, NAN], 0, 0.5, [True, True, False], np.log(2)),
    ("NaN", [0.0, NAN], 0, 0.5, True, NAN),
    ("nothing left in", [0.0, 1.0], [0.0, 0.0], 0.5, False, 0),
    ("empty", [], [], 0.5, True, 0),
]


@pytest.mark.parametrize(
    ("z", "target", "smoothing", "keep", "loss"),
    [pytest.param(*row, id=name) for name, *row in SMOOTHED],
)
def test_special_values_of_smoothed_cross_entropy(z, target, smoothing, keep, loss):
    target = target if isinstance(target, int) else np.array(target, float)
    with np.errstate(all="raise"):
        computed = cross_entropy(z, target, label_smoothing=smoothing, where=keep)
    np.testing.assert_allclose(computed, loss, rtol=FEW_ULPS)


@pytest.mark.parametrize("smoothing", [-0.1, 1.5, NAN])
def test_a_smoothing_out_of_range_is_refused_by_its_value(smoothing):
    with pytest.raises(ValueError, match=f"label_smoothing must be from 0 to 1, got {smoothing}"):
        cross_entropy([1.0, 2.0], 0, label_smoothing=smoothing)


@pytest.mark.parametrize("smoothing", ["0.1", None, True, [0.1]], ids=repr)
def test_a_smoothing_that_is_no_number_is_refused(smoothing):
    with pytest.raises(TypeError, match="label_smoothing must be"):
        cross_entropy([1.0, 2.0], 0, label_smoothing=smoothing)


def exact_divergence(z, w, temperature):
    """Return Σ p log(p/q), whose terms cancel near 0: with as many digits as that takes."""
    with mpmath.workprec(3000):
        powers = [
            [mpmath.exp(mpmath.mpf(float(x)) / mpmath.mpf(temperature)) for x in row]
            for row in (z, w)
        ]
        p, q = ([power / mpmath.fsum(row) for power in row] for row in powers)
        return mpmath.fsum(a * mpmath.log(a / b) for a, b in zip(p, q, strict=True))


def pairs(rng, dtype=np.float64):
    """Yield pairs of rows of logits: unlike, near, and alike but for one logit."""
    first, second = hard_logits(dtype, rng), hard_logits(dtype, rng)
    size = min(first.size, second.size, 30)
    first, second = first[:size], second[:size]
    yield first, second
    for spread in (1e-3, 1e-8, 1e-12, 1e-15):
        yield first, (first + rng.normal(size=size) * spread).astype(dtype)
        near = rng.normal(size=size).astype(dtype)
        yield near, (near + 3 + rng.normal(size=size) * spread).astype(dtype)
    other = first.copy()
    other[rng.integers(size)] += dtype(rng.normal() * 10 ** rng.uniform(-10, 2))
    yield first, other


def test_the_divergence_errs_by_a_few_ulps_near_zero_too():
    for seed in range(25):
        rng = np.random.default_rng(seed)
        temperature = float(rng.choice([1.0, 0.3, 2.7]))
        for z, w in pairs(rng):
            exact = exact_divergence(z, w, temperature)
            if exact > mpmath.mpf(2) ** -1000:
                computed = kl_divergence(z, w, temperature=temperature)
                error = abs(mpmath.mpf(float(computed)) - exact) / np.spacing(float(exact))
                assert error <= DIVERGENCE_ULPS, (seed, z, w, temperature)


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32"])
def test_the_divergence_of_narrow_formats_is_rounded_once(name):
    for seed in range(10):
        z, w = next(pairs(np.random.default_rng(seed), FORMATS[name]))
        exact = exact_divergence(z, w, 1.0)
        computed = kl_divergence(z, w)
        assert computed.dtype == FORMATS[name]
        assert ulp_error(computed, np.array(exact, object)) <= ROUNDED_ONCE_ULPS + 1e-6


@any_slices
@given(z=finite_arrays(bound=50.0), shift=st.integers(-1000, 1000))
def test_the_divergence_of_logits_that_differ_by_a_constant_is_zero(z, shift):
    z = np.round(z * 2**20) / 2**20  # so that the shift is exact
    np.testing.assert_array_equal(kl_divergence(z, z + shift), 0)
    np.testing.assert_array_equal(kl_divergence(z + shift, z, temperature=0.3), 0)


@any_slices
@given(z=finite_arrays(bound=700.0), seed=st.integers(0, 2**32))
def test_the_divergence_is_never_negative(z, seed):
    spread = 10 ** np.random.default_rng(seed).uniform(-17, 3)
    w = z + np.random.default_rng(seed).normal(size=z.shape) * spread
    assert (kl_divergence(z, w) >= 0).all()


# What is special, logits, other logits, temperature, divergence.
DIVERGENCES = [
    ("empty", [], [], 1.0, 0),
    ("a single class", [3.0], [5.0], 1.0, 0),
    ("NaN in z", [1.0, NAN], [1.0, 2.0], 1.0, NAN),
    ("NaN in w", [1.0, 2.0], [1.0, NAN], 1.0, NAN),
    ("-inf alone in z", [-INF, -INF], [1.0, 2.0], 1.0, NAN),
    ("-inf alone in w", [1.0, 2.0], [-INF, -INF], 1.0, NAN),
    ("two +inf", [INF, INF], [1.0, 2.0], 1.0, NAN),
    ("-inf in z", [0.0, -INF], [0.0, 0.0], 1.0, np.log(2)),
    ("-inf in w", [0.0, 0.0], [0.0, -INF], 1.0, INF),
    ("-inf in both", [0.0, 1.0, -INF], [0.0, 1.0, -INF], 1.0, 0),
    ("+inf in z", [INF, 0.0], [0.0, 0.0], 1.0, np.log(2)),
    ("+inf in w", [0.0, 0.0], [0.0, INF], 1.0, INF),
    ("+inf in both", [0.0, INF], [5.0, INF], 1.0, 0),
    ("T = 0, a maximum of z alone", [1.0, 1.0], [1.0, 0.0], 0.0, INF),
    ("T = 0, a maximum of w alone", [1.0, 0.0], [1.0, 1.0], 0.0, np.log(2)),
    ("T = 0, the same maximum", [1.0, 0.0], [9.0, 1.0], 0.0, 0),
    ("T = inf", [1.0, -INF], [0.0, 5.0], INF, np.log(2)),
    ("both tiny", [0.0, 2.0**-1000], [0.0, 0.0], 2.0**-1000, np.log(2) - entropy([0.0, 1.0])),
    ("a probability that underflows", [0.0, -800.0], [0.0, 0.0], 1.0, np.log(2)),
    ("another that underflows", [0.0, 0.0], [0.0, -800.0], 1.0, 400 - np.log(2)),
    ("a gap beyond the largest number", [0.0, 1.7e308], [0.0, -1.7e308], 1e300, 1.7e8),
]


@pytest.mark.parametrize(
    ("z", "w", "temperature", "expected"),
    [pytest.param(*row, id=name) for name, *row in DIVERGENCES],
)
def test_special_values_of_the_divergence(z, w, temperature, expected):
    with np.errstate(all="raise"):
        computed = kl_divergence(z, w, temperature=temperature)
        beside = kl_divergence([z, z], [w, z], temperature=temperature)
    np.testing.assert_allclose(computed, expected, rtol=DIVERGENCE_ULPS * EPS)
    np.testing.assert_array_equal(beside[0], computed)


def test_a_row_has_the_divergence_that_it_has_alone():
    z = np.array([[1.0, 2.0, 4.0], [1e300, 0.0, INF], [0.0, 2.0**60, 2.0**60]])
    w = np.array([[1.0 + 1e-12, 2.0, 4.0], [0.0, 0.0, 3.0], [1.0, 2.0, 3.0]])
    for temperature in (1.0, np.array([[1.0], [2.0**-70], [3.0]])):
        temperatures = np.broadcast_to(temperature, (3, 1))
        alone = [
            kl_divergence(*row, temperature=T) for *row, T in zip(z, w, temperatures, strict=True)
        ]
        np.testing.assert_array_equal(kl_divergence(z, w, temperature=temperature), alone)


def test_a_long_row_has_the_divergence_of_its_pieces():
    rng = np.random.default_rng(13)
    z = rng.normal(size=300_000)
    w = z + rng.normal(size=z.size)
    p, q = softmax(z.astype(np.longdouble)), softmax(w.astype(np.longdouble))
    expected = (p * np.log(p / q)).sum()
    np.testing.assert_allclose(kl_divergence(z, w), float(expected), rtol=20 * EPS)


def test_other_logits_that_do_not_broadcast_are_refused_with_both_shapes():
    with pytest.raises(ValueError, match=r"w of shape \(3,\) .* z's shape \(2,\)"):
        kl_divergence([1.0, 2.0], [1.0, 2.0, 3.0])


def test_other_logits_that_are_not_real_are_refused_by_name_and_dtype():
    with pytest.raises(TypeError, match="w must be real numbers, got dtype complex128"):
        kl_divergence([1.0, 2.0], [1j, 0.0])


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


def test_the_divergence_keeps_digits_of_a_logit_that_its_gap_has_lost():
    z = np.array([507.6729962059022, 0.11816033177075552])
    w = np.array([507.6729962059022, 0.11816033177075563])
    exact = exact_divergence(z, w, 2.7)
    error = abs(mpmath.mpf(float(kl_divergence(z, w, temperature=2.7))) - exact)
    assert error <= DIVERGENCE_ULPS * np.spacing(float(exact))
