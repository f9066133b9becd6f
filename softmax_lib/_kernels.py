"""The arithmetic of a softmax on contiguous rows of float32 or float64, in NumPy alone.

It is IEEE arithmetic in float64, in an order that is spelled out: :mod:`softmax_lib._compiled` does
the same operations and gets the same bits. Rows are (n, K), and what there is one of for each row
is (n, 1). `narrow` says that results are rounded to float32 or less, for which float64 has digits
to spare.
"""

from __future__ import annotations

import math
import threading
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

from softmax_lib._arguments import Array
from softmax_lib._limits import LARGE

# exp(r) = 1 + r + r**2 Q(r) for |r| <= log(2)/2, to a relative error below 2**-56 and 2**-45: the
# polynomials with the least such error (Remez), constant term first. tests/test_kernels.py
# measures it.
WIDE = (
    0.5000000000000011,
    0.16666666666666413,
    0.041666666666530267,
    0.00833333333349434,
    0.0013888888943597558,
    0.00019841269506762043,
    2.4801493136318962e-05,
    2.755758628307977e-06,
    2.763023387460955e-07,
    2.5000066753389905e-08,
)
NARROW = (
    0.4999999999966457,
    0.1666666666726471,
    0.041666666962070956,
    0.008333333095241927,
    0.0013888811174900617,
    0.00019841538971525666,
    2.4880794395137205e-05,
    2.749308209182782e-06,
)
PER_LOG2 = 1.4426950408889634
# log(2) in two parts. The high one has 41 bits, so that its products with integers below 2**12 are
# exact; the narrow kernels do with one part.
LOG2_HIGH, LOG2_LOW, LOG2 = 0.693147180559663, 2.8235290563031577e-13, 0.6931471805599453
# Cuts a float64 into two halves (Veltkamp).
SPLITTER = 2.0**27 + 1

# Added to a float64 below 2**51, it leaves an integer in the last bits.
ROUNDER = 1.5 * 2.0**52
# The polynomial's exponentials are scaled by 2**BIAS at first, and normal whatever RANGE allows.
BIAS = 700
UNBIAS = 2.0**-BIAS
# What lies so much further below is left out: its exponential is 0.
RANGE = 1000.0

# So many exponentials are added up without a rounding error: the multiples of 2**-37 in them,
# and then those of 2**-76, as integers below 2**53. Each set has its sum in any order.
CHUNK = 2**14
HIGH_ROUNDER = 1.5 * 2.0 ** (52 - 37)
LOW_ROUNDER = 1.5 * 2.0 ** (52 - 76)

# How much goes through a kernel at once. Scratch arrays of less would stay in the cache of second
# level, but NumPy's calls would cost more than that saves.
BLOCK = 4 * CHUNK
# Where numba is missing, no bits have to agree with those of compiled kernels. Softmax then takes
# NumPy's exp, which is faster than the polynomial and errs by about as much, and sums are taken in
# NumPy's order where that costs no digit.
NUMPY_EXP = find_spec("numba") is None


# How much of a row goes through a kernel at once.
SPAN = BLOCK if NUMPY_EXP else CHUNK


class Reference(NamedTuple):
    """What to take exponentials relative to: exp(scale (z - logit) / divisor) 2**shift."""

    logit: Array  # scaled, as the floor
    floor: Array  # logits below count as this one
    scale: Array  # a power of two
    divisor: Array  # above 1/2 and at most 1
    shift: Array  # integers as float64
    plain: bool  # whether all scales and divisors are 1


def maximum(rows: Array) -> Array:
    """Return the largest logit of each row, NaN if there is a NaN, (n, 1)."""
    result: Array = np.maximum.reduce(rows, axis=-1, keepdims=True).astype(np.float64)
    return result


def top_two(rows: Array) -> tuple[Array, Array, Array]:
    """Return where the largest logit of each row is, it, and the largest of the others."""
    top = np.argmax(rows, axis=-1, keepdims=True)
    others = scratch("terms", rows.shape)
    np.copyto(others, rows)
    first = np.take_along_axis(others, top, axis=-1)
    np.put_along_axis(others, top, -np.inf, axis=-1)
    return top, first, maximum(others)


def softmax(rows: Array, out: Array, *, narrow: bool) -> bool:
    """Fill `out` with probabilities at temperature 1, but not if a row has limits."""
    largest = maximum(rows)
    if not (np.abs(largest) < LARGE).all():
        return False
    one = np.ones_like(largest)
    at = Reference(largest, largest - RANGE, one, one, one - 1, plain=True)
    terms = scratch("terms", rows.shape)
    divide(terms, *sums(rows, at, terms, narrow=narrow), out, narrow=narrow)
    return True


def _exponentials(
    rows: Array, at: Reference, terms: Array, *, narrow: bool, numpy_exp: bool
) -> None:
    """Fill `terms` with exponentials; NumPy's exp knows no shift."""
    gaps, tails = scratch("gaps", rows.shape), scratch("tails", rows.shape)
    if at.plain and narrow and numpy_exp:
        np.subtract(rows, at.logit, out=gaps)
        np.exp(gaps, out=terms)
        return
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
    if numpy_exp:
        np.exp(gaps, out=terms)
        if not narrow:
            np.multiply(terms, tails, out=tails)
            np.add(terms, tails, out=terms)
    else:
        _polynomial(gaps, tails, at.shift + (ROUNDER + BIAS), terms, narrow=narrow)


def _polynomial(gaps: Array, tails: Array, rounder: Array, terms: Array, *, narrow: bool) -> None:
    exponents, spare = scratch("exponents", gaps.shape), scratch("spare", gaps.shape)
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
    constant, *others, last = NARROW if narrow else WIDE
    np.multiply(remainder, last, out=terms)
    for coefficient in reversed(others):
        np.add(terms, coefficient, out=terms)
        np.multiply(terms, remainder, out=terms)
    np.add(terms, constant, out=terms)
    np.multiply(remainder, remainder, out=spare)
    np.multiply(terms, spare, out=terms)
    np.add(terms, remainder, out=terms)
    np.add(terms, 1.0, out=terms)
    # Times two to the integer that the rounder has left in the last bits.
    bits, shift = terms.view(np.int64), exponents.view(np.int64)
    np.left_shift(shift, 52, out=shift)
    np.add(bits, shift, out=bits)
    np.multiply(terms, UNBIAS, out=terms)


def _tails(values: Array, gaps: Array, at: Reference, tails: Array) -> None:
    """Divide the gaps, and say what they miss of the exact quotients."""
    spare = scratch("spare", gaps.shape)
    # What the subtraction lost (Knuth's TwoSum).
    np.add(gaps, at.logit, out=spare)
    np.subtract(values, spare, out=tails)
    np.subtract(spare, gaps, out=spare)
    np.subtract(spare, at.logit, out=spare)
    np.add(tails, spare, out=tails)
    if at.plain:
        return
    # What the quotient leaves: gap - quotient * divisor, by halves whose products are exact. With
    # a divisor of 1 nothing changes.
    divisor_high, divisor_low = split(at.divisor)
    inverse = 1 / at.divisor
    half, quotients = values, scratch("exponents", gaps.shape)
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


def _add_up(terms: Array, *, narrow: bool) -> tuple[Array, Array]:
    """Return the sums of exponentials, (n, K) to (n, 1), as high and low."""
    if NUMPY_EXP and narrow:
        # Rows are contiguous: the order in which NumPy adds depends on their length alone.
        return np.add.reduce(terms, -1, keepdims=True), np.zeros((len(terms), 1))
    high, low = scratch("gaps", terms.shape), scratch("tails", terms.shape)
    # As many more multiples as there are more exponentials.
    rounder = HIGH_ROUNDER * (SPAN // CHUNK)
    np.add(terms, rounder, out=high)
    np.subtract(high, rounder, out=high)
    np.subtract(terms, high, out=low)
    if not NUMPY_EXP:
        np.add(low, LOW_ROUNDER, out=low)
        np.subtract(low, LOW_ROUNDER, out=low)
    return np.add.reduce(high, -1, keepdims=True), np.add.reduce(low, -1, keepdims=True)


def divide(terms: Array, high: Array, low: Array, out: Array, *, narrow: bool) -> None:
    """Fill `out` with terms / (high + low)."""
    total = high + low
    if narrow:
        np.multiply(terms, 1 / total, out=out, casting="same_kind")
        return
    rest = (high - total) + low
    quotients = scratch("gaps", terms.shape)
    np.divide(terms, total, out=quotients)
    corrections = scratch("tails", terms.shape)
    np.multiply(quotients, rest / total, out=corrections)
    np.subtract(quotients, corrections, out=out)


def sums(
    rows: Array,
    at: Reference,
    terms: Array,
    *,
    narrow: bool,
    left_out: Array | None = None,
) -> tuple[Array, Array]:
    """Fill `terms` with exponentials and return their sums, (n, 1), high and low.

    One of each row may be left out of the sums; where its index is negative, none is.
    """
    _exponentials(rows, at, terms, narrow=narrow, numpy_exp=NUMPY_EXP and left_out is None)
    if left_out is not None:
        (in_span,) = np.nonzero(left_out[:, 0] >= 0)
        terms[in_span, left_out[in_span, 0]] = 0.0
    return _add_up(terms, narrow=narrow)


def log_probabilities(
    rows: Array, at: Reference, high: Array, low: Array, out: Array, *, narrow: bool
) -> None:
    """Fill `out` with (scale z - (high + low)) / divisor."""
    values, results = scratch("gaps", rows.shape), scratch("terms", rows.shape)
    np.multiply(rows, at.scale, out=values)
    np.subtract(values, high, out=results)
    if narrow:
        np.subtract(results, low, out=results)
    else:
        tails, spare = scratch("tails", rows.shape), scratch("spare", rows.shape)
        np.add(results, high, out=spare)
        np.subtract(values, spare, out=tails)
        np.subtract(spare, results, out=spare)
        np.subtract(spare, high, out=spare)
        np.add(tails, spare, out=tails)
        np.subtract(tails, low, out=tails)
        # Where the difference is infinite, its error is NaN.
        np.add(results, tails, out=results, where=np.isfinite(results))
    np.divide(results, at.divisor, out=out, casting="same_kind")


def split(values: Array) -> tuple[Array, Array]:
    """Cut floats into two halves, whose products are exact (Veltkamp)."""
    scaled = values * SPLITTER
    high = scaled - (scaled - values)
    return high, values - high


_of_thread = threading.local()


def scratch(name: str, shape: tuple[int, ...], dtype: Any = np.float64) -> Array:
    """Return an array of this thread's, with anything in it: fresh memory is slow."""
    arrays: dict[str, Array] = _of_thread.__dict__
    size = math.prod(shape)
    if name not in arrays or arrays[name].size < size:
        arrays[name] = np.empty(max(size, CHUNK))
    array: Array = arrays[name].view(dtype)[:size].reshape(shape)
    return array
