"""Sums, products and quotients of floats together with their rounding errors.

A number is carried as an unevaluated sum of a float and a much smaller one (Dekker 1971,
doi:10.1007/BF01397083). Where the float is not finite, its error is meaningless, often NaN.
"""

from __future__ import annotations

import math

import numpy as np

from softmax_lib._arguments import Array


def two_sum(first: Array, second: Array) -> tuple[Array, Array]:
    """Return first + second, rounded, and exactly what the rounding lost (Knuth)."""
    total = first + second
    second_part = total - first
    return total, (first - (total - second_part)) + (second - second_part)


def add(first: Array, second: Array, errors: Array) -> Array:
    """Return first + second + errors, all but rounded once."""
    total, error = two_sum(first, second)
    return total + finite_or_zero(error + errors)


def finite_or_zero(errors: Array) -> Array:
    """Drop the errors of what is not finite."""
    return np.where(np.isfinite(errors), errors, 0)


def two_product(first: Array, second: Array) -> tuple[Array, Array]:
    """Return first * second, rounded, and exactly what the rounding lost (Dekker)."""
    product = first * second
    first_high, first_low = _split(first)
    second_high, second_low = _split(second)
    error = ((first_high * second_high - product) + first_high * second_low) + (
        first_low * second_high
    )
    return product, error + first_low * second_low


def divide(
    dividend: Array, dividend_error: Array, divisor: Array, divisor_error: Array
) -> tuple[Array, Array]:
    """Return the quotient of two unevaluated sums as another one."""
    quotient = dividend / divisor
    product, product_error = two_product(quotient, divisor)
    # The remainder of a rounded quotient is a float: this difference is exact.
    remainder = (dividend - product) - product_error
    return quotient, (remainder + dividend_error - quotient * divisor_error) / divisor


def sum_last_axis(values: Array, errors: Array) -> tuple[Array, Array]:
    """Return the sums of values + errors, (..., K) to (..., 1), by halving the last axis."""
    while (count := values.shape[-1]) > 1:
        half = (count + 1) // 2
        paired = count - half
        total, error = two_sum(values[..., :paired], values[..., half:])
        error += errors[..., :paired] + errors[..., half:]
        # With an odd count, the middle element has no partner in this round.
        values = np.concatenate([total, values[..., paired:half]], axis=-1)
        errors = np.concatenate([error, errors[..., paired:half]], axis=-1)
    return values, errors


def _split(values: Array) -> tuple[Array, Array]:
    """Cut floats into two halves, whose products are exact (Veltkamp)."""
    digits = np.finfo(values.dtype).nmant + 1
    scaled = values * (2 ** math.ceil(digits / 2) + 1)
    high = scaled - (scaled - values)
    return high, values - high
