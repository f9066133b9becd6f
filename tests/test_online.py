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

from softmax_lib import OnlineNormalizer, exact_logsumexp, exact_softmax, logsumexp

NAN, INF = np.nan, np.inf
# The docstring's: u, the error of a slice's denominator and what a merge adds to it, both in u.
ACCURACY = {"float64": (2.0**-53, 3, 4.4), "longdouble": (2.0**-64, 3.1, 5.1)}

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
    return np.array([state.maximum, state.denominator])


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
        value = state.denominator
        head = float(value)
        computed = mpmath.mpf(head) + mpmath.mpf(float(value - type(value)(head)))
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
    assert_same_bits(state, OnlineNormalizer.of(np.r_[z, rest]))


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


def test_a_wide_gap_costs_no_digits():
    # The gap rounds to -30, which alone would move its exponential by 13 u.
    high, low = np.float64(1.5e-15), np.float64(-30.0)
    state = OnlineNormalizer(low, 2.0**50).merge(OnlineNormalizer.of([high]))
    with mpmath.workprec(200):
        exact = 1 + 2**50 * mpmath.exp(mpmath.mpf(float(low)) - mpmath.mpf(float(high)))
        assert abs(float(mpmath.mpf(float(state.denominator)) / exact - 1)) <= 4.4 * 2.0**-53


def test_logsumexp_is_as_accurate_as_stated():
    for seed in range(150):
        rng = np.random.default_rng(seed)
        z = hard_logits(np.float64, rng)
        states = [OnlineNormalizer.of(piece) for piece in cut_at_random(z, rng)]
        state, merges = merged_at_random(states, rng)
        computed, exact = state.logsumexp(), exact_logsumexp(z, rounded=False)
        unit = np.spacing(max(abs(z.max()), abs(float(exact)), 1))
        assert float(abs(mpmath.mpf(float(computed)) - exact)) <= unit * (
            2 + (3 + 4.4 * merges) / 2
        )


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


def test_merge_is_not_associative_to_the_bit():
    # The exponential of each low logit is below half an ulp of 1, and that of the two is above it.
    high, low = OnlineNormalizer.of([0.0]), OnlineNormalizer.of([-37.0])
    assert high.merge(low).merge(low).denominator == 1
    assert high.merge(low.merge(low)).denominator == 1 + 2.0**-52


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
    np.testing.assert_array_equal(fields(state), [[0, 0, 0], [1, 1, 1]])
    with pytest.raises(ValueError, match="read-only"):
        state.denominator[0] = 5
    with pytest.raises(AttributeError, match="cannot assign"):
        state.maximum = 5


def test_a_copy_has_the_same_bits():
    state = OnlineNormalizer.of([1.0, 2.0])
    assert_same_bits(copy.deepcopy(state), state)


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
    # 3 units roundoff for each state, and 4.4 for each merge.
    bound = (3 + 3 + 3 * 4.4) * 2.0**-53
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
    state = OnlineNormalizer.of(np.array([logits, logits], dtype))
    same = copied(state)
    assert type(same) is OnlineNormalizer
    assert same is not state
    for ours, theirs in (same.maximum, state.maximum), (same.denominator, state.denominator):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
        assert not ours.flags.writeable
        assert not np.shares_memory(ours, theirs)
    with pytest.raises(ValueError, match="read-only"):
        same.maximum[0] = 0
