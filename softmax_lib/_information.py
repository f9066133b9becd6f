"""Entropy and cross-entropy of a softmax, computed from its logits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from softmax_lib._arguments import Array, Axis, is_floating, not_masked
from softmax_lib._arrays import APART, GAPS
from softmax_lib._double_word import DoubleWord, exactly, finite_or_zero, two_product, two_sum
from softmax_lib._rows import Rows, sums_of
from softmax_lib._slices import Slices


def entropy(z: ArrayLike, /, *, axis: Axis = -1, temperature: ArrayLike = 1.0) -> Any:
    r"""Return the Shannon entropy of a softmax, -Σᵢ pᵢ log pᵢ with p = softmax(z/T).

    Parameters
    ----------
    z : array_like
        Logits, of any shape. Real numbers; bool and integers are taken as float64.
    axis : int, tuple of int or None, optional
        The axes along which the probabilities sum to 1; None means all of them.
    temperature : array_like, optional
        T ≥ 0, in units of z. Broadcasts to z's shape, the same along `axis`, so it may be
        another one for each slice. Taken in float64 (in longdouble if z is longdouble).

    Returns
    -------
    ndarray or scalar
        Entropies in nats, from 0 to log K, in z's shape without `axis` and in z's floating format
        (float64 for bool and integers).

    Raises
    ------
    TypeError
        If z or `temperature` is not real (complex, object, string, time) or is a masked array.
    ValueError
        If `temperature` is negative or NaN, varies along `axis`, or does not broadcast to z's
        shape.
    numpy.exceptions.AxisError
        If an axis is out of range.

    Notes
    -----
    Special cases, where the limit is returned if there is one and NaN if not:

    * A NaN makes it NaN.
    * One +inf makes it 0.
    * Two or more +inf make it NaN.
    * A -inf adds nothing.
    * A slice of -inf alone gives NaN, also if it has a single element.
    * An empty slice gives 0, the empty sum.
    * T = 0 is log M for M tied maxima.
    * T = inf is log M for the M elements that are not -inf.
    * An infinite or NaN logit decides first: one +inf gives 0 at any T.

    Accuracy, in units in the last place (ulps) of the exact value, for every finite input: 2 in
    float64 with compiled kernels and 3 with NumPy, bounds that were searched for (1.7 and 2.4 are
    the largest errors found; 2.0 in longdouble, at random); float16, bfloat16 and float32 are
    computed in float64 and rounded once. This holds near 0 too: with
    gᵢ = (max z - zᵢ)/T and R the sum of exp(-gⱼ) without one maximal term, the entropy is
    log1p(R) + Σᵢ pᵢgᵢ, where nothing cancels. Only where all but one probability are subnormal
    numbers, and the entropy below 1e-300 in float64, it may have no more digits than they have.

    Claims: `t-monotone`, `gibbs`

    References
    ----------
    .. [1] C. E. Shannon, "A mathematical theory of communication", Bell System Technical Journal
       27(3), 379-423, 1948. https://doi.org/10.1002/j.1538-7305.1948.tb01338.x

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_lib import entropy
    >>> entropy([5.0, 5.0])
    np.float64(0.6931471805599453)

    It grows with the temperature:

    >>> entropy([[0.0, 40.0]] * 3, temperature=[[1.0], [10.0], [np.inf]])
    array([1.74182524e-16, 9.00947678e-02, 6.93147181e-01])
    """
    slices = Slices.of(z, axis=axis, temperature=temperature)
    return slices.reduce(_entropies, empty=0.0)


def _entropies(rows: Rows) -> Array:
    sums = sums_of(rows, GAPS)
    return (sums.logarithm + sums.mean).rounded()


def cross_entropy(z: ArrayLike, target: ArrayLike, /, *, axis: Axis = -1) -> Any:
    r"""Return the cross-entropy of a softmax relative to a target, -Σᵢ yᵢ log softmax(z)ᵢ.

    Parameters
    ----------
    z : array_like
        Logits, of any shape. Real numbers; bool and integers are taken as float64.
    target : array_like of int or float
        Its dtype tells what it is. Integers are class indices from 0 to K - 1, in z's shape without
        `axis`, and y is 1 there. Floating numbers are the weights y themselves and broadcast to
        z's shape. They are taken in float64 (in longdouble if z is longdouble), and need not sum
        to 1: they only weigh the terms of the sum.
    axis : int, tuple of int or None, optional
        The axes along which the probabilities sum to 1; None means all of them. With class
        indices, an int.

    Returns
    -------
    ndarray or scalar
        Values in nats, at least 0, in z's shape without `axis` and in z's floating format
        (float64 for bool and integers).

    Raises
    ------
    TypeError
        If z is not real (complex, object, string, time), if `target` is neither of integers nor
        floating (bool, complex, ...), if one of them is a masked array, or if `axis` is not an
        int and `target` is class indices.
    ValueError
        If a class index is negative or at least K, if a weight is negative, infinite or NaN, or
        if `target` has not the shape it should have.
    numpy.exceptions.AxisError
        If an axis is out of range.

    Notes
    -----
    Special cases, where the limit is returned if there is one and NaN if not:

    * A NaN logit makes it NaN.
    * One +inf makes it 0 if all other weights are 0, and inf otherwise.
    * Two or more +inf make it NaN.
    * A -inf makes it inf, unless its weight is 0.
    * A slice of -inf alone gives NaN, also if it has a single element.
    * An empty slice gives 0, the empty sum.
    * A weight of 0 adds nothing, also where the probability is 0.

    Accuracy, in units in the last place (ulps) of the exact value, for every finite input, as
    long as the losses and their products with the weights are 0 or normal numbers: in float64, 2
    with compiled kernels and 3 with NumPy, bounds that were searched for (1.5 and 2.4 are the
    largest errors found; 3.1 in longdouble, at random); float16, bfloat16 and float32 are computed
    in float64 and rounded once. This holds near 0 too: with a class
    index, the result is that of :func:`softmax_lib.log_softmax`, with the other sign.

    Claims: `cross-entropy`

    References
    ----------
    .. [1] J. S. Bridle, "Probabilistic interpretation of feedforward classification network
       outputs, with relationships to statistical pattern recognition", Neurocomputing,
       227-236, 1990. https://doi.org/10.1007/978-3-642-76153-9_28

    Examples
    --------
    >>> from softmax_lib import cross_entropy
    >>> cross_entropy([[20.0, 0.0], [0.0, 0.0]], [0, 1])
    array([2.06115362e-09, 6.93147181e-01])
    >>> cross_entropy([[20.0, 0.0], [0.0, 0.0]], [0.5, 0.5])
    array([10.        ,  0.69314718])
    """
    targets = not_masked("target", target)
    if targets.dtype.kind in "iu":
        slices = Slices.of(z, axis=axis)
        indices = _checked_indices(targets, slices, axis)
        # Without axes of length 1: of 64 axes, NumPy takes nothing along one.
        long = tuple(length for length in slices.batch if length != 1)
        logits = slices.logits.reshape((*long, slices.length))
        logits = np.take_along_axis(logits, indices.reshape(*long, 1), axis=-1)
        logits = logits.reshape(slices.batch)
        return slices.reduce(_losses, logits.astype(slices.wide), empty=0.0)
    slices = Slices.of(z, axis=axis, narrow=False)
    return slices.reduce(_weighted_losses, empty=0.0, beside=_checked_weights(targets, slices))


def _losses(rows: Rows, logit: Array) -> Array:
    """Return how far a logit of each row is below the logarithm of the sum."""
    sums = sums_of(rows, APART)
    total = exactly(sums.maximum) + sums.logarithm
    loss = (total.value - logit) + total.error
    infinite = np.where(logit == sums.maximum, sums.logarithm.value, np.inf)
    return np.where(np.isfinite(sums.maximum), loss, infinite + sums.logarithm.value)


def _weighted_losses(rows: Rows) -> Array:
    """Return the sums of weighted gaps, and of weights times the logarithm: all are positive."""
    sums = sums_of(rows, APART)
    zeros = exactly(np.zeros_like(sums.maximum))
    gaps_total, weights_total, infinite = zeros, zeros, sums.maximum != sums.maximum
    for _, logits, weights in rows.pieces():
        gap = two_sum(sums.state[:, :1], -logits)
        product = two_product(weights, gap.value)
        error = product.error + weights * gap.error
        counts = (weights != 0) & (product.value < np.inf)
        beyond = (weights != 0) & (product.value == np.inf)
        infinite = infinite | beyond.any(axis=-1, keepdims=True)
        value = np.where(counts, product.value, 0)
        gaps_total += DoubleWord(value, np.where(counts, finite_or_zero(error), 0)).sum()
        weights_total += exactly(weights).sum()
    total = (gaps_total + weights_total * sums.logarithm).rounded()
    return np.where(infinite & ~np.isnan(total), np.inf, total)


def _checked_weights(targets: Array, slices: Slices) -> Array:
    if not is_floating(targets.dtype):
        raise TypeError(
            "target must be class indices (integers) or weights (floating), "
            f"got dtype {targets.dtype}"
        )
    like_indices = 0 < targets.ndim < len(slices.shape) and targets.shape == slices.batch
    one_hot = targets.sum() == 1
    if like_indices and not one_hot and np.array_equal(targets, np.floor(targets)):
        raise ValueError(
            f"target of shape {targets.shape} and dtype {targets.dtype} looks like class indices, "
            "which must be integers: pass target.astype(int); weights for all slices are passed "
            f"in z's shape {slices.shape}, as np.broadcast_to(target, z.shape)"
        )
    weights = slices.alongside("target", targets)
    invalid = targets[~((targets >= 0) & (targets < np.inf))]
    if invalid.size:
        raise ValueError(f"weights in target must be finite and at least 0, got {invalid[0]}")
    return weights


def _checked_indices(indices: Array, slices: Slices, axis: Axis) -> Array:
    if axis is None or isinstance(axis, tuple):
        raise TypeError(f"axis must be an int if target is class indices, got {axis}")
    if indices.shape != slices.batch:
        raise ValueError(
            "class indices in target must have z's shape without axis, "
            f"{slices.batch}, got shape {indices.shape}; weights must be floating"
        )
    invalid = indices[(indices < 0) | (indices >= slices.length)]
    if invalid.size:
        raise ValueError(
            "class indices in target must be at least 0 and below "
            f"K = {slices.length}, got {invalid[0]}"
        )
    return indices
