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
from softmax_lib._double_word import DoubleWord, exactly, two_sum
from softmax_lib._limits import need_no_care

# Rows up to this length go through all passes at once, longer ones in pieces, some columns beside
# each other. Sums depend on the pieces, so that they have one length.
LONGEST, PIECE = 2**16, 2**15
COLUMN_PIECE, COLUMNS, COLUMN_BLOCK = PIECE, 4, 2**17
# So many logits of short rows at once: their arrays stay in the processor's cache.
BLOCK = 2**16

# So many entries of columns are read at once: more lines of memory would not stay in the cache.
_TOGETHER = 32

# The columns of a state: the largest logit; how many there are of it, if they are set apart; the
# sum of the other exponentials, or of all; the sum of weighted ones; and what `close` fills in: the
# sum without one maximum, log(1 + it), and the weighted mean. Those are double words. Then, for
# vectors: the entry at the maximum, what entries are multiplied by, and two factors of the result.
# Without vectors, the first of them is what exponentials that are not set apart are relative to. At
# last, log-sum-exp at temperature 1.
MAXIMUM, COUNT, BELOW, WEIGHTED, REST, LOGARITHM, MEAN = 0, 1, 2, 4, 6, 8, 10
REFERENCE, STRETCH, SCALE, TOTAL, STATE = 12, 13, 14, 16, 17
# What sums are of: all exponentials; those below the maximum; and with those, exponentials weighted
# with their gaps, or with vectors.
NOTHING, APART, GAPS, VECTORS = 0, 1, 2, 3

# What exponentials that are not set apart are multiplied by, here and in the other engine.
ONE = 1.0
# Exponentials apart from the maximum are scaled by this, lest sums and products be subnormal.
BIAS = 2.0**700
# Where all gaps are below this, they are raised by so much.
_LOW, _RAISE = -600, 512
# Exponentials that nothing has been lost of; and those for float32, of which it does not matter.
_ZERO, _UNKNOWN = np.zeros((1, 1)), np.zeros((1, 1))
# In temperatures: exp is 0 there in every format.
_CUTOFF = 12000.0


@np.errstate(all="ignore")
def softmax(z: Array, temperatures: Array, out: Array) -> bool:
    """Softmax of rows of up to LONGEST logits."""
    maximum, temperature = _maximum(z), temperatures[:, None]
    reference = _reference(z, maximum, temperature)
    if reference is not _ZERO and not need_no_care(maximum, temperature):
        return False
    terms, errors, total = _terms_and_sum(z, maximum, reference, temperature)
    _divide(terms, errors, total, out)
    return True


def shares(z: Array, temperatures: Array, state: Array, out: Array) -> None:
    """Softmax of rows, or of pieces of rows, whose sums are known."""
    temperature = temperatures[:, None]
    given = state[:, REFERENCE : REFERENCE + 1]
    reference = _ZERO if _is_one(temperature) and not given.any() else given
    terms, errors = _exponentials(_cut_off(z, reference, temperature), reference, temperature)
    _divide(terms, errors, read(state, BELOW), out)


@np.errstate(all="ignore")
def sums(z: Array, temperatures: Array, x: Array, state: Array, weight: int, whole: bool) -> bool:
    """Add the sums of rows, or of pieces of rows, to a state; weights are as above."""
    if whole:
        state[:, :1] = _maximum(z)
        if weight == VECTORS:
            at_maximum = z.argmax(axis=-1)[:, None]
            state[:, REFERENCE] = np.take_along_axis(x, at_maximum, axis=-1)[:, 0]
            state[:, REFERENCE] *= state[:, STRETCH]
    maximum, temperature = state[:, :1], temperatures[:, None]
    if not need_no_care(maximum, temperature):
        return False
    reference = _reference(z, maximum, temperature) if weight <= APART else maximum
    terms, errors, total = _terms_and_sum(z, maximum, reference, temperature)
    if weight == NOTHING:
        state[:, REFERENCE : REFERENCE + 1] = reference
        _accumulate(state, BELOW, total)
        return True
    if weight != APART:
        biased = DoubleWord(terms * BIAS, errors * BIAS)
        weights = _depths(z, state, temperature) if weight == GAPS else _vectors(x, terms, state)
        _accumulate(state, WEIGHTED, (biased * weights).sum())
    if (reference != maximum).any():
        total = total / exactly(np.exp(maximum - reference))
    below = DoubleWord(total.value * BIAS, total.error * BIAS)
    small = _to_set_apart(z, maximum, total.value, errors is _UNKNOWN, whole)
    if small.size:
        given = temperature if temperature.size == 1 else temperature[small]
        counts, apart = _sum_apart(z[small], maximum[small], given)
        state[small, COUNT] += counts
        below.value[small], below.error[small] = apart
    _accumulate(state, BELOW, below)
    _close(state, weight)
    return True


@np.errstate(all="ignore")
def log_shares(z: Array, temperatures: Array, state: Array, out: Array) -> None:
    """Log-softmax of rows, or of pieces of rows, whose sums are known."""
    maximum, temperature = state[:, :1], temperatures[:, None]
    logarithm = read(state, LOGARITHM)
    is_one = _is_one(temperature)
    total = exactly(maximum) + (logarithm if is_one else exactly(temperature) * logarithm)
    # A copy, since NumPy is slow where it converts and computes at once.
    result = z.astype(state.dtype)
    result -= total.value
    result -= total.error
    if not is_one:
        result /= temperature
        # T log(1 + rest) may have been subnormal.
        np.copyto(result, 0 - logarithm.rounded(), where=(z == maximum) & (temperature != 1))
    out[...] = result


def products(z: Array, temperatures: Array, x: Array, state: Array, out: Array) -> None:
    """Multiply vectors by the Jacobian of rows, or of pieces of rows, whose sums are known."""
    temperature = temperatures[:, None]
    maximum = state[:, :1]
    terms, errors = _exponentials(_cut_off(z, maximum, temperature), maximum, temperature)
    deviations = _vectors(x, terms, state) - read(state, MEAN)
    total = exactly(np.ones_like(state[:, :1])) + read(state, REST)
    share = terms * BIAS
    _divide(share, errors * BIAS, total, share)
    result = share * (deviations.value + deviations.error) / temperature
    result *= state[:, SCALE : SCALE + 1]
    np.multiply(result, state[:, SCALE + 1 : SCALE + 2], out=out)


def copy(values: Array, out: Array) -> None:
    """Copy a matrix."""
    in_columns = len(values) >= _TOGETHER and values.strides[0] < values.strides[1]
    step = _TOGETHER if in_columns else values.shape[1]
    for start in range(0, values.shape[1], step):
        np.copyto(out[:, start : start + step], values[:, start : start + step])


def read(state: Array, column: int) -> DoubleWord:
    """Return a double word of each row, (n, 1)."""
    return DoubleWord(state[:, column : column + 1], state[:, column + 1 : column + 2])


def write(state: Array, column: int, values: DoubleWord) -> None:
    """Note a double word of each row."""
    state[:, column : column + 1] = values.value
    state[:, column + 1 : column + 2] = values.error


def log1p(rest: DoubleWord) -> DoubleWord:
    """Return the logarithm of 1 and a double word."""
    return DoubleWord(np.log1p(rest.value), rest.error / (1 + rest.value))


def _accumulate(state: Array, column: int, values: DoubleWord) -> None:
    write(state, column, read(state, column) + values)


def _maximum(z: Array) -> Array:
    """Return the largest logits; argmax is the faster way to those of many short rows."""
    count, length = z.shape
    if count < 16 or length > 256:
        maximum: Array = np.maximum.reduce(z, axis=-1, keepdims=True)
        return maximum
    found: Array = z.reshape(-1)[z.argmax(axis=-1) + np.arange(0, z.size, length)]
    return found[:, None]


def _reference(z: Array, maximum: Array, temperature: Array) -> Array:
    """Return what exponentials are relative to where only their quotients count.

    Without a shift nothing is rounded, and nothing overflows or gets too small, from 0 to 600 in
    float64, and from -500 to 500 for results in float32.
    """
    middle, reach = (0, 500) if z.dtype == np.float32 else (300, 300)
    unshifted = np.abs(maximum - middle) <= reach
    if not _is_one(temperature):
        unshifted = unshifted & (temperature == 1)
    return _ZERO if unshifted.all() else np.where(unshifted, 0, maximum)


def _is_one(temperature: Array) -> bool:
    return temperature.item() == 1 if temperature.size == 1 else bool((temperature == 1).all())


def _exponentials(z: Array, reference: Array, temperature: Array) -> tuple[Array, Array]:
    """Return exp((z - reference) / temperature), and what gaps and quotients lost of it."""
    if z.dtype == np.float32:
        gaps = z.astype(np.float64)
        if reference is not _ZERO:
            gaps -= reference
        if not _is_one(temperature):
            gaps /= temperature
        return np.exp(gaps, out=gaps), _UNKNOWN
    if reference is _ZERO:
        return np.exp(z), _ZERO
    gap = _gaps(z, reference, temperature)
    terms = np.exp(gap.value, out=gap.value)
    return terms, np.multiply(gap.error, terms, out=gap.error)


def _gaps(z: Array, reference: Array, temperature: Array) -> DoubleWord:
    gaps = two_sum(z, -reference)
    return gaps if _is_one(temperature) else gaps / exactly(temperature)


def _terms_and_sum(
    z: Array, maximum: Array, reference: Array, temperature: Array
) -> tuple[Array, Array, DoubleWord]:
    largest = np.exp(maximum - reference)  # where they differ, the temperature is 1
    terms, errors = _exponentials(z, reference, temperature)
    total = _sum(terms, errors, largest)
    if reference is not _ZERO and np.isnan(total.value).any():  # what -inf has lost is no number
        terms, errors = _exponentials(_cut_off(z, reference, temperature), reference, temperature)
        total = _sum(terms, errors, largest)
    return terms, errors, total


def _cut_off(z: Array, reference: Array, temperature: Array) -> Array:
    """Raise logits that are so low that their exponentials are 0 all the same."""
    if z.dtype == np.float32 or reference is _ZERO:
        return z
    return np.maximum(z, reference - _CUTOFF * temperature)


def _sum(terms: Array, errors: Array, largest: Array) -> DoubleWord:
    if errors is _UNKNOWN:
        total = np.add.reduce(terms, axis=-1, keepdims=True)
        return DoubleWord(total, np.zeros_like(total))
    return (exactly(terms) if errors is _ZERO else DoubleWord(terms, errors)).sum(largest)


def _to_set_apart(z: Array, maximum: Array, total: Array, narrow: bool, whole: bool) -> Array:
    """Return the rows whose other exponentials have lost digits, beside the maximum's 1 or at 0."""
    small = total < (1 + 2.0**-4 if narrow else 1 + 2.0**-10)
    if not whole and small.any():
        small &= (z == maximum).any(axis=-1, keepdims=True) | (total < 2.0**-500)
    return np.flatnonzero(small)


def _sum_apart(z: Array, maximum: Array, temperature: Array) -> tuple[Array, DoubleWord]:
    """Return how many maxima there are, and the sum of the other exponentials, times BIAS."""
    logits = z.astype(maximum.dtype)
    top = logits == maximum
    gap = _gaps(_cut_off(logits, maximum, temperature), maximum, temperature)
    # Where all of them may be subnormal, gaps are raised, by which they lose nothing.
    second = np.where(top, -np.inf, gap.value).max(axis=-1, keepdims=True)
    raised = np.where(second < _LOW, _RAISE, 0)
    terms = np.where(top, 0, np.exp(gap.value + raised))
    total = DoubleWord(terms, terms * gap.error).sum()
    scale = BIAS * np.exp(-raised.astype(maximum.dtype))
    return np.count_nonzero(top, axis=-1), DoubleWord(total.value * scale, total.error * scale)


def _divide(terms: Array, errors: Array, total: DoubleWord, out: Array) -> None:
    """Divide in place by a total that is two floats."""
    if out.dtype == np.float32:
        np.multiply(terms, 1 / total.value, out=terms)
        out[...] = terms
        return
    np.divide(terms, total.value, out=terms)
    correction = terms * (total.error / total.value)
    if errors is not _ZERO:
        correction -= errors / total.value
    np.subtract(terms, correction, out=out)


def _depths(z: Array, state: Array, temperature: Array) -> DoubleWord:
    """Return how far logits are below the maximum, in temperatures."""
    logits, maximum = z.astype(state.dtype), state[:, :1]
    return -_gaps(_cut_off(logits, maximum, temperature), maximum, temperature)


def _vectors(x: Array, terms: Array, state: Array) -> DoubleWord:
    """Return vectors less their entry at the maximum, 0 where an exponential is 0."""
    reference, stretch = state[:, REFERENCE : REFERENCE + 1], state[:, STRETCH : STRETCH + 1]
    return two_sum(np.where(terms == 0, reference, x * stretch), -reference)


def _close(state: Array, weight: int) -> None:
    """Fill in what follows from the sums."""
    below = read(state, BELOW)
    rest = two_sum(state[:, COUNT : COUNT + 1] - 1, below.value / BIAS)
    error = rest.error + below.error / BIAS
    value = rest.value + error
    rest = DoubleWord(value, (rest.value - value) + error)
    write(state, REST, rest)
    logarithm = log1p(rest)
    write(state, LOGARITHM, logarithm)
    total = exactly(state[:, :1]) + logarithm
    state[:, TOTAL] = (total.value + total.error)[:, 0]
    if weight == APART:
        return
    mean = read(state, WEIGHTED) / (exactly(np.ones_like(rest.value)) + rest)
    write(state, MEAN, DoubleWord(mean.value / BIAS, mean.error / BIAS))
