"""Which classes a sampler keeps, as masks for `where=`."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from softmax_lib._arguments import Array, Axis, number, positive
from softmax_lib._limits import gaps
from softmax_lib._rows import Rows, Store
from softmax_lib._slices import Slices

_WHOLE, _MASK = slice(None), np.dtype(np.bool_)


def top_k(
    z: ArrayLike, /, *, k: int, axis: Axis = -1, where: ArrayLike | None = None
) -> np.bool | NDArray[np.bool]:
    r"""Tell which logits are among the k largest, zᵢ ≥ z₍ₖ₎.

    Parameters
    ----------
    z : array_like
        Logits, of any shape. Real numbers.
    k : int
        How many to keep, at least 1. With more than there are, all are kept.
    axis : int, tuple of int or None, optional
        The axes along which the probabilities sum to 1; None means all of them.
    where : array_like of bool, optional
        What to choose from. Broadcasts to z's shape.

    Returns
    -------
    ndarray of bool or scalar
        True where a logit is kept, in z's shape: what ``where=`` takes in
        :func:`softmax_lib.sample`, :func:`softmax_lib.softmax` and all the others.

    Raises
    ------
    TypeError
        If z is not real (complex, object, string, time), if `k` is not an integer, if `where` is
        not Boolean, or if one of them is a masked array.
    ValueError
        If `k` is less than 1, or if `where` does not broadcast to z's shape.
    numpy.exceptions.AxisError
        If an axis is out of range.

    Notes
    -----
    Special cases:

    * All logits that are tied with the k-th largest are kept, so that there may be more than k.
    * A -inf is kept if there are fewer than k logits above it; it makes no difference.
    * A slice with a NaN is kept whole, so that what takes the mask meets the NaN.
    * What `where` leaves out is not kept, whatever stands there.

    The temperature does not matter: it does not change which logits are the largest. Logits are
    compared as they are, so that the mask is the same in every format that holds them.

    Claims: `top-k-commutes`, `restriction`

    References
    ----------
    .. [1] A. Fan, M. Lewis, Y. Dauphin, "Hierarchical neural story generation", ACL 56, 2018.
       https://doi.org/10.18653/v1/P18-1082

    Examples
    --------
    >>> from softmax_lib import softmax, top_k
    >>> top_k([1.0, 3.0, 2.0, 2.0], k=2)
    array([False,  True,  True,  True])
    >>> softmax([1.0, 3.0, 2.0, 0.0], where=top_k([1.0, 3.0, 2.0, 0.0], k=2))
    array([0.        , 0.73105858, 0.26894142, 0.        ])
    """
    return _mask(partial(_largest, positive("k", k)), z, axis=axis, where=where)


def top_p(
    z: ArrayLike,
    /,
    *,
    p: float,
    axis: Axis = -1,
    temperature: ArrayLike = 1.0,
    where: ArrayLike | None = None,
) -> np.bool | NDArray[np.bool]:
    r"""Tell which classes are in the nucleus, the fewest whose probabilities sum to p.

    Class i is in it if Σ qⱼ < p, over the classes j that are more probable than i, with
    q = softmax(z/T).

    Parameters
    ----------
    z : array_like
        Logits, of any shape. Real numbers.
    p : float
        The mass of the nucleus, from 0 to 1.
    axis : int, tuple of int or None, optional
        The axes along which the probabilities sum to 1; None means all of them.
    temperature : array_like, optional
        T ≥ 0, in units of z. Broadcasts to z's shape, the same along `axis`. It is that of the
        sums only: what is drawn from the nucleus may be drawn at another.
    where : array_like of bool, optional
        What to choose from. Broadcasts to z's shape.

    Returns
    -------
    ndarray of bool or scalar
        True where a class is kept, in z's shape: what ``where=`` takes in
        :func:`softmax_lib.sample`, :func:`softmax_lib.softmax` and all the others.

    Raises
    ------
    TypeError
        If z or `temperature` is not real (complex, object, string, time), if `p` is not a number,
        if `where` is not Boolean, or if one of them is a masked array.
    ValueError
        If `p` is not from 0 to 1, if `temperature` is negative or NaN or varies along `axis`, or if
        `temperature` or `where` does not broadcast to z's shape.
    numpy.exceptions.AxisError
        If an axis is out of range.

    Notes
    -----
    Special cases:

    * All classes that are tied with the last one of the nucleus are kept.
    * p = 0 keeps the most probable classes, and p = 1 all of them.
    * T = 0 keeps the tied maxima, for any p below 1.
    * T = inf keeps everything above -inf, for any p below 1: all are tied.
    * A slice that has no softmax is kept whole, so that what takes the mask meets the reason: with
      a NaN, two or more +inf, or nothing above -inf.
    * What `where` leaves out is not kept, whatever stands there.

    Accuracy: the sums are taken in float64 (in longdouble if z is longdouble), whatever the format
    of the logits, and so the mask is the same in every format that holds them. A sum is off by less
    than (K + 4) 2**-53 of the whole, by which alone it can fall on the wrong side of p.

    Claims: `nucleus`, `stalled-sums`, `restriction`

    References
    ----------
    .. [1] A. Holtzman, J. Buys, L. Du, M. Forbes, Y. Choi, "The curious case of neural text
       degeneration", ICLR, 2020. https://doi.org/10.48550/arXiv.1904.09751

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_lib import sample, top_p
    >>> z = np.array([3.0, 2.0, 1.0])
    >>> top_p(z, p=0.8), top_p(z, p=0.8, temperature=0.5)
    (array([ True,  True, False]), array([ True, False, False]))
    >>> rng = np.random.default_rng(1)
    >>> sample(z, where=top_p(z, p=0.8), temperature=0.5, rng=rng, size=9)
    array([0, 1, 0, 0, 0, 0, 0, 0, 0])
    """
    mass = number("p", p, 0, 1)
    return _mask(partial(_nucleus, mass), z, axis=axis, temperature=temperature, where=where)


def min_p(
    z: ArrayLike,
    /,
    *,
    a: float,
    axis: Axis = -1,
    temperature: ArrayLike = 1.0,
    where: ArrayLike | None = None,
) -> np.bool | NDArray[np.bool]:
    r"""Tell which classes are at least a times as probable as the first, qᵢ ≥ a max q.

    With q = softmax(z/T), that is zᵢ ≥ max z + T log a.

    Parameters
    ----------
    z : array_like
        Logits, of any shape. Real numbers.
    a : float
        The share of the largest probability, from 0 to 1.
    axis : int, tuple of int or None, optional
        The axes along which the probabilities sum to 1; None means all of them.
    temperature : array_like, optional
        T ≥ 0, in units of z. Broadcasts to z's shape, the same along `axis`. What is drawn from the
        classes that are kept may be drawn at another.
    where : array_like of bool, optional
        What to choose from. Broadcasts to z's shape.

    Returns
    -------
    ndarray of bool or scalar
        True where a class is kept, in z's shape: what ``where=`` takes in
        :func:`softmax_lib.sample`, :func:`softmax_lib.softmax` and all the others.

    Raises
    ------
    TypeError
        If z or `temperature` is not real (complex, object, string, time), if `a` is not a number,
        if `where` is not Boolean, or if one of them is a masked array.
    ValueError
        If `a` is not from 0 to 1, if `temperature` is negative or NaN or varies along `axis`, or if
        `temperature` or `where` does not broadcast to z's shape.
    numpy.exceptions.AxisError
        If an axis is out of range.

    Notes
    -----
    Special cases:

    * Tied classes are kept or not kept together.
    * a = 0 keeps all, and a = 1 the most probable classes.
    * T = 0 keeps the tied maxima, unless a = 0.
    * T = inf keeps everything above -inf, unless a = 0.
    * A slice that has no softmax is kept whole, so that what takes the mask meets the reason: with
      a NaN, two or more +inf, or nothing above -inf.
    * What `where` leaves out is not kept, whatever stands there.

    Accuracy: (zᵢ - max z)/T and log a are compared in float64 (in longdouble if z is longdouble),
    each within 2 units in the last place, so that the mask is the same in every format that holds
    the logits.

    Claims: `min-p`, `restriction`

    References
    ----------
    .. [1] N. N. Minh et al., "Turning up the heat: min-p sampling for creative and coherent LLM
       outputs", ICLR, 2025. https://doi.org/10.48550/arXiv.2407.01082

    Examples
    --------
    >>> from softmax_lib import min_p
    >>> min_p([3.0, 2.0, 1.0], a=0.2)
    array([ True,  True, False])
    >>> min_p([3.0, 2.0, 1.0], a=0.2, temperature=2.0)
    array([ True,  True,  True])
    """
    share = number("a", a, 0, 1)
    return _mask(partial(_near, share), z, axis=axis, temperature=temperature, where=where)


def _mask(choose: Any, z: ArrayLike, **arguments: Any) -> np.bool | NDArray[np.bool]:
    """Let a function choose among rows of logits, with their temperatures beside them."""

    def fill(rows: Rows, store: Store) -> None:
        with store(_WHOLE) as out:
            out[...] = choose(rows.load(_WHOLE), rows.temperatures[:, None])

    mask: np.bool | NDArray[np.bool] = Slices.of(z, **arguments, narrow=False).map(
        fill, dtype=_MASK
    )
    return mask


def _largest(k: int, logits: Array, temperature: Array) -> Array:
    place = max(logits.shape[-1] - k, 0)
    least = np.partition(logits, place, axis=-1)[:, place, None]
    kept: Array = (logits >= least) | np.isnan(logits).any(axis=-1, keepdims=True)
    return kept


def _nucleus(p: float, logits: Array, temperature: Array) -> Array:
    if p == 1:
        return np.ones(logits.shape, np.bool_)
    depths = _gaps(logits, temperature)
    ordered = -np.sort(-depths, axis=-1)
    sums = np.cumsum(np.exp(ordered), axis=-1)
    # The first is in it; any other, if those before it do not make up the mass. Tied ones have one
    # gap, so that the last gap tells which.
    count = 1 + np.count_nonzero(sums[:, :-1] < p * sums[:, -1:], axis=-1, keepdims=True)
    kept: Array = depths >= np.take_along_axis(ordered, count - 1, axis=-1)
    return kept


def _near(a: float, logits: Array, temperature: Array) -> Array:
    lowest = np.log(a) if a else -np.inf
    kept: Array = _gaps(logits, temperature) >= lowest
    return kept


def _gaps(logits: Array, temperature: Array) -> Array:
    maximum = logits.max(axis=-1, keepdims=True)
    infinities = np.count_nonzero(logits == np.inf, axis=-1, keepdims=True)
    return gaps(logits, maximum, temperature, infinities)
