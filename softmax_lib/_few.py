"""Softmax of a few logits in Python's floats, which are faster than NumPy's arrays of that size."""

from __future__ import annotations

import math

from softmax_lib._arithmetic import (
    BIAS,
    HIGH_ROUNDER,
    LOW_ROUNDER,
    RANGE,
    ROUNDER,
    UNBIAS,
    factors,
    inverse_of,
    narrow_factors,
    product_of,
    wide_factors,
)
from softmax_lib._limits import LARGE


def softmax_of_few(
    row: list[float], scale: float, divisor: float, *, narrow: bool
) -> list[float] | None:
    """Return probabilities at T = divisor / scale; None if there is a NaN or a limit."""
    logit = scale * max(row)
    # max may pass over a NaN, sum does not.
    if not abs(logit) < LARGE * divisor or math.isnan(sum(row)):
        return None
    floor, plain = logit - RANGE * divisor, scale == divisor == 1
    terms, high, low = [], 0.0, 0.0
    for z in row:
        # What is plain is written out, for a call costs more than what it does.
        value = z if z > floor else floor
        gap = value - logit
        if not plain:
            polynomial, exponent = factors(z, logit, floor, ROUNDER, scale, divisor, plain, narrow)
        elif narrow:
            polynomial, exponent = narrow_factors(gap, ROUNDER)
        else:
            back = gap + logit
            tail = (value - back) + ((back - gap) - logit)
            polynomial, exponent = wide_factors(gap, tail, ROUNDER)
        term = math.ldexp(polynomial, int(exponent - ROUNDER) + BIAS)
        terms.append(term)
        # Sums of a few multiples of a unit are exact.
        multiple = (term + HIGH_ROUNDER) - HIGH_ROUNDER
        high += multiple
        low += ((term - multiple) + LOW_ROUNDER) - LOW_ROUNDER
    high, low = high * UNBIAS, low * UNBIAS
    if narrow:
        inverse = UNBIAS / (high + low)
        return [term * inverse for term in terms]
    inverses = inverse_of(high, low)
    return [product_of(term, *inverses) * UNBIAS for term in terms]
