"""What the checks of several chapters compute with: mpmath, to as many digits as it is set to."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import mpmath
import numpy as np
from numpy.typing import NDArray

from softmax_lib import exact_softmax

Number = Any


def exactly(numbers: Iterable[Any]) -> list[Number]:
    """Return the values of floating-point numbers, unrounded."""
    return [mpmath.mpf(float(number)) for number in numbers]


def outputs_of(
    row: Iterable[Number], temperature: Number = 1
) -> list[Number]:
    """Return softmax of a row, exponential by exponential."""
    terms = [mpmath.exp(x / temperature) for x in row]
    return [term / mpmath.fsum(terms) for term in terms]


def logarithm_of_sum(row: Iterable[Number]) -> Number:
    """Return logsumexp of a row."""
    return mpmath.log(mpmath.fsum(map(mpmath.exp, row)))


def logistic(gap: Number) -> Number:
    """Return the logistic function."""
    return 1 / (1 + mpmath.exp(-gap))


def close(a: Number, b: Number) -> bool:
    """Tell whether two numbers agree to thirty digits after the point."""
    return bool(abs(a - b) < mpmath.mpf(10) ** -30)


def difference(
    entries: Iterable[Number], others: Iterable[Number]
) -> Number:
    """Return the largest difference between entries at the same place."""
    return max(abs(a - b) for a, b in zip(entries, others, strict=True))


def exact_jacobian(
    row: NDArray[Any], temperature: float = 1
) -> NDArray[Any]:
    """Return the Jacobian of softmax, with the sum of the others for 1 minus an output."""
    p = exact_softmax(row, temperature=temperature, rounded=False)
    matrix = -np.outer(p, p)
    for index in range(len(p)):
        matrix[index, index] = p[index] * mpmath.fsum(np.delete(p, index))
    return matrix / temperature


def norm(matrix: NDArray[Any]) -> Number:
    """Return the largest eigenvalue of a symmetric matrix."""
    return max(mpmath.eigsy(mpmath.matrix(matrix.tolist()), True))


def attend(
    query: NDArray[Any], keys: NDArray[Any], values: NDArray[Any]
) -> list[Number]:
    """Return the output of attention for one query."""
    scores = [mpmath.fdot(exactly(query), exactly(key)) for key in keys]
    weights = outputs_of(scores, mpmath.sqrt(len(query)))
    return [mpmath.fdot(weights, exactly(column)) for column in values.T]


def p_value(draws: NDArray[Any], probabilities: NDArray[Any]) -> Number:
    """Return how probable counts so far from the expected ones are (the chi-square test)."""
    observed = np.bincount(draws, minlength=len(probabilities))
    expected = probabilities * len(draws)
    statistic = float(((observed - expected) ** 2 / expected).sum())
    half_freedom = mpmath.mpf(len(probabilities) - 1) / 2
    return mpmath.gammainc(
        half_freedom, statistic / 2, mpmath.inf, regularized=True
    )


def complex_step(
    function: Callable[[list[Number]], Sequence[Number]],
    row: Iterable[Number],
    direction: Iterable[Number],
) -> list[Number]:
    """Return the derivative of each value of a function of a row along a direction."""
    step = mpmath.mpf(10) ** -20
    moved = [
        mpmath.mpc(x, step * part)
        for x, part in zip(row, direction, strict=True)
    ]
    return [mpmath.im(value) / step for value in function(moved)]


def slopes(row: list[Number]) -> NDArray[Any]:
    """Return the Jacobian of softmax: each column is the derivative by a logit."""
    axes = np.eye(len(row), dtype=int).tolist()
    columns = [complex_step(outputs_of, row, axis) for axis in axes]
    return np.array(columns, dtype=object).T
