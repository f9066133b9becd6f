import os
import re
import subprocess
import sys
import tracemalloc

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logits import FORMATS

from softmax_lib import exact_softmax, softmax, ulp_error
from softmax_lib import scaled_dot_product_attention as attention

NAN, INF = np.nan, np.inf
UNIT_ROUNDOFF = {"float64": 2.0**-53, "longdouble": float(np.finfo(np.longdouble).eps) / 2}
# Half an ulp for the one rounding, and what the float64 result is off by, in units of 2**-29 ulps,
# magnified by the cancellation among the values.
ROUNDED_ONCE_ULPS = 0.5 + 2.0**-10

any_sizes = settings(max_examples=60, deadline=None)
sizes = st.tuples(*[st.integers(1, 6)] * 4)

KEY = np.array([[1.0], [2.0], [3.0]])
VALUE = np.array([[10.0, -1.0], [20.0, -2.0], [40.0, -4.0]])
WITH_NAN = np.array([[10.0, -1.0], [NAN, -2.0], [40.0, -4.0]])
WITH_INF = np.array([[10.0, -1.0], [INF, -2.0], [40.0, -4.0]])
WITH_BOTH = np.array([[10.0, -1.0], [INF, -2.0], [-INF, -4.0]])
LAST_OUT = [True, True, False]
MEAN = [70 / 3, -7 / 3]

# What is special, query, key, value, other arguments, output.
SPECIAL = [
    ("nothing to attend to", [[1.0]], KEY, VALUE, {"mask": False}, [[0, 0]]),
    ("all added -inf", [[1.0]], KEY, VALUE, {"mask": -INF}, [[0, 0]]),
    ("S = 0", [[1.0]], KEY[:0], VALUE[:0], {}, [[0, 0]]),
    ("left out: NaN key", [[0.0]], [[1], [1], [NAN]], VALUE, {"mask": LAST_OUT}, [[15, -1.5]]),
    ("left out: inf key", [[0.0]], [[1], [1], [INF]], VALUE, {"mask": LAST_OUT}, [[15, -1.5]]),
    ("left out: NaN value", [[0]], KEY, WITH_NAN, {"mask": [True, False, True]}, [[25, -2.5]]),
    ("left out: inf value", [[0]], KEY, WITH_INF, {"mask": [0, -INF, 0]}, [[25, -2.5]]),
    ("left out: later NaN", [[0]], KEY, WITH_NAN, {"is_causal": True}, [[10, -1]]),
    ("left out: NaN query", [[NAN]], KEY, VALUE, {"mask": False}, [[0, 0]]),
    ("NaN query", [[NAN], [0]], KEY, VALUE, {}, [[NAN, NAN], MEAN]),
    ("NaN key", [[0.0]], [[1], [NAN], [1]], VALUE, {}, [[NAN, NAN]]),
    ("NaN mask", [[0.0]], KEY, VALUE, {"mask": [0.0, NAN, 0.0]}, [[NAN, NAN]]),
    ("one +inf", [[1.0]], [[1], [INF], [1]], VALUE, {}, [[20, -2]]),
    ("one +inf mask", [[1.0]], KEY, VALUE, {"mask": [0.0, INF, 0.0]}, [[20, -2]]),
    ("two +inf", [[1.0]], [[INF], [1], [INF]], VALUE, {}, [[NAN, NAN]]),
    ("-inf", [[1.0]], [[2], [2], [-INF]], VALUE, {}, [[15, -1.5]]),
    ("-inf alone", [[1.0]], np.full((3, 1), -INF), VALUE, {}, [[NAN, NAN]]),
    (
        "-inf alone, beside nothing to attend to",
        [[1.0], [1.0]],
        np.full((3, 1), -INF),
        VALUE,
        {"mask": [[False], [True]]},
        [[0, 0], [NAN, NAN]],
    ),
    ("-inf alone, one left out", [[-INF]], KEY, VALUE, {"mask": LAST_OUT}, [[NAN, NAN]]),
    ("NaN value", [[0.0]], KEY, WITH_NAN, {}, [[NAN, -7 / 3]]),
    ("NaN value of weight 0", [[0.0]], KEY, WITH_NAN, {"mask": [0, -1e4, 0]}, [[NAN, -2.5]]),
    ("inf value", [[0.0]], KEY, WITH_INF, {}, [[INF, -7 / 3]]),
    ("inf value of weight 0", [[0.0]], KEY, WITH_INF, {"mask": [0, -1e4, 0]}, [[INF, -2.5]]),
    ("-inf value", [[0.0]], KEY, -WITH_INF, {}, [[-INF, 7 / 3]]),
    ("opposite infinities", [[0.0]], KEY, WITH_BOTH, {}, [[NAN, -7 / 3]]),
    ("opposite infinities, one left out", [[0]], KEY, WITH_BOTH, {"mask": LAST_OUT}, [[INF, -1.5]]),
    ("d_k = 0", np.zeros((1, 0)), np.zeros((3, 0)), VALUE, {}, [MEAN]),
    (
        "d_k = 0, a mask",
        np.zeros((1, 0)),
        np.zeros((3, 0)),
        VALUE,
        {"mask": LAST_OUT},
        [[15, -1.5]],
    ),
    ("L = 0", np.zeros((0, 1)), KEY, VALUE, {}, np.zeros((0, 2))),
    ("d_v = 0", [[1.0]], KEY, np.zeros((3, 0)), {}, np.zeros((1, 0))),
]
# The sums of three values, and the weights, are rounded a few times.
FEW_ULPS = 8 * np.finfo(np.float64).eps


def number(value):
    """Return a float as the mpmath number that it is."""
    head = float(value)
    with mpmath.workprec(120):
        return mpmath.mpf(head) + mpmath.mpf(float(value - type(value)(head)))


def exact_attention(query, key, value, *, keep=None, added=None, scale=None):
    """Return the unrounded output for matrices, one sum after the other."""
    keep = np.ones((len(query), len(key)), dtype=bool) if keep is None else keep
    with mpmath.workprec(300):
        scale = 1 / mpmath.sqrt(query.shape[-1]) if scale is None else mpmath.mpf(scale)
        query, key, value = (
            [[number(x) for x in row] for row in rows] for rows in (query, key, value)
        )
        output = []
        for i, q in enumerate(query):
            attended = np.flatnonzero(keep[i])
            scores = [scale * mpmath.fdot(q, key[j]) for j in attended]
            if added is not None:
                scores = [s + number(added[i, j]) for s, j in zip(scores, attended, strict=True)]
            weights = [mpmath.exp(s - max(scores)) for s in scores]
            columns = zip(*(value[j] for j in attended), strict=True)
            output.append([mpmath.fdot(weights, c) / mpmath.fsum(weights) for c in columns])
    return np.array(output, dtype=object)


def error_bound(query, key, value, *, added=0.0, scale=None, unit=2.0**-53, block_size=None):
    """Return the docstring's bound on the error of each query's output."""
    d_k, length = key.shape[-1], key.shape[-2]
    scale = 1 / np.sqrt(d_k) if scale is None else abs(scale)
    largest = np.max(scale * (np.abs(query) @ np.abs(key).T) + np.abs(added), axis=-1)
    terms = (d_k + 4) * largest + terms_of_sums(length, block_size)
    return (unit * np.max(np.abs(value)) * terms)[:, None].astype(np.float64)


def terms_of_sums(length, block_size):
    """Return the part of the bound that has nothing to do with the scores' own errors."""
    blocks = 0 if block_size is None else -(-length // block_size)
    return (block_size + 12 * blocks if blocks else length) + 10


def drawn(seed, *shapes, dtype=np.float64, spread=1.0):
    rng = np.random.default_rng(seed)
    return [(rng.normal(size=shape) * spread).astype(dtype) for shape in shapes]


@pytest.mark.parametrize("name", ["float64", "longdouble"])
def test_error_stays_within_the_bound(name):
    rng = np.random.default_rng(1)
    for seed in range(30):
        queries, keys, d_k, d_v = rng.integers(1, 12, size=4)
        shapes = [(queries, d_k), (keys, d_k), (keys, d_v), (queries, keys)]
        *given, added = drawn(seed, *shapes, dtype=FORMATS[name], spread=10 ** rng.uniform(-2, 1.5))
        exact = exact_attention(*given, added=added)
        errors = np.abs(
            np.vectorize(number, otypes=[object])(attention(*given, mask=added)) - exact
        )
        bound = error_bound(*given, added=added, unit=UNIT_ROUNDOFF[name])
        assert np.all(errors <= bound)


def masks(rng, shape):
    """Return arguments for a mask of each kind, what each keeps, and what it adds."""
    everywhere = np.ones(shape, dtype=bool)
    keep = rng.random(shape) < 0.6
    keep[:, 0] = True  # the exact reference has no output for a query with nothing to attend to
    added = rng.normal(size=shape) * 10 ** rng.uniform(-2, 2)
    yield {}, everywhere, np.zeros(shape)
    yield {"mask": keep}, keep, np.zeros(shape)
    yield {"mask": added}, everywhere, added
    yield {"mask": np.where(keep, added, -INF)}, keep, added
    yield {"is_causal": True}, np.tri(*shape, dtype=bool), np.zeros(shape)


@pytest.mark.parametrize("name", ["float64", "longdouble"])
def test_error_stays_within_the_bound_if_keys_come_in_blocks(name):
    rng = np.random.default_rng(1)
    for seed in range(10):
        queries, keys, d_k, d_v = rng.integers(1, 12, size=4)
        shapes = [(queries, d_k), (keys, d_k), (keys, d_v)]
        given = drawn(seed, *shapes, dtype=FORMATS[name], spread=10 ** rng.uniform(-2, 1.5))
        block_size = int(rng.integers(1, keys + 2))
        for arguments, keep, added in masks(rng, (queries, keys)):
            exact = exact_attention(*given, keep=keep, added=added)
            computed = attention(*given, **arguments, block_size=block_size)
            errors = np.abs(np.vectorize(number, otypes=[object])(computed) - exact)
            bound = error_bound(
                *given, added=added, unit=UNIT_ROUNDOFF[name], block_size=block_size
            )
            assert np.all(errors <= bound)


@any_sizes
@given(sizes=sizes, seed=st.integers(0, 2**32), block_size=st.integers(1, 7))
def test_blocks_give_the_output_of_all_keys_at_once_but_for_rounding(sizes, seed, block_size):
    queries, keys, d_k, d_v = sizes
    given = drawn(seed, (queries, d_k), (keys, d_k), (keys, d_v), spread=3.0)
    # Both ways the scores are the same to the bit.
    terms = terms_of_sums(keys, None) + terms_of_sums(keys, block_size)
    bound = 2.0**-53 * np.max(np.abs(given[2])) * terms
    rng = np.random.default_rng(seed)
    for arguments, _, _ in masks(rng, (queries, keys)):
        difference = attention(*given, **arguments, block_size=block_size) - attention(
            *given, **arguments
        )
        assert np.max(np.abs(difference)) <= bound


def test_a_thousand_keys_one_by_one_lose_few_digits():
    # A score that keeps rising, so that each key outweighs those before it.
    key = np.linspace(0, 20, 1_000)[:, None]
    (value,) = drawn(15, (1_000, 1))
    one_by_one = attention([[1.0]], key, value, block_size=1)
    weights = exact_softmax(key[:, 0], rounded=False)
    exact = mpmath.fdot(weights, [number(x) for x in value[:, 0]])
    # The bound above has 12,000 u; rounding errors mostly cancel.
    assert abs(number(one_by_one[0, 0]) - exact) <= 30 * 2.0**-53 * np.max(np.abs(value))


def test_values_near_the_largest_number_do_not_overflow_in_blocks():
    value = np.full((10, 1), 1.7e308)
    computed = attention(np.zeros((1, 2)), np.zeros((10, 2)), value, block_size=3)
    np.testing.assert_allclose(computed, [[1.7e308]], rtol=FEW_ULPS)


@pytest.mark.parametrize("block_size", [5, 6, 2**70])
def test_a_single_block_gives_the_bits_of_all_keys_at_once(block_size):
    given = drawn(16, (2, 4, 3), (5, 3), (5, 2))
    computed = attention(*given, block_size=block_size)
    np.testing.assert_array_equal(computed, attention(*given))


def peak_memory(function):
    """Return what a call allocates at most, its result included, in bytes."""
    function()  # what is kept from call to call is there afterwards
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "arguments",
    [{}, {"is_causal": True}, {"mask": np.arange(4_000) % 3 > 0}, {"mask": np.zeros((64, 1))}],
    ids=["no mask", "causal", "Boolean", "floating"],
)
def test_memory_grows_with_the_block_and_not_with_the_scores(arguments):
    given = drawn(17, (64, 2), (4_000, 2), (4_000, 2))
    block_size = 50
    copies = 8 * sum(array.size for array in given)
    block = 8 * 64 * block_size
    peak = peak_memory(lambda: attention(*given, block_size=block_size, **arguments))
    # Twenty arrays of the block's size; the scores themselves are 80 times as large as one.
    assert peak <= copies + 20 * block
    assert peak_memory(lambda: attention(*given, **arguments)) > 80 * block


def test_a_mask_of_each_score_is_not_copied_as_a_whole():
    given = drawn(17, (64, 2), (4_000, 2), (4_000, 2))
    mask = np.zeros((64, 4_000), dtype=np.float32)
    peak = peak_memory(lambda: attention(*given, mask=mask, block_size=50))
    assert peak <= mask.nbytes


@pytest.mark.parametrize("block_size", [2.0, "2", True, np.True_, [2]], ids=repr)
def test_a_block_size_that_is_no_integer_is_refused_by_its_value(block_size):
    message = f"block_size must be an integer, got {block_size!r}"
    with pytest.raises(TypeError, match=re.escape(message)):
        attention([[1.0]], [[1.0]], [[1.0]], block_size=block_size)


@pytest.mark.parametrize("block_size", [0, -1, np.int8(-3)])
def test_a_block_size_below_one_is_refused_by_its_value(block_size):
    with pytest.raises(ValueError, match=f"block_size must be at least 1, got {block_size}"):
        attention([[1.0]], [[1.0]], [[1.0]], block_size=block_size)


def test_a_block_size_may_be_of_any_integer_type():
    given = drawn(18, (4, 3), (5, 3), (5, 2))
    computed = attention(*given, block_size=np.uint8(2))
    np.testing.assert_array_equal(computed, attention(*given, block_size=2))


@pytest.mark.parametrize("block_size", [None, 4])
@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32"])
def test_a_narrow_format_is_rounded_once(name, block_size):
    for seed in range(10):
        given = drawn(seed, (4, 5), (6, 5), (6, 3), dtype=FORMATS[name], spread=2.0)
        computed = attention(*given, block_size=block_size)
        assert np.max(ulp_error(computed, exact_attention(*given))) <= ROUNDED_ONCE_ULPS


def test_bfloat16_is_not_rounded_to_float32_first():
    # The exact output, 1 + 2**-8 + 2**-40, is a tie of bfloat16 once it has been rounded.
    query, key, value = (
        np.array(column, dtype=FORMATS["bfloat16"])[:, None]
        for column in ([2.0**-31], [0, 1], [1, 1 + 2.0**-7])
    )
    assert attention(query, key, value, scale=1) == 1 + 2.0**-7


@any_sizes
@given(sizes=sizes, seed=st.integers(0, 2**32), scale=st.floats(-3, 3))
def test_each_output_is_the_mean_of_the_values_by_the_softmax_of_the_scores(sizes, seed, scale):
    queries, keys, d_k, d_v = sizes
    query, key, value = drawn(seed, (queries, d_k), (keys, d_k), (keys, d_v))
    expected = [exact_softmax([scale * np.dot(q, k) for k in key]) @ value for q in query]
    # Both ways, each score and each sum is rounded as the bound has it.
    bound = 2 * error_bound(query, key, value, scale=scale)
    assert np.all(np.abs(attention(query, key, value, scale=scale) - expected) <= bound)


@pytest.mark.parametrize("block_size", [None, 1, 2, 3])
@pytest.mark.parametrize(
    ("query", "key", "value", "arguments", "expected"),
    [pytest.param(*row, id=name) for name, *row in SPECIAL],
)
def test_special_values(query, key, value, arguments, expected, block_size):
    with np.errstate(all="raise"):
        computed = attention(query, key, value, **arguments, block_size=block_size)
    np.testing.assert_allclose(computed, expected, rtol=FEW_ULPS)


@any_sizes
@given(sizes=sizes, seed=st.integers(0, 2**32))
def test_outputs_lie_within_the_attended_values(sizes, seed):
    queries, keys, d_k, d_v = sizes
    query, key, value = drawn(seed, (queries, d_k), (keys, d_k), (keys, d_v), spread=10.0)
    keep = np.random.default_rng(seed).random((queries, keys)) < 0.5
    # Weights within 3.1 ulps, and the roundings of the products and of their sum.
    slack = (keys + 10) * 2.0**-53 * np.abs(value).max()
    computed = attention(query, key, value, mask=keep)
    for output, kept in zip(computed, keep, strict=True):
        attended = value[kept] if kept.any() else np.zeros((1, d_v))
        assert np.all(output >= attended.min(axis=0) - slack)
        assert np.all(output <= attended.max(axis=0) + slack)


@any_sizes
@given(sizes=sizes, seed=st.integers(0, 2**32))
def test_the_order_of_the_keys_does_not_matter(sizes, seed):
    queries, keys, d_k, d_v = sizes
    query, key, value = drawn(seed, (queries, d_k), (keys, d_k), (keys, d_v))
    order = np.random.default_rng(seed).permutation(keys)
    bound = 2 * error_bound(query, key, value)
    difference = attention(query, key[order], value[order]) - attention(query, key, value)
    assert np.all(np.abs(difference) <= bound)


@any_sizes
@given(sizes=sizes, seed=st.integers(0, 2**32))
def test_causal_is_the_lower_triangle_as_a_mask(sizes, seed):
    queries, keys, d_k, d_v = sizes
    given = drawn(seed, (queries, d_k), (keys, d_k), (keys, d_v))
    computed = attention(*given, is_causal=True)
    mask = [[j <= i for j in range(keys)] for i in range(queries)]
    np.testing.assert_array_equal(computed, attention(*given, mask=mask))


def test_the_first_query_attends_causally_to_the_first_key_alone():
    query, key, value = drawn(2, (3, 4), (5, 4), (5, 2))
    computed = attention(query, key, value, is_causal=True)
    np.testing.assert_array_equal(computed[0], value[0])


def test_a_mask_and_causality_both_apply():
    given = drawn(2, (4, 3), (4, 3), (4, 2))
    mask = np.random.default_rng(2).random((4, 4)) < 0.5
    computed = attention(*given, mask=mask, is_causal=True)
    np.testing.assert_array_equal(computed, attention(*given, mask=mask & np.tri(4, dtype=bool)))


def test_a_floating_mask_and_causality_both_apply():
    *given, mask = drawn(2, (4, 3), (4, 3), (4, 2), (4, 4))
    computed = attention(*given, mask=mask, is_causal=True)
    both = np.where(np.tri(4, dtype=bool), mask, -INF)
    np.testing.assert_array_equal(computed, attention(*given, mask=both))


def test_an_added_minus_infinity_is_false():
    given = drawn(3, (4, 3), (5, 3), (5, 2))
    mask = np.random.default_rng(3).random((4, 5)) < 0.5
    computed = attention(*given, mask=np.where(mask, 0.0, -INF))
    np.testing.assert_array_equal(computed, attention(*given, mask=mask))


@pytest.mark.parametrize("junk", [NAN, INF, -INF, 1e308])
@pytest.mark.parametrize("columns", [1, 2])
def test_what_a_mask_leaves_out_is_as_if_it_were_not_there(junk, columns):
    query, key, value = drawn(4, (4, 3), (37, 3), (37, columns))
    spoilt_key = np.r_[key, np.full((4, 3), junk)]
    spoilt_value = np.r_[value, np.full((4, columns), junk)]
    computed = attention(query, spoilt_key, spoilt_value, mask=[True] * 37 + [False] * 4)
    np.testing.assert_array_equal(computed, attention(query, key, value))


def test_keys_that_other_queries_attend_to_do_not_leak():
    query, key, value = drawn(4, (2, 3), (2, 3), (2, 2))
    key[1], value[1] = NAN, NAN
    computed = attention(query, key, value, is_causal=True)
    np.testing.assert_array_equal(computed, [value[0], [NAN, NAN]])


@pytest.mark.parametrize("dtype", [*FORMATS.values()], ids=str)
def test_an_added_mask_may_have_any_floating_format(dtype):
    given = drawn(5, (4, 3), (5, 3), (5, 2))
    mask = np.array([0.0, 1.5, -2.0, -INF, 0.25])
    computed = attention(*given, mask=mask.astype(dtype))
    np.testing.assert_array_equal(computed, attention(*given, mask=mask))


def test_a_column_of_the_output_depends_on_its_own_column_of_values_alone():
    query, key, value = drawn(4, (4, 3), (37, 3), (37, 5))
    alone = np.concatenate([attention(query, key, column[:, None]) for column in value.T], axis=-1)
    np.testing.assert_array_equal(attention(query, key, value), alone)


@pytest.mark.parametrize("scale", ["8", 1j, [1.0]])
def test_a_scale_that_is_no_real_number_is_refused_by_its_value(scale):
    with pytest.raises(TypeError, match=re.escape(f"scale must be a real number, got {scale!r}")):
        attention(*drawn(5, (4, 3), (5, 3), (5, 2)), scale=scale)


@pytest.mark.parametrize("is_causal", ["no", 2, None])
def test_a_causal_flag_that_is_no_bool_is_refused_by_its_value(is_causal):
    with pytest.raises(TypeError, match=f"is_causal must be a bool, got {is_causal!r}"):
        attention(*drawn(5, (4, 3), (5, 3), (5, 2)), is_causal=is_causal)


def test_formats_without_a_common_one_are_named():
    query, key, value = drawn(5, (4, 3), (5, 3), (5, 2))
    with pytest.raises(TypeError, match=r"no common format \(float16, bfloat16, float64\)"):
        attention(query.astype(np.float16), key.astype(FORMATS["bfloat16"]), value)


def test_the_mask_and_the_scale_are_taken_in_longdouble():
    query, key, value = (part.astype(np.longdouble) for part in drawn(6, (4, 3), (5, 3), (5, 2)))
    third = np.longdouble(1) / 3
    mask = np.arange(5) * third
    wide = attention(query, key, value, scale=third, mask=mask)
    reference = attention(query * third, key, value, scale=1, mask=mask)
    np.testing.assert_allclose(wide, reference, rtol=64 * np.finfo(np.longdouble).eps)
    for narrow in ({"scale": float(third)}, {"mask": mask.astype(np.float64)}):
        arguments = {"scale": third, "mask": mask} | narrow
        assert not np.array_equal(wide, attention(query, key, value, **arguments))


def test_the_scale_is_one_over_the_root_of_d_k():
    given = drawn(6, (4, 64), (5, 64), (5, 2))
    np.testing.assert_array_equal(attention(*given), attention(*given, scale=1 / 8))


@pytest.mark.parametrize("length", [0, 1, 2, 3])
def test_one_feature_or_none_is_not_scaled(length):
    query, key = np.ones((1, length)), np.arange(3 * length).reshape(3, length)
    scale = 1 / np.sqrt(max(length, 1))
    np.testing.assert_array_equal(
        attention(query, key, VALUE), attention(query, key, VALUE, scale=scale)
    )


@pytest.mark.parametrize("block_size", [None, 2])
def test_each_of_a_batch_gives_the_bits_that_it_gives_alone(block_size):
    rng = np.random.default_rng(0)
    batch = [rng.normal(size=(2, *shape)) for shape in [(3, 4), (5, 4), (5, 1)]]
    arguments = {"is_causal": True, "block_size": block_size}
    alone = [attention(*arrays, **arguments) for arrays in zip(*batch, strict=True)]
    np.testing.assert_array_equal(attention(*batch, **arguments), alone)


def test_a_scale_of_zero_averages():
    query, key, value = drawn(6, (1, 3), (4, 3), (4, 2))
    computed = attention(query, key, value, scale=0)
    np.testing.assert_allclose(computed, [value.mean(axis=0)], atol=FEW_ULPS)


def test_the_weights_are_what_unit_values_give():
    query, key = drawn(7, (4, 3), (5, 3))
    weights = softmax(np.einsum("ld,sd->ls", query, key), axis=-1)
    np.testing.assert_array_equal(attention(query, key, np.eye(5), scale=1), weights)


@pytest.mark.parametrize("block_size", [None, 2])
@pytest.mark.parametrize(
    ("query", "key", "value", "mask", "batch"),
    [
        ((), (), (), (), ()),
        ((2,), (2,), (2,), (), (2,)),
        ((7, 1), (2,), (), (1, 2), (7, 2)),
        ((), (), (2,), (2,), (2,)),
        ((), (3,), (2, 1), (2, 3), (2, 3)),
        ((0,), (), (), (), (0,)),
    ],
)
def test_batch_dimensions_broadcast(query, key, value, mask, batch, block_size):
    q, k, v = drawn(8, (*query, 4, 3), (*key, 5, 3), (*value, 5, 2))
    keep = np.random.default_rng(8).random((*mask, 4, 5)) < 0.7
    ends = (4, 3), (5, 3), (5, 2), (4, 5)
    full = [
        np.broadcast_to(x, batch + end).reshape(-1, *end)
        for x, end in zip((q, k, v, keep), ends, strict=True)
    ]
    one_by_one = [
        attention(*qkv, mask=m, block_size=block_size) for *qkv, m in zip(*full, strict=True)
    ]
    computed = attention(q, k, v, mask=keep, block_size=block_size)
    np.testing.assert_array_equal(computed, np.reshape(one_by_one, (*batch, 4, 2)))


@pytest.mark.parametrize("block_size", [None, 2])
@pytest.mark.parametrize("shape", [(), (1,), (5,), (4, 1), (1, 5), (2, 1, 1)])
def test_a_mask_broadcasts_to_the_scores(shape, block_size):
    given = drawn(9, (2, 4, 3), (5, 3), (5, 2))
    mask = np.random.default_rng(9).random(shape) < 0.5
    full = np.broadcast_to(mask, (2, 4, 5))
    computed, expected = (attention(*given, mask=m, block_size=block_size) for m in (mask, full))
    np.testing.assert_array_equal(computed, expected)


@pytest.mark.parametrize("name", FORMATS)
def test_a_floating_format_comes_back_as_it_went_in(name):
    given = drawn(10, (4, 3), (5, 3), (5, 2), dtype=FORMATS[name])
    assert attention(*given).dtype == FORMATS[name]


@pytest.mark.parametrize(
    ("formats", "common"),
    [
        (("float16", "float32", "float16"), "float32"),
        (("bfloat16", "bfloat16", "float32"), "float32"),
        (("float32", "float64", "float32"), "float64"),
        (("float64", "float64", "longdouble"), "longdouble"),
        (("int64", "int8", "bool"), "float64"),
        (("float32", "float32", "int8"), "float64"),
        ((">f4", ">f4", ">f4"), "float32"),
    ],
)
def test_formats_promote_as_in_numpy(formats, common):
    given = [np.ones((2, 2)).astype(FORMATS.get(name, name)) for name in formats]
    assert attention(*given).dtype == FORMATS[common]


def test_nested_lists_are_taken():
    np.testing.assert_array_equal(attention([[0]], [[1], [2]], [[1], [2]]), [[1.5]])


@pytest.mark.parametrize("block_size", [None, 7])
@pytest.mark.parametrize(
    "layout",
    [
        lambda a: np.asfortranarray(a),
        lambda a: a[:, ::-1].copy()[:, ::-1],
        lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
        lambda a: np.moveaxis(np.moveaxis(a, 0, -1).copy(), -1, 0),
        lambda a: np.frombuffer(b"x" + a.tobytes(), np.uint8)[1:].view(a.dtype).reshape(a.shape),
    ],
    ids=["Fortran", "negative stride", "sliced", "transposed", "unaligned and read-only"],
)
def test_the_memory_layout_does_not_change_a_bit(layout, block_size):
    query, key, value, mask = drawn(11, (3, 40, 33), (3, 50, 33), (3, 50, 17), (3, 40, 50))
    given = query, key, value, mask
    expected, computed = (
        attention(q, k, v, mask=m, block_size=block_size)
        for q, k, v, m in (given, map(layout, given))
    )
    np.testing.assert_array_equal(computed, expected)


def test_one_array_in_three_roles_gives_the_bits_of_three_arrays():
    (x,) = drawn(12, (40, 33))
    np.testing.assert_array_equal(attention(x, x, x), attention(x, x.copy(), x.copy()))


@pytest.mark.parametrize("block_size", [None, 7])
def test_the_other_queries_do_not_change_a_bit(block_size):
    query, key, value = drawn(13, (40, 33), (50, 33), (50, 17))
    one_by_one = [attention(q[None], key, value, block_size=block_size)[0] for q in query]
    computed = attention(query, key, value, block_size=block_size)
    np.testing.assert_array_equal(computed, one_by_one)


def test_the_number_of_threads_does_not_change_a_bit():
    code = (
        "import hashlib, numpy as np\n"
        "from softmax_lib import scaled_dot_product_attention as attention\n"
        "rng = np.random.default_rng(0)\n"
        "given = [rng.normal(size=shape) for shape in [(100, 64), (5000, 64), (5000, 300)]]\n"
        "print(hashlib.sha256(attention(*given).tobytes()).hexdigest())"
    )
    one, many = (
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "OPENBLAS_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for threads in ("1", "4")
    )
    assert one == many


def test_the_arguments_are_never_written_to():
    given = drawn(14, (4, 3), (5, 3), (5, 2), (4, 5))
    before = [array.copy() for array in given]
    output = attention(*given[:3], mask=given[3], is_causal=True)
    assert not any(np.shares_memory(output, array) for array in given)
    for now, then in zip(given, before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((3,), (5, 3), (5, 2)), r"query must have at least 2 dimensions, got shape \(3,\)"),
        (((4, 3), (3,), (5, 2)), r"key must have at least 2 dimensions, got shape \(3,\)"),
        (((4, 3), (5, 3), ()), r"value must have at least 2 dimensions, got shape \(\)"),
        (((4, 2), (5, 3), (5, 2)), r"query .*\(4, 2\) and key .*\(5, 3\) .* same last dimension"),
        (((4, 3), (5, 3), (4, 2)), r"key .*\(5, 3\) and value .*\(4, 2\) .* second-to-last dim"),
        (((2, 4, 3), (3, 5, 3), (5, 2)), r"must broadcast: query \(2, 4, 3\), key \(3, 5, 3\)"),
    ],
)
def test_shapes_that_do_not_fit_are_refused_by_name(shapes, message):
    with pytest.raises(ValueError, match=message):
        attention(*map(np.zeros, shapes))


@pytest.mark.parametrize("shape", [(4,), (5, 4), (2, 4, 5)])
def test_a_mask_that_does_not_broadcast_is_refused_with_both_shapes(shape):
    given = [np.zeros(shape) for shape in [(4, 3), (5, 3), (5, 2)]]
    with pytest.raises(ValueError, match=r"mask of shape \(.*\) .* scores' shape \(4, 5\)"):
        attention(*given, mask=np.ones(shape))


@pytest.mark.parametrize("mask", [1, 1j, "1"], ids=repr)
def test_a_mask_that_is_neither_boolean_nor_floating_is_refused_by_its_dtype(mask):
    dtype = np.asarray(mask).dtype
    with pytest.raises(TypeError, match=f"mask must be .* got dtype {dtype}"):
        attention([[1.0]], [[1.0]], [[1.0]], mask=mask)


@pytest.mark.parametrize("position", range(3))
def test_what_is_not_real_is_refused_by_its_dtype(position):
    given = [np.ones((2, 2))] * 3
    given[position] = np.ones((2, 2)) * 1j
    name = ("query", "key", "value")[position]
    with pytest.raises(TypeError, match=f"{name} must be real numbers, got dtype complex128"):
        attention(*given)


@pytest.mark.parametrize("position", range(4))
def test_a_masked_array_is_refused_with_the_way_out(position):
    given = [np.ones((2, 2))] * 4
    given[position] = np.ma.array(np.ones((2, 2)), mask=np.eye(2))
    with pytest.raises(TypeError, match=r"is a masked array, .* mask="):
        attention(*given[:3], mask=given[3])


@pytest.mark.parametrize("scale", [NAN, INF, -INF])
def test_a_scale_that_is_not_finite_is_refused_by_its_value(scale):
    with pytest.raises(ValueError, match=f"scale must be finite, got {scale}"):
        attention([[1.0]], [[1.0]], [[1.0]], scale=scale)


@pytest.mark.parametrize("scale", [1j, "1", [1.0, 2.0]], ids=repr)
def test_a_scale_that_is_not_a_number_is_refused(scale):
    with pytest.raises(TypeError):
        attention([[1.0]], [[1.0]], [[1.0]], scale=scale)
