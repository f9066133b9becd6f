"""Numbers carried as two floats: a value, and a much smaller error that rounding took from it.

Dekker 1971, doi:10.1007/BF01397083. Where the value is not finite, the error means nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np

from softmax_lib._arguments import Array

_ZERO = np.zeros(())


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
        return DoubleWord(quotient, (remainder + self.error - quotient * other.error) / other.value)

    def rounded(self) -> Array:
        """Return the sum as one float."""
        result: Array = self.value + finite_or_zero(self.error)
        return result

    def sum(self, largest: Array | None = None, *, twice: bool = False) -> DoubleWord:
        """Return sums along the last axis, (..., 1); no value exceeds `largest`, if it is given.

        The values are cut at multiples of one unit for each row: what is above adds up exactly, in
        any order, and what is below is too small for its roundings to matter, or cut once more.
        """
        if largest is None:
            highest = np.finfo(self.value.dtype).max / 8
            largest = np.abs(self.value).max(axis=-1, keepdims=True)
            largest = np.minimum(largest, highest / self.value.shape[-1])
        rounder = largest * (3.0 * 2 ** self.value.shape[-1].bit_length())
        heads = self.value + rounder
        heads -= rounder
        high = np.add.reduce(heads, axis=-1, keepdims=True)
        low = np.subtract(self.value, heads, out=heads)
        if twice:
            return exactly(high) + exactly(low).sum() + exactly(self.error).sum()
        if self.error is not _ZERO:
            low += self.error
        error = np.add.reduce(low, axis=-1, keepdims=True)
        total = high + error
        return DoubleWord(total, (high - total) + error)


def exactly(value: Array) -> DoubleWord:
    """Return a float as two."""
    return DoubleWord(value, _ZERO)


def two_sum(first: Array, second: Array) -> DoubleWord:
    """Return first + second, rounded, and exactly what the rounding lost (Knuth)."""
    total = first + second
    part = total - first
    error = total - part
    # In place, since arrays that leave the processor's cache take most of the time.
    error = np.subtract(first, error, out=error if error.ndim else None)
    error += np.subtract(second, part, out=part if part.ndim else None)
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


def exponential(value: Array) -> DoubleWord:
    """Return exp(value) to some 2**-102, for values from -600 to 700; float64.

    With k log 2 and i/64 taken off, at most 1/128 is left of the value for Taylor's polynomial.
    """
    (first, second, third), table, coefficients = _constants()
    k = np.rint(value / first)
    left = two_sum(value - k * first, -k * second)
    left = two_sum(left.value, left.error - k * third)
    i = np.rint(64 * left.value)
    left = two_sum(left.value - i / 64, left.error)
    polynomial = np.zeros_like(value)
    for coefficient in coefficients[:5:-1]:  # these terms are below 2**-50
        polynomial = polynomial * left.value + coefficient.value
    result = exactly(polynomial)
    for coefficient in coefficients[5::-1]:
        result = result * left + coefficient
    integers = [np.nan_to_num(number).astype(np.intp) for number in (k, i)]  # NaN stays NaN
    index = integers[1] + len(table.value) // 2
    result = result * DoubleWord(table.value[index], table.error[index])
    return DoubleWord(*(np.ldexp(part, integers[0]) for part in result))


@cache
def _constants() -> tuple[list[float], DoubleWord, list[DoubleWord]]:
    """Return log 2 in three parts, exp(i/64), and 1/n!, from exact fractions."""
    log2, parts = sum(Fraction(1, n * 2**n) for n in range(1, 200)), list[float]()
    for bits in (33, 66, 133):  # products of the first two with integers up to 2**20 are exact
        parts.append(float(Fraction(round((log2 - sum(map(Fraction, parts))) * 2**bits), 2**bits)))
    factorials = [Fraction(1, math.factorial(n)) for n in range(30)]
    powers = [
        sum((Fraction(i, 64) ** n * factor for n, factor in enumerate(factorials)), Fraction(0))
        for i in range(-23, 24)
    ]
    table = DoubleWord(*(np.array(part) for part in zip(*map(_halves, powers), strict=True)))
    coefficients = [DoubleWord(*map(np.array, _halves(factor))) for factor in factorials[:13]]
    return parts, table, coefficients


def _halves(exact: Fraction) -> tuple[float, float]:
    return float(exact), float(exact - Fraction(float(exact)))
