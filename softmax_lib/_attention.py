"""Scaled dot-product attention."""

from __future__ import annotations

from functools import reduce
from itertools import zip_longest
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from softmax_lib._arguments import Array, is_floating, real, result_dtype, rounded
from softmax_lib._normalizer import OnlineNormalizer, share
from softmax_lib._rows import softmax_of_rows
from softmax_lib._threads import in_threads

# The most rows and columns in one product by BLAS, which then does not share it among threads.
TILE = 64
# Their numbers are multiples of this. So BLAS computes each element of a float64 product in the
# same way, wherever it stands and however many others there are; not so the last few of others.
UNIT = 16
# How many numbers of K, or of V, are consumed at a time, unless `block_size` says it.
BLOCK = 2**18


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
        How many keys to consume at a time; by default 4096, or fewer if d_k or d_v is above 64.
        Beyond copies of K and V, each thread needs memory for about 200 · block_size numbers, and
        no array has the shape of the scores (a `mask` may have, being given).

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
    \|scale\| Σ\|qᵢkᵢ\| + \|mask\|. Nothing protects scale · Q Kᵀ from overflow, which takes numbers
    above 1e150, nor an average that lies within rounding of the largest number.

    Each block's average is computed as above, and its share in the whole comes from an
    :class:`OnlineNormalizer`. With a `block_size`, S becomes block_size + 12 n in the bound, for n
    blocks. The scores are the same to the bit, so that the output differs from that with another
    block size by no more than the sum of both bounds without their term in A.

    The bits of a query's output depend neither on other queries and heads, nor on the memory
    layout, nor on the number of threads, nor on keys behind the last one that it attends to. So a
    new query has the bits beside a cache of keys that it has in a causal batch. To this end the
    products are cut into pieces no side of which is longer than 64, and which OpenBLAS computes
    element by element in one way.

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
    is_causal, scale, block_size = map(_scalar, (is_causal, scale, block_size))
    if not isinstance(is_causal, bool | np.bool):
        raise TypeError(f"is_causal must be a bool, got {is_causal!r}; pass True or False")
    given = real("query", query), real("key", key), real("value", value)
    *batch, queries, keys = shape = _shape_of_scores(*(array.shape for array in given))
    features, columns = given[1].shape[-1], given[2].shape[-1]
    dtype = _common_format(*given)
    working = np.dtype(np.longdouble if dtype.char == "g" else np.float64)
    factor = _scale(scale, features, working)
    width = max(features, columns, TILE)
    size = _block_size(block_size, width)
    allowed = _checked_mask(True if mask is None else mask, shape)
    # A block of keys may begin anywhere, and is padded with what is behind it.
    behind = keys + TILE - 1
    inputs = [
        np.broadcast_to(array, (*(batch or [1]), *array.shape[-2:]))
        for array in (
            given[0],
            _padded(given[1].swapaxes(-1, -2), features, behind, working),
            _padded(given[2], behind, columns, working),
            allowed,
        )
    ]
    output = np.zeros((*batch, queries, columns), dtype)
    outputs = output if batch else output[None]

    @np.errstate(all="ignore")  # another thread does not know what this one ignores
    def attend(place: tuple[tuple[Any, ...], slice]) -> None:
        """Compute the output of some queries of some heads."""
        heads, rows = place
        query, key, value, mask = (array[heads] for array in inputs)
        query = _padded(query[:, rows], rows.stop - rows.start, features, working) * factor
        last = rows.start + np.arange(query.shape[1]) if is_causal else None
        tile = _Tile(query, key, value, mask[:, rows], last)
        result = _averaged(tile, min(keys, rows.stop) if is_causal else keys, size)
        here = outputs[heads][:, rows]
        here[...] = rounded(result[:, : here.shape[1], :columns], dtype)

    if keys:
        together = max(BLOCK // 4 // (min(size, _multiple(keys, TILE)) * width), 1)
        in_threads(attend, _places(outputs.shape[:-1], together))
    return output


def _places(shape: tuple[int, ...], together: int) -> list[tuple[tuple[Any, ...], slice]]:
    """Return indices of heads of queries, (..., L), some together, and of up to 64 queries."""
    *others, heads, length = shape
    return [
        ((*index, slice(head, head + together)), slice(row, min(row + TILE, length)))
        for index in np.ndindex(*others)
        for head in range(0, heads, together)
        for row in range(0, length, TILE)
    ]


class _Tile(NamedTuple):
    """Some queries of some heads, and the keys and values of these, all padded with zeros."""

    query: Array  # (heads, rows, d_k), scaled
    key: Array  # (heads, d_k, S)
    value: Array  # (heads, S, d_v)
    mask: Array  # (heads, L, S), not padded
    last: Array | None  # the last key that each query attends to, (rows,)


class _Part(NamedTuple):
    """What queries get from some of the keys, in a row for each."""

    averages: Array  # of the values that are finite
    passed_on: Any  # the other values that are attended to, and 0 elsewhere
    attends: Any  # whether to any key, (heads, rows, 1)
    state: Any  # the OnlineNormalizer of the scores; None if there are no other keys


def _averaged(tile: _Tile, keys: int, size: int) -> Array:
    """Return the averages of values for each query, over the first keys, in blocks of a size."""
    blocks = [slice(start, min(start + size, keys)) for start in range(0, keys, size)]
    whole = reduce(_merged, (_attended(tile, block, len(blocks) > 1) for block in blocks))
    return np.where(whole.attends, whole.averages + whole.passed_on, 0)


def _attended(tile: _Tile, block: slice, is_part: bool) -> _Part:
    """Return what queries get from a block of keys, which is padded with those behind it."""
    keys = slice(block.start, block.start + _multiple(block.stop - block.start, TILE))
    scores = _product(tile.query, tile.key[..., keys])
    keep = _mask_in_place(scores, tile, block)
    maximum = scores.max(axis=-1) if is_part else None
    _softmax_in_place(scores.reshape(-1, scores.shape[-1]), keep.reshape(-1, scores.shape[-1]))
    averages, passed_on = _averages(scores, tile.value[:, keys], keep)
    state = None
    if maximum is not None:
        # The largest weight is exp(0) / denominator.
        denominator = np.where(maximum == -np.inf, 0, 1 / scores.max(axis=-1))
        state = OnlineNormalizer(maximum, denominator)
    return _Part(averages, passed_on, keep.any(axis=-1, keepdims=True), state)


def _mask_in_place(scores: Array, tile: _Tile, block: slice) -> NDArray[np.bool_]:
    """Add the mask to scores, make those of keys left out -inf, and return which are kept."""
    keep = np.zeros(scores.shape, np.bool_)
    size = block.stop - block.start
    keep[..., :size] = True
    inside = np.s_[:, : tile.mask.shape[1], :size]
    mask = tile.mask[..., block]
    if mask.dtype != np.bool_:
        added = mask.astype(scores.dtype)
        scores[inside] += added
        mask = added != -np.inf
    keep[inside] = mask
    if tile.last is not None:
        # All of these queries attend to the keys before the first of them.
        start = max(tile.last[0], block.start)
        late = np.s_[..., start - block.start : size]
        keep[late] &= np.arange(start, block.stop) <= tile.last[:, None]
    scores[~keep] = -np.inf
    return keep


def _softmax_in_place(scores: Array, keep: NDArray[np.bool_]) -> None:
    """Make weights of scores; a row ends with its last key, so that none behind changes a bit."""
    if keep[:, -TILE:].any(axis=-1).all():
        softmax_of_rows(scores, scores)
        return
    ends = _multiple(scores.shape[-1] - np.argmax(keep[:, ::-1], axis=-1), TILE)
    for end in np.unique(ends):
        rows = ends == end
        weights = np.ascontiguousarray(scores[rows, :end])
        softmax_of_rows(weights, weights)
        scores[rows, :end], scores[rows, end:] = weights, 0


def _averages(weights: Array, values: Array, keep: NDArray[np.bool_]) -> tuple[Array, Any]:
    """Return the averages of finite values, and the others wherever they are kept."""
    averages = _product(weights, values)
    if np.isfinite(averages).all():
        return averages, 0.0
    # A value that is not finite makes averages NaN or infinite, even with weights of 0.
    averages = _product(weights, np.where(np.isfinite(values), values, 0))
    # A NaN is passed on as infinities of both signs.
    positive, negative = (
        keep.astype(np.float64) @ held.astype(np.float64) > 0
        for held in (~(values < np.inf), ~(values > -np.inf))
    )
    return averages, np.where(positive, np.inf, 0) - np.where(negative, np.inf, 0)


def _merged(first: _Part, second: _Part) -> _Part:
    """Return what queries get from the keys of both parts."""
    whole = first.state.merge(second.state)
    averages = np.zeros(())
    for part in (first, second):
        weight = share(part.state, whole)[..., None]
        # Scores of -inf alone have averages of NaN, but the other part may have larger ones.
        averages = averages + np.where(weight == 0, 0, part.averages * weight)
    undefined = (whole.maximum == -np.inf) | ((whole.maximum == np.inf) & (whole.denominator > 1))
    return _Part(
        np.where(undefined[..., None], np.nan, averages),
        first.passed_on + second.passed_on,
        first.attends | second.attends,
        whole,
    )


def _product(left: Array, right: Array) -> Array:
    """Return left @ right for each head, as a sum of products of TILE columns and TILE rows."""
    (heads, rows, inner), columns = left.shape, right.shape[-1]
    width, depth = min(columns, TILE), min(inner, TILE)
    lefts = left.reshape(heads, rows, -1, 1, depth).transpose(2, 0, 3, 1, 4)
    rights = right.reshape(heads, -1, depth, columns // width, width).transpose(1, 0, 3, 2, 4)
    result = np.empty((heads, rows, columns), left.dtype)
    out = result.reshape(heads, rows, -1, width).swapaxes(1, 2)
    if inner == depth:
        np.matmul(lefts[0], rights[0], out=out)
    else:
        np.add.reduce(np.matmul(lefts, rights), axis=0, out=out)
    return result


def _padded(array: Array, rows: int, columns: int, working: np.dtype[Any]) -> Array:
    """Copy matrices into larger ones of zeros."""
    result = np.zeros((*array.shape[:-2], _side(rows), _side(columns)), working)
    result[..., : array.shape[-2], : array.shape[-1]] = array
    return result


def _side(length: int) -> int:
    """Return a length, not less than this, of a side of a matrix in products."""
    side: int = _multiple(max(length, 1), UNIT if length <= TILE else TILE)
    return side


def _multiple(length: Any, unit: int) -> Any:
    """Return the first multiple of a unit that is not less than a length."""
    return -(-length // unit) * unit


def _common_format(*arrays: Array) -> np.dtype[Any]:
    formats = [result_dtype(array.dtype) for array in arrays]
    try:
        return np.result_type(*formats)
    except TypeError:
        names = ", ".join(map(str, formats))
        raise TypeError(
            f"query, key and value have no common format ({names}); convert one of them"
        ) from None


def _shape_of_scores(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    for name, shape in zip(("query", "key", "value"), shapes, strict=True):
        if len(shape) < 2:
            raise ValueError(
                f"{name} must have at least 2 dimensions, got shape {shape}; "
                "reshape it to (..., rows, columns)"
            )
    query, key, value = shapes
    # Not np.broadcast_shapes, which takes no more than 32 axes.
    axes = list(zip_longest(*(shape[-3::-1] for shape in shapes), fillvalue=1))[::-1]
    batch = [({*axis} - {1}) or {1} for axis in axes]
    if query[-1] != key[-1] or key[-2] != value[-2] or any(len(axis) > 1 for axis in batch):
        raise ValueError(
            "query, key and value must be (..., L, d_k), (..., S, d_k) and (..., S, d_v), where "
            f"the first dimensions broadcast, got {query}, {key} and {value}"
        )
    return *(max(axis) for axis in batch), query[-2], key[-2]


def _scalar(value: Any) -> Any:
    """Return the one element of a 0-d array, and anything else as it is."""
    return value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value


def _scale(scale: Any, features: int, working: np.dtype[Any]) -> Any:
    if scale is None:
        return 1 / np.sqrt(working.type(max(features, 1)))
    # bfloat16's numbers are not registered as real ones.
    is_scalar = isinstance(scale, np.generic) and is_floating(scale.dtype)
    if not (is_scalar or isinstance(scale, Real)):
        raise TypeError(f"scale must be a real number, got {scale!r}; pass one number")
    try:
        factor = working.type(scale)
    except (OverflowError, ValueError):  # an integer too large, or of too many digits
        factor = working.type(np.inf)
    if not np.isfinite(factor):
        raise ValueError(f"scale must be finite, got {factor} in {working}; pass None for 1/√d_k")
    return factor


def _block_size(block_size: Any, width: int) -> int:
    if block_size is None:
        return max(BLOCK // width // TILE, 4) * TILE
    if isinstance(block_size, bool | np.bool) or not isinstance(block_size, Integral):
        raise TypeError(f"block_size must be an integer, got {block_size!r}; pass one or None")
    if block_size < 1:
        raise ValueError(
            f"block_size must be at least 1, got {block_size}; pass None for the fastest"
        )
    return int(block_size)


def _checked_mask(mask: ArrayLike, shape: tuple[int, ...]) -> Array:
    given = real("mask", mask)
    if given.dtype != np.bool_ and not is_floating(given.dtype):
        raise TypeError(
            f"mask must be Boolean or floating, got dtype {given.dtype}; "
            "convert it with astype(bool) if it says what to attend to"
        )
    try:
        return np.broadcast_to(given, shape)
    except ValueError:
        raise ValueError(
            f"mask of shape {given.shape} does not broadcast to the scores' shape {shape}; "
            "reshape it to (..., L, S), where a length may be 1"
        ) from None
