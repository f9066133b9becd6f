import copy
import dataclasses
import pickle
import re

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logits import FORMATS, hard_logits

from softmax_lib import (
    OnlineNormalizer,
    engine,
    exact_log_softmax,
    exact_logsumexp,
    exact_softmax,
    log_softmax,
    logsumexp,
    softmax,
    ulp_error,
)

NAN, INF = np.nan, np.inf
# The docstring's: u, the error of a slice's sum and what a merge adds to it, both in u.
OF_SLICE = {"numpy": 2, "compiled": 0.5}[engine()]
ACCURACY = {"float64": (2.0**-53, OF_SLICE, 2.0**-32), "longdouble": (2.0**-64, 3.1, 5.1)}
# So accurate is what a state gives: in ulps, as softmax of the whole row.
ULPS = {"numpy": 4, "compiled": 2}[engine()]

any_slices = settings(max_examples=60, deadline=None)
pieces = st.lists(st.lists(st.floats(-50, 50), max_size=4), min_size=1, max_size=6)

# What is special, logits, maximum, denominator, log-sum-exp.
SPECIAL = [
    ("empty", [], -INF, 0, -INF),
    ("a single -inf", [-INF], -INF, 0, -INF),
    ("-inf alone", [-INF, -INF], -INF, 0, -INF),
    ("-inf", [-INF, 3.0, -INF], 3, 1, 3),
    ("NaN", [1.0, NAN], NAN, NAN, NAN),
    ("NaN and +inf", [INF, NAN], NAN, NAN, NAN),
    ("NaN and -inf", [-INF, NAN], NAN, NAN, NAN),
    ("one +inf", [1.0, INF, -INF], INF, 1, INF),
    ("three +inf", [INF, INF, 5.0, INF], INF, 3, INF),
    ("-0", [-0.0], 0, 1, 0),
    ("a gap that overflows", [1.7e308, -1.7e308], 1.7e308, 1, 1.7e308),
]


def rows(table):
    return [pytest.param(*row, id=name) for name, *row in table]


def fields(state):
    return np.array([state.maximum, state.denominator, state.correction])


def assert_same_bits(first, second):
    """Compare numbers with their signs; one NaN is as good as another."""
    numbers = [fields(state) for state in (first, second)]
    np.testing.assert_array_equal(*numbers)
    np.testing.assert_array_equal(*(np.signbit(x) & ~np.isnan(x) for x in numbers))


def merged(states):
    total, *others = states
    for state in others:
        total = total.merge(state)
    return total


def merged_at_random(states, rng):
    """Merge in any order and bracketing; return the state, and through how many merges it went."""
    parts = [(state, 0) for state in states]
    while len(parts) > 1:
        first, second = (parts.pop(rng.integers(len(parts))) for _ in range(2))
        parts.append((first[0].merge(second[0]), max(first[1], second[1]) + 1))
    return parts[0]


def cut_at_random(z, rng):
    """Share the elements out, in any order, among up to six pieces, some of them empty."""
    owners = rng.integers(rng.integers(1, 7), size=len(z))
    return [z[owners == owner] for owner in range(6)]


def exact_denominator(z):
    """Return Σ exp(z - max z), unrounded: the inverse of the largest probability."""
    with mpmath.workprec(200):
        return 1 / max(exact_softmax(z, rounded=False))


def relative_error(state, z):
    with mpmath.workprec(200):
        exact = exact_denominator(z)
        computed = mpmath.mpf(0)
        for value in (state.denominator, state.correction):
            head = float(value)
            computed += mpmath.mpf(head) + mpmath.mpf(float(value - type(value)(head)))
        return float(abs(computed / exact - 1))


@pytest.mark.parametrize(("z", "maximum", "denominator", "result"), rows(SPECIAL))
@pytest.mark.parametrize("dtype", [np.float64, np.longdouble])
def test_special_values(z, maximum, denominator, result, dtype):
    with np.errstate(all="raise"):
        state = OnlineNormalizer.of(np.array(z, dtype))
        computed = state.logsumexp()
    assert_same_bits(state, OnlineNormalizer(maximum, denominator))
    np.testing.assert_array_equal(computed, result)


@pytest.mark.parametrize("rest", [row[1] for row in SPECIAL], ids=[row[0] for row in SPECIAL])
@pytest.mark.parametrize(("z", "maximum", "denominator", "result"), rows(SPECIAL))
def test_special_values_merge_to_those_of_all_logits(z, maximum, denominator, result, rest):
    with np.errstate(all="raise"):
        state = OnlineNormalizer(maximum, denominator).merge(OnlineNormalizer.of(rest))
    whole = OnlineNormalizer.of(np.r_[z, rest])
    # The exponential of -3, of 0 and 3 merged, is off by less in a merge.
    one, other = (OnlineNormalizer(each.maximum, each.denominator) for each in (state, whole))
    assert_same_bits(one, other)


@pytest.mark.parametrize("name", ACCURACY)
def test_the_error_of_a_slice_stays_within_the_bound(name):
    unit, of_slice, _ = ACCURACY[name]
    for seed in range(150):
        z = hard_logits(FORMATS[name], np.random.default_rng(seed))
        assert relative_error(OnlineNormalizer.of(z), z) <= of_slice * unit


@pytest.mark.parametrize("name", ACCURACY)
def test_the_error_of_merged_slices_stays_within_the_bound(name):
    unit, of_slice, of_merge = ACCURACY[name]
    for seed in range(150):
        rng = np.random.default_rng(seed)
        z = hard_logits(FORMATS[name], rng)
        states = [OnlineNormalizer.of(piece) for piece in cut_at_random(z, rng)]
        state, merges = merged_at_random(states, rng)
        assert state.maximum == z.max()
        assert relative_error(state, z) <= (of_slice + of_merge * merges) * unit


@pytest.mark.parametrize("name", ACCURACY)
def test_the_error_of_one_logit_after_the_other_stays_within_the_bound(name):
    unit, of_slice, of_merge = ACCURACY[name]
    rng = np.random.default_rng(3)
    # A maximum that keeps rising, so that the whole sum is scaled down again and again.
    z = np.sort(rng.uniform(0, 1, size=300)).astype(FORMATS[name]) + rng.uniform(0, 1)
    state = merged([OnlineNormalizer.of([logit]) for logit in z])
    assert relative_error(state, z) <= (of_slice + of_merge * 299) * unit


def test_many_gaps_that_are_rounded_cost_no_digits():
    # Each gap rounds to -8.5, which alone would move the sum by 5 u.
    high, low, count = np.float64(8e-16), -8.5, 20_000
    state = OnlineNormalizer.of(np.r_[np.full(count, low), high])
    with mpmath.workprec(200):
        exact = 1 + count * mpmath.exp(mpmath.mpf(low) - mpmath.mpf(float(high)))
        assert abs(float(mpmath.mpf(float(state.denominator)) / exact - 1)) <= 3 * 2.0**-53


def test_the_correction_is_what_rounding_took_from_the_denominator():
    state = OnlineNormalizer.of([0.0]).merge(OnlineNormalizer.of([-40.0]))
    assert state.denominator == 1
    assert state.correction == pytest.approx(np.exp(-40.0), rel=2.0**-52)


def test_a_wide_gap_costs_no_digits():
    # The gap rounds to -30, which alone would move its exponential by 13 u.
    high, low = np.float64(1.5e-15), np.float64(-30.0)
    state = OnlineNormalizer(low, 2.0**50).merge(OnlineNormalizer.of([high]))
    with mpmath.workprec(200):
        exact = 1 + 2**50 * mpmath.exp(mpmath.mpf(float(low)) - mpmath.mpf(float(high)))
        # Half a unit in the last place of a number above 1, which is 1 u.
        assert abs(float(mpmath.mpf(float(state.denominator)) / exact - 1)) <= 2.0**-53


def test_logsumexp_is_as_accurate_as_stated():
    for seed in range(150):
        rng = np.random.default_rng(seed)
        z = hard_logits(np.float64, rng)
        states = [OnlineNormalizer.of(piece) for piece in cut_at_random(z, rng)]
        state, _ = merged_at_random(states, rng)
        computed, exact = state.logsumexp(), exact_logsumexp(z, rounded=False)
        unit = np.spacing(max(abs(z.max()), abs(float(exact)), 1))
        assert float(abs(mpmath.mpf(float(computed)) - exact)) <= 2 * unit


@any_slices
@given(parts=pieces)
def test_merging_pieces_agrees_with_logsumexp_of_all(parts):
    computed = merged([OnlineNormalizer.of(part) for part in parts]).logsumexp()
    # Both err by a few ulps of 50 and, at five merges, of log s.
    np.testing.assert_allclose(computed, logsumexp(np.concatenate(parts)), rtol=0, atol=1e-13)


@any_slices
@given(parts=pieces)
def test_merge_is_commutative_to_the_bit(parts):
    first, second = (
        OnlineNormalizer.of(part) for part in (parts[0], np.concatenate([*parts[1:], []]))
    )
    assert_same_bits(first.merge(second), second.merge(first))


@pytest.mark.parametrize("zeros", [(0.0, -0.0), (-0.0, 0.0)])
def test_signed_zeros_do_not_make_the_order_matter(zeros):
    first, second = (OnlineNormalizer(zero, 1.0) for zero in zeros)
    assert_same_bits(first.merge(second), OnlineNormalizer(0.0, 2.0))


@any_slices
@given(part=pieces)
def test_the_identity_leaves_a_state_as_it_is(part):
    state = OnlineNormalizer.of(part[0])
    assert_same_bits(state.merge(OnlineNormalizer(-INF, 0)), state)


def test_what_merges_lose_one_by_one_is_not_lost_together():
    # The exponential of each low logit is below half an ulp of 1, and that of the two is above it.
    high, low = OnlineNormalizer.of([0.0]), OnlineNormalizer.of([-37.0])
    assert high.merge(low).denominator == 1
    assert high.merge(low).merge(low).denominator == 1 + 2.0**-52
    assert high.merge(low.merge(low)).denominator == 1 + 2.0**-52


def test_merge_is_not_associative_to_the_bit():
    # The exponential of each low logit is below half an ulp of the last bit that a state holds.
    high, low = OnlineNormalizer.of([0.0]), OnlineNormalizer.of([-76.6])
    middle = OnlineNormalizer.of([-36.0])
    first, second = (
        high.merge(middle).merge(low).merge(low),
        high.merge(middle.merge(low.merge(low))),
    )
    assert first.denominator == second.denominator
    assert first.correction != second.correction


@pytest.mark.parametrize("dtype", [np.float64, np.longdouble])
def test_a_state_has_one_entry_for_each_slice(dtype):
    z = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(dtype)
    whole = OnlineNormalizer.of(z, axis=(0, 2))
    one_by_one = [OnlineNormalizer.of(z[:, k], axis=None) for k in range(4)]
    np.testing.assert_array_equal(whole.maximum, [state.maximum for state in one_by_one])
    np.testing.assert_array_equal(whole.denominator, [state.denominator for state in one_by_one])


def test_states_of_one_shape_merge_entry_by_entry():
    z = np.random.default_rng(1).normal(size=(4, 7))
    state = OnlineNormalizer.of(z[:, :3]).merge(OnlineNormalizer.of(z[:, 3:]))
    one_by_one = [OnlineNormalizer.of(row[:3]).merge(OnlineNormalizer.of(row[3:])) for row in z]
    np.testing.assert_array_equal(fields(state), np.transpose([fields(one) for one in one_by_one]))


def test_shapes_broadcast():
    column, row = OnlineNormalizer.of(np.ones((3, 1, 2))), OnlineNormalizer.of(np.ones((4, 5)))
    np.testing.assert_array_equal(column.merge(row).denominator, np.full((3, 4), 7.0))


def test_shapes_that_do_not_broadcast_are_refused_with_both():
    with pytest.raises(ValueError, match=r"shapes \(3,\) and \(4,\) do not broadcast"):
        OnlineNormalizer.of(np.ones((3, 2))).merge(OnlineNormalizer.of(np.ones((4, 2))))


@pytest.mark.parametrize("other", [(0.0, 1.0), 1.0, None], ids=repr)
def test_what_is_no_state_is_refused_by_its_type(other):
    with pytest.raises(TypeError, match=f"takes an OnlineNormalizer, got {type(other).__name__}"):
        OnlineNormalizer(0.0, 1.0).merge(other)


@pytest.mark.parametrize("name", [*FORMATS, "bool", "int64"])
def test_the_state_is_float64_but_longdouble_for_longdouble(name):
    state = OnlineNormalizer.of(np.array([1, 0]).astype(FORMATS.get(name, name)))
    expected = np.dtype(np.longdouble if name == "longdouble" else np.float64)
    assert {x.dtype for x in (state.maximum, state.denominator, state.logsumexp())} == {expected}


def test_with_a_longdouble_state_the_result_is_longdouble():
    third = np.longdouble(1) / 3
    state = OnlineNormalizer.of([0.0]).merge(OnlineNormalizer(third, np.longdouble(1)))
    assert state.maximum == third


def test_a_narrow_format_loses_nothing_that_float64_keeps():
    z = np.random.default_rng(2).normal(size=9).astype(np.float16)
    assert_same_bits(OnlineNormalizer.of(z), OnlineNormalizer.of(z.astype(np.float64)))


def test_a_state_cannot_be_changed():
    maximum, denominator = np.zeros(3), np.ones(3)
    state = OnlineNormalizer(maximum, denominator)
    maximum[0] = denominator[0] = 5
    np.testing.assert_array_equal(fields(state), [[0, 0, 0], [1, 1, 1], [0, 0, 0]])
    with pytest.raises(ValueError, match="read-only"):
        state.denominator[0] = 5
    with pytest.raises(AttributeError, match="cannot assign"):
        state.maximum = 5  # type: ignore[misc]


def test_a_copy_has_the_same_bits():
    state = OnlineNormalizer.of([1.0, 2.0])
    assert_same_bits(copy.deepcopy(state), state)


# Temperature, logits, maximum, denominator.
LIMITS = [
    ("T = 0", 0.0, [2.0, 5.0, 5.0, -INF], 5, 2),
    ("T = inf", INF, [2.0, 5.0, 5.0, -INF], 5, 3),
    ("T = inf, with +inf", INF, [2.0, INF, 5.0], INF, 1),
    ("T = 0, -inf alone", 0.0, [-INF, -INF], -INF, 0),
    ("a small T", 2.0**-1060, [2.0, 5.0, 5.0], 5, 2),
    ("a large T", 2.0**1000, [2.0, 5.0, 5.0], 5, 3),
    ("both tiny", 2.0**-1000, [0.0, -(2.0**-1000)], 0, 1 + np.exp(-1.0)),
    ("both huge", 2.0**1000, [0.0, -(2.0**1000)], 0, 1 + np.exp(-1.0)),
]


@pytest.mark.parametrize(("temperature", "z", "maximum", "denominator"), rows(LIMITS))
@pytest.mark.parametrize("cut", [0, 1, 2])
def test_the_state_at_extreme_temperatures(temperature, z, maximum, denominator, cut):
    with np.errstate(all="raise"):
        parts = [OnlineNormalizer.of(part, temperature=temperature) for part in (z[:cut], z[cut:])]
        state = parts[0].merge(parts[1])
    assert state.maximum == maximum
    assert state.denominator == pytest.approx(denominator, rel=2.0**-52)


@pytest.mark.parametrize(
    ("temperature", "maximum", "result"),
    [(2.0, 6.0, 3), (0.0, 6.0, INF), (0.0, -6.0, -INF), (0.0, 0.0, 0), (INF, 6.0, 0)],
)
def test_logsumexp_divides_the_maximum_by_the_temperature(temperature, maximum, result):
    with np.errstate(all="raise"):
        state = OnlineNormalizer(maximum, 4.0, temperature=temperature)
        assert state.logsumexp() == result + np.log(4.0)


def test_states_at_unlike_temperatures_are_refused_with_both():
    states = [OnlineNormalizer.of([[1.0], [1.0]], temperature=T) for T in ([[1], [2]], [[1], [4]])]
    with pytest.raises(ValueError, match=r"temperatures 2\.0 and 4\.0 do not merge"):
        states[0].merge(states[1])


def test_the_identity_merges_at_any_temperature():
    state = OnlineNormalizer.of([[1.0], [5.0]], temperature=[[2.0], [3.0]])
    for merged in state.merge(OnlineNormalizer(-INF, 0)), OnlineNormalizer(-INF, 0).merge(state):
        assert_same_bits(merged, state)
        np.testing.assert_array_equal(merged.temperature, [2, 3])


@pytest.mark.parametrize("temperature", [-1.0, NAN])
def test_a_temperature_that_is_none_is_refused_by_its_value(temperature):
    with pytest.raises(ValueError, match=f"temperature must be at least 0, got {temperature}"):
        OnlineNormalizer(0.0, 1.0, temperature=temperature)


@pytest.mark.parametrize("name", ["correction", "temperature"])
def test_what_does_not_broadcast_to_the_maximum_is_refused_with_both_shapes(name):
    with pytest.raises(ValueError, match=rf"{name} of shape \(2,\) does not .* maximum, \(3,\)"):
        OnlineNormalizer(np.zeros(3), np.ones(3), **{name: [0.0, 0.0]})


@pytest.mark.parametrize("dtype", [np.float64, np.longdouble])
def test_what_where_leaves_out_is_not_in_the_state(dtype):
    z = np.array([[1.0, NAN, 2.0], [INF, 3.0, NAN], [NAN, INF, INF]], dtype)
    keep = [[True, False, True], [False, True, False], [False, False, False]]
    state = OnlineNormalizer.of(z, where=keep)
    alone = [OnlineNormalizer.of(row[kept]) for row, kept in zip(z, np.array(keep), strict=True)]
    np.testing.assert_array_equal(fields(state), np.transpose([fields(one) for one in alone]))


def whole_and_parts(z, rng, **arguments):
    """Return the state of a row, merged in any order, and the places that its parts have."""
    owners = rng.integers(4, size=z.shape[-1])
    places = [np.flatnonzero(owners == owner) for owner in range(4)]
    states = [OnlineNormalizer.of(z[..., place], **arguments) for place in places]
    return merged_at_random(states, rng)[0], places


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "longdouble"])
@pytest.mark.parametrize("temperature", [1.0, 0.37, 2.0**-70])
def test_probabilities_of_parts_are_as_accurate_as_those_of_the_whole(name, temperature):
    bound = ULPS if name == "float64" else 0.5 + 2e-6
    for seed in range(40):
        rng = np.random.default_rng(seed)
        z = hard_logits(FORMATS[name], rng)
        state, places = whole_and_parts(z, rng, temperature=temperature)
        for ours, exact in (
            (state.probabilities, exact_softmax(z, temperature=temperature, rounded=False)),
            (state.log_probabilities, exact_log_softmax(z, temperature=temperature, rounded=False)),
        ):
            parts = [ours(z[place]) for place in places]
            assert {part.dtype for part in parts} == {z.dtype}
            error = ulp_error(np.concatenate(parts), exact[np.concatenate(places)])
            assert error.max(initial=0) <= bound


# With the state of the whole row, each function gives what softmax gives; for one +inf, too.
@pytest.mark.parametrize("z", [row[1] for row in SPECIAL], ids=[row[0] for row in SPECIAL])
@pytest.mark.parametrize("temperature", [0.0, 1.0, 3.0, INF])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
def test_probabilities_of_special_rows_are_those_of_softmax(z, temperature, dtype):
    with np.errstate(over="ignore"):
        z = np.array(z, dtype)
    with np.errstate(all="raise"):
        state = OnlineNormalizer.of(z, temperature=temperature)
        computed = state.probabilities(z), state.log_probabilities(z)
    expected = softmax(z, temperature=temperature), log_softmax(z, temperature=temperature)
    for ours, theirs in zip(computed, expected, strict=True):
        assert ours.dtype == dtype
        np.testing.assert_allclose(ours, theirs, rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("length", [2, 20, 70_000])
def test_a_nan_that_the_state_has_not_seen_makes_its_slice_nan(dtype, length):
    z = np.zeros((2, length), dtype)
    state = OnlineNormalizer.of(z)
    z[1, length // 2] = NAN
    for computed in state.probabilities(z), state.log_probabilities(z):
        np.testing.assert_array_equal(np.isnan(computed).all(axis=-1), [False, True])
        np.testing.assert_array_equal(np.isnan(computed).any(axis=-1), [False, True])


def test_what_where_leaves_out_gets_nothing_of_a_state():
    state, keep = OnlineNormalizer.of([0.0, 0.0]), [True, False, False]
    np.testing.assert_array_equal(state.probabilities([0.0, NAN, 9.0], where=keep), [0.5, 0, 0])
    computed = state.log_probabilities([0.0, NAN, 9.0], where=keep)
    np.testing.assert_array_equal(computed, [-np.log(2), -INF, -INF])


def test_a_logit_that_the_state_has_not_seen_is_refused_with_both():
    state = OnlineNormalizer.of([[0.0, 1.0], [2.0, 3.0]])
    with pytest.raises(ValueError, match=r"logit 3\.5, above the state's maximum 3\.0"):
        state.probabilities([[0.5], [3.5]])


def test_a_state_goes_with_slices_along_any_axes():
    z = np.random.default_rng(3).normal(size=(3, 4, 5))
    state = OnlineNormalizer.of(z, axis=(0, 2), temperature=2.0)
    expected = softmax(z, axis=(0, 2), temperature=2.0)
    computed = state.probabilities(z, axis=(0, 2))
    np.testing.assert_allclose(computed, expected, rtol=4 * 2.0**-52)


def test_a_state_that_does_not_fit_is_refused_with_shapes_and_axes():
    state = OnlineNormalizer.of(np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"shape \(3,\) .* the shape \(2, 4\) .* axes \(1,\)"):
        state.probabilities(np.zeros((2, 4)))


@pytest.mark.parametrize("name", [*FORMATS, "bool", "int64"])
def test_probabilities_come_in_the_format_of_the_logits_whatever_that_of_the_state(name):
    z = np.array([1, 0]).astype(FORMATS.get(name, name))
    expected = np.dtype(FORMATS.get(name, np.float64))
    for state in OnlineNormalizer.of(z), OnlineNormalizer.of(z.astype(np.longdouble)):
        assert state.probabilities(z).dtype == expected
        np.testing.assert_allclose(
            state.probabilities(z).astype(float), softmax(z).astype(float), rtol=2.0**-52
        )


def test_the_logits_are_not_written_to():
    z = np.array([1.0, -0.0, INF])
    OnlineNormalizer.of(z)
    np.testing.assert_array_equal(z, [1.0, -0.0, INF])
    assert np.signbit(z[1])


def test_a_maximum_and_a_denominator_of_unlike_shapes_are_refused_with_both():
    with pytest.raises(ValueError, match=r"maximum of shape \(3,\) and denominator of shape \(\)"):
        OnlineNormalizer(np.zeros(3), 1.0)


@pytest.mark.parametrize("denominator", [-1.0, INF, -INF])
def test_a_denominator_that_no_sum_of_exponentials_is_is_refused_by_its_value(denominator):
    with pytest.raises(ValueError, match=re.escape(f"at least 0, got {denominator}")):
        OnlineNormalizer([0.0, 0.0], [1.0, denominator])


@pytest.mark.parametrize(
    ("name", "values"), [("maximum", ("1", 1.0)), ("denominator", (1.0, 1j))], ids=repr
)
def test_what_is_not_real_is_refused_by_name_and_dtype(name, values):
    dtype = np.asarray(values[name == "denominator"]).dtype
    with pytest.raises(TypeError, match=f"{name} must be real numbers, got dtype {dtype}"):
        OnlineNormalizer(*values)


def test_an_axis_out_of_range_is_refused():
    with pytest.raises(np.exceptions.AxisError):
        OnlineNormalizer.of([1.0], axis=1)


@pytest.mark.parametrize("dtype", [np.float64, np.longdouble])
def test_each_row_has_the_state_that_it_has_alone(dtype):
    z = np.array([[INF, 0.0], [INF, INF], [1.0, 2.0], [-INF, -INF]], dtype)
    states, alone = OnlineNormalizer.of(z), [OnlineNormalizer.of(row) for row in z]
    np.testing.assert_array_equal(states.maximum, [state.maximum for state in alone])
    np.testing.assert_array_equal(states.denominator, [state.denominator for state in alone])


def test_the_state_of_a_long_row_is_that_of_its_parts():
    z = np.random.default_rng(7).normal(size=3 * 2**17 + 5) * 3
    first, *others = (OnlineNormalizer.of(part) for part in np.array_split(z, 4))
    merged = first
    for state in others:
        merged = merged.merge(state)
    whole = OnlineNormalizer.of(z)
    assert whole.maximum == merged.maximum
    # What each is off by, and the roundings of two denominators and of their quotient.
    bound = (2 * OF_SLICE + 3) * 2.0**-53
    assert abs(whole.denominator / merged.denominator - 1) <= bound


def test_the_state_of_narrow_logits_has_all_digits_of_float64():
    z = (np.random.default_rng(8).normal(size=(20, 50)) * 9).astype(np.float32)
    narrow, wide = OnlineNormalizer.of(z), OnlineNormalizer.of(z.astype(np.float64))
    np.testing.assert_array_equal(narrow.denominator, wide.denominator)


@pytest.mark.parametrize(
    "copied",
    [
        copy.copy,
        copy.deepcopy,
        lambda state: copy.deepcopy([state])[0],
        lambda state: dataclasses.replace(state),
        *(
            lambda state, protocol=protocol: pickle.loads(pickle.dumps(state, protocol))
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
        ),
    ],
)
@pytest.mark.parametrize("dtype", [np.float64, np.longdouble])
@pytest.mark.parametrize("name", [name for name, *_ in SPECIAL])
def test_a_copy_is_read_only_and_has_the_same_values(copied, dtype, name):
    logits = next(logits for other, logits, *_ in SPECIAL if other == name)
    state = OnlineNormalizer.of(np.array([logits, logits], dtype), temperature=2.0)
    same = copied(state)
    assert type(same) is OnlineNormalizer
    assert same is not state
    for name in "maximum", "denominator", "correction", "temperature":
        ours, theirs = getattr(same, name), getattr(state, name)
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
        assert not ours.flags.writeable
        assert not np.shares_memory(ours, theirs)
    with pytest.raises(ValueError, match="read-only"):
        same.maximum[0] = 0
