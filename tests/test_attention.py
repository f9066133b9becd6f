import os
import re
import subprocess
import sys
import tracemalloc
from fractions import Fraction

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
    (
        "-inf alone, beside a finite score",
        [[1e200], [0.0]],
        np.full((3, 1), -1e200),
        VALUE,
        {},
        [[NAN, NAN], MEAN],
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
            largest = max(scores)
            weights = [mpmath.exp(s - largest) for s in scores]
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
    digits = 1 + np.longdouble(2) ** -60  # which float64 rounds away, and longdouble does not
    return [(rng.normal(size=shape) * spread * digits).astype(dtype) for shape in shapes]


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


@pytest.mark.parametrize("keys", [4_095, 4_096, 4_097, 9_000])
def test_error_stays_within_the_bound_with_thousands_of_keys(keys):
    # Scores that rise, so that the last block outweighs all others, and that fall.
    query = np.array([[1.0], [-1.0]])
    key, value = np.linspace(-20, 20, keys)[:, None], drawn(28, (keys, 1))[0]
    errors = np.abs(
        np.vectorize(number, otypes=[object])(attention(query, key, value))
        - exact_attention(query, key, value)
    )
    assert np.all(errors <= error_bound(query, key, value))


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
    given = drawn(17, (64, 16), (4_000, 16), (4_000, 16))
    block_size = 50
    copies = 8 * sum(array.size for array in given)
    block = 8 * 64 * block_size
    peak = peak_memory(lambda: attention(*given, block_size=block_size, **arguments))
    # Twenty arrays of the block's size; the scores themselves are 80 times as large as one.
    assert peak <= copies + 20 * block
    if not arguments.get("is_causal"):
        assert peak_memory(lambda: attention(*given, **arguments)) > 80 * block


def test_a_mask_of_each_score_is_not_copied_as_a_whole():
    given = drawn(17, (64, 2), (4_000, 2), (4_000, 2))
    mask = np.zeros((64, 4_000))
    peak = peak_memory(lambda: attention(*given, mask=mask, block_size=50))
    assert peak <= mask.nbytes


@pytest.mark.parametrize(
    ("queries", "keys", "d_k", "d_v"),
    [(1_000, 20_000, 16, 16), (65, 20_000, 16, 300), (65, 5_000, 300, 16), (20_000, 65, 16, 16)],
)
@pytest.mark.parametrize(
    "arguments", [{}, {"is_causal": True}, {"mask": np.zeros((1, 1))}], ids=str
)
def test_memory_stays_small_however_many_scores_there_are(queries, keys, d_k, d_v, arguments):
    shapes = (queries, d_k), (keys, d_k), (keys, d_v)
    given = drawn(19, *shapes, dtype=np.float32)
    wide = 8 * (sum(array.size for array in given) + queries * d_v + 64 * (d_k + d_v))
    peak = peak_memory(lambda: attention(*given, **arguments))
    assert peak <= wide + 32 * 2**20
    assert 8 * queries * keys > 32 * 2**20 or keys == 65 or queries == 65


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


@pytest.mark.parametrize(
    "scale",
    [0.5, Fraction(1, 2), *(kind.type(0.5) for kind in FORMATS.values())],
    ids=repr,
)
def test_a_scale_may_be_a_real_number_of_any_kind(scale):
    given = drawn(26, (4, 3), (5, 3), (5, 2))
    expected = attention(*given, scale=0.5)
    np.testing.assert_array_equal(attention(*given, scale=scale), expected)
    if not isinstance(scale, float | Fraction):
        np.testing.assert_array_equal(attention(*given, scale=np.asarray(scale)), expected)


def test_an_integer_in_an_array_of_no_dimension_is_taken():
    given = drawn(26, (4, 3), (5, 3), (5, 2))
    whole, flag = np.array(2), np.array(True)
    computed = attention(*given, scale=whole, block_size=whole, is_causal=flag)
    expected = attention(*given, scale=2, block_size=2, is_causal=True)
    np.testing.assert_array_equal(computed, expected)


@pytest.mark.parametrize("scale", [10**400, 10**5000, Fraction(10**400)], ids="abc")
def test_a_scale_beyond_the_format_is_refused_by_name(scale):
    with pytest.raises(ValueError, match="scale must be finite, got inf in float64"):
        attention([[1.0]], [[1.0]], [[1.0]], scale=scale)


def test_longdouble_has_room_for_a_larger_scale():
    one = np.ones((1, 1), np.longdouble)
    assert attention(one, one, one, scale=10**400) == 1
    with pytest.raises(ValueError, match="scale must be finite, got inf in"):
        attention(one, one, one, scale=10**5000)


@pytest.mark.parametrize("axes", [33, 64])
def test_as_many_axes_are_taken_as_numpy_has(axes):
    query, key, value, mask = drawn(27, (3, 4, 3), (3, 5, 3), (5, 2), (4, 5))
    more = (1,) * (axes - 4)
    many = query.reshape(3, *more, 1, 4, 3), key.reshape(1, *more, 3, 5, 3), value
    computed = attention(*many, mask=mask, block_size=3)
    assert computed.shape == (3, *more, 3, 4, 2)
    expected = attention(query[:, None], key, value, mask=mask, block_size=3)
    np.testing.assert_array_equal(computed.reshape(expected.shape), expected)


@pytest.mark.parametrize("scale", ["8", 1j, [1.0], np.array([1.0]), np.array([0.5, 2.0]), float])
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
    weights = softmax(query @ key.T, axis=-1)
    computed = attention(query, key, np.eye(5), scale=1)
    np.testing.assert_allclose(computed, weights, rtol=8 * FEW_ULPS)


@pytest.mark.parametrize("block_size", [None, 2])
@pytest.mark.parametrize(
    ("query", "key", "value", "mask", "batch"),
    [
        ((), (), (), (), ()),
        ((2,), (2,), (2,), (), (2,)),
        ((1,), (), (1, 1), (), (1, 1)),
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


# Just below, at and above the sides of matrices in products.
LENGTHS = [1, 2, 15, 16, 17, 63, 64, 65, 130]


@pytest.mark.parametrize("block_size", [None, 7, 64, 100])
@pytest.mark.parametrize("keys", [*LENGTHS, 960])
def test_the_other_queries_do_not_change_a_bit(keys, block_size):
    query, key, value = drawn(13, (130, 33), (keys, 33), (keys, 17))
    computed = attention(query, key, value, block_size=block_size)
    for length in LENGTHS:
        for first in {0, 1, (130 - length) // 2, 130 - length} - {130 - length + 1}:
            some = slice(first, first + length)
            alone = attention(query[some], key, value, block_size=block_size)
            np.testing.assert_array_equal(alone, computed[some])


@pytest.mark.parametrize("features", [0, *LENGTHS])
def test_one_query_has_the_bits_that_it_has_among_others(features):
    query, key, value = drawn(20, (67, features), (70, features), (70, 33))
    order = np.random.default_rng(20).permutation(67)
    computed = attention(query, key, value)
    np.testing.assert_array_equal(attention(query[order], key, value), computed[order])
    one_by_one = [attention(one[None], key, value)[0] for one in query]
    np.testing.assert_array_equal(computed, one_by_one)


@pytest.mark.parametrize("block_size", [None, 50])
def test_the_heads_do_not_change_a_bit(block_size):
    query, key, value = drawn(21, (3, 30, 70, 5), (3, 30, 65, 5), (3, 30, 65, 7))
    computed = attention(query, key, value, block_size=block_size)
    for head in np.ndindex(3, 30):
        alone = attention(query[head], key[head], value[head], block_size=block_size)
        np.testing.assert_array_equal(computed[head], alone)


@pytest.mark.parametrize("block_size", [None, 50, 64])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
def test_a_query_beside_a_cache_of_keys_has_the_bits_that_it_has_in_a_causal_batch(
    dtype, block_size
):
    query, key, value = drawn(22, (200, 16), (200, 16), (200, 3), dtype=dtype)
    computed = attention(query, key, value, is_causal=True, block_size=block_size)
    for i in [0, 1, 15, 16, 49, 50, 51, 62, 63, 64, 65, 127, 128, 199]:
        alone = attention(query[i : i + 1], key[: i + 1], value[: i + 1], block_size=block_size)
        np.testing.assert_array_equal(alone[0], computed[i])


@pytest.mark.parametrize("length", [*LENGTHS, 400, 700])
def test_keys_behind_the_last_one_attended_to_do_not_change_a_bit(length):
    query, key, value = drawn(23, (20, 16), (1_000, 16), (1_000, 3))
    expected = attention(query, key[:length], value[:length])
    mask = np.arange(1_000) < length
    np.testing.assert_array_equal(attention(query, key, value, mask=mask), expected)
    # Beside queries that attend to more.
    mask = np.where(np.arange(20)[:, None] % 3 == 0, mask, True)
    computed = attention(query, key, value, mask=mask)
    np.testing.assert_array_equal(computed[::3], expected[::3])


def test_own_threads_do_not_change_a_bit(monkeypatch):
    given = drawn(24, (4, 300, 64), (4, 500, 64), (4, 500, 64))
    in_threads = [attention(*given) for _ in range(20)]
    monkeypatch.setattr(
        "softmax_lib._attention.in_threads",
        lambda function, items: [function(item) for item in items[::-1]],
    )
    np.testing.assert_array_equal(in_threads, [attention(*given)] * 20)


# Run by itself: how many threads OpenBLAS has, beyond what there are processors for, is set by a
# function of its own, and which kernels, by a variable that is read when NumPy is imported.
AMONG_OTHERS = """
import ctypes, pathlib, numpy as np
from softmax_lib import scaled_dot_product_attention as attention

rng = np.random.default_rng(0)
query, key, value = (rng.normal(size=shape) for shape in [(100, 64), (5000, 64), (5000, 300)])
expected = attention(query, key, value)
folder = pathlib.Path(np.__file__).parent
for path in [*folder.glob(".dylibs/*openblas*"), *folder.parent.glob("numpy.libs/*openblas*")]:
    set_threads = getattr(ctypes.CDLL(str(path)), "scipy_openblas_set_num_threads64_", None)
for threads in [1, 2, 3, 4, 7] if set_threads else []:
    set_threads(threads)
    assert (attention(query, key, value) == expected).all(), threads
    for some in slice(7, 8), slice(30, 33), slice(64, 100):
        assert (attention(query[some], key, value) == expected[some]).all(), (threads, some)
"""


# Kernels that run on every x86-64 processor of the last ten years; others do not know the names.
@pytest.mark.parametrize("kernels", [None, "Prescott", "Nehalem", "Haswell"])
def test_neither_threads_nor_kernels_of_blas_tell_queries_apart(kernels):
    environment = {name: text for name, text in os.environ.items() if name != "OPENBLAS_CORETYPE"}
    if kernels is not None:
        environment["OPENBLAS_CORETYPE"] = kernels
    run = subprocess.run(
        [sys.executable, "-c", "set_threads = None" + AMONG_OTHERS],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("block_size", [None, 64, 65])
@pytest.mark.parametrize("keys", LENGTHS)
@pytest.mark.parametrize("queries", LENGTHS)
def test_nothing_is_lost_at_the_edges_of_tiles(queries, keys, block_size):
    for width in (3, 16, 64, 65):
        given = drawn(25, (queries, width), (keys, width), (keys, 130 - width))
        for arguments, keep, added in masks(np.random.default_rng(25), (queries, keys)):
            computed = attention(*given, **arguments, block_size=block_size)
            scores = given[0] @ given[1].T / np.sqrt(width) + added
            weights = softmax(scores, where=keep)
            scale = np.max(np.abs(given[2]))
            np.testing.assert_allclose(computed, weights @ given[2], rtol=0, atol=1e-13 * scale)


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
        (((4, 2), (5, 3), (5, 2)), r"\(\.\.\., L, d_k\), .* got \(4, 2\), \(5, 3\) and \(5, 2\)"),
        (((4, 3), (5, 3), (4, 2)), r"\(\.\.\., S, d_v\), .* got \(4, 3\), \(5, 3\) and \(4, 2\)"),
        (((2, 4, 3), (3, 5, 3), (5, 2)), r"broadcast, got \(2, 4, 3\), \(3, 5, 3\) and \(5, 2\)"),
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
