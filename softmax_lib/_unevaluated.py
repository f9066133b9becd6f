"""Softmax and its logarithm in unevaluated sums, for functions that go on computing with them.

The rows are those of :class:`softmax_lib._arguments.Slices`, float64 or longdouble, and results are
as large as they are. This is also how longdouble is computed; :mod:`softmax_lib._blocks` computes
softmax itself in the other formats, without arrays of that size.
"""

from __future__ import annotations

import numpy as np

from softmax_lib._arguments import Array, Slices
from softmax_lib._double_word import add, divide, finite_or_zero, sum_last_axis, two_sum


def probabilities(slices: Slices) -> Array:
    """Return softmax, all but rounded once, and 0 for what is left out."""
    terms, term_errors, rest, rest_error = exponentials(*scaled_gaps(slices))
    quotient, error = divide(terms, term_errors, *one_plus(rest, rest_error))
    result: Array = np.where(slices.keep, quotient + error, 0)
    return result


def scaled_gaps(slices: Slices) -> tuple[Array, Array]:
    """Return (z - max z) / T and what its rounding lost, both (..., K), NaN where undefined."""
    rows, temperature = _without_limits(slices.rows, slices.temperature)
    fraction, exponent = np.frexp(temperature)
    # T's power of two is divided out of the logits where it is above 1, and of their gaps where it
    # is below: then nothing overflows unless the gap itself does, and nothing underflows.
    rows = np.ldexp(rows, -np.maximum(exponent, 0))
    gaps, errors = two_sum(rows, -_maximum(rows))
    gaps, errors = (np.ldexp(part, -np.minimum(exponent, 0)) for part in (gaps, errors))
    gaps, errors = divide(gaps, errors, fraction, np.zeros_like(fraction))
    return gaps, finite_or_zero(errors)


def exponentials(gaps: Array, gap_errors: Array) -> tuple[Array, Array, Array, Array]:
    """Return exp(gaps) and their sum without one maximal term, each with what rounding lost.

    The maximal term is exactly 1. Left out, it cannot drown the others, however small they are.
    """
    terms = np.exp(gaps)
    term_errors = terms * gap_errors
    others = terms.copy()
    np.put_along_axis(others, np.argmax(gaps, axis=-1, keepdims=True), 0, axis=-1)
    return terms, term_errors, *sum_last_axis(others, term_errors)


def one_plus(rest: Array, rest_error: Array) -> tuple[Array, Array]:
    """Return the sum of all exponentials, and what its rounding lost."""
    total, error = two_sum(np.ones_like(rest), rest)
    return total, error + rest_error


def log1p_of_rest(rest: Array, rest_error: Array) -> tuple[Array, Array]:
    """Return log(1 + rest), and what it misses for the rounding of the rest."""
    return np.log1p(rest), rest_error / (1 + rest)


def log_probabilities(gaps: Array, gap_errors: Array) -> Array:
    """Return log p, all but rounded once."""
    _, _, rest, rest_error = exponentials(gaps, gap_errors)
    logarithm, error = log1p_of_rest(rest, rest_error)
    return add(gaps, -logarithm, gap_errors - error)


def log_sums(slices: Slices) -> Array:
    """Return log-sum-exp, (..., 1)."""
    maximum = _maximum(slices.rows)
    if not slices.rows.size:
        return maximum
    _, _, rest, rest_error = exponentials(*scaled_gaps(slices))
    result = add(maximum, *log1p_of_rest(rest, rest_error))
    return np.where(np.isinf(maximum), maximum, result)


def _maximum(rows: Array) -> Array:
    maximum: Array = np.max(rows, axis=-1, keepdims=True, initial=-np.inf)
    return maximum


def _without_limits(rows: Array, temperature: Array) -> tuple[Array, Array]:
    """Replace rows with +inf, T = 0 or T = inf by rows of 0 and -inf that have the same softmax."""
    maximum = _maximum(rows)
    infinite = maximum == np.inf
    undefined = (
        np.isnan(maximum)
        | (maximum == -np.inf)
        | (infinite & (np.count_nonzero(rows == np.inf, axis=-1, keepdims=True) > 1))
    )
    winner_takes_all = infinite | (temperature == 0)
    all_equal = temperature == np.inf
    rows = np.where(winner_takes_all, np.where(rows == maximum, 0, -np.inf), rows)
    # T = inf changes nothing in a row that its winners have already taken.
    rows = np.where(all_equal, np.where(rows == -np.inf, -np.inf, 0), rows)
    rows = np.where(undefined, np.nan, rows)
    return rows, np.where(winner_takes_all | all_equal, 1, temperature)
