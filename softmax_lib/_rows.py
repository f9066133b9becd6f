"""A block of rows on its way through the passes: the maximum, the sums, and the last pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from softmax_lib import _arrays
from softmax_lib._arguments import Array
from softmax_lib._arrays import (
    APART,
    BELOW,
    COUNT,
    LOGARITHM,
    MAXIMUM,
    MEAN,
    NOTHING,
    REFERENCE,
    REST,
    SCALE,
    STATE,
    STRETCH,
    VECTORS,
)
from softmax_lib._double_word import DoubleWord, two_sum
from softmax_lib._engine import passes
from softmax_lib._limits import Limits, need_no_care

# Gives the rows that results of a span are written to, and has them where they belong in the end.
Store = Callable[[slice], AbstractContextManager[Array]]
_WHOLE = slice(None)
# Vectors are scaled to 2 to this power, and exponentials in products to 2 to that.
_HEIGHT, _BIAS = 200, 700


@dataclass
class Rows:
    """Rows that are loaded as often as they are needed, whole or in pieces of one length."""

    passes: Any
    count: int
    length: int
    span: int
    temperatures: Array  # (n,), or (1,) for all
    load: Callable[[slice], Array]
    load_beside: Callable[[slice], Array]
    limits: Limits | None = None

    @property
    def spans(self) -> list[slice]:
        """The pieces of a row."""
        if self.span == self.length:
            return [_WHOLE]
        starts = range(0, self.length, self.span)
        return [slice(start, min(start + self.span, self.length)) for start in starts]

    def pieces(self) -> Iterator[tuple[slice, Array, Array]]:
        """Load the pieces of rows and of what is beside them, with care taken of limits."""
        for span in self.spans:
            logits = (
                self.load(span) if self.limits is None else self.limits.replace(self.load(span))
            )
            yield span, logits, logits if self.load_beside is self.load else self.load_beside(span)


@dataclass(frozen=True)
class Sums:
    """What the first two passes find: (n, 1) each; NaN where there is no softmax."""

    state: Array
    maximum: Array  # of the logits as they are

    @property
    def rest(self) -> DoubleWord:
        """The sum of exp((z - maximum) / T), but for one maximum, whose term is 1."""
        return _arrays.read(self.state, REST)

    @property
    def logarithm(self) -> DoubleWord:
        """The logarithm of 1 + rest."""
        return _arrays.read(self.state, LOGARITHM)

    @property
    def mean(self) -> DoubleWord:
        """The mean of weights, under the softmax."""
        return _arrays.read(self.state, MEAN)


def sums_of(rows: Rows, weight: int, stretch: Array | float = 1.0) -> Sums:
    """Go through rows for their maximum and their sums."""
    state = np.zeros((rows.count, STATE), rows.temperatures.dtype)
    state[:, STRETCH : STRETCH + 1] = stretch
    if rows.span == rows.length:
        _, logits, beside = next(rows.pieces())
        if rows.passes.sums(logits, rows.temperatures, beside, state, weight, True):
            return Sums(state, state[:, :1])
        state[:, :STRETCH] = 0
    maximum, infinities = _maximum(rows, state if weight == VECTORS else None)
    _take_care(rows, state, maximum, infinities)
    for _, logits, beside in rows.pieces():
        rows.passes.sums(logits, rows.temperatures, beside, state, weight, False)
    if rows.limits is not None:
        state[rows.limits.undefined[:, 0], COUNT:REFERENCE] = np.nan
    return Sums(state, maximum)


def probabilities(rows: Rows, store: Store) -> None:
    """Softmax of rows."""
    if rows.span == rows.length:
        with store(_WHOLE) as out:
            if rows.passes.softmax(rows.load(_WHOLE), rows.temperatures, out):
                return
    _shares(rows, NOTHING, rows.passes.shares, store)


def log_probabilities(rows: Rows, store: Store) -> None:
    """Log-softmax of rows."""
    _shares(rows, APART, rows.passes.log_shares, store)


def jacobian_products(rows: Rows, store: Store) -> None:
    """Multiply the vectors beside rows by the Jacobian."""
    temperature, stretch = rows.temperatures[:, None], _stretch(rows)
    sums = sums_of(rows, VECTORS, np.ldexp(1.0, stretch))
    # Where half of the power is below every number, the product is, too.
    power = -_BIAS - stretch - (0 if rows.limits is None else rows.limits.exponents)
    halves = np.hstack([power // 2, power - power // 2])
    sums.state[:, SCALE : SCALE + 2] = np.ldexp(sums.state.dtype.type(1), halves)
    limit = (temperature == 0) | (temperature == np.inf)
    for span, logits, vectors in rows.pieces():
        with store(span) as out:
            rows.passes.products(logits, rows.temperatures, vectors, sums.state, out)
            if limit.any():
                divided = np.where(out == 0, 0, out / temperature)
                out[...] = np.where(limit, divided, out)
            out += 0.0  # -0.0 + 0.0 is 0.0


def _stretch(rows: Rows) -> Array:
    """Return the powers of two that make vectors so large that means of them are not subnormal.

    They are not so large that products with scaled exponentials, or sums of them, overflow.
    """
    largest = np.zeros((rows.count, 1))
    for span in rows.spans:
        vectors = rows.load_beside(span)
        extent = np.maximum(
            vectors.max(axis=-1, keepdims=True), -vectors.min(axis=-1, keepdims=True)
        )
        if not np.isfinite(extent).all():
            finite = np.where(np.isfinite(vectors), np.abs(vectors), 0)
            extent = finite.max(axis=-1, keepdims=True)
        largest = np.maximum(largest, extent)
    powers: Array = np.clip(_HEIGHT - np.frexp(largest)[1], -1000, 1000)
    return powers


def shares_in(
    name: str, rows: Rows, store: Store, maximum: Array, value: Array, error: Array
) -> None:
    """Take the last pass, of softmax or log-softmax, relative to sums of larger rows, (n, 1)."""
    highest, _ = _maximum(rows, None)
    if (highest > maximum).any():
        at = np.argmax(highest > maximum)
        raise ValueError(
            f"z has the logit {highest.flat[at]}, above the state's maximum {maximum.flat[at]}; "
            "merge the states of all parts first"
        )
    unseen = np.isnan(highest)  # kernels may lose it
    maximum, value = np.where(unseen, np.nan, maximum), np.where(unseen, np.nan, value)
    state = np.zeros((rows.count, STATE), rows.temperatures.dtype)
    _take_care(rows, state, maximum, np.where(maximum == np.inf, value, 0))
    if rows.limits is not None:
        value = np.where(rows.limits.undefined, np.nan, value)
    one = rows.passes.ONE
    _arrays.write(state, BELOW, DoubleWord(value * one, error * one))
    state[:, REFERENCE] = state[:, MAXIMUM]
    _arrays.write(state, LOGARITHM, _arrays.log1p(two_sum(value - 1, error)))
    _last_pass(rows, getattr(rows.passes, name), state, store)


def softmax_of_rows(rows: Array, out: Array) -> None:
    """Softmax of contiguous rows, float64 or longdouble; `out` may be the same array."""
    ours, temperatures = passes(rows.dtype.char), np.ones(1, rows.dtype)
    length = rows.shape[-1]
    fine = need_no_care(rows.max(axis=-1), temperatures)
    if fine and length <= ours.LONGEST:
        ours.softmax(rows, temperatures, out)
        return
    span = min(length, ours.LONGEST)
    for row, to in zip(rows[:, None], out[:, None], strict=True):
        load = partial(_columns, row)
        alone = Rows(ours, 1, length, span, temperatures, load, load)
        _shares(alone, NOTHING, ours.shares, partial(in_place, to))


def in_place(rows: Array, span: slice) -> AbstractContextManager[Array]:
    """Give columns of rows to write to."""
    return nullcontext(_columns(rows, span))


def _columns(rows: Array, span: slice) -> Array:
    return rows[:, span]


def _shares(rows: Rows, weight: int, last: Callable[..., None], store: Store) -> None:
    _last_pass(rows, last, sums_of(rows, weight).state, store)


def _last_pass(rows: Rows, last: Callable[..., None], state: Array, store: Store) -> None:
    for span, logits, _ in rows.pieces():
        with store(span) as out:
            last(logits, rows.temperatures, state, out)


def _take_care(rows: Rows, state: Array, maximum: Array, infinities: Array) -> None:
    """Put rows without infinities or extreme temperatures in the place of those with them."""
    temperature = rows.temperatures[:, None]
    state[:, MAXIMUM] = maximum[:, 0]
    if not need_no_care(maximum, temperature):
        temperature = np.broadcast_to(temperature, maximum.shape)
        rows.limits = Limits(maximum, temperature, infinities)
        rows.temperatures = np.ascontiguousarray(rows.limits.temperatures[:, 0])
        state[:, MAXIMUM] = rows.limits.replace(maximum)[:, 0]


def _maximum(rows: Rows, state: Array | None) -> tuple[Array, Array]:
    """Return the largest logits, how many +inf there are, and note the vectors' entries there."""
    maximum, infinities = np.full((rows.count, 1), -np.inf), np.zeros((rows.count, 1))
    for _, logits, beside in rows.pieces():
        largest = logits.max(axis=-1, keepdims=True)
        if state is not None:
            at = logits.argmax(axis=-1)[:, None]
            entries = np.take_along_axis(beside, at, axis=-1) * state[:, STRETCH : STRETCH + 1]
            reference = state[:, REFERENCE : REFERENCE + 1]
            np.copyto(reference, entries, where=~(largest <= maximum))
        if not (largest < np.inf).all():
            infinities += np.count_nonzero(logits == np.inf, axis=-1, keepdims=True)
        maximum = np.maximum(maximum, largest)
    return maximum, infinities
