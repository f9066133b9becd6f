"""Random class indices, drawn with the probabilities of a softmax."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from softmax_lib._arguments import Array, boolean, integer
from softmax_lib._limits import gaps
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
    replace: bool = True,
    where: ArrayLike | None = None,
) -> np.intp | NDArray[np.intp]:
    """Draw class indices from softmax(z/T), each as argmaxᵢ(zᵢ/T + Gᵢ) with Gumbel noise G.

    Without replacement, they are those of the largest zᵢ/T + Gᵢ, from the top.

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
    replace : bool, optional
        Whether a class may be drawn more than once from a row. If not, each draw is from the
        classes that are left, with the probabilities of their softmax.
    where : array_like of bool, optional
        What to draw from, such as what :func:`softmax_lib.top_k`, :func:`softmax_lib.top_p` or
        :func:`softmax_lib.min_p` returns. Broadcasts to z's shape.

    Returns
    -------
    ndarray or scalar of numpy.intp
        Indices from 0 to K - 1, in shape `size` + z.shape[:-1]. With replacement, all are
        independent of each other; without, those of each row are in the order of drawing.

    Raises
    ------
    TypeError
        If `rng` is not a numpy.random.Generator, if z or `temperature` is not real (complex,
        object, string, time) or is a masked array, if `size` is not made of integers, `replace`
        not a bool or `where` not Boolean.
    ValueError
        If there is anything to draw and a row has no distribution (see below), or fewer classes
        than are to be drawn without replacement; if `temperature` is negative or NaN or varies
        along the last axis; if it or `where` does not broadcast to z's shape; or if `size` is
        negative.
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
    * An empty row has no distribution, nor has one with nothing left in.
    * What `where` leaves out is never drawn, whatever stands there.
    * T = 0 draws evenly from the tied maxima.
    * T = inf draws evenly from all that is not -inf.
    * An infinite logit decides first: one +inf is always drawn at any T.
    * With nothing to draw, by `size` or for want of rows, the result is empty whatever z holds.

    No sum of probabilities is formed, so none can miss 1. What is drawn depends on nothing but z,
    T and the state of `rng`, which moves on by K noise values for each index (without replacement,
    for each row), whatever z, T and `where` are.

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
    .. [3] W. Kool, H. van Hoof, M. Welling, "Stochastic beams and where to find them: the
       Gumbel-top-k trick for sampling sequences without replacement", ICML 36, 2019.
       https://doi.org/10.48550/arXiv.1903.06059

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

    An order in which all four are drawn:

    >>> sample([0.0, 1.0, 2.0, 3.0], rng=rng, size=4, replace=False)
    array([3, 2, 1, 0])
    """
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            "rng must be a numpy.random.Generator, such as np.random.default_rng(seed), "
            f"got {type(rng).__name__}"
        )
    slices, shape = Slices.of(z, axis=-1, temperature=temperature, where=where), _shape(size)
    drawn = np.empty((*shape, *slices.batch), dtype=np.intp)
    if not boolean("replace", replace):
        drawn = np.empty((*slices.batch, math.prod(shape)), dtype=np.intp)
    if drawn.size:
        left_in = True if slices.keep is None else slices.keep
        maximum = np.maximum.reduce(
            slices.logits, axis=-1, dtype=slices.wide, initial=-np.inf, where=left_in
        )
        _refuse_rows_without_distribution(slices, maximum)
        source = _Source(slices, maximum)
        if replace:
            source.draw(rng, drawn.reshape(-1, 1))
        else:
            source.refuse_rows_with_fewer_classes_than(drawn.shape[-1])
            source.draw(rng, drawn.reshape(-1, drawn.shape[-1]))
    if not replace:
        drawn = np.moveaxis(drawn, -1, 0).reshape((*shape, *slices.batch))
    indices: np.intp | NDArray[np.intp] = drawn[()]
    return indices


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
        infinite = slices.logits == np.inf
        several = np.count_nonzero(infinite & (slices.keep is None or slices.keep), axis=-1) > 1
    for invalid, reason in [
        (np.isnan(maximum), "a NaN"),
        (several, "more than one +inf"),
        (maximum == -np.inf, "nothing above -inf"),
    ]:
        if np.any(invalid):
            left_in = "" if slices.keep is None else " where it is left in"
            place = _place(slices.batch, np.argmax(invalid))
            raise ValueError(f"z{place} is no distribution to draw from: it has {reason}{left_in}")


def _place(batch: tuple[int, ...], number: Any) -> str:
    return str(list(map(int, np.unravel_index(number, batch)))) if batch else ""


class _Source:
    """Rows to draw from, by their number."""

    def __init__(self, slices: Slices, maximum: Array) -> None:
        self.slices, self.classes = slices, slices.length
        self.batch = slices.batch or (1,)
        shape = (*self.batch, self.classes)
        self.logits = slices.logits.reshape(shape)
        self.keep = None if slices.keep is None else slices.keep.reshape(shape)
        self.maximum = maximum.reshape(self.batch)
        self.temperatures = slices.temperatures().reshape(self.batch)
        self.at_once = max(_BLOCK // self.classes, 1)

    def gaps(self, numbers: Array) -> Iterator[tuple[int, Array]]:
        """Yield where a span of classes starts, and (z - max z)/T of it: argmax is the same."""
        at = np.unravel_index(numbers % self.maximum.size, self.batch)
        maximum, temperature = (values[at][:, None] for values in (self.maximum, self.temperatures))
        infinities = np.zeros(maximum.shape, np.intp)  # more than one is refused
        span = min(self.classes, _BLOCK)
        for first in range(0, self.classes, span):
            logits = self.logits[..., first : first + span][at].astype(self.slices.wide)
            if self.keep is not None:
                logits[~self.keep[..., first : first + span][at]] = -np.inf
            yield first, gaps(logits, maximum, temperature, infinities).astype(np.float64)

    def refuse_rows_with_fewer_classes_than(self, count: int) -> None:
        for start in range(0, self.maximum.size, self.at_once):
            numbers = np.arange(start, min(start + self.at_once, self.maximum.size))
            possible = sum(np.count_nonzero(g > -np.inf, axis=-1) for _, g in self.gaps(numbers))
            if np.any(possible < count):
                at = np.argmax(possible < count)
                place = _place(self.slices.batch, start + at)
                raise ValueError(
                    f"size asks for {count} classes without replacement, and z{place} has "
                    f"{possible[at]} with a probability above 0; draw fewer, or with replace=True"
                )

    def draw(self, rng: np.random.Generator, drawn: Array) -> None:
        """Fill (n, count) with indices of classes, going through the rows over and over."""
        for start in range(0, len(drawn), self.at_once):
            part = drawn[start : start + self.at_once]
            best = np.full(part.shape, -np.inf)
            for first, perturbed in self.gaps(np.arange(start, start + len(part))):
                perturbed += rng.gumbel(size=perturbed.shape)
                if part.shape[-1] == 1:
                    index = np.argmax(perturbed, axis=-1)[:, None]
                    value = np.take_along_axis(perturbed, index, axis=-1)
                    np.copyto(part, index + first, where=value > best)
                    best = np.maximum(best, value)
                else:
                    indices = np.broadcast_to(
                        np.arange(perturbed.shape[-1]) + first, perturbed.shape
                    )
                    values = np.concatenate([best, perturbed], axis=-1)
                    order = np.argsort(-values, axis=-1, kind="stable")[:, : part.shape[-1]]
                    best = np.take_along_axis(values, order, axis=-1)
                    indices = np.concatenate([part, indices], axis=-1)
                    part[...] = np.take_along_axis(indices, order, axis=-1)
