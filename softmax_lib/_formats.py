"""Floating-point formats, and rounding to them in exact integer arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Format:
    """A binary format: its numbers are m 2**(e - precision + 1) with |m| < 2**precision."""

    precision: int
    smallest_exponent: int  # of a normal number
    largest_exponent: int

    @classmethod
    def of(cls, dtype: np.dtype[Any]) -> Format:
        """Return the format of a floating dtype."""
        if dtype.name == "bfloat16":  # np.finfo does not know it
            return cls(precision=8, smallest_exponent=-126, largest_exponent=127)
        info = np.finfo(dtype)
        return cls(info.nmant + 1, int(info.minexp), int(info.maxexp) - 1)

    def holds(self, other: Format) -> bool:
        """Tell whether every number of the other format is one of this format too."""
        return (
            self.precision >= other.precision
            and self.largest_exponent >= other.largest_exponent
            and self.smallest_unit <= other.smallest_unit
        )

    @property
    def smallest_unit(self) -> int:
        """The exponent of the smallest subnormal number."""
        return self.smallest_exponent - (self.precision - 1)

    def unit(self, value: Fraction) -> int:
        """Return the exponent of a unit in the last place of value."""
        if not value:
            return self.smallest_unit
        return max(self.smallest_exponent, _floor_log2(abs(value))) - (self.precision - 1)

    def round(self, value: Fraction) -> tuple[int, int] | None:
        """Return (m, e) with m 2**e nearest to value, ties to even; None for an infinity."""
        exponent = self.unit(value)
        numerator = abs(value.numerator) << max(-exponent, 0)
        denominator = value.denominator << max(exponent, 0)
        mantissa, remainder = divmod(numerator, denominator)
        mantissa += 2 * remainder > denominator - (mantissa & 1)
        if mantissa == 2**self.precision:  # one number, one pair
            mantissa, exponent = 2 ** (self.precision - 1), exponent + 1
        if exponent > self.largest_exponent - (self.precision - 1):
            return None
        return (mantissa if value > 0 else -mantissa), exponent


def _floor_log2(value: Fraction) -> int:
    guess = value.numerator.bit_length() - value.denominator.bit_length()
    too_large = value.numerator << max(-guess, 0) < value.denominator << max(guess, 0)
    return guess - too_large
