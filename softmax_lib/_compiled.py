"""The kernels of :mod:`softmax_lib._kernels`, compiled by numba: the same operations, and bits.

Nothing is compiled with fast-math, which would contract and reorder operations. Sums vectorise all
the same: their terms are integers, held in the last bits of floats, and those may be reordered.
"""

from __future__ import annotations

from typing import Any

import numba.extending
import numpy as np
from numba import types

from softmax_lib._arguments import Array
from softmax_lib._kernels import (
    BIAS,
    CHUNK,
    HIGH_ROUNDER,
    LOG2,
    LOG2_HIGH,
    LOG2_LOW,
    LOW_ROUNDER,
    NARROW,
    PER_LOG2,
    RANGE,
    ROUNDER,
    SPLITTER,
    UNBIAS,
    WIDE,
    Reference,
    scratch,
)
from softmax_lib._limits import LARGE

# How much goes through a kernel at once: its arrays stay in the cache of second or third level.
BLOCK = SPAN = 2**16

_HIGH_BITS = int(np.float64(HIGH_ROUNDER).view(np.int64))
_LOW_BITS = int(np.float64(LOW_ROUNDER).view(np.int64))
_HIGH_UNIT, _LOW_UNIT = 2.0**-37, 2.0**-76


_intrinsic: Any = numba.extending.intrinsic


def _kernel(function: Any) -> Any:
    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # there is nowhere to write a cache to
        return numba.njit(nogil=True, error_model="numpy")(function)


@_intrinsic
def _bits(context: Any, value: Any) -> Any:
    """Return a float64 as an int64 of the same bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.int64))

    return types.int64(types.float64), generate


@_intrinsic
def _from_bits(context: Any, value: Any) -> Any:
    """Return an int64 as a float64 of the same bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.float64))

    return types.float64(types.int64), generate


@_kernel
def _larger(first: Any, second: Any) -> Any:
    return first if first > second else second


@_kernel
def _maximum(row: Any) -> Any:
    """Return the largest logit, or NaN."""
    lanes = 8
    count = len(row) - len(row) % lanes
    a = b = c = d = e = f = g = h = row[0]
    for j in range(0, count, lanes):
        a = _larger(row[j], a)
        b = _larger(row[j + 1], b)
        c = _larger(row[j + 2], c)
        d = _larger(row[j + 3], d)
        e = _larger(row[j + 4], e)
        f = _larger(row[j + 5], f)
        g = _larger(row[j + 6], g)
        h = _larger(row[j + 7], h)
    for j in range(count, len(row)):
        a = _larger(row[j], a)
    unordered = 0
    for j in range(len(row)):
        unordered |= row[j] != row[j]
    if unordered:
        return np.float64(np.nan)
    a, b, c, d = _larger(a, b), _larger(c, d), _larger(e, f), _larger(g, h)
    return np.float64(_larger(_larger(a, b), _larger(c, d)))


@_kernel
def _power(polynomial: float, exponent: float) -> Any:
    """Return polynomial times two to the integer in the last bits of exponent, less BIAS."""
    return _from_bits(_bits(polynomial) + (_bits(exponent) << 52)) * UNBIAS


@_kernel
def _exp_wide(gap: float, tail: float, rounder: float) -> Any:
    exponent = gap * PER_LOG2 + rounder
    whole = exponent - rounder
    r = (gap - whole * LOG2_HIGH) + (tail - whole * LOG2_LOW)
    q = r * WIDE[9]
    q = (q + WIDE[8]) * r
    q = (q + WIDE[7]) * r
    q = (q + WIDE[6]) * r
    q = (q + WIDE[5]) * r
    q = (q + WIDE[4]) * r
    q = (q + WIDE[3]) * r
    q = (q + WIDE[2]) * r
    q = (q + WIDE[1]) * r
    q = q + WIDE[0]
    return _power(q * (r * r) + r + 1.0, exponent)


@_kernel
def _exp_narrow(gap: float, rounder: float) -> Any:
    exponent = gap * PER_LOG2 + rounder
    r = gap - (exponent - rounder) * LOG2
    q = r * NARROW[7]
    q = (q + NARROW[6]) * r
    q = (q + NARROW[5]) * r
    q = (q + NARROW[4]) * r
    q = (q + NARROW[3]) * r
    q = (q + NARROW[2]) * r
    q = (q + NARROW[1]) * r
    q = q + NARROW[0]
    return _power(q * (r * r) + r + 1.0, exponent)


@_kernel
def _exponentials_wide(row: Any, logit: float, floor: float, rounder: float, terms: Any) -> None:
    for j in range(len(row)):
        value = _larger(row[j], floor)
        gap = value - logit
        back = gap + logit
        tail = (value - back) + ((back - gap) - logit)
        terms[j] = _exp_wide(gap, tail, rounder)


@_kernel
def _exponentials_wide_divided(
    row: Any,
    logit: float,
    floor: float,
    rounder: float,
    scale: float,
    divisor: float,
    terms: Any,
) -> None:
    inverse = 1 / divisor
    scaled_divisor = divisor * SPLITTER
    divisor_high = scaled_divisor - (scaled_divisor - divisor)
    divisor_low = divisor - divisor_high
    for j in range(len(row)):
        value = _larger(row[j] * scale, floor)
        gap = value - logit
        back = gap + logit
        tail = (value - back) + ((back - gap) - logit)
        quotient = gap * inverse
        scaled = quotient * SPLITTER
        high = scaled - (scaled - quotient)
        left = (gap - high * divisor_high) - high * divisor_low
        left = left - (quotient - high) * divisor
        terms[j] = _exp_wide(quotient, (left + tail) * inverse, rounder)


@_kernel
def _exponentials_narrow(row: Any, logit: float, floor: float, rounder: float, terms: Any) -> None:
    for j in range(len(row)):
        terms[j] = _exp_narrow(_larger(np.float64(row[j]), floor) - logit, rounder)


@_kernel
def _exponentials_narrow_divided(
    row: Any,
    logit: float,
    floor: float,
    rounder: float,
    scale: float,
    divisor: float,
    terms: Any,
) -> None:
    inverse = 1 / divisor
    for j in range(len(row)):
        gap = _larger(row[j] * scale, floor) - logit
        terms[j] = _exp_narrow(gap * inverse, rounder)


@_kernel
def _add_up(terms: Any) -> tuple[float, float]:
    high_sum = low_sum = 0
    for j in range(len(terms)):
        term = terms[j]
        high = term + HIGH_ROUNDER
        high_sum += _bits(high) - _HIGH_BITS
        low_sum += _bits((term - (high - HIGH_ROUNDER)) + LOW_ROUNDER) - _LOW_BITS
    return high_sum * _HIGH_UNIT, low_sum * _LOW_UNIT


@_kernel
def _sum_row(
    row: Any, at: Any, terms: Any, left_out: int, narrow: bool, high: Any, low: Any
) -> None:
    logit, floor, rounder, scale, divisor = at
    for chunk in range(len(high)):
        start = chunk * CHUNK
        logits, part = row[start : start + CHUNK], terms[start : start + CHUNK]
        if scale == 1.0 and divisor == 1.0:
            if narrow:
                _exponentials_narrow(logits, logit, floor, rounder, part)
            else:
                _exponentials_wide(logits, logit, floor, rounder, part)
        elif narrow:
            _exponentials_narrow_divided(logits, logit, floor, rounder, scale, divisor, part)
        else:
            _exponentials_wide_divided(logits, logit, floor, rounder, scale, divisor, part)
        if start <= left_out < start + CHUNK:
            terms[left_out] = 0.0
        high[chunk], low[chunk] = _add_up(part)


@_kernel
def _divide_row(terms: Any, high: float, low: float, narrow: bool, out: Any) -> None:
    total = high + low
    if narrow:
        inverse = 1 / total
        for j in range(len(terms)):
            out[j] = terms[j] * inverse
    else:
        correction = ((high - total) + low) / total
        for j in range(len(terms)):
            quotient = terms[j] / total
            out[j] = quotient - quotient * correction


@_kernel
def _two_sum(first: float, second: float) -> tuple[float, float]:
    total = first + second
    back = total - first
    return total, (first - (total - back)) + (second - back)


@_kernel
def _softmax(rows: Any, terms: Any, narrow: bool, high: Any, low: Any, out: Any) -> bool:
    for i in range(len(rows)):
        logit = _maximum(rows[i])
        if not abs(logit) < LARGE:
            return False
        # One row of exponentials is enough, unless they are kept where their quotients go.
        kept = terms[i % len(terms)]
        at = (logit, logit - RANGE, ROUNDER + BIAS, 1.0, 1.0)
        _sum_row(rows[i], at, kept, -1, narrow, high, low)
        total, rest = high[0], low[0]
        for chunk in range(1, len(high)):
            total, error = _two_sum(total, high[chunk])
            rest += error + low[chunk]
        _divide_row(kept, total, rest, narrow, out[i])
    return True


@_kernel
def _maxima(rows: Any, result: Any) -> None:
    for i in range(len(rows)):
        result[i, 0] = _maximum(rows[i])


@_kernel
def _top_two(rows: Any, top: Any, first: Any, second: Any) -> None:
    for i in range(len(rows)):
        row = rows[i]
        first[i, 0], top[i, 0] = _maximum(row), 0
        # Of equal ones, the first.
        for j in range(len(row)):
            if row[j] == first[i, 0]:
                top[i, 0] = j
                break
        before, after = row[: top[i, 0]], row[top[i, 0] + 1 :]
        second[i, 0] = -np.inf
        if len(before):
            second[i, 0] = _maximum(before)
        if len(after):
            second[i, 0] = max(second[i, 0], _maximum(after))


@_kernel
def _sums(rows: Any, at: Any, terms: Any, left_out: Any, narrow: bool, high: Any, low: Any) -> None:
    for i in range(len(rows)):
        of_row = (at[i, 0], at[i, 1], at[i, 2], at[i, 3], at[i, 4])
        _sum_row(rows[i], of_row, terms[i], left_out[i, 0], narrow, high[i], low[i])


@_kernel
def _divide(terms: Any, high: Any, low: Any, narrow: bool, out: Any) -> None:
    for i in range(len(terms)):
        _divide_row(terms[i], high[i, 0], low[i, 0], narrow, out[i])


@_kernel
def _log_probabilities(
    rows: Any, scales: Any, divisors: Any, high: Any, low: Any, narrow: bool, out: Any
) -> None:
    for i in range(len(rows)):
        scale, divisor, above, below = scales[i, 0], divisors[i, 0], high[i, 0], low[i, 0]
        row, result = rows[i], out[i]
        if narrow:
            for j in range(len(row)):
                result[j] = ((row[j] * scale - above) - below) / divisor
        else:
            for j in range(len(row)):
                value = row[j] * scale
                gap = value - above
                back = gap + above
                tail = ((value - back) + ((back - gap) - above)) - below
                # Where the difference is infinite, its error is NaN.
                result[j] = (gap + tail if abs(gap) < np.inf else gap) / divisor


def softmax(rows: Array, out: Array, *, narrow: bool) -> bool:
    """Fill `out` with probabilities at temperature 1, but stop at a row that has limits."""
    terms = scratch("terms", (1, rows.shape[-1])) if narrow else out
    chunks = -(-rows.shape[-1] // CHUNK)
    return bool(_softmax(rows, terms, narrow, np.empty(chunks), np.empty(chunks), out))


def maximum(rows: Array) -> Array:
    """Return the largest logit of each row, NaN if there is a NaN, (n, 1)."""
    result = np.empty((len(rows), 1))
    _maxima(rows, result)
    return result


def top_two(rows: Array) -> tuple[Array, Array, Array]:
    """Return where the largest logit of each row is, it, and the largest of the others."""
    top, first, second = np.empty((len(rows), 1), np.int64), *np.empty((2, len(rows), 1))
    _top_two(rows, top, first, second)
    return top, first, second


def sums(
    rows: Array, at: Reference, terms: Array, *, narrow: bool, left_out: Array | None = None
) -> tuple[Array, Array]:
    """Fill `terms` with exponentials and return their sums by chunks, (n, chunks), high and low."""
    high, low = np.empty((2, len(rows), -(-rows.shape[-1] // CHUNK)))
    columns = (at.logit, at.floor, at.shift + (ROUNDER + BIAS), at.scale, at.divisor)
    if left_out is None:
        left_out = np.full((len(rows), 1), -1)
    _sums(rows, np.concatenate(columns, axis=-1), terms, left_out, narrow, high, low)
    return high, low


def divide(terms: Array, high: Array, low: Array, out: Array, *, narrow: bool) -> None:
    """Fill `out` with terms / (high + low)."""
    _divide(terms, high, low, narrow, out)


def log_probabilities(
    rows: Array, at: Reference, high: Array, low: Array, out: Array, *, narrow: bool
) -> None:
    """Fill `out` with (scale z - (high + low)) / divisor."""
    _log_probabilities(rows, at.scale, at.divisor, high, low, narrow, out)
