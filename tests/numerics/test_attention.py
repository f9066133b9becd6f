import itertools
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
# How many keys the first query attends to beside the first one, of so many queries and keys.
ALIGNED = [
    ("upper_left", lambda queries, keys: 0),
    ("lower_right", lambda queries, keys: keys - queries),
]
CAUSAL = {"is_causal": True, "causal_alignment": "upper_left"}
CACHED = {"is_causal": True, "causal_alignment": "lower_right"}
LAST_OUT = [True, True, False]
MEAN = [70 / 3, -7 / 3]
CACHED_WITH_NAN = [[0, 0], [10, -1], [NAN, -1.5], [NAN, -7 / 3]]

# What is special, query, key, value, other arguments, output.
SPECIAL = [
    ("nothing to attend to", [[1.0]], KEY, VALUE, {"mask": False}, [[0, 0]]),
    ("all added -inf", [[1.0]], KEY, VALUE, {"mask": -INF}, [[0, 0]]),
    ("S = 0", [[1.0]], KEY[:0], VALUE[:0], {}, [[0, 0]]),
    ("left out: NaN key", [[0.0]], [[1], [1], [NAN]], VALUE, {"mask": LAST_OUT}, [[15, -1.5]]),
    ("left out: inf key", [[0.0]], [[1], [1], [INF]], VALUE, {"mask": LAST_OUT}, [[15, -1.5]]),
    ("left out: NaN value", [[0]], KEY, WITH_NAN, {"mask": [True, False, True]}, [[25, -2.5]]),
    ("left out: inf value", [[0]], KEY, WITH_INF, {"mask": [0, -INF, 0]}, [[25, -2.5]]),
    ("left out: later NaN", [[0]], KEY, WITH_NAN, CAUSAL, [[10, -1]]),
    ("left out: more queries than keys", [[0]] * 4, KEY, WITH_NAN, CACHED, CACHED_WITH_NAN),
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
    ("a cap on +inf", [[1.0]], [[INF], [INF], [-INF]], VALUE, {"softcap": 1e4}, [[15, -1.5]]),
    ("a cap on -inf alone", [[1.0]], np.full((3, 1), -INF), VALUE, {"softcap": 2}, [MEAN]),
    ("a cap on what is left out", [[1]], KEY, VALUE, {"softcap": 1, "mask": False}, [[0, 0]]),
    ("a cap, and +inf added", [[1]], KEY, VALUE, {"softcap": 1, "mask": [0, INF, 0]}, [[20, -2]]),
    ("a cap on NaN", [[NAN]], KEY, VALUE, {"softcap": 1}, [[NAN, NAN]]),
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


def exact_attention(query, key, value, *, keep=None, added=None, scale=None, softcap=None):
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
            if not attended.size:
                output.append([mpmath.mpf(0)] * len(value[0]))
                continue
            scores = [scale * mpmath.fdot(q, key[j]) for j in attended]
            if softcap is not None:
                cap = number(softcap)
                scores = [cap * mpmath.tanh(s / cap) for s in scores]
            if added is not None:
                scores = [s + number(added[i, j]) for s, j in zip(scores, attended, strict=True)]
            largest = max(scores)
            weights = [mpmath.exp(s - largest) for s in scores]
            columns = zip(*(value[j] for j in attended), strict=True)
            output.append([mpmath.fdot(weights, c) / mpmath.fsum(weights) for c in columns])
    return np.array(output, dtype=object)


def error_bound(
    query, key, value, *, added=0.0, scale=None, softcap=0.0, unit=2.0**-53, block_size=None
):
    """Return the docstring's bound on the error of each query's output."""
    d_k, length = key.shape[-1], key.shape[-2]
    scale = 1 / np.sqrt(d_k) if scale is None else abs(scale)
    largest = np.max(
        scale * (np.abs(query) @ np.abs(key).swapaxes(-1, -2)) + np.abs(added), axis=-1
    )
    terms = (d_k + 4) * largest + 6 * np.minimum(largest, softcap)
    terms += terms_of_sums(length, block_size)
    return (unit * np.max(np.abs(value)) * terms)[..., None].astype(np.float64)


def terms_of_sums(length, block_size):
    """Return the part of the bound that has nothing to do with the scores' own errors."""
    blocks = 0 if block_size is None else -(-length // block_size)
    return (block_size + 12 * blocks if blocks else length) + 10


def drawn(seed, *shapes, dtype=np.float64, spread=1.0):
    rng = np.random.default_rng(seed)
    digits = 1 + np.longdouble(2) ** -55  # which float64 rounds away, and longdouble does not
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
    added = rng.normal(size=shape) * 10 ** rng.uniform(-2, 2)
    yield {}, everywhere, np.zeros(shape)
    yield {"mask": keep}, keep, np.zeros(shape)
    yield {"mask": added}, everywhere, added
    yield {"mask": np.where(keep, added, -INF)}, keep, added
    for alignment, ahead in ALIGNED:
        causal = {"is_causal": True, "causal_alignment": alignment}
        yield causal, np.tri(*shape, ahead(*shape), dtype=bool), np.zeros(shape)


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
    [
        {},
        CAUSAL,
        CACHED,
        {"mask": np.arange(4_000) % 3 > 0},
        {"mask": np.zeros((64, 1))},
        {"softcap": 3.0},
    ],
    ids=["no mask", "causal", "cached", "Boolean", "floating", "capped"],
)
def test_memory_grows_with_the_block_and_not_with_the_scores(arguments):
    given = drawn(17, (64, 16), (4_000, 16), (4_000, 16))
    block_size = 50
    copies = 8 * sum(array.size for array in given)
    block = 8 * 64 * block_size
    peak = peak_memory(lambda: attention(*given, block_size=block_size, **arguments))
    # Twenty arrays of the block's size; the scores themselves are 80 times as large as one.
    assert peak <= copies + 20 * block
    if arguments is not CAUSAL:
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
    "arguments", [{}, CAUSAL, CACHED, {"mask": np.zeros((1, 1))}, {"softcap": 3.0}], ids=str
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
@given(sizes=sizes, seed=st.integers(0, 2**32), block_size=st.none() | st.integers(1, 7))
@pytest.mark.parametrize(("alignment", "ahead"), ALIGNED)
def test_causal_is_a_triangle_as_a_mask(alignment, ahead, sizes, seed, block_size):
    queries, keys, d_k, d_v = sizes
    given = drawn(seed, (queries, d_k), (keys, d_k), (keys, d_v))
    causal = {"is_causal": True, "causal_alignment": alignment}
    computed = attention(*given, **causal, block_size=block_size)
    mask = [[j <= i + ahead(queries, keys) for j in range(keys)] for i in range(queries)]
    np.testing.assert_array_equal(computed, attention(*given, mask=mask, block_size=block_size))


@pytest.mark.parametrize("length", [0, 1, 70])
def test_as_many_queries_as_keys_have_one_alignment(length):
    given = drawn(2, (length, 4), (length, 4), (length, 2))
    computed = attention(*given, is_causal=True)
    for alignment, _ in ALIGNED:
        aligned = attention(*given, is_causal=True, causal_alignment=alignment)
        np.testing.assert_array_equal(aligned, computed)


@pytest.mark.parametrize(("queries", "keys"), [(1, 8), (8, 1), (3, 0), (0, 3)])
def test_other_numbers_of_queries_and_keys_need_an_alignment(queries, keys):
    given = [np.zeros((length, 2)) for length in (queries, keys, keys)]
    message = (
        f"is_causal with {queries} queries and {keys} keys needs a causal_alignment: "
        r"'upper_left' \(.*: query i attends to keys j ≤ i\) or 'lower_right' "
        rf"\(.*, as with a cache of keys: to keys j ≤ i \+ {keys} - {queries}\)$"
    )
    with pytest.raises(ValueError, match=message):
        attention(*given, is_causal=True)


@pytest.mark.parametrize("alignment", [name for name, _ in ALIGNED])
def test_an_alignment_alone_is_refused(alignment):
    message = f"causal_alignment='{alignment}' needs is_causal=True"
    with pytest.raises(ValueError, match=message):
        attention([[1.0]], [[1.0]], [[1.0]], causal_alignment=alignment)


@pytest.mark.parametrize("alignment", ["lower_left", "", True, 1, b"upper_left", ["upper_left"],
                                       np.array(["upper_left", "lower_right"])])  # fmt: skip
@pytest.mark.parametrize("is_causal", [True, False])
def test_an_alignment_that_is_none_is_refused_by_its_value(alignment, is_causal):
    message = f"causal_alignment must be 'upper_left' or 'lower_right', got {alignment!r}"
    with pytest.raises(ValueError, match=re.escape(message)):
        attention([[1.0]], [[1.0]], [[1.0]], is_causal=is_causal, causal_alignment=alignment)


def test_the_first_query_attends_causally_to_the_first_key_alone():
    query, key, value = drawn(2, (3, 4), (5, 4), (5, 2))
    computed = attention(query, key, value, **CAUSAL)
    np.testing.assert_array_equal(computed[0], value[0])


def test_the_last_query_beside_a_cache_attends_to_all_keys():
    query, key, value = drawn(2, (3, 4), (5, 4), (5, 2))
    computed = attention(query, key, value, **CACHED)
    np.testing.assert_array_equal(computed[-1:], attention(query[-1:], key, value))


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
    aligned = {"causal_alignment": "lower_right", "softcap": whole, "block_size": whole}
    computed = attention(*given, scale=whole, is_causal=flag, **aligned)
    aligned |= {"softcap": 2, "block_size": 2}
    expected = attention(*given, scale=2, is_causal=True, **aligned)
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


@pytest.mark.parametrize("flag", ["no", 1, None, np.array([True])], ids=repr)
@pytest.mark.parametrize("name", ["is_causal", "enable_gqa", "return_weights"])
def test_a_flag_that_is_no_bool_is_refused_by_its_value(name, flag):
    message = re.escape(f"{name} must be True or False, got {flag!r}")
    with pytest.raises(TypeError, match=message):
        attention([[1.0]], [[1.0]], [[1.0]], **{name: flag})


@pytest.mark.parametrize("block_size", [None, 1, 4])
@pytest.mark.parametrize("name", ["float64", "longdouble"])
def test_error_stays_within_the_bound_under_a_cap(name, block_size):
    rng = np.random.default_rng(31)
    for seed in range(10):
        queries, keys, d_k, d_v = rng.integers(1, 12, size=4)
        shapes = [(queries, d_k), (keys, d_k), (keys, d_v)]
        given = drawn(seed, *shapes, dtype=FORMATS[name], spread=10 ** rng.uniform(-2, 1.5))
        softcap = FORMATS[name].type(10 ** rng.uniform(-2, 3))
        for arguments, keep, added in masks(rng, (queries, keys)):
            exact = exact_attention(*given, keep=keep, added=added, softcap=softcap)
            computed = attention(*given, **arguments, softcap=softcap, block_size=block_size)
            errors = np.abs(np.vectorize(number, otypes=[object])(computed) - exact)
            bound = error_bound(
                *given,
                added=added,
                softcap=float(softcap),
                unit=UNIT_ROUNDOFF[name],
                block_size=block_size,
            )
            assert np.all(errors <= bound)


@pytest.mark.parametrize("name", ["float64", "longdouble"])
def test_tanh_errs_as_little_as_the_bound_has_it(name):
    z = (10.0 ** np.random.default_rng(32).uniform(-10, 1.4, 5_000)).astype(FORMATS[name])
    z *= 1 + np.arange(5_000) * np.finfo(FORMATS[name]).eps
    with mpmath.workprec(150):
        for tanh, exact in zip(np.tanh(z), map(mpmath.tanh, map(number, z)), strict=True):
            assert abs(number(tanh) - exact) <= 4 * UNIT_ROUNDOFF[name] * exact


def test_a_cap_of_any_finite_size_is_taken():
    query, key, value = np.ones((1, 1)), np.array([[0.0], [1.0]]), np.array([[0.0], [1.0]])
    plain = attention(query, key, value)
    for softcap, expected in [(5e-324, 0.5), (1e-300, 0.5), (1e300, plain), (1.7e308, plain)]:
        computed = attention(query, key, value, softcap=softcap)
        np.testing.assert_allclose(computed, np.full((1, 1), expected), rtol=FEW_ULPS)


def test_the_cap_is_on_the_scaled_scores():
    query, key, value = drawn(33, (4, 3), (5, 3), (5, 2))
    computed = attention(query, key, value, scale=4.0, softcap=2.0)
    expected = attention(4.0 * query, key, value, scale=1.0, softcap=2.0)
    np.testing.assert_array_equal(computed, expected)


def test_the_cap_is_taken_in_longdouble():
    given = [part.astype(np.longdouble) for part in drawn(33, (4, 3), (5, 3), (5, 2))]
    third = np.longdouble(1) / 3
    wide, narrow = (attention(*given, softcap=cap) for cap in (third, float(third)))
    assert not np.array_equal(wide, narrow)


@pytest.mark.parametrize(
    "softcap",
    [0.5, Fraction(1, 2), np.array(0.5), *(kind.type(0.5) for kind in FORMATS.values())],
    ids=repr,
)
def test_a_cap_may_be_a_real_number_of_any_kind(softcap):
    given = drawn(26, (4, 3), (5, 3), (5, 2))
    expected = attention(*given, softcap=0.5)
    np.testing.assert_array_equal(attention(*given, softcap=softcap), expected)


@pytest.mark.parametrize(
    ("softcap", "shown"),
    [(0, "0.0"), (-2.0, "-2.0"), (NAN, "nan"), (INF, "inf"), (-INF, "-inf"), (10**400, "inf"),
     (Fraction(1, 10**400), "0.0")],
)  # fmt: skip
def test_a_cap_that_is_not_positive_and_finite_is_refused_by_its_value(softcap, shown):
    message = f"softcap must be positive and finite, got {shown} in float64; pass None"
    with pytest.raises(ValueError, match=message):
        attention([[1.0]], [[1.0]], [[1.0]], softcap=softcap)


@pytest.mark.parametrize("softcap", ["8", 1j, [1.0], np.array([1.0]), float])
def test_a_cap_that_is_no_real_number_is_refused_by_its_value(softcap):
    message = re.escape(f"softcap must be a real number, got {softcap!r}; pass one number")
    with pytest.raises(TypeError, match=message):
        attention([[1.0]], [[1.0]], [[1.0]], softcap=softcap)


@pytest.mark.parametrize("block_size", [None, 3])
@pytest.mark.parametrize(
    ("query", "key", "value", "mask"),
    [
        ((6,), (2,), (2,), ()),
        ((6,), (6,), (6,), (6,)),
        ((6,), (1,), (1,), (1,)),
        ((5, 6), (5, 2), (1, 2), (6,)),
        ((6,), (7, 3), (3,), (7, 1)),
        ((1, 4), (5, 2), (2,), (5, 4)),
        ((0,), (0,), (0,), ()),
        ((0,), (2,), (2,), ()),
    ],
)
def test_query_heads_share_heads_of_keys(query, key, value, mask, block_size):
    q, k, v = drawn(34, (*query, 4, 3), (*key, 5, 3), (*value, 5, 2))
    group = query[-1] // max(key[-1], 1)
    repeated = [np.repeat(array, group, axis=-3) for array in (k, v)]
    keep = np.random.default_rng(34).random((*mask, 4, 5)) < 0.7
    for arguments in {}, {"mask": keep}, {"mask": np.where(keep, 1.5, -INF)}, CACHED:
        computed = attention(q, k, v, **arguments, enable_gqa=True, block_size=block_size)
        expected = attention(q, *repeated, **arguments, block_size=block_size)
        np.testing.assert_array_equal(computed, expected)


def test_heads_of_keys_are_not_copied_for_each_query_head():
    given = drawn(35, (64, 1, 2), (2, 4_000, 2), (2, 4_000, 2))
    padded_keys = 8 * 2 * 16 * 4_000
    peak = peak_memory(lambda: attention(*given, enable_gqa=True, block_size=64))
    assert peak <= 3 * 2 * padded_keys


@pytest.mark.parametrize(
    "shapes",
    [
        ((4, 3), (5, 3), (5, 2)),
        ((2, 4, 3), (5, 3), (2, 5, 2)),
        ((6, 4, 3), (4, 5, 3), (4, 5, 2)),
        ((2, 4, 3), (4, 5, 3), (4, 5, 2)),
        ((6, 4, 3), (2, 5, 3), (3, 5, 2)),
        ((6, 4, 3), (2, 5, 3), (1, 5, 2)),
        ((6, 4, 3), (0, 5, 3), (0, 5, 2)),
        ((6, 4, 2), (2, 5, 3), (2, 5, 2)),
        ((2, 6, 4, 3), (3, 2, 5, 3), (2, 5, 2)),
    ],
)
def test_heads_that_do_not_fit_are_refused_with_their_shapes(shapes):
    message = re.escape(
        "query, key and value must be (..., H, L, d_k), (..., H, S, d_k) and (..., H, S, d_v), "
        "where the first dimensions broadcast, and where H for key and value is the same and "
        f"divides that of query, got {shapes[0]}, {shapes[1]} and {shapes[2]}"
    )
    with pytest.raises(ValueError, match=f"^{message}$"):
        attention(*map(np.zeros, shapes), enable_gqa=True)


@pytest.mark.parametrize(
    ("shapes", "advises"),
    [
        (((6, 4, 3), (2, 5, 3), (2, 5, 2)), True),
        (((6, 4, 3), (4, 5, 3), (4, 5, 2)), False),
        (((6, 4, 3), (2, 5, 3), (3, 5, 2)), False),
        (((6, 4, 2), (2, 5, 3), (2, 5, 2)), False),
        (((4, 3), (2, 5, 3), (3, 5, 2)), False),
    ],
)
def test_sharing_is_advised_where_it_would_fit(shapes, advises):
    with pytest.raises(ValueError, match="query, key and value must be") as caught:
        attention(*map(np.zeros, shapes))
    advice = "; pass enable_gqa=True for fewer heads of keys than of queries"
    assert str(caught.value).endswith(f"and {shapes[2]}{advice if advises else ''}")


def test_shared_heads_take_an_axis_more():
    arrays = [np.zeros((1,) * 64)] * 3
    assert attention(*arrays).shape == (1,) * 64
    with pytest.raises(ValueError, match="64, found 65"):
        attention(*arrays, enable_gqa=True)


# What is special, query, key, other arguments, weights.
WEIGHTS = [
    ("nothing to attend to", [[1.0]], KEY, {"mask": [False] * 3}, [[0, 0, 0]]),
    ("all added -inf", [[1.0]], KEY, {"mask": [-INF] * 3}, [[0, 0, 0]]),
    ("a key left out", [[0.0]], KEY, {"mask": LAST_OUT}, [[0.5, 0.5, 0]]),
    ("a key left out by -inf", [[0.0]], KEY, {"mask": [-INF, 0, 0]}, [[0, 0.5, 0.5]]),
    ("NaN query", [[NAN], [0]], KEY, {"mask": LAST_OUT}, [[NAN, NAN, 0], [0.5, 0.5, 0]]),
    ("one +inf", [[1.0]], [[1], [INF], [1]], {}, [[0, 1, 0]]),
    ("two +inf", [[1.0]], [[INF], [1], [INF]], {}, [[NAN] * 3]),
    ("-inf", [[1.0]], [[2], [2], [-INF]], {}, [[0.5, 0.5, 0]]),
    ("-inf alone", [[-INF]], KEY, {}, [[NAN] * 3]),
    ("-inf alone, one left out", [[-INF]], KEY, {"mask": LAST_OUT}, [[NAN, NAN, 0]]),
    ("a weight that underflows", [[1e3]], KEY, {"scale": 1.0}, [[0, 0, 1]]),
    ("a cap", [[1.0]], [[INF], [INF], [-INF]], {"softcap": 1e4}, [[0.5, 0.5, 0]]),
    ("S = 0", [[1.0]], KEY[:0], {}, np.zeros((1, 0))),
    ("L = 0", np.zeros((0, 1)), KEY, {}, np.zeros((0, 3))),
]


@pytest.mark.parametrize(
    ("query", "key", "arguments", "expected"),
    [pytest.param(*row, id=name) for name, *row in WEIGHTS],
)
def test_special_weights(query, key, arguments, expected):
    with np.errstate(all="raise"):
        _, weights = attention(query, key, key, **arguments, return_weights=True)
    np.testing.assert_array_equal(weights, expected)


# By default there are 256 keys to a block at least, which these columns make it.
WIDE = 1_000


@pytest.mark.parametrize(
    ("query", "key", "arguments", "expected"),
    [pytest.param(*row, id=name) for name, *row in WEIGHTS if len(row[1]) == 3],
)
def test_special_weights_if_each_key_is_in_a_block_of_its_own(query, key, arguments, expected):
    apart = [3, 299, 599]
    mask = np.asarray(arguments.get("mask", [True] * 3))
    spread = np.full(600, False if mask.dtype == bool else -INF)
    spread_key, spread_weights = np.ones((600, 1)), np.zeros((len(query), 600))
    spread[apart], spread_key[apart], spread_weights[:, apart] = mask, key, expected
    arguments = arguments | {"mask": spread}
    with np.errstate(all="raise"):
        _, weights = attention(
            query, spread_key, np.zeros((600, WIDE)), **arguments, return_weights=True
        )
    np.testing.assert_array_equal(weights, spread_weights)


@pytest.mark.parametrize("keys", [5, 70, 300])
@pytest.mark.parametrize("name", FORMATS)
def test_the_weights_are_what_unit_values_give_to_the_bit(name, keys):
    query, key = drawn(36, (4, 20, 5), (2, keys, 5), dtype=FORMATS[name], spread=2.0)
    units = np.broadcast_to(np.eye(keys, WIDE), (2, keys, WIDE)).astype(FORMATS[name])
    for arguments in ({}, CACHED, {"mask": np.arange(keys) % 3 > 0, "softcap": 2.0}):
        output, weights = attention(
            query, key, units, **arguments, enable_gqa=True, return_weights=True
        )
        assert weights.dtype == FORMATS[name]
        np.testing.assert_array_equal(weights, output[..., :keys])


@pytest.mark.parametrize(("columns", "keys"), [(7, 5), (7, 70), (7, 5_000), (WIDE, 300)])
@pytest.mark.parametrize("name", FORMATS)
def test_returning_the_weights_does_not_change_a_bit(name, columns, keys):
    given = drawn(37, (20, 5), (2, keys, 5), (2, keys, columns), dtype=FORMATS[name])
    for arguments in {}, CACHED, {"mask": np.arange(keys) % 3 > 0, "softcap": 2.0}:
        output, _ = attention(*given, **arguments, return_weights=True)
        np.testing.assert_array_equal(output, attention(*given, **arguments))


@pytest.mark.parametrize("keys", [10, 270])
@pytest.mark.parametrize("name", ["float64", "longdouble"])
def test_the_error_of_a_weight_stays_within_the_bound(name, keys):
    rng = np.random.default_rng(38)
    query, key = drawn(38, (2, 4), (keys, 4), dtype=FORMATS[name], spread=2.0)
    unit_values = np.eye(keys).astype(FORMATS[name])
    for arguments, keep, added in masks(rng, (2, keys)):
        exact = exact_attention(query, key, unit_values, keep=keep, added=added)
        _, weights = attention(query, key, np.zeros((keys, WIDE)), **arguments, return_weights=True)
        errors = np.abs(np.vectorize(number, otypes=[object])(weights) - exact)
        bound = error_bound(query, key, unit_values, added=added, unit=UNIT_ROUNDOFF[name])
        assert np.all(errors <= bound)


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32"])
def test_weights_of_a_narrow_format_are_rounded_once(name):
    query, key = drawn(39, (4, 5), (6, 5), dtype=FORMATS[name], spread=2.0)
    exact = exact_attention(query, key, np.eye(6))
    _, weights = attention(query, key, key, return_weights=True)
    assert np.max(ulp_error(weights, exact)) <= ROUNDED_ONCE_ULPS


def test_the_weights_have_the_batch_of_the_output():
    query, key, value = drawn(40, (3, 4, 2), (5, 2), (7, 1, 5, 6))
    output, weights = attention(query, key, value, return_weights=True)
    assert output.shape == (7, 3, 4, 6)
    np.testing.assert_array_equal(weights, np.broadcast_to(weights[0], (7, 3, 4, 5)))
    np.testing.assert_array_equal(weights[0], attention(query, key, np.eye(5)))


@pytest.mark.parametrize("block_size", [1, 10**6, "none"])
def test_weights_of_blocks_are_refused(block_size):
    message = re.escape(
        f"return_weights with block_size={block_size!r}: the weights have the shape of the scores"
    )
    with pytest.raises(ValueError, match=message):
        attention([[1.0]], [[1.0]], [[1.0]], return_weights=True, block_size=block_size)


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
    arguments = {**CAUSAL, "block_size": block_size}
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


@pytest.mark.parametrize(
    ("keys", "block_size"),
    [*itertools.product(LENGTHS, [None, 7, 64, 100]), (960, None), (960, 64)],
)
def test_the_other_queries_do_not_change_a_bit(keys, block_size):
    query, key, value = drawn(13, (130, 33), (keys, 33), (keys, 17))
    computed = attention(query, key, value, block_size=block_size)
    for length in LENGTHS:
        for first in {0, 1, (130 - length) // 2, 130 - length} - {130 - length + 1}:
            some = slice(first, first + length)
            alone = attention(query[some], key, value, block_size=block_size)
            np.testing.assert_array_equal(alone, computed[some])


@pytest.mark.parametrize("softcap", [None, 2.0])
@pytest.mark.parametrize("features", [0, *LENGTHS])
def test_one_query_has_the_bits_that_it_has_among_others(features, softcap):
    query, key, value = drawn(20, (67, features), (70, features), (70, 33))
    order = np.random.default_rng(20).permutation(67)
    computed = attention(query, key, value, softcap=softcap)
    np.testing.assert_array_equal(
        attention(query[order], key, value, softcap=softcap), computed[order]
    )
    one_by_one = [attention(one[None], key, value, softcap=softcap)[0] for one in query]
    np.testing.assert_array_equal(computed, one_by_one)


@pytest.mark.parametrize("block_size", [None, 50])
def test_the_heads_do_not_change_a_bit(block_size):
    query, key, value = drawn(21, (3, 30, 70, 5), (3, 30, 65, 5), (3, 30, 65, 7))
    computed = attention(query, key, value, block_size=block_size)
    for head in np.ndindex(3, 30):
        alone = attention(query[head], key[head], value[head], block_size=block_size)
        np.testing.assert_array_equal(computed[head], alone)


@pytest.mark.parametrize("softcap", [None, 2.0])
@pytest.mark.parametrize("block_size", [None, 50, 64])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
def test_a_query_beside_a_cache_of_keys_has_the_bits_that_it_has_in_a_causal_batch(
    dtype, block_size, softcap
):
    arguments = {"block_size": block_size, "softcap": softcap}
    query, key, value = drawn(22, (200, 16), (200, 16), (200, 3), dtype=dtype)
    computed = attention(query, key, value, is_causal=True, **arguments)
    for length in [1, 2, 16, 17, 50, 51, 52, 63, 64, 65, 66, 128, 129, 200]:
        for new in {1, 3, 64, 70} & {*range(length + 1)}:
            some = np.s_[length - new : length]
            beside = key[:length], value[:length]
            alone = attention(query[some], *beside, **CACHED, **arguments)
            np.testing.assert_array_equal(alone, computed[some])


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
    chosen = {"OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS"}
    environment = {name: text for name, text in os.environ.items() if name not in chosen}
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


# All lengths with all lengths and blocks; each width meets each of them, and not each pair.
@pytest.mark.parametrize("block_size", [None, 64, 65])
@pytest.mark.parametrize("keys", LENGTHS)
@pytest.mark.parametrize("queries", LENGTHS)
def test_nothing_is_lost_at_the_edges_of_tiles(queries, keys, block_size):
    turn = LENGTHS.index(queries) + LENGTHS.index(keys) + (block_size or 0)
    width = (3, 16, 64, 65)[turn % 4]
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
    output = attention(*given[:3], mask=given[3], **CAUSAL, softcap=0.5)
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
