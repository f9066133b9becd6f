"""The kernels of :mod:`softmax_lib._kernels`, compiled by numba: the same operations, and bits.

Nothing is compiled with fast-math, which would contract and reorder operations. Sums vectorise all
the same: their terms are integers, held in the last bits of floats, and those may be reordered.
"""

from __future__ import annotations

from typing import Any

import numba.extending
import numpy as np
from numba import types

from softmax_lib import _arithmetic
from softmax_lib._arguments import Array
from softmax_lib._arithmetic import (
    BIAS,
    HIGH_BITS,
    HIGH_UNIT,
    LOW_BITS,
    LOW_UNIT,
    RANGE,
    ROUNDER,
    UNBIAS,
)
from softmax_lib._kernels import KEPT, Reference, is_across, scratch
from softmax_lib._limits import LARGE

# How much goes through a kernel at once: its arrays stay in the cache of second or third level.
BLOCK = 2**16

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


def _turned(builder: Any, bits: Any) -> Any:
    """Turn a negative float's bits below the sign, or turn them back."""
    sign = builder.ashr(bits, bits.type(bits.type.width - 1))
    return builder.xor(bits, builder.lshr(sign, bits.type(1)))


@_intrinsic
def _in_order(context: Any, value: Any) -> Any:
    """Return an integer for a float; both compare alike."""
    result = types.int32 if value == types.float32 else types.int64

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        bits = builder.bitcast(arguments[0], context.get_value_type(result))
        return _turned(builder, bits)

    return result(value), generate


@_intrinsic
def _from_order(context: Any, value: Any) -> Any:
    """Return the float for which there is this integer."""
    result = types.float32 if value == types.int32 else types.float64

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        bits = _turned(builder, arguments[0])
        return builder.bitcast(bits, context.get_value_type(result))

    return result(value), generate


# numba's cache sees changes of this file alone: after one of _arithmetic.py, touch it.
for _function in (
    _arithmetic.split,
    _arithmetic.wide_polynomial,
    _arithmetic.narrow_polynomial,
    _arithmetic.gap_and_tail,
    _arithmetic.wide_factors,
    _arithmetic.narrow_factors,
    _arithmetic.factors,
    _arithmetic.parts,
    _arithmetic.inverse_of,
    _arithmetic.product_of,
):
    numba.extending.register_jitable(_function)


@_kernel
def _maximum(rows: Any, i: int) -> Any:
    """Return the largest logit of a row, or NaN."""
    # By integers, whose largest is found in vectors. A NaN is beyond one of the infinities.
    high = low = _in_order(rows[i, 0])
    for j in range(rows.shape[1]):
        high, low = max(_in_order(rows[i, j]), high), min(_in_order(rows[i, j]), low)
    largest, smallest = np.float64(_from_order(high)), np.float64(_from_order(low))
    return largest if smallest == smallest else smallest


@_kernel
def _term(rows: Any, i: int, j: int, at: Any, plain: bool, narrow: bool) -> tuple[float, int, int]:
    """Return an exponential and the bits of its multiples of both units."""
    logit, floor, rounder, scale, divisor = at
    polynomial, exponent = _arithmetic.factors(
        np.float64(rows[i, j]), logit, floor, rounder, scale, divisor, plain, narrow
    )
    term = _from_bits(_bits(polynomial) + (_bits(exponent) << 52))
    high, low = _arithmetic.parts(term)
    return term, _bits(high), _bits(low)


@_kernel
def _sum_row(
    rows: Any, i: int, start: int, stop: int, at: Any, plain: bool, narrow: bool, terms: Any, t: int
) -> tuple[int, int]:
    """Fill a part of a row of terms, and return its sums."""
    highs, lows = (start - stop) * HIGH_BITS, (start - stop) * LOW_BITS
    # A loop of its own for each case, or it is not vectorised.
    if plain and narrow:
        for j in range(start, stop):
            terms[t, j], high, low = _term(rows, i, j, at, True, True)
            highs, lows = highs + high, lows + low
    elif plain:
        for j in range(start, stop):
            terms[t, j], high, low = _term(rows, i, j, at, True, False)
            highs, lows = highs + high, lows + low
    elif narrow:
        for j in range(start, stop):
            terms[t, j], high, low = _term(rows, i, j, at, False, True)
            highs, lows = highs + high, lows + low
    else:
        for j in range(start, stop):
            terms[t, j], high, low = _term(rows, i, j, at, False, False)
            highs, lows = highs + high, lows + low
    return highs, lows


@_kernel
def _in_floats(high_sum: int, low_sum: int) -> tuple[float, float]:
    high = np.float64(high_sum)
    rest = np.float64(high_sum - np.int64(high))
    return high * HIGH_UNIT, rest * HIGH_UNIT + np.float64(low_sum) * LOW_UNIT


@_kernel
def _divide_row(
    terms: Any, t: int, high: float, low: float, narrow: bool, out: Any, i: int
) -> None:
    if narrow:
        inverse = UNBIAS / (high + low)
        for j in range(out.shape[1]):
            out[i, j] = terms[t, j] * inverse
    else:
        inverse, inverse_high, inverse_low, rest = _arithmetic.inverse_of(high, low)
        for j in range(out.shape[1]):
            out[i, j] = UNBIAS * _arithmetic.product_of(
                terms[t, j], inverse, inverse_high, inverse_low, rest
            )


@_kernel
def _softmax(rows: Any, scale: float, divisor: float, narrow: bool, out: Any) -> bool:
    plain, terms = scale == 1.0 and divisor == 1.0, np.empty((1, rows.shape[1]))
    for i in range(rows.shape[0]):
        logit = scale * _maximum(rows, i)
        if not abs(logit) < LARGE * divisor:
            return False
        at = (logit, logit - RANGE * divisor, ROUNDER + BIAS, scale, divisor)
        sums = _sum_row(rows, i, 0, rows.shape[1], at, plain, narrow, terms, 0)
        high, low = _in_floats(*sums)
        _divide_row(terms, 0, high, low, narrow, out, i)
    return True


@_kernel
def _part(rows: Any, i: int, start: int, width: int) -> Any:
    part = rows[i, start : start + width]
    return part.reshape((1, part.shape[0]))


@_kernel
def _softmax_of_long(
    rows: Any, terms: Any, scale: float, divisor: float, narrow: bool, out: Any
) -> bool:
    """Take exponentials twice, where they are too many to be kept."""
    length, width, plain = rows.shape[1], terms.shape[1], scale == 1.0 and divisor == 1.0
    for i in range(rows.shape[0]):
        logit, highs, lows = scale * _maximum(rows, i), 0, 0
        if not abs(logit) < LARGE * divisor:
            return False
        at = (logit, logit - RANGE * divisor, ROUNDER + BIAS, scale, divisor)
        for start in range(0, length, width):
            part = _part(rows, i, start, width)
            sums = _sum_row(part, 0, 0, part.shape[1], at, plain, narrow, terms, 0)
            highs, lows = highs + sums[0], lows + sums[1]
        high, low = _in_floats(highs, lows)
        for start in range(0, length, width):
            part = _part(rows, i, start, width)
            _sum_row(part, 0, 0, part.shape[1], at, plain, narrow, terms, 0)
            _divide_row(terms, 0, high, low, narrow, _part(out, i, start, width), 0)
    return True


@_kernel
def _maxima(rows: Any, result: Any) -> None:
    for i in range(rows.shape[0]):
        result[i] = _maximum(rows, i)


@_kernel
def _maxima_across(columns: Any, start: int, largest: Any, result: Any) -> None:
    width = result.shape[0]
    largest[:] = columns[0, start : start + width]
    for j in range(columns.shape[0]):
        for i in range(width):
            # Unsigned, for what may be negative could be counted from the end.
            value = columns[j, np.uintp(start + i)]
            # Nothing is larger than a NaN.
            replaces = (value > largest[i]) | (value != value)
            largest[i] = value if replaces else largest[i]
    result[:] = largest


@_kernel
def _top_two(rows: Any, top: Any, first: Any, second: Any) -> None:
    for i in range(rows.shape[0]):
        first[i], top[i] = _maximum(rows, i), 0
        # Of equal ones, the first.
        for j in range(rows.shape[1]):
            if rows[i, j] == first[i]:
                top[i] = j
                break
        second[i] = -np.inf
        for others in (rows[i : i + 1, : top[i]], rows[i : i + 1, top[i] + 1 :]):
            if others.shape[1]:
                second[i] = max(second[i], _maximum(others, 0))


@_kernel
def _sums(
    rows: Any, at: Any, plain: bool, terms: Any, left_out: Any, narrow: bool, high: Any, low: Any
) -> None:
    for i in range(rows.shape[0]):
        of_row = (at[0, i], at[1, i], at[2, i], at[3, i], at[4, i])
        stop = rows.shape[1] if left_out[i] < 0 else left_out[i]
        high[i], low[i] = _sum_row(rows, i, 0, stop, of_row, plain, narrow, terms, i)
        if stop < rows.shape[1]:
            after = _sum_row(rows, i, stop + 1, rows.shape[1], of_row, plain, narrow, terms, i)
            high[i] += after[0]
            low[i] += after[1]


@_kernel
def _term_across(
    columns: Any, j: int, start: int, i: int, at: Any, plain: bool, narrow: bool
) -> Any:
    of_column = (at[0, i], at[1, i], at[2, i], at[3, i], at[4, i])
    return _term(columns, j, np.uintp(start + i), of_column, plain, narrow)


@_kernel
def _sums_across(
    columns: Any, start: int, at: Any, plain: bool, terms: Any, narrow: bool, sums: Any
) -> None:
    width = terms.shape[1]
    sums[0], sums[1] = -len(columns) * HIGH_BITS, -len(columns) * LOW_BITS
    for j in range(columns.shape[0]):
        if plain and narrow:
            for i in range(width):
                terms[j, i], high, low = _term_across(columns, j, start, i, at, True, True)
                sums[0, i] += high
                sums[1, i] += low
        elif plain:
            for i in range(width):
                terms[j, i], high, low = _term_across(columns, j, start, i, at, True, False)
                sums[0, i] += high
                sums[1, i] += low
        elif narrow:
            for i in range(width):
                terms[j, i], high, low = _term_across(columns, j, start, i, at, False, True)
                sums[0, i] += high
                sums[1, i] += low
        else:
            for i in range(width):
                terms[j, i], high, low = _term_across(columns, j, start, i, at, False, False)
                sums[0, i] += high
                sums[1, i] += low


@_kernel
def _divide(terms: Any, high: Any, low: Any, narrow: bool, out: Any) -> None:
    for i in range(terms.shape[0]):
        _divide_row(terms, i, high[i], low[i], narrow, out, i)


@_kernel
def _divide_in_place(terms: Any, high: Any, low: Any) -> None:
    # With two names for one array, the compiler would have to expect that they overlap in part.
    for i in range(terms.shape[0]):
        inverse, inverse_high, inverse_low, rest = _arithmetic.inverse_of(high[i], low[i])
        for j in range(terms.shape[1]):
            terms[i, j] = UNBIAS * _arithmetic.product_of(
                terms[i, j], inverse, inverse_high, inverse_low, rest
            )


@_kernel
def _divide_across(terms: Any, high: Any, low: Any, narrow: bool, out: Any, start: int) -> None:
    if narrow:
        inverse = UNBIAS / (high + low)
        for j in range(terms.shape[0]):
            for i in range(terms.shape[1]):
                out[j, np.uintp(start + i)] = terms[j, i] * inverse[i]
    else:
        inverse, inverse_high, inverse_low, rest = _arithmetic.inverse_of(high, low)
        for j in range(terms.shape[0]):
            for i in range(terms.shape[1]):
                out[j, np.uintp(start + i)] = UNBIAS * _arithmetic.product_of(
                    terms[j, i], inverse[i], inverse_high[i], inverse_low[i], rest[i]
                )


@_kernel
def _softmax_across(
    columns: Any, start: int, terms: Any, scale: float, divisor: float, narrow: bool, out: Any
) -> bool:
    """Go through as many columns as there are of terms."""
    width, plain = terms.shape[1], scale == 1.0 and divisor == 1.0
    at, sums = np.empty((5, width)), np.empty((2, width), np.int64)
    _maxima_across(columns, start, np.empty(width, columns.dtype), at[0])
    for i in range(width):
        logit = scale * at[0, i]
        if not abs(logit) < LARGE * divisor:
            return False
        at[0, i], at[1, i], at[2, i] = logit, logit - RANGE * divisor, ROUNDER + BIAS
        at[3, i], at[4, i] = scale, divisor
    _sums_across(columns, start, at, plain, terms, narrow, sums)
    high, low = np.empty(width), np.empty(width)
    for i in range(width):
        high[i], low[i] = _in_floats(sums[0, i], sums[1, i])
    _divide_across(terms, high, low, narrow, out, start)
    return True


@_kernel
def _divide_across_in_place(terms: Any, high: Any, low: Any) -> None:
    inverse, inverse_high, inverse_low, rest = _arithmetic.inverse_of(high, low)
    for j in range(terms.shape[0]):
        for i in range(terms.shape[1]):
            terms[j, i] = UNBIAS * _arithmetic.product_of(
                terms[j, i], inverse[i], inverse_high[i], inverse_low[i], rest[i]
            )


@_kernel
def _log_probabilities(
    rows: Any, plain: bool, scales: Any, divisors: Any, high: Any, low: Any, narrow: bool, out: Any
) -> None:
    for i in range(rows.shape[0]):
        scale, divisor, above, below = scales[i], divisors[i], high[i], low[i]
        for j in range(rows.shape[1]):
            value = rows[i, j] * scale
            if narrow:
                difference = (value - above) - below
            else:
                gap, tail = _arithmetic.gap_and_tail(value, above)
                # Where the difference is infinite, its error is NaN.
                difference = gap + (tail - below) if abs(gap) < np.inf else gap
            out[i, j] = difference if plain else difference / divisor


def softmax(rows: Array, out: Array, scale: float, divisor: float, *, narrow: bool) -> bool:
    """Fill `out` with probabilities at T = divisor / scale, but stop at a row that has limits."""
    if is_across(rows):
        return softmax_across(rows.T, out.T, 0, len(rows), scale, divisor, narrow=narrow)
    if rows.shape[1] > KEPT:
        terms = scratch("terms", (1, BLOCK))
        return bool(_softmax_of_long(rows, terms, scale, divisor, narrow, out))
    return bool(_softmax(rows, scale, divisor, narrow, out))


def softmax_across(
    columns: Array,
    out: Array,
    start: int,
    width: int,
    scale: float,
    divisor: float,
    *,
    narrow: bool,
) -> bool:
    """Do so for `width` columns from `start` on, or as many as there are."""
    length, beside = columns.shape
    terms = scratch("terms", (length, min(width, beside - start)))
    return bool(_softmax_across(columns, start, terms, scale, divisor, narrow, out))


def maximum(rows: Array) -> Array:
    """Return the largest logit of each row, NaN if there is a NaN, (n, 1)."""
    result = np.empty(len(rows))
    if is_across(rows):
        _maxima_across(rows.T, 0, np.empty(len(rows), rows.dtype), result)
    else:
        _maxima(rows, result)
    return result[:, None]


def top_two(rows: Array) -> tuple[Array, Array, Array]:
    """Return where the largest logit of each row is, it, and the largest of the others."""
    top, first, second = np.empty(len(rows), np.int64), *np.empty((2, len(rows)))
    _top_two(rows, top, first, second)
    return top[:, None], first[:, None], second[:, None]


def sums(
    rows: Array, at: Reference, terms: Array, *, narrow: bool, left_out: Array | None = None
) -> tuple[Array, Array]:
    """Fill `terms` with exponentials times 2**BIAS, and return the sums of multiples, (n, 1).

    One of each row may be left out of the sums; where its index is negative, none is.
    """
    high, low = result = np.empty((2, len(rows)), np.int64)
    columns = (at.logit, at.floor, at.shift + (ROUNDER + BIAS), at.scale, at.divisor)
    of_rows = np.concatenate([column.reshape(1, -1) for column in columns])
    if is_across(rows):
        _sums_across(rows.T, 0, of_rows, at.plain, terms.T, narrow, result)
    else:
        indices = np.full(len(rows), -1) if left_out is None else left_out.reshape(-1)
        _sums(rows, of_rows, at.plain, terms, indices, narrow, high, low)
    return high[:, None], low[:, None]


def divide(terms: Array, high: Array, low: Array, out: Array, *, narrow: bool) -> None:
    """Fill `out` with terms / (high + low), the terms being more by 2**BIAS."""
    high, low = high.reshape(-1), low.reshape(-1)
    across, in_place = is_across(terms), np.may_share_memory(terms, out)
    if across and in_place:
        _divide_across_in_place(out.T, high, low)
    elif across:
        _divide_across(terms.T, high, low, narrow, out.T, 0)
    elif in_place:
        _divide_in_place(out, high, low)
    else:
        _divide(terms, high, low, narrow, out)


def log_probabilities(
    rows: Array, at: Reference, high: Array, low: Array, out: Array, *, narrow: bool
) -> None:
    """Fill `out` with (scale z - (high + low)) / divisor."""
    of_rows = (column.reshape(-1) for column in (at.scale, at.divisor, high, low))
    _log_probabilities(rows, at.plain, *of_rows, narrow, out)
