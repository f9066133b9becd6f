"""Scaled dot-product attention."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from softmax_lib._arguments import Array, is_floating, real, result_dtype, rounded
from softmax_lib._normalizer import OnlineNormalizer, share
from softmax_lib._softmax import softmax


@np.errstate(all="ignore")
def scaled_dot_product_attention(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    /,
    *,
    mask: ArrayLike | None = None,
    is_causal: bool = False,
    scale: float | None = None,
    block_size: int | None = None,
) -> Any:
    r"""Average values by how well their keys match, softmax(scale · Q Kᵀ + mask) V.

    Parameters
    ----------
    query : array_like
        Q of shape (..., L, d_k): L queries. Real numbers; bool and integers are taken as float64.
    key : array_like
        K of shape (..., S, d_k): S keys.
    value : array_like
        V of shape (..., S, d_v): a value for each key. The leading (batch) dimensions of the three
        broadcast.
    mask : array_like of bool or float, optional
        Broadcasts to the shape of the scores, (..., L, S). Boolean: True where the query attends
        to the key. Floating: is added to the scaled scores, in float64 (in longdouble if the
        result is); where it is -inf, the key is left out, as by False.
    is_causal : bool, optional
        Whether query i attends only to the keys j ≤ i, beside what `mask` says. Both count from
        the start, also if L ≠ S (as in PyTorch): then the last keys are never attended to, or the
        last queries attend to all. If the queries are the last L of S positions, pass
        ``mask=np.tri(L, S, S - L, dtype=bool)`` instead.
    scale : float, optional
        What the scores are multiplied by; 1/√d_k by default.
    block_size : int, optional
        How many keys to consume at a time. Beyond copies of Q, K and V, the memory needed is then
        O(L · block_size), and no array has the shape of the scores (a `mask` may have, being
        given). By default all keys at once.

    Returns
    -------
    ndarray
        Averages (..., L, d_v), in the floating format that NumPy promotes those of Q, K and V to,
        where bool and integers count as float64.

    Raises
    ------
    TypeError
        If Q, K or V is not real (complex, object, string, time), if `mask` is neither Boolean nor
        floating, if one of them is a masked array, if the formats of Q, K and V have no common one
        (float16 and bfloat16), if `scale` is not a real number, or `is_causal` not a bool,
        or `block_size` not an integer.
    ValueError
        If Q, K or V has fewer than two dimensions; if d_k, S or the batch dimensions do not fit;
        if `mask` does not broadcast to the scores' shape; if `scale` is infinite or NaN; or if
        `block_size` is less than 1.

    Notes
    -----
    Special cases:

    * A query with nothing to attend to gets zeros; with S = 0 all queries do.
    * What is left out does not count, whatever its key, value and score are.
    * A NaN score makes the query's output NaN.
    * One score of +inf takes all the weight.
    * Two or more scores of +inf make the query's output NaN.
    * A score of -inf has weight 0.
    * Scores of -inf alone make the query's output NaN.
    * A NaN in an attended value makes that component of the output NaN, whatever the weight.
    * An infinite component of an attended value is passed on, whatever the weight.
    * Two opposite infinities make that component of the output NaN.
    * With d_k = 0 all scores are 0 before the mask is added.
    * With L = 0 or d_v = 0 the output is empty.

    Accuracy: computed in float64 (in longdouble if the result is) and rounded once. With u = 2**-53
    (2**-64) and finite scores, the error before that rounding is below u max\|V\| times
    (d_k + 4) A + S + 10, where A is the largest sum of absolute values that goes into a score,
    \|scale\| Σ\|qᵢkᵢ\| + \|mask\|. Nothing protects Q Kᵀ from overflow, which takes numbers above
    1e150, nor an average that lies within rounding of the largest number. The bits of a query's
    output depend neither on the other queries, nor on the memory layout, nor on the number of
    threads; that is why the products are not left to BLAS, which is several times as fast.

    With `block_size` each block's average is computed as above, and its share in the whole comes
    from an :class:`OnlineNormalizer`. In the bound, S becomes block_size + 12 n for n blocks. The
    scores are the same to the bit, so that the output differs from that with another block size,
    or without one, by no more than the sum of both bounds without their term in A.

    Claims: `scale`, `variance`, `attention-couples`, `attention-saturates`, `lm-uses`, `online`

    References
    ----------
    .. [1] A. Vaswani et al., "Attention is all you need", NeurIPS 30, 2017.
       https://doi.org/10.48550/arXiv.1706.03762
    .. [2] M. N. Rabe, C. Staats, "Self-attention does not need O(n²) memory", 2021.
       https://doi.org/10.48550/arXiv.2112.05682

    Examples
    --------
    >>> from softmax_lib import scaled_dot_product_attention
    >>> key = [[1.0, 0.0], [0.0, 1.0]]
    >>> value = [[10.0], [20.0]]
    >>> scaled_dot_product_attention([[0.0, 0.0], [9.0, 0.0]], key, value)
    array([[15.        ],
           [10.01719568]])
    >>> scaled_dot_product_attention([[0.0, 0.0], [9.0, 0.0]], key, value, is_causal=True)
    array([[10.        ],
           [10.01719568]])
    """
    if not isinstance(is_causal, bool | np.bool):
        raise TypeError(f"is_causal must be a bool, got {is_causal!r}")
    given = real("query", query), real("key", key), real("value", value)
    shape = _shape_of_scores(*(array.shape for array in given))
    dtype = _common_format(*given)
    working = np.dtype(np.longdouble if dtype.char == "g" else np.float64)
    # In one layout, because another one may be summed in another order.
    queries, keys, values = (np.array(array, dtype=working, order="C") for array in given)
    allowed = None if mask is None else _checked_mask(mask, shape)
    factor = _scale(scale, keys.shape[-1], working)

    def block(span: slice) -> tuple[Array, NDArray[np.bool_], Array]:
        """Return the scores of some keys, which of them count, and the values."""
        # Not BLAS, whose bits depend on its threads and on how many queries there are.
        products = np.einsum("...ld,...sd->...ls", queries, keys[..., span, :])
        added, keep = _added_and_kept(allowed, is_causal, shape, span, working)
        scores, keep = np.broadcast_arrays(products * factor + added, keep)
        return scores, keep, values[..., span, :]

    if block_size is None:
        scores, keep, _ = block(slice(None))
        sums = _weighted_sums(softmax(scores, where=keep), values) + _passed_on(keep, values)
        return rounded(sums, dtype)
    blocks = map(block, _spans(shape[-1], block_size))
    return rounded(_in_one_pass(blocks, np.zeros((*shape[:-1], values.shape[-1]), working)), dtype)


def _common_format(*arrays: Array) -> np.dtype[Any]:
    formats = [result_dtype(array.dtype) for array in arrays]
    try:
        return np.result_type(*formats)
    except TypeError:
        names = ", ".join(map(str, formats))
        raise TypeError(
            f"query, key and value have no common format ({names}); convert one of them"
        ) from None


def _shape_of_scores(
    query: tuple[int, ...], key: tuple[int, ...], value: tuple[int, ...]
) -> tuple[int, ...]:
    for name, shape in [("query", query), ("key", key), ("value", value)]:
        if len(shape) < 2:
            raise ValueError(f"{name} must have at least 2 dimensions, got shape {shape}")
    if query[-1] != key[-1]:
        raise ValueError(
            f"query of shape {query} and key of shape {key} must have the same last dimension"
        )
    if key[-2] != value[-2]:
        raise ValueError(
            f"key of shape {key} and value of shape {value} "
            "must have the same second-to-last dimension"
        )
    try:
        batch = np.broadcast_shapes(query[:-2], key[:-2], value[:-2])
    except ValueError:
        raise ValueError(
            "all but the last two dimensions must broadcast: "
            f"query {query}, key {key}, value {value}"
        ) from None
    return *batch, query[-2], key[-2]


def _scale(scale: float | None, length: int, working: np.dtype[Any]) -> Any:
    if scale is None:
        return 1 / np.sqrt(working.type(max(length, 1)))
    if not isinstance(scale, Real):
        raise TypeError(f"scale must be a real number, got {scale!r}")
    if not math.isfinite(scale):
        raise ValueError(f"scale must be finite, got {scale}")
    return working.type(scale)


def _spans(length: int, block_size: int) -> list[slice]:
    if isinstance(block_size, bool | np.bool) or not isinstance(block_size, Integral):
        raise TypeError(f"block_size must be an integer, got {block_size!r}")
    if block_size < 1:
        raise ValueError(f"block_size must be at least 1, got {block_size}")
    size = int(block_size)
    return [slice(start, start + size) for start in range(0, length, size)]


def _checked_mask(mask: ArrayLike, shape: tuple[int, ...]) -> Array:
    """Return a mask with as many columns as there are keys."""
    given = real("mask", mask)
    if given.dtype != np.bool_ and not is_floating(given.dtype):
        raise TypeError(f"mask must be Boolean or floating, got dtype {given.dtype}")
    try:
        np.broadcast_to(given, shape)
    except ValueError:
        raise ValueError(
            f"mask of shape {given.shape} does not broadcast to the scores' shape {shape}"
        ) from None
    return np.broadcast_to(given, (*given.shape[:-1], shape[-1]))


def _added_and_kept(
    allowed: Array | None,
    is_causal: bool,
    shape: tuple[int, ...],
    span: slice,
    working: np.dtype[Any],
) -> tuple[Array, NDArray[np.bool_]]:
    """Return what is added to the scores of some keys, and which count; both broadcast to them."""
    added, keep = np.zeros((), dtype=working), np.ones((), dtype=np.bool_)
    if allowed is not None:
        given = allowed[..., span]
        if given.dtype == np.bool_:
            keep = given
        else:
            added = given.astype(working)
            keep = added != -np.inf
    if is_causal:
        keep = keep & (np.arange(shape[-1])[span] <= np.arange(shape[-2])[:, None])
    return added, keep


def _in_one_pass(
    blocks: Iterable[tuple[Array, NDArray[np.bool_], Array]], averages: Array
) -> Array:
    """Return the weighted sums of values that come in blocks, averages being 0 at first."""
    state, passed_on, attends = OnlineNormalizer(-np.inf, 0.0), np.zeros(()), np.zeros((), np.bool_)
    for scores, keep, values in blocks:
        scores = np.where(keep, scores, -np.inf)
        part = OnlineNormalizer.of(scores)
        whole = state.merge(part)
        # Scores of -inf alone get weights of 0 here, not NaN: other blocks may have larger ones.
        sums = _weighted_sums(softmax(scores, where=scores != -np.inf), values)
        averages = averages * share(state, whole)[..., None] + sums * share(part, whole)[..., None]
        passed_on = passed_on + _passed_on(keep, values)
        attends = attends | keep.any(axis=-1)
        state = whole
    nowhere = attends & (state.maximum == -np.inf)
    undefined = nowhere | ((state.maximum == np.inf) & (state.denominator > 1))
    return np.where(undefined[..., None], np.nan, averages + passed_on)


def _weighted_sums(weights: Array, values: Array) -> Array:
    """Return weights @ values, where a value that is not finite counts as 0."""
    columns = np.where(np.isfinite(values), values, 0)
    if values.shape[-1] == 1:
        # With a second column einsum adds key by key, as it does for any number of them but one.
        columns = np.concatenate([columns, np.zeros_like(columns)], axis=-1)
    sums: Array = np.einsum("...ls,...sv->...lv", weights, columns)[..., : values.shape[-1]]
    return sums


def _passed_on(keep: NDArray[np.bool_], values: Array) -> Array:
    """Return the values that are not finite, each wherever it is kept, and 0 elsewhere."""
    result = np.zeros(())
    if not np.isfinite(values).all():
        # 0 · inf would be NaN, so these values are kept out of the product and added afterwards.
        for special in (np.inf, -np.inf, np.nan):
            held = np.isnan(values) if np.isnan(special) else values == special
            reached = keep.astype(np.float64) @ held.astype(np.float64) > 0
            result = result + np.where(reached, special, 0)
    return result
