"""Rows without infinities, and without temperatures 0 and inf, that have the same softmax."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from softmax_lib._arguments import Array

# Where the largest logit is above so many temperatures, the gaps that matter are exact, and the
# logits are replaced by them: no gap but 0 is then lost between two neighbouring numbers.
LARGE = 2.0**59
_OVERFLOWING = 2.0**1000


@dataclass(frozen=True)
class Limits:
    """What is to be replaced in rows of logits; all arrays are (n, 1)."""

    largest: Array  # the logits as they are
    temperature: Array | None

    @classmethod
    def of(cls, largest: Array, temperature: Array | None) -> Limits | None:
        """Return what is to be replaced in rows with these largest logits; None for nothing."""
        if temperature is None:
            tame = np.abs(largest) < LARGE
        else:
            tame = (np.abs(largest) < LARGE * temperature) & (temperature < np.inf)
        return None if tame.all() else cls(largest, temperature)

    @property
    def undefined(self) -> NDArray[np.bool_]:
        """Rows without a softmax, but for those with more than one +inf."""
        return ~(self.largest > -np.inf)

    @property
    def temperatures(self) -> Array:
        """The temperatures of the new rows."""
        given = self._temperatures
        halved = np.maximum(given / 2, np.finfo(np.float64).smallest_subnormal)
        return np.select(
            [self.undefined | self._won | (given == np.inf), self._halved], [1.0, halved], given
        )

    def replacing(self, load: Callable[[slice], Array]) -> Callable[[slice], Array]:
        """Return a function that loads logits and replaces them."""
        return lambda span: self.replace(load(span))

    def replace(self, logits: Array) -> Array:
        """Return new logits; the largest of a row is 0 where anything was to be replaced."""
        tame = np.abs(self.largest) < LARGE * self._temperatures
        kept = np.where(logits == -np.inf, -np.inf, 0.0)
        winners = np.where(logits == self.largest, 0.0, -np.inf)
        factor = np.where(self._halved, 0.5, 1.0)
        gaps = factor * logits - factor * self.largest
        return np.select(
            [self.undefined, self._won, self._temperatures == np.inf, tame],
            [0.0, winners, kept, logits.astype(np.float64)],
            gaps,
        )

    @property
    def _temperatures(self) -> Array:
        return np.ones_like(self.largest) if self.temperature is None else self.temperature

    @property
    def _halved(self) -> NDArray[np.bool_]:
        """Rows whose gaps may exceed the largest number, and are halved with their temperature."""
        least = np.maximum(_OVERFLOWING, LARGE * self._temperatures)
        halved: NDArray[np.bool_] = np.abs(self.largest) >= least
        return halved

    @property
    def _won(self) -> NDArray[np.bool_]:
        won: NDArray[np.bool_] = (self.largest == np.inf) | (self._temperatures == 0)
        return won
