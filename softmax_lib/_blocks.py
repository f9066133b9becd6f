"""The way of the logits through a softmax: cut into blocks, computed, and put in place.

A block of short rows stays in the processor's cache from its first pass to its last one. A long row
is cut into spans, which are gone through once for each pass. Kernels see nothing but contiguous
rows of float32 or float64 with finite maxima.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softmax_lib import _kernels
from softmax_lib._arguments import Array, Given, in_place, rounded
from softmax_lib._double_word import add, two_product, two_sum
from softmax_lib._kernels import PER_LOG2, RANGE, Reference, scratch
from softmax_lib._limits import Limits
from softmax_lib._threads import in_threads, in_turn

_Index = tuple[Any, ...]  # of rows
_Each = Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]]
_Pass = Callable[["_Rows", Array, _Index, _Each], None]

# From so many logits on, a second thread is worth its start.
_THREADED = 2**15
# Importing numba takes about as long as this many probabilities take without it.
_COMPILED = 2**20
# So many exponentials of a row are kept from pass to pass, 2 MiB; those of a longer one are
# computed twice.
_KEPT = 2**18


def softmax_by_blocks(given: Given) -> Any:
    """Return softmax in float64 or a narrower format."""
    result, rows = in_place(given)
    if not _softmax_at_once(given, rows):
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


@dataclass(frozen=True)
class _Rows:
    """What is given, with at least one axis of rows."""

    logits: Array
    keep: NDArray[np.bool_] | None
    temperature: Array | None
    narrow: bool  # whether the result is rounded to float32 or less
    kernels: Any

    def load(self, index: _Index, span: slice) -> Array:
        """Return rows, (n, span): contiguous float64, or float32 if the result is narrow."""
        at: Any = (*index, ..., span)
        part: Array = self.logits[at]
        dtype = np.dtype(np.float32 if self.narrow else np.float64)
        if self.keep is None and part.dtype == dtype and _direct(part):
            return part.reshape(-1, part.shape[-1])
        rows = scratch("rows", part.shape, dtype)
        np.copyto(rows, part, casting="unsafe")
        if self.keep is not None:
            np.copyto(rows, -np.inf, where=~self.keep[at])
        return rows.reshape(-1, part.shape[-1])

    def loader(self, index: _Index) -> Callable[[slice], Array]:
        """Return a function that loads spans, but a whole block only once."""
        if self.logits.shape[-1] > self.kernels.SPAN:
            return lambda span: self.load(index, span)
        whole = self.load(index, slice(None))
        return lambda span: whole

    def divisor(self, index: _Index) -> Array | None:
        """Return the temperatures of rows, (n, 1)."""
        return None if self.temperature is None else self.temperature[index].reshape(-1, 1)

    def spans(self) -> list[slice]:
        """Cut the rows' length into pieces."""
        length = self.logits.shape[-1]
        span = self.kernels.SPAN
        return [slice(start, start + span) for start in range(0, length, span)]


def _fill(given: Given, out: Array, passes: _Pass, *, impossible: float) -> None:
    _run(given, out, passes)
    if given.keep is not None:
        np.copyto(out, out.dtype.type(impossible), where=~given.keep)


def _softmax_at_once(given: Given, out: Array) -> bool:
    """Take the short way, if there is one: little time is lost on a few logits."""
    logits = given.logits
    length = logits.shape[-1]
    kernels = _kernels_for(logits.size)
    if (
        given.keep is None
        and given.temperature is None
        and 0 < logits.size <= min(kernels.SPAN, _THREADED)
        and logits.dtype == out.dtype
        and logits.dtype in (np.float64, np.float32)
        and _direct(logits)
        and _direct(out)
    ):
        rows, narrow = logits.reshape(-1, length), logits.dtype == np.float32
        done: bool = kernels.softmax(rows, out.reshape(-1, length), narrow=narrow)
        return done
    return False


def _run(given: Given, out: Array, passes: _Pass) -> None:
    if not given.logits.size:
        return
    # At least one axis of rows.
    parts: Any = (given.logits, given.keep, given.temperature, out)
    if out.ndim == 1:
        parts = (None if part is None else part[None] for part in parts)
    logits, keep, temperature, target = parts
    kernels = _kernels_for(logits.size)
    rows = _Rows(logits, keep, temperature, given.dtype != np.float64, kernels)
    blocks = list(_blocks(logits.shape[:-1], max(kernels.BLOCK // logits.shape[-1], 1)))
    each: _Each = in_threads if logits.size >= _THREADED else in_turn
    if len(blocks) > 1:
        each(lambda index: passes(rows, target, index, in_turn), blocks)
    else:
        passes(rows, target, blocks[0], each)


def _kernels_for(size: int) -> Any:
    """Return numba's kernels if it is there, and worth the time that its import takes."""
    if "softmax_lib._compiled" in sys.modules or (size >= _COMPILED and find_spec("numba")):
        from softmax_lib import _compiled

        return _compiled
    return _kernels


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
    return part.flags.c_contiguous and part.flags.aligned


class _Target:
    """Where the results of a block go: there directly, or by way of another array."""

    def __init__(self, out: Array, index: _Index, span: slice) -> None:
        at: Any = (*index, ..., span)
        self._part = out[at]
        shape, dtype = self._part.shape, self._part.dtype
        own = dtype in (np.float64, np.float32)
        buffer = (
            self._part
            if own and _direct(self._part)
            else scratch("out", shape, dtype if own else np.float64)
        )
        self.rows = buffer.reshape(-1, shape[-1])

    def place(self, undefined: NDArray[np.bool_] | None) -> None:
        """Put the results in place, NaN where they are undefined."""
        if undefined is not None:
            np.copyto(self.rows, np.nan, where=undefined)
        if not np.may_share_memory(self.rows, self._part):
            self._part[...] = rounded(self.rows.reshape(self._part.shape), self._part.dtype)


def _softmax(rows: _Rows, out: Array, index: _Index, each: _Each) -> None:
    spans, load = rows.spans(), rows.loader(index)
    if rows.temperature is None and len(spans) == 1:
        target = _Target(out, index, spans[0])
        if rows.kernels.softmax(load(spans[0]), target.rows, narrow=rows.narrow):
            target.place(None)
            return
    largest = np.maximum.reduce(each(lambda span: rows.kernels.maximum(load(span)), spans))
    temperature, undefined = rows.divisor(index), None
    limits = Limits.of(largest, temperature)
    if limits is not None:
        infinities = each(lambda span: _count_infinities(load(span)), spans)
        undefined = limits.undefined | (np.add.reduce(infinities) > 1)
        largest, temperature = limits.replace(largest), limits.temperatures
        load = limits.replacing(load)
    at = _relative_to(largest, temperature)
    kept = _room_for_exponentials(out, index)

    def add_up(span: slice) -> Any:
        logits = load(span)
        terms = scratch("terms", logits.shape) if kept is None else kept[:, span]
        return rows.kernels.sums(logits, at, terms, narrow=rows.narrow)

    high, low = _total(each(add_up, spans))

    def divide(span: slice) -> None:
        target = _Target(out, index, span)
        if kept is None:
            terms = scratch("terms", target.rows.shape)
            rows.kernels.sums(load(span), at, terms, narrow=rows.narrow)
        else:
            terms = kept[:, span]
        rows.kernels.divide(terms, high, low, target.rows, narrow=rows.narrow)
        target.place(undefined)

    each(divide, spans)


def _log_softmax(rows: _Rows, out: Array, index: _Index, each: _Each) -> None:
    top = _Top.of(rows, index, each)
    at = top.at
    # scale z - divisor log-sum-exp, in two floats.
    product, product_error = two_product(at.divisor, top.logarithm)
    high, error = two_sum(at.logit, product)
    low = error + (product_error + at.divisor * top.logarithm_error)

    def subtract(span: slice) -> None:
        target = _Target(out, index, span)
        rows.kernels.log_probabilities(
            top.load(span), at, high, low, target.rows, narrow=rows.narrow
        )
        target.place(top.undefined)

    each(subtract, rows.spans())


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
        spans, load = rows.spans(), rows.loader(index)
        found = each(lambda span: rows.kernels.top_two(load(span)), spans)
        firsts, seconds = (np.concatenate([two[i] for two in found], axis=-1) for i in (1, 2))
        span_of_top = np.argmax(firsts, axis=-1, keepdims=True)
        largest = np.take_along_axis(firsts, span_of_top, axis=-1)
        np.put_along_axis(firsts, span_of_top, -np.inf, axis=-1)
        second = np.maximum(firsts, seconds).max(axis=-1, keepdims=True)
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

        high, low = _total(each(add_up, list(enumerate(spans))))
        shift = -at.shift.astype(np.int64)
        rest, error = np.ldexp(high, shift), np.ldexp(low, shift)
        return cls(largest, undefined, load, at, np.log1p(rest), error / (1 + rest))


def _room_for_exponentials(out: Array, index: _Index) -> Array | None:
    """Return an array for the exponentials of rows, if there is room."""
    part = out[index]
    if part.dtype == np.float64 and _direct(part):
        return part.reshape(-1, part.shape[-1])
    return scratch("kept", part.shape).reshape(-1, part.shape[-1]) if part.size <= _KEPT else None


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


def _total(sums: list[tuple[Array, Array]]) -> tuple[Array, Array]:
    """Return the total of unevaluated sums, each (n, spans), in their order."""
    high, low = (np.concatenate(parts, axis=-1) for parts in zip(*sums, strict=True))
    total, rest = high[:, :1], low[:, :1]
    for part in range(1, high.shape[-1]):
        total, error = two_sum(total, high[:, part : part + 1])
        rest = rest + (error + low[:, part : part + 1])
    total, error = two_sum(total, rest)
    return total, error
