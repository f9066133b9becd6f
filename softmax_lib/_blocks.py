"""The way of the logits through a softmax: cut into blocks, computed, and put in place.

A block of short rows stays in the processor's cache from its first pass to its last one. A long row
is cut into spans, which are gone through once for each pass. Kernels see nothing but contiguous
rows of float32 or float64 with finite maxima.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softmax_lib import _kernels
from softmax_lib._arguments import Array, Given, in_place, rounded
from softmax_lib._arithmetic import LONGEST, PER_LOG2, RANGE, scale_and_divisor
from softmax_lib._double_word import add, two_product, two_sum
from softmax_lib._few import softmax_of_few
from softmax_lib._kernels import KEPT, Reference, in_floats, scratch
from softmax_lib._limits import Limits
from softmax_lib._threads import in_threads, in_turn

_Index = tuple[Any, ...]  # of rows
_Each = Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]]
_Pass = Callable[["_Rows", Array, _Index, _Each], None]

# Up to so many logits, Python's floats are as fast as NumPy's arrays.
_FEW = 24
# From so many logits on, a second thread is worth its start.
_THREADED = 2**16
# Loading numba takes about as long as so many logits take without it, in one call or in many; each
# call takes as long as some more.
_COMPILED, _CALL = 2**24, 2**10
# So many columns at least are computed side by side: a narrower part of a row in memory would not
# fill what the processor loads at once.
_PANEL = 16
# So many are better: each row of a wide array is a page of memory of its own.
_WIDE = 128

_FLOAT64, _FLOAT32, _INFINITY = np.dtype(np.float64), np.dtype(np.float32), math.inf

# The logits that were computed without numba so far, and the kernels that are loaded by now.
_without_numba = 0
_loaded: Any = None


def softmax_at_once(z: Any, axis: Any, temperature: Any) -> Array | None:
    """Return softmax of a contiguous array of logits, if nothing stands in the way."""
    if type(z) is list:
        z = np.asarray(z)
    if type(z) is not np.ndarray or type(axis) is not int or type(temperature) is not float:
        return None
    dtype, shape, size = z.dtype, z.shape, z.size
    if not (
        (dtype is _FLOAT64 or dtype is _FLOAT32)
        and 0 < temperature < _INFINITY
        and -len(shape) <= axis < len(shape)
        and size
        and _direct(z)
    ):
        return None
    length, narrow = shape[axis], dtype is _FLOAT32
    at = (1.0, 1.0) if temperature == 1 else scale_and_divisor(temperature)
    beside = 1 if axis == -1 else math.prod(shape[axis + 1 :])
    if beside > 1:
        out = _columns_at_once(z.reshape(-1, length, beside), *at, narrow=narrow)
        return None if out is None else out.reshape(shape)
    kernels = _loaded or _kernels_for(size if size <= _kernels.BLOCK else -_CALL)
    if kernels is _kernels and size <= _FEW:
        few = [softmax_of_few(row, *at, narrow=narrow) for row in z.reshape(-1, length).tolist()]
        return None if None in few else np.array(few, dtype=dtype).reshape(shape)
    if length > (LONGEST if narrow else KEPT) or (kernels is _kernels and size > kernels.BLOCK):
        return None
    rows = z if shape[1:] == (length,) else z.reshape(-1, length)
    results = np.empty(rows.shape, dtype)
    out = results if rows is z else results.reshape(shape)

    if kernels is _kernels:
        with np.errstate(all="ignore"):
            return out if kernels.softmax(rows, results, *at, narrow=narrow) else None
    if size < _THREADED:
        return out if kernels.softmax(rows, results, *at, narrow=narrow) else None

    def compute(part: _Index) -> bool:
        done: bool = kernels.softmax(rows[part], results[part], *at, narrow=narrow)
        return done

    parts = list(_blocks(rows.shape[:1], max(_THREADED // (2 * length), 1)))
    return out if len(parts) > 1 and all(in_threads(compute, parts)) else None


def _columns_at_once(blocks: Array, scale: float, divisor: float, *, narrow: bool) -> Array | None:
    """Return softmax along the second of three axes, if numba is loaded and terms can be kept."""
    count, length, beside = blocks.shape
    if _loaded is None or 2 * beside < _PANEL or length * _PANEL > KEPT:
        return None
    kernels, out = _loaded, np.empty_like(blocks)
    width = min(max(_THREADED // (2 * length), _WIDE), KEPT // length)

    def compute(part: tuple[int, int]) -> bool:
        block, start = part
        done: bool = kernels.softmax_across(
            blocks[block], out[block], start, width, scale, divisor, narrow=narrow
        )
        return done

    parts = list(itertools.product(range(count), range(0, beside, width)))
    each: _Each = in_threads if blocks.size >= _THREADED else in_turn
    return out if all(each(compute, parts)) else None


def softmax_by_blocks(given: Given) -> Any:
    """Return softmax in float64 or a narrower format."""
    result, rows = in_place(given)
    _fill(given, rows, _softmax, impossible=0.0)
    return result()


def log_softmax_by_blocks(given: Given) -> Any:
    """Return log-softmax in float64 or a narrower format."""
    result, rows = in_place(given)
    _fill(given, rows, _log_softmax, impossible=-np.inf)
    return result()


def logsumexp_by_blocks(given: Given) -> Array:
    """Return log-sum-exp in float64, (..., 1)."""
    result = np.full((*given.logits.shape[:-1], 1), -np.inf)
    _run(given, result, _logsumexp)
    return result


def states_by_blocks(given: Given) -> tuple[Array, Array]:
    """Return the largest logits and the sums of exponentials relative to them, in float64."""
    states = np.zeros((*given.logits.shape[:-1], 2))
    states[..., 0] = -np.inf
    _run(given, states, _states)
    return states[..., 0], states[..., 1]


@dataclass(frozen=True)
class _Rows:
    """What is given, with at least one axis of rows."""

    logits: Array
    keep: NDArray[np.bool_] | None
    temperature: Array | None
    narrow: bool  # whether the result is rounded to float32 or less
    across: bool  # whether rows are computed as columns, as they stand in memory
    kernels: Any

    def load(self, index: _Index, span: slice) -> Array:
        """Return rows, (n, span): contiguous float64, or float32 if the result is narrow."""
        at: Any = (*index, ..., span)
        part: Array = self.logits[at]
        dtype = np.dtype(np.float32 if self.narrow else np.float64)
        if self.keep is None and part.dtype == dtype and self.direct(part):
            return self.flat(part)
        rows = self.scratch("rows", part.shape, dtype)
        np.copyto(rows, part)
        if self.keep is not None:
            np.copyto(rows, -np.inf, where=~self.keep[at])
        return self.flat(rows)

    def loader(self, index: _Index) -> Callable[[slice], Array]:
        """Return a function that loads spans, but a whole block only once."""
        if len(self.spans(index)) > 1:
            return lambda span: self.load(index, span)
        whole = self.load(index, slice(None))
        return lambda span: whole

    def divisor(self, index: _Index) -> Array | None:
        """Return the temperatures of rows, (n, 1)."""
        return None if self.temperature is None else self.temperature[index].reshape(-1, 1)

    def blocks(self) -> list[_Index]:
        """Cut the rows into blocks that go through the passes on their own."""
        *outer, beside, length = self.logits.shape
        rows = max(self.kernels.BLOCK // length, 1)
        if not self.across:
            return list(_blocks(self.logits.shape[:-1], rows))
        width = beside if beside <= 4 * _PANEL else max(rows, _PANEL)
        panels = [slice(start, start + width) for start in range(0, beside, width)]
        outer_indices = itertools.product(*([slice(i, i + 1) for i in range(n)] for n in outer))
        return [(*index, panel) for index in outer_indices for panel in panels]

    def spans(self, index: _Index) -> list[slice]:
        """Cut the length of the rows of a block into pieces, by a power of two."""
        count, length = self.logits[(*index, ..., 0)].size, self.logits.shape[-1]
        if count * length <= self.kernels.BLOCK:
            return [slice(0, length)]
        span = 1 << max((self.kernels.BLOCK // count).bit_length() - 1, 0)
        return [slice(start, start + span) for start in range(0, length, span)]

    def direct(self, part: Array) -> bool:
        """Return whether kernels can work on a part of an array as it is."""
        return _direct(part.swapaxes(-1, -2) if self.across else part)

    def flat(self, part: Array) -> Array:
        """Return a part as rows, (n, K)."""
        return part.reshape(part.shape[-2:] if self.across else (-1, part.shape[-1]))

    def scratch(self, name: str, shape: tuple[int, ...], dtype: Any = np.float64) -> Array:
        """Return an array of this thread's that is laid out as the rows are."""
        if self.across:
            return scratch(name, (*shape[:-2], shape[-1], shape[-2]), dtype).swapaxes(-1, -2)
        return scratch(name, shape, dtype)


def _fill(given: Given, out: Array, passes: _Pass, *, impossible: float) -> None:
    _run(given, out, passes)
    if given.keep is not None:
        np.copyto(out, out.dtype.type(impossible), where=~given.keep)


def _run(given: Given, out: Array, passes: _Pass) -> None:
    if not given.logits.size:
        return
    # At least one axis of rows.
    parts: Any = (given.logits, given.keep, given.temperature, out)
    if out.ndim == 1:
        parts = (None if part is None else part[None] for part in parts)
    logits, keep, temperature, target = parts
    kernels = _kernels_for(logits.size)
    across = passes is _softmax and _stand_beside_each_other(logits)
    rows = _Rows(logits, keep, temperature, given.dtype != np.float64, across, kernels)
    blocks = rows.blocks()
    each: _Each = in_threads if logits.size >= _THREADED else in_turn
    if len(blocks) > 1:
        each(lambda index: passes(rows, target, index, in_turn), blocks)
    else:
        passes(rows, target, blocks[0], each)


def _kernels_for(size: int) -> Any:
    """Return numba's kernels if it is there, and worth the time that its import takes."""
    global _without_numba, _loaded
    if _loaded is None:
        _without_numba += size + _CALL
        if _without_numba < _COMPILED or not find_spec("numba"):
            return _kernels
        _loaded = import_module("softmax_lib._compiled")
    return _loaded


def _blocks(batch: tuple[int, ...], rows: int) -> Iterator[_Index]:
    """Cut a batch into pieces of as many rows, or fewer."""
    inner = math.prod(batch[1:])
    if batch[0] * inner <= rows:
        yield (slice(None),)
    elif inner <= rows:
        step = max(rows // inner, 1)
        yield from ((slice(start, start + step),) for start in range(0, batch[0], step))
    else:
        for start in range(batch[0]):
            for rest in _blocks(batch[1:], rows):
                yield slice(start, start + 1), *rest


def _direct(part: Array) -> bool:
    flags = part.flags
    return flags.c_contiguous and flags.aligned


def _stand_beside_each_other(rows: Array) -> bool:
    """Return whether neighbouring rows are close in memory, and enough of them."""
    return 2 * rows.shape[-2] >= _PANEL and abs(rows.strides[-2]) < abs(rows.strides[-1])


class _Target:
    """Where the results of a block go: there directly, or by way of another array."""

    def __init__(self, rows: _Rows, out: Array, index: _Index, span: slice) -> None:
        at: Any = (*index, ..., span)
        self._part = out[at]
        shape, dtype = self._part.shape, self._part.dtype
        own = dtype in (np.float64, np.float32)
        buffer = (
            self._part
            if own and rows.direct(self._part)
            else rows.scratch("out", shape, dtype if own else np.float64)
        )
        self.rows = rows.flat(buffer)

    def place(self, undefined: NDArray[np.bool_] | None) -> None:
        """Put the results in place, NaN where they are undefined."""
        if undefined is not None:
            np.copyto(self.rows, np.nan, where=undefined)
        if not np.may_share_memory(self.rows, self._part):
            values, dtype = self.rows.reshape(self._part.shape), self._part.dtype
            self._part[...] = values if values.dtype == dtype else rounded(values, dtype)


def _softmax(rows: _Rows, out: Array, index: _Index, each: _Each) -> None:
    spans = rows.spans(index)
    if rows.temperature is None and len(spans) == 1:
        target = _Target(rows, out, index, spans[0])
        if rows.kernels.softmax(
            rows.load(index, spans[0]), target.rows, 1.0, 1.0, narrow=rows.narrow
        ):
            target.place(None)
            return
    _, limits, load, at = _with_reference(rows, index, each)
    if limits is not None and rows.across:
        _softmax(replace(rows, across=False), out, index, each)
        return
    undefined = None
    if limits is not None:
        infinities = each(lambda span: _count_infinities(rows.load(index, span)), spans)
        undefined = limits.undefined | (np.add.reduce(infinities) > 1)
    kept = _room_for_exponentials(rows, out, index)

    def add_up(span: slice) -> Any:
        logits = load(span)
        terms = rows.scratch("terms", logits.shape) if kept is None else kept[:, span]
        return rows.kernels.sums(logits, at, terms, narrow=rows.narrow)

    high, low = _total(each(add_up, spans), spans)

    def divide(span: slice) -> None:
        target = _Target(rows, out, index, span)
        if kept is None:
            terms = rows.scratch("terms", target.rows.shape)
            rows.kernels.sums(load(span), at, terms, narrow=rows.narrow)
        else:
            terms = kept[:, span]
        rows.kernels.divide(terms, high, low, target.rows, narrow=rows.narrow)
        target.place(undefined)

    each(divide, spans)


def _states(rows: _Rows, out: Array, index: _Index, each: _Each) -> None:
    spans = rows.spans(index)
    largest, limits, load, at = _with_reference(rows, index, each)

    def add_up(span: slice) -> Any:
        logits = load(span)
        return rows.kernels.sums(logits, at, scratch("terms", logits.shape), narrow=False)

    sums, _ = _total(each(add_up, spans), spans)
    if limits is not None:
        # Where the largest logit is infinite, the exponentials are those of limits: they count.
        sums = np.select([largest == -np.inf, np.isnan(largest)], [0.0, np.nan], sums)
    out[index] = np.concatenate([largest, sums], axis=-1).reshape(out[index].shape)


def _with_reference(
    rows: _Rows, index: _Index, each: _Each
) -> tuple[Array, Limits | None, Callable[[slice], Array], Reference]:
    """Return the largest logits, and what to load and take exponentials relative to."""
    load, spans, temperature = rows.loader(index), rows.spans(index), rows.divisor(index)
    largest = np.maximum.reduce(each(lambda span: rows.kernels.maximum(load(span)), spans))
    limits = Limits.of(largest, temperature)
    if limits is None:
        return largest, limits, load, _relative_to(largest, temperature)
    at = _relative_to(limits.replace(largest), limits.temperatures)
    return largest, limits, limits.replacing(load), at


def _log_softmax(rows: _Rows, out: Array, index: _Index, each: _Each) -> None:
    top = _Top.of(rows, index, each)
    at = top.at
    # scale z - divisor log-sum-exp, in two floats.
    product, product_error = two_product(at.divisor, top.logarithm)
    high, error = two_sum(at.logit, product)
    low = error + (product_error + at.divisor * top.logarithm_error)

    def subtract(span: slice) -> None:
        target = _Target(rows, out, index, span)
        rows.kernels.log_probabilities(
            top.load(span), at, high, low, target.rows, narrow=rows.narrow
        )
        target.place(top.undefined)

    each(subtract, rows.spans(index))


def _logsumexp(rows: _Rows, out: Array, index: _Index, each: _Each) -> None:
    top = _Top.of(rows, index, each)
    sums = add(top.largest, top.logarithm, top.logarithm_error)
    out[index] = np.where(np.isfinite(top.largest), sums, top.largest).reshape(out[index].shape)


@dataclass(frozen=True)
class _Top:
    """The largest logit of each row, and log(1 + rest), the rest being all other exponentials.

    Without the largest one, which is exactly 1, the rest keeps its digits however small it is.
    """

    largest: Array  # as given
    undefined: NDArray[np.bool_] | None
    load: Callable[[slice], Array]
    at: Reference
    logarithm: Array
    logarithm_error: Array

    @classmethod
    def of(cls, rows: _Rows, index: _Index, each: _Each) -> _Top:
        spans, load = rows.spans(index), rows.loader(index)
        found = each(lambda span: rows.kernels.top_two(load(span)), spans)
        (_, largest, second), *others = found
        span_of_top = np.zeros(largest.shape)
        for number, (_, first, next_one) in enumerate(others, 1):
            span_of_top[first > largest] = number
            second = np.maximum(np.maximum(second, next_one), np.minimum(largest, first))
            largest = np.maximum(largest, first)
        temperature, undefined, top, next_to_top = rows.divisor(index), None, largest, second
        limits = Limits.of(largest, temperature)
        if limits is not None:
            undefined = limits.undefined | (second == np.inf)
            top, next_to_top = limits.replace(largest), limits.replace(second)
            temperature, load = limits.temperatures, limits.replacing(load)
        at = _relative_to(top, temperature, next_to_top)

        def add_up(numbered: tuple[int, slice]) -> Any:
            number, span = numbered
            logits = load(span)
            terms = scratch("terms", logits.shape)
            inside = np.where(span_of_top == number, found[number][0], -1)
            return rows.kernels.sums(logits, at, terms, narrow=rows.narrow, left_out=inside)

        high, low = _total(each(add_up, list(enumerate(spans))), spans)
        shift = -at.shift.astype(np.int64)
        rest, error = np.ldexp(high, shift), np.ldexp(low, shift)
        return cls(largest, undefined, load, at, np.log1p(rest), error / (1 + rest))


def _room_for_exponentials(rows: _Rows, out: Array, index: _Index) -> Array | None:
    """Return an array for the exponentials of rows, if there is room."""
    part = out[index]
    if part.dtype == np.float64 and rows.direct(part):
        return rows.flat(part)
    return rows.flat(rows.scratch("kept", part.shape)) if part.size <= KEPT else None


def _count_infinities(logits: Array) -> Any:
    return np.count_nonzero(logits == np.inf, axis=-1, keepdims=True)


def _relative_to(top: Array, temperature: Array | None, highest: Array | None = None) -> Reference:
    """Return exponentials relative to the top, of logits that reach up to the highest one."""
    if temperature is None:
        scale = divisor = np.ones_like(top)
    else:
        # A temperature is divisor / scale.
        fraction, exponent = np.frexp(temperature)
        # 2**1023 is the largest power there is; for a subnormal temperature it will do.
        scale = np.ldexp(1.0, np.minimum((fraction == 0.5) - exponent, 1023))
        divisor = temperature * scale
        top = top * scale
    reach = RANGE * divisor
    shift = np.zeros_like(top)
    floor = top - reach
    if highest is not None:
        # Scaled up such that the largest of them is close to 1.
        highest = np.maximum(highest * scale, floor)
        shift = np.floor((top - highest) / divisor * PER_LOG2)
        floor = highest - reach
    return Reference(top, floor, scale, divisor, shift, plain=temperature is None)


def _total(sums: list[tuple[Array, Array]], spans: list[slice]) -> tuple[Array, Array]:
    """Return the total of the sums of spans, each (n, 1), and what its rounding has lost."""
    if len(sums) == 1:
        return two_sum(*in_floats(*sums[0]))
    starts = np.arange(0, len(spans), max(LONGEST // (spans[0].stop - spans[0].start), 1))
    high, low = in_floats(
        *(
            np.add.reduceat(np.concatenate(parts, axis=-1), starts, axis=-1)
            for parts in zip(*sums, strict=True)
        )
    )
    total, rest = high[:, :1], low[:, :1]
    for part in range(1, high.shape[-1]):
        total, error = two_sum(total, high[:, part : part + 1])
        rest = rest + (error + low[:, part : part + 1])
    return two_sum(total, rest)
