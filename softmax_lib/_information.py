"""Entropy, cross-entropy and divergence of softmaxes, computed from their logits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from softmax_lib._arguments import Array, Axis, is_floating, not_masked, number, real
from softmax_lib._arrays import APART, GAPS
from softmax_lib._double_word import DoubleWord, exactly, finite_or_zero, two_product, two_sum
from softmax_lib._rows import Rows, sums_of
from softmax_lib._slices import Slices
from softmax_lib._typing import reduction


@reduction
def entropy(
    z: ArrayLike,
    /,
    *,
    axis: Axis = -1,
    temperature: ArrayLike = 1.0,
    where: ArrayLike | None = None,
) -> Any:
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
    where : array_like of bool, optional
        What to leave in. Broadcasts to z's shape.

    Returns
    -------
    ndarray or scalar
        Entropies in nats, from 0 to log K, in z's shape without `axis` and in z's floating format
        (float64 for bool and integers).

    Raises
    ------
    TypeError
        If z or `temperature` is not real (complex, object, string, time), if `where` is not
        Boolean, or if one of them is a masked array.
    ValueError
        If `temperature` is negative or NaN or varies along `axis`, or if `temperature` or `where`
        does not broadcast to z's shape.
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
    * What `where` leaves out adds nothing, whatever stands there.
    * An empty slice gives 0, the empty sum, and so does a slice with nothing left in.
    * T = 0 is log M for M tied maxima.
    * T = inf is log M for the M elements that are neither -inf nor left out.
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
    slices = Slices.of(z, axis=axis, temperature=temperature, where=where)
    return slices.reduce(_entropies, empty=0.0)


def _entropies(rows: Rows) -> Array:
    sums = sums_of(rows, GAPS)
    return (sums.logarithm + sums.mean).rounded()


@reduction
def cross_entropy(
    z: ArrayLike,
    target: ArrayLike,
    /,
    *,
    axis: Axis = -1,
    where: ArrayLike | None = None,
    label_smoothing: float = 0.0,
) -> Any:
    r"""Return the cross-entropy of a softmax relative to a target, -Σᵢ yᵢ log softmax(z)ᵢ.

    Parameters
    ----------
    z : array_like
        Logits, of any shape. Real numbers; bool and integers are taken as float64.
    target : array_like of int or float
        Its dtype tells what it is. Integers are class indices from 0 to K - 1, in z's shape without
        `axis`, and y is 1 there; of several axes, they count the classes as
        ``np.ravel_multi_index`` does. Floating numbers are the weights y themselves and broadcast
        to z's shape. They are taken in float64 (in longdouble if z is longdouble), and need not
        sum to 1: they only weigh the terms of the sum.
    axis : int, tuple of int or None, optional
        The axes along which the probabilities sum to 1; None means all of them.
    where : array_like of bool, optional
        Which classes to leave in. Broadcasts to z's shape.
    label_smoothing : float, optional
        ε, from 0 to 1: (1 - ε) y + ε/M takes the place of y at each of the M classes left in.

    Returns
    -------
    ndarray or scalar
        Values in nats, at least 0, in z's shape without `axis` and in z's floating format
        (float64 for bool and integers).

    Raises
    ------
    TypeError
        If z is not real (complex, object, string, time), if `target` is neither of integers nor
        floating (bool, complex, ...), if `where` is not Boolean, if one of them is a masked array,
        or if `label_smoothing` is not a number.
    ValueError
        If a class index is negative or at least K, if a weight is negative, infinite or NaN, if
        `target` has not the shape it should have, or is class indices as floating numbers, if
        `where` does not broadcast to z's shape, or if `label_smoothing` is not from 0 to 1.
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
    * What `where` leaves out has probability 0, whatever stands there: a target with weight there
      makes the loss inf, with smoothing below 1. Smoothing puts no weight there.

    Accuracy, in units in the last place (ulps) of the exact value, for every finite input, as
    long as the losses and their products with the weights are 0 or normal numbers: in float64, 2
    with compiled kernels and 3 with NumPy, bounds that were searched for (1.5 and 2.4 are the
    largest errors found; 3.1 in longdouble, at random), and 3 more with smoothing; float16,
    bfloat16 and float32 are computed in float64 and rounded once. This holds near 0 too: with a
    class index, the result is that of :func:`softmax_lib.log_softmax`, with the other sign.

    Losses do not count for labels that stand for "ignore this one" if they are left out before,
    ``cross_entropy(z[target >= 0], target[target >= 0])``. The last example keeps their places.

    Claims: `cross-entropy`, `loss-floor`, `smoothed-optimum`, `calibration`

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

    Where a label is -100, the loss is 0:

    >>> import numpy as np
    >>> z, target = np.array([[20.0, 0.0], [0.0, 0.0]]), np.array([-100, 1])
    >>> losses = np.where(target < 0, 0, cross_entropy(z, np.maximum(target, 0)))
    >>> losses, losses.sum() / np.count_nonzero(target >= 0)
    (array([0.        , 0.69314718]), np.float64(0.6931471805599453))
    """
    targets = not_masked("target", target)
    smoothing = number("label_smoothing", label_smoothing, 0, 1)
    of_indices = targets.dtype.kind in "iu"
    slices = Slices.of(z, axis=axis, where=where, narrow=of_indices and not smoothing)
    losses = _losses_of_indices(targets, slices) if of_indices else _losses_of(targets, slices)
    if smoothing:
        given = slices.wide.type(smoothing)
        losses = losses * (1 - given) if given < 1 else np.zeros_like(losses)
        losses += given * _mean_losses(slices)
    return slices.reduced(losses, keepdims=False)


@reduction
@np.errstate(all="ignore")
def kl_divergence(
    z: ArrayLike,
    w: ArrayLike,
    /,
    *,
    axis: Axis = -1,
    temperature: ArrayLike = 1.0,
    where: ArrayLike | None = None,
) -> Any:
    r"""Return the Kullback-Leibler divergence of softmaxes, Σᵢ pᵢ log(pᵢ/qᵢ).

    Here p = softmax(z/T) and q = softmax(w/T).

    Parameters
    ----------
    z : array_like
        Logits of p, of any shape. Real numbers; bool and integers are taken as float64.
    w : array_like
        Logits of q. Real numbers; broadcasts to z's shape. Taken in float64 (in longdouble if z is
        longdouble).
    axis : int, tuple of int or None, optional
        The axes along which the probabilities sum to 1; None means all of them.
    temperature : array_like, optional
        T ≥ 0, in units of z. Broadcasts to z's shape, the same along `axis`, so it may be
        another one for each slice. Taken in float64 (in longdouble if z is longdouble).
    where : array_like of bool, optional
        What to leave in. Broadcasts to z's shape.

    Returns
    -------
    ndarray or scalar
        Divergences in nats, at least 0, in z's shape without `axis` and in z's floating format
        (float64 for bool and integers).

    Raises
    ------
    TypeError
        If z, w or `temperature` is not real (complex, object, string, time), if `where` is not
        Boolean, or if one of them is a masked array.
    ValueError
        If `temperature` is negative or NaN or varies along `axis`, or if it, w or `where` does not
        broadcast to z's shape.
    numpy.exceptions.AxisError
        If an axis is out of range.

    Notes
    -----
    Special cases, where the limit is returned if there is one and NaN if not:

    * A slice of z or of w that has no softmax makes it NaN: with a NaN, more than one +inf, or
      nothing above -inf.
    * Logits that differ by the same amount everywhere give 0.
    * It is inf where qᵢ is 0 and pᵢ is not: at a -inf of w alone, beside one +inf of w alone, and
      at T = 0 if p has a maximum that q has not.
    * T = inf gives log(M/N) if q is above 0 at all the M elements above -inf, and p at N of them.
    * What `where` leaves out adds nothing, whatever stands there.
    * An empty slice gives 0, the empty sum, and so does a slice with nothing left in.

    Accuracy: all terms pᵢ log(pᵢ/qᵢ) - pᵢ + qᵢ of the sum that is taken are at least 0, and none
    comes from a difference of near numbers. So the relative error stays small near 0: 16 ulps in
    float64 as long as the result is a normal number, a bound that was searched for (6 is
    the largest error found), for logits below 2**59 T. Float16, bfloat16 and float32 are computed
    in float64 and rounded once.

    Claims: `gibbs`, `loss-floor`

    References
    ----------
    .. [1] S. Kullback, R. A. Leibler, "On information and sufficiency", Annals of Mathematical
       Statistics 22(1), 79-86, 1951. https://doi.org/10.1214/aoms/1177729694

    Examples
    --------
    >>> from softmax_lib import kl_divergence
    >>> round(kl_divergence([1.0, 2.0, 3.0], [0.0, 0.0, 0.0]), 12)
    np.float64(0.266216706828)

    Softmaxes that differ by next to nothing:

    >>> kl_divergence([0.0, 1e-10], [0.0, 0.0])
    np.float64(1.2500000000000001e-21)
    """
    slices = Slices.of(z, axis=axis, temperature=temperature, where=where, narrow=False)
    others = slices.alongside("w", real("w", w))
    return slices.reduce(_divergences, empty=0.0, beside=others, beside_left_out=-np.inf)


def _losses_of_indices(targets: Array, slices: Slices) -> Array:
    indices = _checked_indices(targets, slices)
    # Without axes of length 1: of 64 axes, NumPy takes nothing along one.
    long = tuple(length for length in slices.batch if length != 1)

    def at_indices(values: Array) -> Array:
        rows = values.reshape((*long, slices.length))
        found = np.take_along_axis(rows, indices.reshape(*long, 1), axis=-1)
        result: Array = found.reshape(slices.batch)
        return result

    logits = at_indices(slices.logits).astype(slices.wide)
    if slices.keep is not None:
        logits[~at_indices(slices.keep)] = -np.inf
    # A class has an index, so that no slice is empty; but it may be left out with all others.
    return slices.columns(_losses, logits, empty=(np.inf,))[0]


def _losses_of(targets: Array, slices: Slices) -> Array:
    weights = _checked_weights(targets, slices)
    losses = slices.columns(_weighted_losses, empty=(0.0,), beside=weights)[0]
    nothing = slices.counts == 0
    if nothing.any():
        weighed = (weights != 0).any(axis=tuple(range(len(slices.batch), weights.ndim)))
        losses[nothing & weighed] = np.inf
    return losses


def _mean_losses(slices: Slices) -> Array:
    """Return the mean of the losses of all classes that are left in."""
    ones = slices.alongside("target", np.ones(()))
    total = slices.columns(_weighted_losses, empty=(0.0,), beside=ones, beside_left_out=0.0)[0]
    mean: Array = total / np.maximum(slices.counts, 1)
    return mean


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


def _checked_indices(indices: Array, slices: Slices) -> Array:
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


# Taylor's coefficients of exp(-x) - 1 + x, divided by x², to less than 2**-56 for |x| ≤ 1.
_EXCESS = [(-1) ** n / math.factorial(n) for n in range(2, 19)]


def _excess(x: Array) -> Array:
    """Return exp(-x) - 1 + x for -1 ≤ x ≤ 1."""
    result = np.zeros_like(x)
    for coefficient in reversed(_EXCESS):
        result = result * x + coefficient
    return result * x * x


def _divergences(rows: Rows) -> Array:
    """Return Σ p log(p/q) as Σ (p log(p/q) - p + q), whose terms are at least 0."""
    both = replace(rows, load_beside=rows.load), replace(rows, load=rows.load_beside)
    sums = [sums_of(each, APART) for each in both]
    difference = sums[0].logarithm - sums[1].logarithm
    # Where both are taken as they are, or scaled alike, z - w keeps digits that gaps have lost.
    exponents = [np.asarray(0 if one.limits is None else one.limits.exponents) for one in both]
    temperatures = [each.temperatures[:, None] for each in both]
    alike = (exponents[0] == exponents[1]) & (temperatures[0] == temperatures[1])
    change = two_sum(sums[0].state[:, :1], -sums[1].state[:, :1])
    equal, infinite = np.True_, np.False_

    def pieces() -> Iterator[tuple[Array, Array, Array]]:
        """Yield p, q and log(p/q) of the pieces, and note what is equal or infinite."""
        nonlocal equal, infinite
        for parts in zip(*(each.pieces() for each in both), strict=True):
            logits = [logits for _, logits, _ in parts]
            gaps = [
                two_sum(values, -one.state[:, :1]) / exactly(temperature)
                for values, one, temperature in zip(logits, sums, temperatures, strict=True)
            ]
            p, q = (
                np.exp(gap.value) * (1 + finite_or_zero(gap.error)) / (1 + one.rest.rounded())
                for gap, one in zip(gaps, sums, strict=True)
            )
            p_absent, q_absent = (gap.value == -np.inf for gap in gaps)
            direct = (two_sum(logits[0], -logits[1]) - change) / exactly(temperatures[0])
            apart = zip(direct, gaps[0] - gaps[1], strict=True)
            depth = DoubleWord(*(np.where(alike, *pair) for pair in apart))
            same = ((depth.value == 0) & (depth.error == 0)) | (p_absent & q_absent)
            equal = equal & same.all(axis=-1, keepdims=True)
            infinite = infinite | (q_absent & ~p_absent).any(axis=-1, keepdims=True)
            ratio = (depth - difference).rounded()
            yield p, q, np.where(p_absent | q_absent, np.where(p_absent, -np.inf, 0), ratio)

    # A row in several pieces is gone through twice, so as not to be held.
    held = list(pieces()) if len(rows.spans) == 1 else None
    # The logarithms of the sums are rounded, by which all ratios err alike: Σ q is 1, too.
    excess = sum(
        exactly(np.where(np.abs(x) < 1, p * np.expm1(-x), q - p)).sum().rounded()
        for p, q, x in held or pieces()
    )
    shift = np.log1p(excess)
    total = np.zeros(())
    for p, q, ratio in held or pieces():
        x = ratio + shift
        far = np.where(p == 0, q, q + p * (x - 1))
        terms = np.where(np.abs(x) <= 1, p * _excess(x), far)
        total = total + exactly(terms).sum().rounded()
    total = np.where(equal & ~np.isnan(total), 0, total)
    return np.where(infinite & ~np.isnan(total), np.inf, total)
