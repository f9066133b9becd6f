from fractions import Fraction
from typing import Any

import ml_dtypes
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logits import finite_arrays

from softmax_lib import exact_softmax, min_p, sample, softmax, top_k, top_p

NAN, INF = np.nan, np.inf
NARROW = [np.float16, ml_dtypes.bfloat16, np.float32]
FORMATS = [*NARROW, np.float64, np.longdouble]
FILTERS = [
    pytest.param(lambda z, **rest: top_k(z, k=2, **rest), id="top_k"),
    pytest.param(lambda z, **rest: top_p(z, p=0.7, **rest), id="top_p"),
    pytest.param(lambda z, **rest: min_p(z, a=0.4, **rest), id="min_p"),
]
any_row = settings(max_examples=80, deadline=None)

# What is special, function, logits, arguments, what is kept.
SPECIAL = [
    ("k = 1", top_k, [1, 3, 2], {"k": 1}, [0, 1, 0]),
    ("k, and a tie at the end", top_k, [1, 3, 2, 2], {"k": 2}, [0, 1, 1, 1]),
    ("k, and a tie above", top_k, [3, 3, 2, 2], {"k": 1}, [1, 1, 0, 0]),
    ("k = K", top_k, [1, 3], {"k": 2}, [1, 1]),
    ("k above K", top_k, [1, 3], {"k": 2**70}, [1, 1]),
    ("k above what is above -inf", top_k, [-INF, 3, 2], {"k": 3}, [1, 1, 1]),
    ("k, one +inf", top_k, [1, INF, 2], {"k": 1}, [0, 1, 0]),
    ("k, NaN", top_k, [1, NAN, 2], {"k": 1}, [1, 1, 1]),
    ("k, empty", top_k, [], {"k": 1}, []),
    ("p = 0", top_p, [1, 3, 3], {"p": 0}, [0, 1, 1]),
    ("p = 1", top_p, [0, -1000, -INF], {"p": 1}, [1, 1, 1]),
    ("p, and a tie at the end", top_p, [1, 0, 0], {"p": 0.6}, [1, 1, 1]),
    ("p, the first is enough", top_p, [9, 0, 0], {"p": 0.9}, [1, 0, 0]),
    ("p, all tied", top_p, [0] * 10, {"p": 0.3}, [1] * 10),
    ("p, T = 0", top_p, [1, 3, 3], {"p": 0.99, "temperature": 0}, [0, 1, 1]),
    ("p, T = inf", top_p, [1, 3, -INF], {"p": 0.1, "temperature": INF}, [1, 1, 0]),
    ("p, a small T", top_p, [1, 3, 2], {"p": 0.9, "temperature": 2.0**-1060}, [0, 1, 0]),
    ("p, one +inf", top_p, [1, INF, 2], {"p": 0.9}, [0, 1, 0]),
    ("p, two +inf", top_p, [1, INF, INF], {"p": 0.1}, [1, 1, 1]),
    ("p, -inf alone", top_p, [-INF, -INF], {"p": 0.1}, [1, 1]),
    ("p, NaN", top_p, [1, NAN, 2], {"p": 0.1}, [1, 1, 1]),
    ("p, empty", top_p, [], {"p": 0.5}, []),
    ("a = 0", min_p, [0, -1e308, -INF], {"a": 0}, [1, 1, 1]),
    ("a = 1", min_p, [1, 3, 3], {"a": 1}, [0, 1, 1]),
    ("a, T = 0", min_p, [1, 3, 3], {"a": 1e-300, "temperature": 0}, [0, 1, 1]),
    ("a = 0, T = 0", min_p, [1, 3, 3], {"a": 0, "temperature": 0}, [1, 1, 1]),
    ("a, T = inf", min_p, [1, 3, -INF], {"a": 1, "temperature": INF}, [1, 1, 0]),
    ("a, one +inf", min_p, [1, INF, 2], {"a": 1e-9}, [0, 1, 0]),
    ("a, two +inf", min_p, [1, INF, INF], {"a": 1}, [1, 1, 1]),
    ("a, -inf alone", min_p, [-INF, -INF], {"a": 1}, [1, 1]),
    ("a, NaN", min_p, [1, NAN, 2], {"a": 1}, [1, 1, 1]),
    ("a, empty", min_p, [], {"a": 0.5}, []),
]


@pytest.mark.parametrize(
    ("function", "z", "arguments", "kept"), [pytest.param(*row, id=name) for name, *row in SPECIAL]
)
@pytest.mark.parametrize("dtype", FORMATS)
def test_special_values(function, z, arguments, kept, dtype):
    with np.errstate(all="ignore"):
        z = np.array(z).astype(dtype)
    with np.errstate(all="raise"):
        mask = function(z, **arguments)
    assert mask.dtype == np.bool_
    np.testing.assert_array_equal(mask, np.array(kept, bool))


@any_row
@given(z=finite_arrays(bound=50.0), k=st.integers(1, 6))
def test_top_k_keeps_what_fewer_than_k_are_above(z, k):
    above = (z[..., None, :] > z[..., None]).sum(axis=-1)
    np.testing.assert_array_equal(top_k(z, k=k), above < k)


@any_row
@given(
    z=st.lists(st.integers(-4, 4), min_size=1, max_size=7),
    share=st.fractions(Fraction(1, 50), Fraction(49, 50)),
    halvings=st.integers(-1, 1),
)
def test_the_nucleus_is_what_less_than_p_is_above(z, share, halvings):
    # Logits are multiples of T log 2, so that probabilities are exact fractions.
    powers = [Fraction(2) ** x for x in z]
    masses = [sum(other for other in powers if other > power) for power in powers]
    # On the edge, rounding may decide.
    if any(abs(mass / sum(powers) - share) < Fraction(1, 10**12) for mass in masses):
        return
    temperature = 2.0**halvings
    logits = np.array(z) * (np.log(2) * temperature)
    expected = [mass < share * sum(powers) for mass in masses]
    kept = top_p(logits, p=float(share), temperature=temperature)
    np.testing.assert_array_equal(kept, expected)


@any_row
@given(z=finite_arrays(bound=50.0), a=st.floats(1e-6, 1), temperature=st.floats(0.1, 9))
def test_min_p_keeps_what_has_a_large_enough_share(z, a, temperature):
    with mpmath.workdps(40):
        for row in z.reshape(-1, z.shape[-1]):
            exact = exact_softmax(row, temperature=temperature, rounded=False)
            ratios = exact / max(exact) / mpmath.mpf(a)
            if min(abs(ratio - 1) for ratio in ratios) < 1e-12:
                continue  # on the edge, rounding may decide
            kept = min_p(row, a=a, temperature=temperature)
            np.testing.assert_array_equal(kept, [ratio > 1 for ratio in ratios])


def test_the_nucleus_shrinks_with_the_temperature():
    kept = [top_p([3.0, 2.0, 1.0], p=0.8, temperature=T).sum() for T in (1.0, 0.5)]
    assert kept == [2, 1]


@pytest.mark.parametrize("dtype", NARROW)
@pytest.mark.parametrize("equal", [True, False])
def test_the_sums_of_many_tokens_do_not_stall_in_narrow_formats(dtype, equal):
    tokens = 50_000
    z = np.random.default_rng(3).normal(size=tokens) * (0 if equal else 2)
    z = z.astype(dtype)
    with np.errstate(all="ignore"):
        stalled = float(np.cumsum(np.sort(softmax(z))[::-1], dtype=dtype)[-1])
    assert equal or dtype == np.float32 or stalled < 0.6  # as a naive sampler's sums do
    for p in (0.3, 0.9, 0.99):
        mask = top_p(z, p=p)
        exact = np.exp(z.astype(np.longdouble))
        exact /= exact.sum()
        assert exact[mask].sum() >= p - 1e-9
        smallest = exact[mask].min()
        assert exact[mask & (exact > smallest)].sum() < p


@pytest.mark.parametrize("filtered", FILTERS)
def test_a_mask_does_not_depend_on_the_format(filtered):
    z = (np.random.default_rng(4).normal(size=(20, 30)) * 3).astype(ml_dtypes.bfloat16)
    expected = filtered(z.astype(np.float64))
    for dtype in NARROW[1:] + FORMATS[3:]:
        np.testing.assert_array_equal(filtered(z.astype(dtype)), expected)


@pytest.mark.parametrize("filtered", FILTERS)
@pytest.mark.parametrize("length", [5, 200_000])
def test_a_row_has_the_mask_that_it_has_alone(filtered, length):
    z = np.random.default_rng(5).normal(size=(3, length))
    masks = filtered(z)
    for row, mask in zip(z, masks, strict=True):
        np.testing.assert_array_equal(filtered(row), mask)


@pytest.mark.parametrize("filtered", FILTERS)
@pytest.mark.parametrize("axis", [0, 1, (0, 2), (2, 0), None])
def test_the_slices_may_lie_along_any_axes(filtered, axis):
    z = np.random.default_rng(6).normal(size=(3, 4, 5))
    axes = (0, 1, 2) if axis is None else np.atleast_1d(axis)
    moved = np.moveaxis(z, axes, range(-len(axes), 0))
    rows = moved.reshape(*moved.shape[: 3 - len(axes)], -1)
    expected = np.moveaxis(filtered(rows).reshape(moved.shape), range(-len(axes), 0), axes)
    np.testing.assert_array_equal(filtered(z, axis=axis), expected)


def test_each_row_may_have_its_own_temperature():
    z, temperature = [[3.0, 2.0, 1.0]] * 2, [[1.0], [0.5]]
    np.testing.assert_array_equal(top_p(z, p=0.8, temperature=temperature).sum(axis=-1), [2, 1])
    np.testing.assert_array_equal(min_p(z, a=0.2, temperature=temperature).sum(axis=-1), [2, 1])


def test_filters_chain_by_where():
    z = np.log([0.4, 0.3, 0.2, 0.1])
    first = top_k(z, k=3)
    # Of what is left, the first two have 7/9.
    np.testing.assert_array_equal(top_p(z, p=0.77, where=first), [1, 1, 0, 0])
    np.testing.assert_array_equal(top_p(z, p=0.77), [1, 1, 1, 0])


def test_a_single_number_has_a_mask():
    for mask in top_k(1.0, k=1, axis=None), top_p(1.0, p=0.5, axis=None):
        assert mask is np.True_


@pytest.mark.parametrize("k", [0, -1])
def test_a_k_below_one_is_refused_by_its_value(k):
    with pytest.raises(ValueError, match=f"k must be at least 1, got {k}"):
        top_k([1.0], k=k)


@pytest.mark.parametrize("k", [1.0, "1", None, True, [1]], ids=repr)
def test_a_k_that_is_no_integer_is_refused(k):
    with pytest.raises(TypeError, match="k must be an integer, got"):
        top_k([1.0], k=k)


@pytest.mark.parametrize("function", [top_p, min_p])
@pytest.mark.parametrize("value", [-0.1, 1.05, NAN, INF])
def test_a_share_out_of_range_is_refused_by_its_value(function, value):
    name = {top_p: "p", min_p: "a"}[function]
    with pytest.raises(ValueError, match=f"{name} must be from 0 to 1, got {value}"):
        function([1.0], **{name: value})


@pytest.mark.parametrize("function", [top_p, min_p])
@pytest.mark.parametrize("value", ["1", None, True, [0.5]], ids=repr)
def test_a_share_that_is_no_number_is_refused(function, value):
    name = {top_p: "p", min_p: "a"}[function]
    with pytest.raises(TypeError, match=f"{name} must be"):
        function([1.0], **{name: value})


@pytest.mark.parametrize("one", [np.int8(1), np.array(1), np.uint64(1)], ids=repr)
def test_numbers_may_be_numpy_s(one):
    np.testing.assert_array_equal(top_k([1.0, 2.0], k=one), [False, True])
    np.testing.assert_array_equal(top_p([1.0, 2.0], p=one * np.float32(0.5)), [False, True])
    np.testing.assert_array_equal(min_p([1.0, 2.0], a=np.array(0.5)), [False, True])


# The published cases of two samplers: probabilities, function, what is kept in their place.
# https://github.com/huggingface/transformers, tests/generation/test_logits_process.py
# https://github.com/ggml-org/llama.cpp, tests/test-sampling.cpp
RISING = [0.1, 0.2, 0.3, 0.4]
RAMP = np.exp(np.arange(10.0) - 5)
TRANSFORMERS = [
    (RAMP, top_k, 3, [0] * 7 + [1] * 3),
    (np.exp([10, 11, 12, 13, 14, 5, 6, 7, 8, 9]), top_k, 3, [0] * 2 + [1] * 3 + [0] * 5),
    (np.exp(np.full(5, 0.2)), top_k, 1, [1] * 5),
    (np.exp(np.arange(5.0)), top_k, 3, [0, 0, 1, 1, 1]),
    ([0.3, 0.1, 0.1, 0.5], top_p, 0.8, [1, 0, 0, 1]),
    ([0.15, 0.3, 0.3, 0.25], top_p, 0.8, [0, 1, 1, 1]),
    (RAMP, top_p, 0.9, [0] * 7 + [1] * 3),
    ([0.9, 0.0274, 0.047, 0.0274], min_p, 0.05, [1, 0, 1, 0]),
    ([0.15, 0.3, 0.3, 0.25], min_p, 0.05, [1, 1, 1, 1]),
    ([0.97, 0.01, 0.01, 0.01], min_p, 0.05, [1, 0, 0, 0]),
]
LLAMA = [
    (RISING, top_k, 1, [0, 0, 0, 1]),
    (RISING, top_k, 3, [0, 1, 1, 1]),
    (RISING, top_k, 4, [1, 1, 1, 1]),
    (RISING, top_p, 0, [0, 0, 0, 1]),
    (RISING, top_p, 0.7, [0, 0, 1, 1]),
    (RISING, top_p, 0.8, [0, 1, 1, 1]),
    (RISING, top_p, 1.0, [1, 1, 1, 1]),
    (RISING, min_p, 0.0, [1, 1, 1, 1]),
    (RISING, min_p, 0.24, [1, 1, 1, 1]),
    (RISING, min_p, 0.26, [0, 1, 1, 1]),
    (RISING, min_p, 0.49, [0, 1, 1, 1]),
    (RISING, min_p, 0.51, [0, 0, 1, 1]),
    (RISING, min_p, 0.74, [0, 0, 1, 1]),
    (RISING, min_p, 0.76, [0, 0, 0, 1]),
    (RISING, min_p, 1.0, [0, 0, 0, 1]),
]
NAMES = {top_k: "k", top_p: "p", min_p: "a"}


@pytest.mark.parametrize(("probabilities", "function", "value", "kept"), [*TRANSFORMERS, *LLAMA])
def test_published_cases_of_other_samplers(probabilities, function, value, kept):
    if function is top_p and 0 < value < 1:
        # Where their sums reach p on the nose, in float32, rounding decides.
        value -= 1e-7
    z = np.log(np.array(probabilities, np.float32))
    mask = function(z, **{NAMES[function]: value})
    np.testing.assert_array_equal(mask, np.array(kept, bool))


# Of logits log 0, log 1, ..., log(n - 1): which filters one after the other, and their values.
QUEUES = [
    ("k", 10_000, 1.0, 1.0), ("k", 1, 1.0, 1.0), ("p", 0, 1.0, 1.0), ("p", 0, 0.0, 1.0),
    ("m", 0, 1.0, 1.0), ("m", 0, 1.0, 1e-12), ("k", 100, 1.0, 1.0), ("p", 0, 0.0003, 1.0),
    ("p", 0, 0.8, 1.0), ("m", 0, 1.0, 9997.9 / 9999.0), ("m", 0, 1.0, 0.1),
    *((queue, 100, 0.8, 0.1) for queue in ("kp", "km", "pk", "pm", "mk", "mp")),
    ("mp", 100, 0.8, 9997.9 / 9999.0),
    *((queue, 100, 0.8, 0.1) for queue in ("kpm", "kmp", "pkm", "pmk", "mkp", "mpk")),
]  # fmt: skip


@pytest.mark.parametrize(("queue", "k", "p", "a"), QUEUES)
def test_queues_of_filters_keep_what_llama_cpp_keeps(queue, k, p, a):
    n = 10_000
    with np.errstate(divide="ignore"):
        z = np.log(np.arange(n, dtype=np.float32))
    mask: Any = np.ones(n, bool)
    lowest = 0
    for step in queue:
        if step == "k":
            mask = top_k(z, k=k, where=mask)
            lowest = max(lowest, n - k)
        elif step == "p":
            mask = top_p(z, p=p, where=mask)
            total, lowest = sum(range(lowest, n)), n - 1
            while sum(range(lowest, n)) < p * total - 0.5:
                lowest -= 1
            lowest -= lowest == 1 and p == 1
        else:
            mask = min_p(z, a=a, where=mask)
            # Token 0 has probability 0, which no a above 0 keeps.
            lowest = max(lowest, 1, int(np.ceil(np.float64(a) * (n - 1) - 1e-4)))
        np.testing.assert_array_equal(mask, np.arange(n) >= lowest)


def test_a_filter_says_what_sample_draws_from():
    z, rng = np.array([[3.0, 2.0, 1.0, 2.0], [0.0, 0.0, 9.0, 8.0]]), np.random.default_rng(8)
    drawn = sample(z, where=top_k(z, k=2), temperature=50.0, rng=rng, size=400)
    assert [set(column.tolist()) for column in drawn.T] == [{0, 1, 3}, {2, 3}]


def test_what_has_the_mass_already_needs_no_more():
    total = 1 + np.exp(-1.0)
    share = 1 / total
    assert share * total == 1  # on the nose, in float64 too
    np.testing.assert_array_equal(top_p([1.0, 0.0], p=share), [True, False])
