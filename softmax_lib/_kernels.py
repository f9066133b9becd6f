"""The arithmetic of :mod:`softmax_lib._arithmetic` on arrays, in NumPy alone.

Rows are (n, K), contiguous along either axis, float32 or float64, and what there is one of for each
row is (n, 1). `narrow` says that results are rounded to float32 or less, for which float64 has
digits to spare. One operation at a time goes through arrays that stay in the cache.
"""

from __future__ import annotations

import math
import threading
from typing import Any, NamedTuple

import numpy as np

from softmax_lib._arguments import Array
from softmax_lib._arithmetic import (
    BIAS,
    HIGH_BITS,
    HIGH_ROUNDER,
    HIGH_UNIT,
    LOG2,
    LOG2_HIGH,
    LOG2_LOW,
    LOW_BITS,
    LOW_ROUNDER,
    LOW_UNIT,
    NARROW,
    PER_LOG2,
    RANGE,
    ROUNDER,
    SPLITTER,
    UNBIAS,
    WIDE,
    inverse_of,
    split,
)
from softmax_lib._limits import LARGE

# How much goes through a kernel at once. Scratch arrays of less would stay in the cache of second
# level, but NumPy's calls and the interpreter's lock between them would cost more than that saves.
BLOCK = 2**16
# So many exponentials of a row are kept from pass to pass, 2 MiB; those of a longer one are
# computed twice.
KEPT = 2**18


class Reference(NamedTuple):
    """What to take exponentials relative to: exp(scale (z - logit) / divisor) 2**shift."""

    logit: Array  # scaled, as the floor
    floor: Array  # logits below count as this one
    scale: Array  # a power of two
    divisor: Array  # above 1/2 and at most 1
    shift: Array  # integers as float64
    plain: bool  # whether all scales and divisors are 1

    @classmethod
    def top(cls, largest: Array, scale: float, divisor: float) -> Reference:
        """Return what to take exponentials of logits relative to, at T = divisor / scale."""
        logit, one = scale * largest, np.ones_like(largest)
        plain = scale == divisor == 1
        return cls(logit, logit - RANGE * divisor, scale * one, divisor * one, 0 * one, plain=plain)


def maximum(rows: Array) -> Array:
    """Return the largest logit of each row, NaN if there is a NaN, (n, 1)."""
    result: Array = np.maximum.reduce(rows, axis=-1, keepdims=True).astype(np.float64)
    return result


def top_two(rows: Array) -> tuple[Array, Array, Array]:
    """Return where the largest logit of each row is, it, and the largest of the others."""
    top, others = np.argmax(rows, axis=-1), scratch_like("terms", rows)
    np.copyto(others, rows)
    at = np.arange(len(rows)), top
    first = others[at]
    others[at] = -np.inf
    return top[:, None], first[:, None], maximum(others)


def softmax(rows: Array, out: Array, scale: float, divisor: float, *, narrow: bool) -> bool:
    """Fill `out` with probabilities at T = divisor / scale, but not if a row has limits."""
    at = Reference.top(maximum(rows), scale, divisor)
    if not (np.abs(at.logit) < LARGE * divisor).all():
        return False
    terms = scratch_like("terms", rows)
    high, low = in_floats(*sums(rows, at, terms, narrow=narrow))
    divide(terms, high, low, out, narrow=narrow)
    return True


def sums(
    rows: Array,
    at: Reference,
    terms: Array,
    *,
    narrow: bool,
    left_out: Array | None = None,
) -> tuple[Array, Array]:
    """Fill `terms` with exponentials times 2**BIAS, and return the sums of multiples, (n, 1).

    One of each row may be left out of the sums; where its index is negative, none is.
    """
    gaps, tails = scratch_like("gaps", rows), scratch_like("tails", rows)
    if at.plain:
        np.maximum(rows, at.floor, out=terms)
    else:
        np.multiply(rows, at.scale, out=terms)
        np.maximum(terms, at.floor, out=terms)
    np.subtract(terms, at.logit, out=gaps)
    if not narrow:
        _tails(terms, gaps, at, tails)
    elif not at.plain:
        np.multiply(gaps, 1 / at.divisor, out=gaps)
    _exponentials(gaps, tails, at.shift + (ROUNDER + BIAS), terms, narrow=narrow)
    if left_out is not None:
        (in_span,) = np.nonzero(left_out[:, 0] >= 0)
        terms[in_span, left_out[in_span, 0]] = 0.0
    high, low = gaps, tails
    np.add(terms, HIGH_ROUNDER, out=high)
    highs = _sum_of_bits(high, HIGH_BITS)
    np.subtract(high, HIGH_ROUNDER, out=high)
    np.subtract(terms, high, out=low)
    np.add(low, LOW_ROUNDER, out=low)
    return highs, _sum_of_bits(low, LOW_BITS)


def in_floats(highs: Array, lows: Array) -> tuple[Array, Array]:
    """Return sums of multiples of both units as unevaluated sums of two floats."""
    high = highs.astype(np.float64)
    rest = (highs - high.astype(np.int64)).astype(np.float64)
    return high * HIGH_UNIT, rest * HIGH_UNIT + lows.astype(np.float64) * LOW_UNIT


def divide(terms: Array, high: Array, low: Array, out: Array, *, narrow: bool) -> None:
    """Fill `out` with terms / (high + low), the terms being more by 2**BIAS."""
    if narrow:
        np.multiply(terms, UNBIAS / (high + low), out=out)
        return
    inverse, inverse_high, inverse_low, rest = inverse_of(high, low)
    term_high, term_low = scratch_like("gaps", terms), scratch_like("tails", terms)
    product, error = scratch_like("exponents", terms), scratch_like("spare", terms)
    # What product_of does.
    np.multiply(terms, SPLITTER, out=term_low)
    np.subtract(term_low, terms, out=term_high)
    np.subtract(term_low, term_high, out=term_high)
    np.subtract(terms, term_high, out=term_low)
    np.multiply(terms, inverse, out=product)
    np.multiply(term_high, inverse_high, out=error)
    np.subtract(error, product, out=error)
    np.multiply(term_high, inverse_low, out=term_high)
    np.add(error, term_high, out=error)
    np.multiply(term_low, inverse_high, out=term_high)
    np.add(error, term_high, out=error)
    np.multiply(term_low, inverse_low, out=term_low)
    np.add(error, term_low, out=error)
    np.multiply(terms, rest, out=term_low)
    np.add(error, term_low, out=error)
    np.add(product, error, out=product)
    np.multiply(product, UNBIAS, out=out)


def log_probabilities(
    rows: Array, at: Reference, high: Array, low: Array, out: Array, *, narrow: bool
) -> None:
    """Fill `out` with (scale z - (high + low)) / divisor."""
    values, results = scratch_like("gaps", rows), scratch_like("terms", rows)
    np.multiply(rows, at.scale, out=values)
    np.subtract(values, high, out=results)
    if narrow:
        np.subtract(results, low, out=results)
    else:
        tails, spare = scratch_like("tails", rows), scratch_like("spare", rows)
        _two_difference(values, high, results, tails, spare)
        np.subtract(tails, low, out=tails)
        # Where the difference is infinite, its error is NaN.
        np.add(results, tails, out=results, where=np.isfinite(results))
    np.divide(results, at.divisor, out=out)


def _tails(values: Array, gaps: Array, at: Reference, tails: Array) -> None:
    """Divide the gaps, and say what they miss of the exact quotients."""
    spare = scratch_like("spare", gaps)
    _two_difference(values, at.logit, gaps, tails, spare)
    if at.plain:
        return
    # What the quotient leaves: gap - quotient * divisor, by halves whose products are exact. With
    # a divisor of 1 nothing changes.
    divisor_high, divisor_low = split(at.divisor)
    inverse = 1 / at.divisor
    half, quotients = values, scratch_like("exponents", gaps)
    np.multiply(gaps, inverse, out=quotients)
    np.multiply(quotients, SPLITTER, out=spare)
    np.subtract(spare, quotients, out=half)
    np.subtract(spare, half, out=half)
    np.multiply(half, divisor_high, out=spare)
    np.subtract(gaps, spare, out=gaps)
    np.multiply(half, divisor_low, out=spare)
    np.subtract(gaps, spare, out=gaps)
    np.subtract(quotients, half, out=half)
    np.multiply(half, at.divisor, out=half)
    np.subtract(gaps, half, out=gaps)
    np.add(gaps, tails, out=tails)
    np.multiply(tails, inverse, out=tails)
    np.copyto(gaps, quotients)


def _two_difference(
    values: Array, subtracted: Array, difference: Array, error: Array, spare: Array
) -> None:
    """Fill `error` with what a difference has lost (Knuth's TwoSum)."""
    np.add(difference, subtracted, out=spare)
    np.subtract(values, spare, out=error)
    np.subtract(spare, difference, out=spare)
    np.subtract(spare, subtracted, out=spare)
    np.add(error, spare, out=error)


def _exponentials(gaps: Array, tails: Array, rounder: Array, terms: Array, *, narrow: bool) -> None:
    exponents, spare = scratch_like("exponents", gaps), scratch_like("spare", gaps)
    np.multiply(gaps, PER_LOG2, out=exponents)
    np.add(exponents, rounder, out=exponents)
    np.subtract(exponents, rounder, out=terms)
    remainder = gaps
    if narrow:
        np.multiply(terms, LOG2, out=terms)
        np.subtract(gaps, terms, out=remainder)
    else:
        np.multiply(terms, LOG2_HIGH, out=spare)
        np.subtract(gaps, spare, out=remainder)
        np.multiply(terms, LOG2_LOW, out=terms)
        np.subtract(tails, terms, out=tails)
        np.add(remainder, tails, out=remainder)
    square, pair = tails, spare
    np.multiply(remainder, remainder, out=square)
    *others, next_to_last, last = NARROW if narrow else WIDE
    np.multiply(remainder, last, out=terms)
    np.add(terms, next_to_last, out=terms)
    while others:
        *others, even, odd = others
        np.multiply(terms, square, out=terms)
        np.multiply(remainder, odd, out=pair)
        np.add(pair, even, out=pair)
        np.add(terms, pair, out=terms)
    np.multiply(terms, square, out=terms)
    np.add(terms, remainder, out=terms)
    np.add(terms, 1.0, out=terms)
    # Times two to the integer that the rounder has left in the last bits.
    bits, shift = terms.view(np.int64), exponents.view(np.int64)
    np.left_shift(shift, 52, out=shift)
    np.add(bits, shift, out=bits)


def _sum_of_bits(values: Array, rounder: int) -> Array:
    """Return the sums of the integers that a rounder has left in the last bits, (n, 1)."""
    # Modulo 2**64, as NumPy adds integers.
    sums: Array = np.add.reduce(values.view(np.uint64), -1, keepdims=True)
    return (sums - np.uint64(rounder * values.shape[-1] % 2**64)).view(np.int64)


_of_thread = threading.local()


def scratch(name: str, shape: tuple[int, ...], dtype: Any = np.float64) -> Array:
    """Return an array of this thread's, with anything in it: fresh memory is slow."""
    size = math.prod(shape)
    array: Array | None = getattr(_of_thread, name, None)
    if array is None or array.size < size:
        array = np.empty(max(size, BLOCK))
        setattr(_of_thread, name, array)
    if dtype is not np.float64:
        array = array.view(dtype)
    return array[:size].reshape(shape)


def scratch_like(name: str, rows: Array) -> Array:
    """Return such an array of float64, contiguous along the same axis as rows."""
    if is_across(rows):
        return scratch(name, rows.shape[::-1]).T
    return scratch(name, rows.shape)


def is_across(rows: Array) -> bool:
    """Return whether rows stand beside each other in memory, as columns do."""
    return not rows.flags.c_contiguous
