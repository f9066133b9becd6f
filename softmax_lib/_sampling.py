"""Random class indices, drawn with the probabilities of a softmax."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from softmax_lib._arguments import Array, integer
from softmax_lib._limits import Limits, need_no_care
from softmax_lib._slices import Slices

# How much noise is held at once, in float64 values; a single row may have more.
_BLOCK = 2**18


@np.errstate(all="ignore")
def sample(
    z: ArrayLike,
    /,
    *,
    temperature: ArrayLike = 1.0,
    rng: np.random.Generator,
    size: int | tuple[int, ...] | None = None,
) -> Any:
    """Draw class indices from softmax(z/T), each as argmaxᵢ(zᵢ/T + Gᵢ) with Gumbel noise G.

    Parameters
    ----------
    z : array_like
        Logits (..., K): one distribution over K classes for each row along the last axis. Real
        numbers; bool and integers are taken as float64.
    temperature : array_like, optional
        T ≥ 0, in units of z. Broadcasts to z's shape, the same along the last axis, so it may be
        another one for each row, as shape (..., 1). Taken in float64 (in longdouble if z is
        longdouble).
    rng : numpy.random.Generator
        Where the noise comes from: ``np.random.default_rng(seed)``.
    size : int or tuple of int, optional
        The shape of the draws from each row; None means a single one.

    Returns
    -------
    ndarray or scalar of numpy.intp
        Indices from 0 to K - 1, in shape `size` + z.shape[:-1]. All are independent of each other.

    Raises
    ------
    TypeError
        If `rng` is not a numpy.random.Generator, if z or `temperature` is not real (complex,
        object, string, time) or is a masked array, or if `size` is not made of integers.
    ValueError
        If there is anything to draw and a row has no distribution (see below); if `temperature` is
        negative or NaN, varies along the last axis or does not broadcast to z's shape; or if
        `size` is negative.
    numpy.exceptions.AxisError
        If z has no axis.

    Notes
    -----
    Special cases:

    * A row with a NaN has no distribution.
    * One +inf is always drawn.
    * A row with two or more +inf has no distribution.
    * A -inf is never drawn.
    * A row of -inf alone has no distribution.
    * An empty row has no distribution.
    * T = 0 draws evenly from the tied maxima.
    * T = inf draws evenly from all that is not -inf.
    * An infinite logit decides first: one +inf is always drawn at any T.
    * With nothing to draw, by `size` or for want of rows, the result is empty whatever z holds.

    No sum of probabilities is formed, so none can miss 1. What is drawn depends on nothing but z,
    T and the state of `rng`, which moves on by K noise values for each index, whatever z and T
    are.

    Accuracy: `rng` makes the noise from uniform multiples of 2**-53, so it lies between -3.61 and
    36.74. Each class is thus drawn with a probability that is off by some 2**-53, and the total
    variation distance from softmax(z/T) is some K 2**-53: it would take about 2**53 / K draws to
    notice. A class less than 2**-59 times as probable as the first is never drawn. (The negative
    logarithm of NumPy's exponential noise is Gumbel noise at half the cost, but its steps are up
    to 9 times as wide, and its zeros have an infinite logarithm, which would draw classes that
    are impossible.) Memory: 2**18 noise values and as many logits at once; what is drawn does not
    depend on it.

    Claims: `gumbel-max`, `t-practice`, `t-zero`, `t-infinity`, `lm-uses`

    References
    ----------
    .. [1] E. J. Gumbel, "Statistical theory of extreme values and some practical applications",
       National Bureau of Standards Applied Mathematics Series 33, 1954.
    .. [2] C. J. Maddison, D. Tarlow, T. Minka, "A* sampling", NeurIPS 27, 2014.
       https://doi.org/10.48550/arXiv.1411.0030

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_lib import sample
    >>> rng = np.random.default_rng(2024)
    >>> draws = sample(np.log([2.0, 3.0, 5.0]), rng=rng, size=100_000)
    >>> np.round(np.bincount(draws) / draws.size, 1)
    array([0.2, 0.3, 0.5])

    Two draws from each row, at a temperature of its own:

    >>> z = [[1.0, 3.0, 2.0], [0.0, np.inf, 0.0], [7.0, -np.inf, -np.inf]]
    >>> sample(z, temperature=[[0.0], [1.0], [np.inf]], rng=rng, size=2)
    array([[1, 1, 0],
           [1, 1, 0]])
    """
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            "rng must be a numpy.random.Generator, such as np.random.default_rng(seed), "
            f"got {type(rng).__name__}"
        )
    slices = Slices.of(z, axis=-1, temperature=temperature)
    drawn = np.empty((*_shape(size), *slices.batch), dtype=np.intp)
    if drawn.size:
        maximum = np.maximum.reduce(slices.logits, axis=-1, dtype=slices.wide, initial=-np.inf)
        _refuse_rows_without_distribution(slices, maximum)
        _argmax_with_noise(slices, maximum, rng, drawn.reshape(-1))
    return drawn[()]


def _shape(size: int | tuple[int, ...] | None) -> tuple[int, ...]:
    if size is None:
        return ()
    try:
        lengths = tuple(map(integer, size if isinstance(size, tuple) else (size,)))
    except TypeError:
        raise TypeError(f"size must be an int or a tuple of int, got {size!r}") from None
    if any(length < 0 for length in lengths):
        raise ValueError(f"size must not be negative, got {size!r}")
    return lengths


def _refuse_rows_without_distribution(slices: Slices, maximum: Array) -> None:
    several = maximum == np.inf
    if several.any():
        several = np.count_nonzero(slices.logits == np.inf, axis=-1) > 1
    for invalid, reason in [
        (np.isnan(maximum), "a NaN"),
        (several, "more than one +inf"),
        (maximum == -np.inf, "nothing above -inf"),
    ]:
        if np.any(invalid):
            index = np.argwhere(invalid)[0].tolist()
            raise ValueError(f"z{index or ''} is no distribution to draw from: it has {reason}")


def _argmax_with_noise(
    slices: Slices, maximum: Array, rng: np.random.Generator, drawn: Array
) -> None:
    """Fill `drawn` with indices of classes, going through the slices over and over."""
    batch, count, classes = slices.batch or (1,), maximum.size, slices.length
    logits_of, maximum = slices.logits.reshape((*batch, classes)), maximum.reshape(batch)
    temperatures = slices.temperatures().reshape(batch)
    rows_at_once, span = max(_BLOCK // classes, 1), min(classes, _BLOCK)
    for start in range(0, drawn.size, rows_at_once):
        part = drawn[start : start + rows_at_once]
        at = np.unravel_index(np.arange(start, start + part.size) % count, batch)
        best = np.full(part.size, -np.inf)
        for first in range(0, classes, span):
            logits = logits_of[..., first : first + span][at]
            gaps = _gaps(logits.astype(slices.wide), maximum[at], temperatures[at])
            perturbed = rng.gumbel(size=gaps.shape)
            perturbed += gaps
            index = np.argmax(perturbed, axis=-1)
            value = np.take_along_axis(perturbed, index[:, None], axis=-1)[:, 0]
            part[value > best] = (index + first)[value > best]
            best = np.maximum(best, value)


def _gaps(logits: Array, maximum: Array, temperature: Array) -> Array:
    """Return (z - max z) / T, limits included: argmax does not see what a row has been less."""
    maximum, temperature = maximum.reshape(-1, 1), temperature.reshape(-1, 1)
    if not need_no_care(maximum, temperature):
        limits = Limits(maximum, temperature, np.zeros(maximum.shape, np.intp))
        logits, maximum = limits.replace(logits), limits.replace(maximum)
        temperature = limits.temperatures
    gaps: Array = ((logits - maximum) / temperature).astype(np.float64)
    return gaps
