"""Attention of some queries of some heads: products by BLAS, and softmax of blocks of keys."""

from __future__ import annotations

from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from softmax_lib._arguments import Array
from softmax_lib._normalizer import OnlineNormalizer, share
from softmax_lib._rows import softmax_of_rows

# The most rows and columns in one product by BLAS, which then does not share it among threads.
TILE = 64
# Their numbers are multiples of this. So BLAS computes each element of a float64 product in the
# same way, wherever it stands and however many others there are; not so the last few of others.
UNIT = 16


class Tile(NamedTuple):
    """Some queries of some heads, and the keys and values of these, all padded with zeros."""

    query: Array  # (heads, rows, d_k), scaled
    key: Array  # (heads, d_k, S)
    value: Array  # (heads, S, d_v)
    mask: Array  # (heads, L, S), not padded
    last: Array  # the last key that each query may attend to, (rows,)
    cap: Any  # the softcap, or None
    with_weights: bool


class _Part(NamedTuple):
    """What queries get from some of the keys, in a row for each."""

    averages: Array  # of the values that are finite
    passed_on: Any  # the other values that are attended to, and 0 elsewhere
    attends: Any  # whether to any key, (heads, rows, 1)
    weights: Array  # of the keys, or of none if they are not asked for
    keep: NDArray[np.bool_]  # whether it attends to each of these
    state: Any  # the OnlineNormalizer of the scores; None if there are no other keys


def averaged(tile: Tile, keys: int, size: int) -> list[Array]:
    """Return averages of values for each query, over the first keys, in blocks, and weights."""
    blocks = [slice(start, min(start + size, keys)) for start in range(0, keys, size)]
    whole = reduce(_merged, (_attended(tile, block, len(blocks) > 1) for block in blocks))
    results = [np.where(whole.attends, whole.averages + whole.passed_on, 0)]
    if tile.with_weights:
        results.append(np.where(whole.keep, whole.weights, 0))
    return results


def _attended(tile: Tile, block: slice, is_part: bool) -> _Part:
    """Return what queries get from a block of keys, which is padded with those behind it."""
    size = block.stop - block.start
    keys = slice(block.start, block.start + multiple(size, TILE))
    scores = _product(tile.query, tile.key[..., keys])
    if tile.cap is not None:
        scores /= tile.cap
        np.tanh(scores, out=scores)
        scores *= tile.cap
    keep = _mask_in_place(scores, tile, block)
    maximum = scores.max(axis=-1) if is_part else None
    _softmax_in_place(scores.reshape(-1, scores.shape[-1]), keep.reshape(-1, scores.shape[-1]))
    averages, passed_on = _averages(scores, tile.value[:, keys], keep)
    state = None
    if maximum is not None:
        # The largest weight is exp(0) / denominator.
        denominator = np.where(maximum == -np.inf, 0, 1 / scores.max(axis=-1))
        state = OnlineNormalizer(maximum, denominator)
    asked = np.s_[..., : size * tile.with_weights]
    attends = keep.any(axis=-1, keepdims=True)
    return _Part(averages, passed_on, attends, scores[asked], keep[asked], state)


def _mask_in_place(scores: Array, tile: Tile, block: slice) -> NDArray[np.bool_]:
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
    # All of these queries may attend to the keys up to the last one of the first of them.
    start = max(tile.last[0], block.start)
    if start < block.stop:
        late = np.s_[..., start - block.start : size]
        keep[late] &= np.arange(start, block.stop) <= tile.last[:, None]
    scores[~keep] = -np.inf
    return keep


def _softmax_in_place(scores: Array, keep: NDArray[np.bool_]) -> None:
    """Make weights of scores; a row ends with its last key, so that none behind changes a bit."""
    if keep[:, -TILE:].any(axis=-1).all():
        softmax_of_rows(scores, scores)
        return
    ends = multiple(scores.shape[-1] - np.argmax(keep[:, ::-1], axis=-1), TILE)
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
    undefined = (whole.maximum == -np.inf) | ((whole.maximum == np.inf) & (whole.denominator > 1))
    averages = start = np.where(undefined, np.nan, 0)[..., None]
    weights = []
    for part in (first, second):
        weight = share(part.state, whole)[..., None]
        # Scores of -inf alone have weights of NaN, but the other part may have larger ones.
        averages = averages + np.where(weight == 0, 0, part.averages * weight)
        weights.append(start + np.where(weight == 0, 0, part.weights * weight))
    return _Part(
        averages,
        first.passed_on + second.passed_on,
        first.attends | second.attends,
        np.concatenate(weights, axis=-1),
        np.concatenate([first.keep, second.keep], axis=-1),
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


def padded(array: Array, rows: int, columns: int, working: np.dtype[Any]) -> Array:
    """Copy matrices into larger ones of zeros."""
    result = np.zeros((*array.shape[:-2], _side(rows), _side(columns)), working)
    result[..., : array.shape[-2], : array.shape[-1]] = array
    return result


def _side(length: int) -> int:
    """Return a length, not less than this, of a side of a matrix in products."""
    side: int = multiple(max(length, 1), UNIT if length <= TILE else TILE)
    return side


def multiple(length: Any, unit: int) -> Any:
    """Return the first multiple of a unit that is not less than a length."""
    return -(-length // unit) * unit
