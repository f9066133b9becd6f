"""The exponential of a softmax and its constants, in Python's floats.

It is IEEE arithmetic in float64, in an order that is spelled out. :mod:`softmax_lib._few` calls
these functions as they are, :mod:`softmax_lib._compiled` compiles them, and
:mod:`softmax_lib._kernels` does the same operations on arrays. All three get the same bits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

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
# The wide exponential errs by less than 1.7 u, where u is 2**-53: of these, 0.25 come from rounding
# r, 0.21 from q r**2, 0.35 and 0.71 from the two additions after it, 0.125 from the polynomial.
# That is for r near -0.35, where exp(r) is 0.71; elsewhere it is less. An exact sum of such terms
# is off by no more than its worst term, so that a quotient errs by 3.4 u and half a unit in the
# last place.
PER_LOG2 = 1.4426950408889634
# log(2) in two parts. The high one has 41 bits, so that its products with integers below 2**12 are
# exact; narrow results do with one part.
LOG2_HIGH, LOG2_LOW, LOG2 = 0.693147180559663, 2.8235290563031577e-13, 0.6931471805599453
# Cuts a float64 into two halves (Veltkamp).
SPLITTER = 2.0**27 + 1

# Added to a float64 below 2**51, it leaves an integer in the last bits.
ROUNDER = 1.5 * 2.0**52
# Exponentials are scaled by 2**BIAS until they are divided, and normal whatever RANGE allows.
BIAS = 700
UNBIAS = 2.0**-BIAS
# What lies so much further below is left out: its exponential is 0.
RANGE = 1000.0

# Exponentials are added up without a rounding error: the multiples of 2**-37 in them, and then
# those of 2**-76, as integers. Each set of up to LONGEST has its sum, in any order.
HIGH_UNIT, LOW_UNIT = 2.0**-37, 2.0**-76
HIGH_ROUNDER, LOW_ROUNDER = (ROUNDER * 2.0**BIAS * unit for unit in (HIGH_UNIT, LOW_UNIT))
HIGH_BITS, LOW_BITS = (int(np.float64(r).view(np.int64)) for r in (HIGH_ROUNDER, LOW_ROUNDER))
LONGEST = 2**24


def wide_polynomial(r: float) -> float:
    """Return exp(r)."""
    a, b, c, d, e, f, g, h, i, j = WIDE
    square = r * r
    q = (((j * r + i) * square + (h * r + g)) * square + (f * r + e)) * square + (d * r + c)
    return (q * square + (b * r + a)) * square + r + 1.0


def narrow_polynomial(r: float) -> float:
    """Return exp(r), for a narrow result."""
    a, b, c, d, e, f, g, h = NARROW
    square = r * r
    q = ((h * r + g) * square + (f * r + e)) * square + (d * r + c)
    return (q * square + (b * r + a)) * square + r + 1.0


def split(value: Any) -> tuple[Any, Any]:
    """Cut a float, or each of an array, into two halves, whose products are exact (Veltkamp)."""
    scaled = value * SPLITTER
    high = scaled - (scaled - value)
    return high, value - high


def gap_and_tail(value: float, logit: float) -> tuple[float, float]:
    """Return value - logit and what the subtraction loses (Knuth's TwoSum)."""
    gap = value - logit
    back = gap + logit
    return gap, (value - back) + ((back - gap) - logit)


def wide_factors(gap: float, tail: float, rounder: float) -> tuple[float, float]:
    """Return p and e such that exp(gap + tail) = p 2**(e - rounder)."""
    exponent = gap * PER_LOG2 + rounder
    whole = exponent - rounder
    return wide_polynomial((gap - whole * LOG2_HIGH) + (tail - whole * LOG2_LOW)), exponent


def narrow_factors(gap: float, rounder: float) -> tuple[float, float]:
    """Return p and e such that exp(gap) = p 2**(e - rounder), for a narrow result."""
    exponent = gap * PER_LOG2 + rounder
    return narrow_polynomial(gap - (exponent - rounder) * LOG2), exponent


def parts(term: float) -> tuple[float, float]:
    """Return what an exponential has of both units, all times 2**BIAS, and more by a rounder."""
    high = term + HIGH_ROUNDER
    return high, (term - (high - HIGH_ROUNDER)) + LOW_ROUNDER


def factors(
    value: float,
    logit: float,
    floor: float,
    rounder: float,
    scale: float,
    divisor: float,
    plain: bool,
    narrow: bool,
) -> tuple[float, float]:
    """Return p and e such that exp((scale value - logit) / divisor) = p 2**(e - rounder).

    A scaled value below the floor counts as the floor. If scale and divisor are 1, it is plain.
    """
    tail = 0.0
    scaled = value if plain else value * scale
    scaled = scaled if scaled > floor else floor
    if narrow:
        gap = scaled - logit
    else:
        gap, tail = gap_and_tail(scaled, logit)
    if not plain:
        inverse = 1 / divisor
        quotient = gap * inverse
        if not narrow:
            # What the quotient leaves, by halves whose products are exact.
            divisor_high, divisor_low = split(divisor)
            high, low = split(quotient)
            left = ((gap - high * divisor_high) - high * divisor_low) - low * divisor
            tail = (left + tail) * inverse
        gap = quotient
    if narrow:
        return narrow_factors(gap, rounder)
    return wide_factors(gap, tail, rounder)


def inverse_of(high: Any, low: Any) -> tuple[Any, Any, Any, Any]:
    """Return 1 / (high + low), its halves, and what it misses; floats or arrays."""
    total = high + low
    rest = (high - total) + low
    inverse = 1 / total
    inverse_high, inverse_low = split(inverse)
    total_high, total_low = split(total)
    product = inverse * total
    error = inverse_high * total_high - product
    error = (
        (error + inverse_high * total_low) + inverse_low * total_high
    ) + inverse_low * total_low
    missed = ((1 - product) - error) - inverse * rest
    return inverse, inverse_high, inverse_low, inverse * missed


def product_of(
    term: float, inverse: float, inverse_high: float, inverse_low: float, rest: float
) -> Any:
    """Return term (inverse + rest), all but rounded once: what the product misses is given back."""
    scaled = term * SPLITTER  # split, written out for Python's sake
    high = scaled - (scaled - term)
    low = term - high
    product = term * inverse
    error = high * inverse_high - product
    error = ((error + high * inverse_low) + low * inverse_high) + low * inverse_low
    return product + (error + term * rest)


def scale_and_divisor(temperature: float) -> tuple[float, float]:
    """Return a power of two, and a number above 1/2 and at most 1, whose quotient is 1 / T."""
    fraction, exponent = math.frexp(temperature)
    # 2**1023 is the largest power there is; for a subnormal temperature it will do.
    scale = math.ldexp(1.0, min((fraction == 0.5) - exponent, 1023))
    return scale, temperature * scale
