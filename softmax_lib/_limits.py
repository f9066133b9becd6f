"""Rows that need care, and rows without infinities or extreme temperatures of the same softmax."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from softmax_lib._arguments import Array

# Where the largest logit is above so many temperatures, gaps that matter are exact, and no gap but
# 0 is lost between two neighbouring numbers: the gaps take the place of the logits.
LARGE = 2.0**59
# Other temperatures are brought to between 1/4 and 1/2.
COLD, HOT = 2.0**-60, 2.0**60


def need_no_care(maximum: Array, temperature: Array) -> bool:
    """Tell whether the passes can take all rows with these largest logits as they are."""
    if temperature.size > 1:
        extreme = (temperature <= COLD) | (temperature >= HOT)
        return not extreme.any() and bool((np.abs(maximum) < LARGE * temperature).all())
    given = temperature.item()
    return COLD < given < HOT and bool((np.abs(maximum) < LARGE * given).all())


def gaps(logits: Array, maximum: Array, temperature: Array, infinities: Array) -> Array:
    """Return (z - max z)/T, limits included; 0 in rows without a softmax."""
    if not need_no_care(maximum, temperature):
        limits = Limits(maximum, np.broadcast_to(temperature, maximum.shape), infinities)
        logits, maximum = limits.replace(logits), limits.replace(maximum)
        temperature = limits.temperatures
    result: Array = (logits - maximum) / temperature
    return result


@dataclass(frozen=True)
class Limits:
    """What takes the place of rows with these largest logits and temperatures, each (n, 1)."""

    maximum: Array
    temperature: Array
    infinities: Array  # how many +inf there are

    @property
    def undefined(self) -> Array:
        """Rows without a softmax: with a NaN, nothing above -inf, or more than one +inf."""
        undefined: Array = ~(self.maximum > -np.inf) | (self.infinities > 1)
        return undefined

    @property
    def temperatures(self) -> Array:
        """The temperatures of the rows that take their place."""
        scaled = np.ldexp(self.temperature, -self.exponents)
        return np.where(self.undefined | self._won | (self.temperature == np.inf), 1, scaled)

    @property
    def exponents(self) -> Array:
        """The powers of two by which finite temperatures are scaled down."""
        extreme = (self.temperature <= COLD) | (self.temperature >= HOT) | self._large
        return np.where(extreme, np.frexp(self.temperature)[1] + 1, 0)

    def replace(self, logits: Array) -> Array:
        """Return logits that have the same softmax at these temperatures."""
        won = np.where(logits == self.maximum, 0, -np.inf)
        even = np.where(logits == -np.inf, -np.inf, 0)
        scaled = np.ldexp(logits, -self.exponents)
        # No difference overflows, unless its quotient by the temperature does.
        down, up = np.maximum(self.exponents, 0), np.minimum(self.exponents, 0)
        gaps = np.ldexp(np.ldexp(logits, -down) - np.ldexp(self.maximum, -down), -up)
        cases = [self.undefined, self._won, self.temperature == np.inf, self._large]
        replaced: Array = np.select(cases, [0, won, even, gaps], scaled).astype(logits.dtype)
        return replaced

    @property
    def _won(self) -> Array:
        won: Array = (self.maximum == np.inf) | (self.temperature == 0)
        return won

    @property
    def _large(self) -> Array:
        large: Array = np.abs(self.maximum) >= LARGE * self.temperature
        return large
