"""The passes over rows as array expressions: the engine without numba, and longdouble's.

Each function takes rows of logits, (n, K), and a temperature for each row or one for all. Rows are
contiguous, in float32, float64 or longdouble. What is rounded to float32 is computed in float64, as
it stands in textbooks; the rest carries the rounding errors along. Sums are kept in a state, (n,
STATE), to which the pieces of a long row add theirs. A function that returns False found a row that
needs care first; :mod:`softmax_lib._limits` says which do.

:mod:`softmax_lib._compiled` has the same functions.
"""

from __future__ import annotations

import numpy as np

from softmax_lib._arguments import Array
from softmax_lib._double_word import DoubleWord, exactly, finite_or_zero, two_product, two_sum
from softmax_lib._limits import need_no_care

# Rows up to this length go through all passes at once, longer ones in pieces of this length.
LONGEST = PIECE = 2**14
# So many logits at once: their arrays stay in the processor's cache.
BLOCK = 2**14

# The columns of a state: the largest logit; how many there are of it, if they are set apart; the
# sum of the other exponentials, or of all; the sum of weighted ones; and what `close` fills in: the
# sum without one maximum, log(1 + it), and the weighted mean. Those are double words. Then, for
# vectors: the entry at the maximum, what entries are multiplied by, and two factors of the result.
MAXIMUM, COUNT, BELOW, WEIGHTED, REST, LOGARITHM, MEAN = 0, 1, 2, 4, 6, 8, 10
REFERENCE, STRETCH, SCALE, STATE = 12, 13, 14, 16
# What sums are of: all exponentials; those below the maximum; and with those, exponentials weighted
# with their gaps, or with vectors.
NOTHING, APART, GAPS, VECTORS = 0, 1, 2, 3

# Weighted exponentials are scaled by this, lest their products be subnormal.
BIAS = 2.0**700
# In temperatures: exp is 0 there in every format.
_CUTOFF = 12000.0


def softmax(z: Array, temperatures: Array, out: Array) -> bool:
    """Softmax of rows of up to LONGEST logits."""
    maximum, temperature = z.max(axis=-1, keepdims=True), temperatures[:, None]
    if not need_no_care(maximum, temperature):
        return False
    reference = _reference(maximum, temperature)
    terms = _exponentials(z, reference, temperature)
    _divide(terms, _sum(terms, maximum, reference, temperature), out)
    return True


def shares(z: Array, temperatures: Array, state: Array, out: Array) -> None:
    """Softmax of rows, or of pieces of rows, whose sums are known."""
    temperature = temperatures[:, None]
    terms = _exponentials(z, _reference(state[:, :1], temperature), temperature)
    _divide(terms, read(state, BELOW), out)


def sums(
    z: Array, temperatures: Array, x: Array, state: Array, weight: int, whole: bool
) -> bool:
    """Add the sums of rows, or of pieces of rows, to a state; weights are as above."""
    if whole:
        state[:, MAXIMUM] = z.max(axis=-1)
        if weight == VECTORS:
            at_maximum = z.argmax(axis=-1)[:, None]
            state[:, REFERENCE] = np.take_along_axis(x, at_maximum, axis=-1)[:, 0]
            state[:, REFERENCE] *= state[:, STRETCH]
    maximum, temperature = state[:, :1], temperatures[:, None]
    if not need_no_care(maximum, temperature):
        return False
    if weight == NOTHING:
        reference = _reference(maximum, temperature)
        terms = _exponentials(z, reference, temperature)
        _accumulate(state, BELOW, _sum(terms, maximum, reference, temperature))
        return True
    terms, top = _exponentials(z, maximum, temperature), z == maximum
    if weight != APART:
        biased = DoubleWord(terms.value * BIAS, terms.error * BIAS)
        _accumulate(state, WEIGHTED, (biased * _weights(z, x, terms, state, temperature)).sum())
    state[:, COUNT] += np.count_nonzero(top, axis=-1)
    np.copyto(terms.value, 0, where=top)
    _accumulate(state, BELOW, terms.sum())
    _close(state)
    return True


def log_shares(z: Array, temperatures: Array, state: Array, out: Array) -> None:
    """Log-softmax of rows, or of pieces of rows, whose sums are known."""
    maximum, temperature = state[:, :1], temperatures[:, None]
    logarithm = read(state, LOGARITHM)
    sums = exactly(maximum) + exactly(temperature) * logarithm
    result = np.subtract(z, sums.value, dtype=state.dtype)
    result -= sums.error
    if (temperature != 1).any():
        result /= temperature
        # Here T log(1 + rest) may be subnormal.
        np.copyto(result, 0 - logarithm.rounded(), where=(z == maximum) & (temperature != 1))
    out[...] = result


def products(z: Array, temperatures: Array, x: Array, state: Array, out: Array) -> None:
    """The Jacobian's product with vectors, of rows or pieces of rows, whose sums are known."""
    temperature = temperatures[:, None]
    terms = _exponentials(z, state[:, :1], temperature)
    terms = DoubleWord(terms.value * BIAS, terms.error * BIAS)
    share = (terms / (exactly(np.ones_like(state[:, :1])) + read(state, REST))).rounded()
    deviations = _vectors(x, terms, state) - read(state, MEAN)
    result = share * (deviations.value + deviations.error) / temperature
    result *= state[:, SCALE : SCALE + 1]
    np.multiply(result, state[:, SCALE + 1 :], out=out, casting="same_kind")


def read(state: Array, column: int) -> DoubleWord:
    """Return a double word of each row, (n, 1)."""
    return DoubleWord(state[:, column : column + 1], state[:, column + 1 : column + 2])


def _accumulate(state: Array, column: int, values: DoubleWord) -> None:
    _write(state, column, read(state, column) + values)


def _write(state: Array, column: int, values: DoubleWord) -> None:
    state[:, column : column + 1] = values.value
    state[:, column + 1 : column + 2] = values.error


def _reference(maximum: Array, temperature: Array) -> Array:
    """Return what exponentials are relative to where only their quotients count.

    Without a shift nothing is rounded, and from 0 to 600 nothing overflows nor gets too small.
    """
    return np.where((maximum >= 0) & (maximum <= 600) & (temperature == 1), 0, maximum)


def _exponentials(z: Array, reference: Array, temperature: Array) -> DoubleWord:
    """Return exp((z - reference) / temperature)."""
    if z.dtype == np.float32:
        values = np.subtract(z, reference, dtype=np.float64)
        if (temperature != 1).any():
            values /= temperature
        return exactly(np.exp(values, out=values))
    if not reference.any() and (temperature == 1).all():
        return exactly(np.exp(z))
    gaps = _gaps(z, reference, temperature)
    terms = np.exp(gaps.value, out=gaps.value)
    return DoubleWord(terms, np.multiply(gaps.error, terms, out=gaps.error))


def _gaps(z: Array, reference: Array, temperature: Array) -> DoubleWord:
    # Cut off, so that -inf has no part in what is not a number.
    gaps = two_sum(np.maximum(z, reference - _CUTOFF * temperature), -reference)
    return gaps if (temperature == 1).all() else gaps / exactly(temperature)


def _sum(terms: DoubleWord, maximum: Array, reference: Array, temperature: Array) -> DoubleWord:
    return terms.sum(np.exp((maximum - reference) / temperature))


def _divide(terms: DoubleWord, total: DoubleWord, out: Array) -> None:
    """Divide by a total that is two floats."""
    quotient = np.divide(terms.value, total.value, out=terms.value)
    correction = (terms.error - quotient * total.error) / total.value
    np.add(quotient, correction, out=out, casting="same_kind")


def _weights(
    z: Array, x: Array, terms: DoubleWord, state: Array, temperature: Array
) -> DoubleWord:
    """Return the distances below the maximum, in temperatures, or vectors less that at it."""
    if x is z:
        return -_gaps(z.astype(state.dtype), state[:, :1], temperature)
    return _vectors(x, terms, state)


def _vectors(x: Array, terms: DoubleWord, state: Array) -> DoubleWord:
    """Return vectors less their entry at the maximum, 0 where an exponential is 0."""
    reference, stretch = state[:, REFERENCE : REFERENCE + 1], state[:, STRETCH : STRETCH + 1]
    return two_sum(np.where(terms.value == 0, reference, x * stretch), -reference)


def _close(state: Array) -> None:
    """Fill in what follows from the sums."""
    rest = two_sum(state[:, COUNT : COUNT + 1] - 1, state[:, BELOW : BELOW + 1])
    rest = two_sum(rest.value, rest.error + state[:, BELOW + 1 : BELOW + 2])
    _write(state, REST, rest)
    logarithm = DoubleWord(np.log1p(rest.value), rest.error / (1 + rest.value))
    _write(state, LOGARITHM, logarithm)
    one = exactly(np.ones_like(rest.value))
    mean = read(state, WEIGHTED) / (one + rest)
    _write(state, MEAN, DoubleWord(mean.value / BIAS, mean.error / BIAS))
