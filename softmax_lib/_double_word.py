"""Numbers carried as two floats: a value, and a much smaller error that rounding took from it.

Dekker 1971, doi:10.1007/BF01397083. Where the value is not finite, the error means nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from softmax_lib._arguments import Array


@dataclass(frozen=True, slots=True)
class DoubleWord:
    """The unevaluated sum of a value and an error, float64 or longdouble."""

    value: Array
    error: Array

    def __iter__(self) -> Iterator[Array]:
        return iter((self.value, self.error))

    def __add__(self, other: DoubleWord) -> DoubleWord:
        total = two_sum(self.value, other.value)
        return DoubleWord(total.value, total.error + (self.error + other.error))

    def __neg__(self) -> DoubleWord:
        return DoubleWord(-self.value, -self.error)

    def __sub__(self, other: DoubleWord) -> DoubleWord:
        return self + -other

    def __mul__(self, other: DoubleWord) -> DoubleWord:
        product = two_product(self.value, other.value)
        crossed = self.value * other.error + self.error * other.value
        return DoubleWord(product.value, product.error + crossed)

    def __truediv__(self, other: DoubleWord) -> DoubleWord:
        quotient = self.value / other.value
        product = two_product(quotient, other.value)
        # The remainder of a rounded quotient is a float: this difference is exact.
        remainder = (self.value - product.value) - product.error
        return DoubleWord(
            quotient, (remainder + self.error - quotient * other.error) / other.value
        )

    def rounded(self) -> Array:
        """Return the sum as one float."""
        result: Array = self.value + finite_or_zero(self.error)
        return result

    def sum(self, largest: Array | None = None) -> DoubleWord:
        """Return sums along the last axis, (..., 1); no value exceeds `largest`, if it is given.

        The values are cut at multiples of one unit for each row: what is above adds up exactly, in
        any order, and what is below is too small for its roundings to matter.
        """
        if largest is None:
            highest = np.finfo(self.value.dtype).max / 8
            largest = np.abs(self.value).max(axis=-1, keepdims=True, initial=0)
            largest = np.minimum(largest, highest / self.value.shape[-1])
        rounder = largest * (3.0 * 2 ** self.value.shape[-1].bit_length())
        heads = self.value + rounder
        heads -= rounder
        high = np.add.reduce(heads, axis=-1, keepdims=True)
        low = np.subtract(self.value, heads, out=heads)
        if self.error.shape == low.shape:
            low += self.error
        error = np.add.reduce(low, axis=-1, keepdims=True)
        total = high + error
        return DoubleWord(total, (high - total) + error)


def exactly(value: Array) -> DoubleWord:
    """Return a float as two."""
    return DoubleWord(value, np.zeros_like(value))


def two_sum(first: Array, second: Array) -> DoubleWord:
    """Return first + second, rounded, and exactly what the rounding lost (Knuth)."""
    total = first + second
    part = total - first
    error = first - (total - part)
    error += second - part
    return DoubleWord(total, error)


def two_product(first: Array, second: Array) -> DoubleWord:
    """Return first * second, rounded, and exactly what the rounding lost (Dekker)."""
    product = first * second
    first_high, first_low = _split(first)
    second_high, second_low = _split(second)
    error = ((first_high * second_high - product) + first_high * second_low) + (
        first_low * second_high
    )
    return DoubleWord(product, error + first_low * second_low)


def finite_or_zero(errors: Array) -> Array:
    """Drop the errors of what is not finite."""
    return np.where(np.isfinite(errors), errors, 0)


def _split(values: Array) -> tuple[Array, Array]:
    """Cut floats into two halves, whose products are exact (Veltkamp)."""
    digits = np.finfo(values.dtype).nmant + 1
    scaled = values * (2 ** math.ceil(digits / 2) + 1)
    high = scaled - (scaled - values)
    return high, values - high
