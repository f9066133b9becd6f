"""Scaled dot-product attention."""

from __future__ import annotations

from itertools import zip_longest
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from softmax_lib._arguments import Array, boolean, is_floating, real, result_dtype, rounded
from softmax_lib._threads import in_threads
from softmax_lib._tiles import TILE, Tile, averaged, multiple, padded
from softmax_lib._typing import attention

Shape = tuple[int, ...]

ALIGNMENTS = "upper_left", "lower_right"
# How many numbers of K, or of V, are consumed at a time, unless `block_size` says it.
BLOCK = 2**18


@attention
@np.errstate(all="ignore")
def scaled_dot_product_attention(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    /,
    *,
    mask: ArrayLike | None = None,
    is_causal: bool = False,
    causal_alignment: Literal["upper_left", "lower_right"] | None = None,
    scale: float | None = None,
    softcap: float | None = None,
    enable_gqa: bool = False,
    block_size: int | None = None,
    return_weights: bool = False,
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
        Whether query i attends only to the keys j ≤ i, beside what `mask` says. If L ≠ S, there
        are two ways to count, and `causal_alignment` has to choose.
    causal_alignment : {'upper_left', 'lower_right'}, optional
        Only with `is_causal`. 'upper_left': queries and keys begin together, j ≤ i, as in PyTorch.
        'lower_right': they end together, j ≤ i + S - L, as with a cache of keys, where the queries
        are the last L of S positions; if L > S, the first L - S have nothing to attend to.
    scale : float, optional
        What the scores are multiplied by; 1/√d_k by default.
    softcap : float, optional
        A bound on the scaled scores z, which become softcap · tanh(z / softcap) before the mask is
        added [3]_. Positive; none by default.
    enable_gqa : bool, optional
        Whether query heads share heads of keys and values (grouped-query attention [4]_). Q has
        shape (..., H_q, L, d_k) then, K (..., H_k, S, d_k) and V (..., H_k, S, d_v), with a
        multiple H_q of H_k, and the first H_q / H_k query heads go with the first head of keys.
        Keys are not copied for each query head.
    block_size : int, optional
        How many keys to consume at a time; by default 4096, or fewer if d_k or d_v is above 64.
        Beyond copies of K and V, each thread needs memory for about 200 · block_size numbers, and
        no array has the shape of the scores (a `mask` may have, being given).
    return_weights : bool, optional
        Whether to return the softmax as well. Not with a `block_size`.

    Returns
    -------
    output : ndarray
        Averages (..., L, d_v), in the floating format that NumPy promotes those of Q, K and V to,
        where bool and integers count as float64.
    weights : ndarray
        Only with `return_weights`: what each value was multiplied by, (..., L, S), in the same
        format; 0 for keys left out.

    Raises
    ------
    TypeError
        If Q, K or V is not real (complex, object, string, time), if `mask` is neither Boolean nor
        floating, if one of them is a masked array, if the formats of Q, K and V have no common one
        (float16 and bfloat16), if `scale` or `softcap` is not a real number, or `is_causal`,
        `enable_gqa` or `return_weights` not a bool, or `block_size` not an integer.
    ValueError
        If Q, K or V has fewer than two dimensions, or than three with `enable_gqa`; if d_k, S, the
        numbers of heads or the batch dimensions do not fit; if `mask` does not broadcast to the
        scores' shape; if `is_causal` is True, L ≠ S, and no `causal_alignment` given; if one is
        given without `is_causal`, or is not one of the two; if `scale` is infinite or NaN; if
        `softcap` is not positive and finite; if `block_size` is less than 1, or given together
        with `return_weights`.

    Notes
    -----
    Special cases:

    * A query with nothing to attend to gets zeros, as weights too; with S = 0 all queries do.
    * What is left out does not count, whatever its key, value and score are.
    * A NaN score makes the query's output NaN, and its weights for all keys not left out.
    * One score of +inf takes all the weight.
    * Two or more scores of +inf make the query's output and weights NaN, as a NaN does.
    * A score of -inf has weight 0.
    * Scores of -inf alone make the query's output and weights NaN, as a NaN does.
    * With a `softcap`, a product of +inf or -inf becomes `softcap` or -`softcap`, before the mask
      is added: a score is infinite only by the mask. A NaN stays.
    * A NaN in an attended value makes that component of the output NaN, whatever the weight.
    * An infinite component of an attended value is passed on, whatever the weight.
    * Two opposite infinities make that component of the output NaN.
    * With d_k = 0 all scores are 0 before the mask is added.
    * With L = 0 or d_v = 0 the output is empty.

    Accuracy: computed in float64 (in longdouble if the result is) and rounded once. With u = 2**-53
    (2**-64) and finite scores, the error before that rounding is below u max\|V\| times
    (d_k + 4) A + S + 10, where A is the largest sum of absolute values that goes into a score,
    \|scale\| Σ\|qᵢkᵢ\| + \|mask\|. A `softcap` up to 1e300 adds 6 min(A, softcap) to this: 1 u for
    each of its division and product, and 4 u for NumPy's tanh (1.6 u in float64 and 3.6 u in
    longdouble are the largest found). The error of a weight is that of an output whose value is 1
    for this key and 0 for all others. Nothing protects scale · Q Kᵀ from overflow, which takes
    numbers above 1e150, nor an average that lies within rounding of the largest number.

    Each block's average is computed as above, and its share in the whole comes from an
    :class:`OnlineNormalizer`. With a `block_size`, S becomes block_size + 12 n in the bound, for n
    blocks. The scores are the same to the bit, so that the output differs from that with another
    block size by no more than the sum of both bounds without their terms in A.

    The bits of a query's output and weights depend neither on other queries and heads, nor on the
    memory layout, nor on the number of threads, nor on keys behind the last one that it attends to,
    nor on whether weights are returned. So a new query has the bits beside a cache of keys
    ('lower_right') that it has in a causal batch. To this end the products are cut into pieces no
    side of which is longer than 64, and which OpenBLAS computes element by element in one way.

    Claims: `scale`, `variance`, `attention-couples`, `attention-saturates`, `lm-uses`, `online`

    References
    ----------
    .. [1] A. Vaswani et al., "Attention is all you need", NeurIPS 30, 2017.
       https://doi.org/10.48550/arXiv.1706.03762
    .. [2] M. N. Rabe, C. Staats, "Self-attention does not need O(n²) memory", 2021.
       https://doi.org/10.48550/arXiv.2112.05682
    .. [3] Gemma Team, "Gemma 2: Improving open language models at a practical size", 2024.
       https://doi.org/10.48550/arXiv.2408.00118
    .. [4] J. Ainslie et al., "GQA: Training generalized multi-query transformer models from
       multi-head checkpoints", 2023. https://doi.org/10.48550/arXiv.2305.13245

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

    The second query alone, beside a cache of keys, and its weights:

    >>> last = {"is_causal": True, "causal_alignment": "lower_right"}
    >>> scaled_dot_product_attention([[9.0, 0.0]], key, value, **last, return_weights=True)
    (array([[10.01719568]]), array([[0.99828043, 0.00171957]]))
    """
    given = real("query", query), real("key", key), real("value", value)
    in_groups = boolean("enable_gqa", enable_gqa)
    shapes, batch = _checked_shapes([array.shape for array in given], in_groups)
    heads = (*batch[:-2], batch[-2] * batch[-1]) if in_groups else batch
    (*_, queries, features), (*_, keys, columns) = shapes[0], shapes[2]
    dtype = _common_format(*given)
    working = np.dtype(np.longdouble if dtype.char == "g" else np.float64)
    factor = _scale(scale, features, working)
    cap = _softcap(softcap, working)
    ahead = _keys_ahead(boolean("is_causal", is_causal), causal_alignment, queries, keys)
    with_weights = boolean("return_weights", return_weights)
    if with_weights and block_size is not None:
        raise ValueError(
            f"return_weights with block_size={block_size!r}: the weights have the shape of the "
            "scores, which blocks are there to avoid; pass one of the two"
        )
    width = max(features, columns, TILE)
    size = _block_size(block_size, width)
    allowed = _checked_mask(True if mask is None else mask, (*heads, queries, keys))
    # A block of keys may begin anywhere, and is padded with what is behind it.
    behind = keys + TILE - 1
    query, key, value = map(np.reshape, given, shapes)
    inputs = [
        np.broadcast_to(array, (*(batch or [1]), *array.shape[-2:]))
        for array in (
            query,
            padded(key.swapaxes(-1, -2), features, behind, working),
            padded(value, behind, columns, working),
            allowed.reshape(*batch, queries, keys),
        )
    ]
    outputs = [
        np.zeros((*(batch or [1]), queries, length), dtype)
        for length in ((columns, keys) if with_weights else (columns,))
    ]

    @np.errstate(all="ignore")  # another thread does not know what this one ignores
    def attend(place: tuple[tuple[Any, ...], slice]) -> None:
        """Compute the outputs of some queries of some heads."""
        heads, rows = place
        stop = min(keys, rows.stop + ahead)  # none of these queries attends to keys behind
        if stop <= 0:
            return
        query, key, value, mask = (array[heads] for array in inputs)
        query = padded(query[:, rows], rows.stop - rows.start, features, working) * factor
        last = np.arange(query.shape[1]) + (rows.start + ahead)
        tile = Tile(query, key, value, mask[:, rows], last, cap, with_weights)
        for output, result in zip(outputs, averaged(tile, stop, size), strict=True):
            here = output[heads][:, rows, : result.shape[-1]]
            here[...] = rounded(result[:, : here.shape[1], : here.shape[2]], dtype)

    together = max(BLOCK // 4 // (min(size, multiple(max(keys, 1), TILE)) * width), 1)
    in_threads(attend, _places(outputs[0].shape[:-1], together))
    results = tuple(output.reshape(*heads, *output.shape[-2:]) for output in outputs)
    return results if with_weights else results[0]


def _places(shape: Shape, together: int) -> list[tuple[tuple[Any, ...], slice]]:
    """Return indices of heads of queries, (..., L), some together, and of up to 64 queries."""
    *others, heads, length = shape
    return [
        ((*index, slice(head, head + together)), slice(row, min(row + TILE, length)))
        for index in np.ndindex(*others)
        for head in range(0, heads, together)
        for row in range(0, length, TILE)
    ]


def _common_format(*arrays: Array) -> np.dtype[Any]:
    formats = [result_dtype(array.dtype) for array in arrays]
    try:
        return np.result_type(*formats)
    except TypeError:
        names = ", ".join(map(str, formats))
        raise TypeError(
            f"query, key and value have no common format ({names}); convert one of them"
        ) from None


def _checked_shapes(shapes: list[Shape], in_groups: bool) -> tuple[list[Shape], Shape]:
    """Return the shapes of Q, K and V, with query heads in groups or not, and the batch's."""
    for name, shape in zip(("query", "key", "value"), shapes, strict=True):
        if len(shape) < 2:
            raise ValueError(
                f"{name} must have at least 2 dimensions, got shape {shape}; "
                "reshape it to (..., rows, columns)"
            )
    chosen = _grouped(*shapes) if in_groups else shapes
    if chosen is not None and (batch := _batch(*chosen)) is not None:
        return chosen, batch
    form, heads, advice = "", "", ""
    if in_groups:
        form, heads = "H, ", ", and where H for key and value is the same and divides that of query"
    elif (grouped := _grouped(*shapes)) is not None and _batch(*grouped) is not None:
        advice = "; pass enable_gqa=True for fewer heads of keys than of queries"
    raise ValueError(
        f"query, key and value must be (..., {form}L, d_k), (..., {form}S, d_k) and "
        f"(..., {form}S, d_v), where the first dimensions broadcast{heads}, "
        f"got {shapes[0]}, {shapes[1]} and {shapes[2]}{advice}"
    )


def _grouped(query: Shape, key: Shape, value: Shape) -> list[Shape] | None:
    """Return shapes with axes for heads of keys and for the query heads of each, if they fit."""
    if min(map(len, (query, key, value))) < 3:
        return None
    heads = key[-3]
    group = query[-3] // max(heads, 1)
    if query[-3] != heads * group or value[-3] != heads:
        return None
    return [
        (*shape[:-3], heads, size, *shape[-2:])
        for shape, size in ((query, group), (key, 1), (value, 1))
    ]


def _batch(query: Shape, key: Shape, value: Shape) -> Shape | None:
    """Return the batch dimensions of the scores, or None if the shapes do not fit."""
    # Not np.broadcast_shapes, which takes no more than 32 axes.
    axes = list(zip_longest(*(shape[-3::-1] for shape in (query, key, value)), fillvalue=1))[::-1]
    batch = [({*axis} - {1}) or {1} for axis in axes]
    if query[-1] != key[-1] or key[-2] != value[-2] or any(len(axis) > 1 for axis in batch):
        return None
    return tuple(max(axis) for axis in batch)


def _keys_ahead(is_causal: bool, alignment: Any, queries: int, keys: int) -> int:
    """Return the d for which query i attends to no key behind i + d."""
    if not (alignment is None or (isinstance(alignment, str) and alignment in ALIGNMENTS)):
        raise ValueError(
            f"causal_alignment must be 'upper_left' or 'lower_right', got {alignment!r}"
        )
    if not is_causal:
        if alignment is not None:
            raise ValueError(f"causal_alignment={alignment!r} needs is_causal=True")
        return keys
    if alignment is None and queries != keys:
        raise ValueError(
            f"is_causal with {queries} queries and {keys} keys needs a causal_alignment: "
            "'upper_left' (both begin together: query i attends to keys j ≤ i) or 'lower_right' "
            f"(both end together, as with a cache of keys: to keys j ≤ i + {keys} - {queries})"
        )
    return keys - queries if alignment == "lower_right" else 0


def _scalar(value: Any) -> Any:
    """Return the one element of a 0-d array, and anything else as it is."""
    return value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value


def _scale(scale: Any, features: int, working: np.dtype[Any]) -> Any:
    if scale is None:
        return 1 / np.sqrt(working.type(max(features, 1)))
    factor = _number("scale", scale, working)
    if not np.isfinite(factor):
        raise ValueError(f"scale must be finite, got {factor} in {working}; pass None for 1/√d_k")
    return factor


def _softcap(softcap: Any, working: np.dtype[Any]) -> Any:
    cap = None if softcap is None else _number("softcap", softcap, working)
    if cap is not None and not 0 < cap < np.inf:
        raise ValueError(
            f"softcap must be positive and finite, got {cap} in {working}; pass None for no cap"
        )
    return cap


def _number(name: str, given: Any, working: np.dtype[Any]) -> Any:
    """Return a real number in a format, infinite if it is too large for it."""
    number = _scalar(given)
    # bfloat16's numbers are not registered as real ones.
    is_scalar = isinstance(number, np.generic) and is_floating(number.dtype)
    if not (is_scalar or isinstance(number, Real)):
        raise TypeError(f"{name} must be a real number, got {number!r}; pass one number")
    try:
        return working.type(number)
    except (OverflowError, ValueError):  # an integer too large, or of too many digits
        return working.type(np.inf)


def _block_size(given: Any, width: int) -> int:
    block_size = _scalar(given)
    if block_size is None:
        return max(BLOCK // width // TILE, 4) * TILE
    if isinstance(block_size, bool | np.bool) or not isinstance(block_size, Integral):
        raise TypeError(f"block_size must be an integer, got {block_size!r}; pass one or None")
    if block_size < 1:
        raise ValueError(
            f"block_size must be at least 1, got {block_size}; pass None for the fastest"
        )
    return int(block_size)


def _checked_mask(mask: ArrayLike, shape: Shape) -> Array:
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
