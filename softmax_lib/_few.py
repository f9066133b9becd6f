"""Softmax of a few logits in Python's floats, which are faster than NumPy's arrays of that size."""

from __future__ import annotations

import math

from softmax_lib._arithmetic import (
    HIGH_ROUNDER,
    LOW_ROUNDER,
    RANGE,
    ROUNDER,
    narrow_factors,
    wide_factors,
)
from softmax_lib._limits import LARGE


def softmax_of_few(row: list[float], *, narrow: bool) -> list[float] | None:
    """Return probabilities at temperature 1; None if there is a NaN or a limit to be taken."""
    logit = max(row)
    # max may pass over a NaN, sum does not.
    if not -LARGE < logit < LARGE or math.isnan(sum(row)):
        return None
    floor, terms, high, low = logit - RANGE, [], 0.0, 0.0
    # Written out, for a call would cost more than what it does.
    for z in row:
        value = z if z > floor else floor
        gap = value - logit
        if narrow:
            polynomial, exponent = narrow_factors(gap, ROUNDER)
        else:
            back = gap + logit
            tail = (value - back) + ((back - gap) - logit)
            polynomial, exponent = wide_factors(gap, tail, ROUNDER)
        term = math.ldexp(polynomial, int(exponent - ROUNDER))
        terms.append(term)
        # Sums of a few multiples of a unit are exact.
        multiple = (term + HIGH_ROUNDER) - HIGH_ROUNDER
        high += multiple
        low += ((term - multiple) + LOW_ROUNDER) - LOW_ROUNDER
    total = high + low
    if narrow:
        inverse = 1 / total
        return [term * inverse for term in terms]
    correction = ((high - total) + low) / total
    quotients = [term / total for term in terms]
    return [quotient - quotient * correction for quotient in quotients]
