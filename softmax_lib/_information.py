"""Entropy and cross-entropy of a softmax, computed from its logits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from softmax_lib._arguments import Array, Axis, Slices, is_floating, not_masked, prepare
from softmax_lib._double_word import add, divide, finite_or_zero, sum_last_axis
from softmax_lib._softmax import log_softmax
from softmax_lib._unevaluated import exponentials, log1p_of_rest, one_plus, scaled_gaps


@np.errstate(all="ignore")
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

    Accuracy, in units in the last place (ulps) of the exact value, for every finite input: 1.9 in
    float64 and 2.0 in longdouble are the largest errors found at random; float16, bfloat16 and
    float32 are computed in float64 and rounded once. This holds near 0 too: with
    gᵢ = (max z - zᵢ)/T and R the sum of exp(-gⱼ) without one maximal term, the entropy is
    log1p(R) + Σᵢ pᵢgᵢ, where nothing cancels. Only where all but one probability are subnormal
    numbers, and the entropy below 1e-300 in float64, it has no more digits than they have.

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
    slices = prepare(z, axis=axis, temperature=temperature)
    if not slices.rows.size:
        return slices.reduce(np.zeros((*slices.rows.shape[:-1], 1)), keepdims=False)
    gaps, gap_errors = scaled_gaps(slices)
    terms, term_errors, rest, rest_error = exponentials(gaps, gap_errors)
    surprisals = np.where(terms == 0, 0, -gaps)  # 0 log 0 is 0
    mean, mean_error = divide(
        *sum_last_axis(terms * surprisals, term_errors * surprisals - terms * gap_errors),
        *one_plus(rest, rest_error),
    )
    logarithm, error = log1p_of_rest(rest, rest_error)
    return slices.reduce(add(logarithm, mean, error + mean_error), keepdims=False)


@np.errstate(all="ignore")
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
    long as the losses and their products with the weights are 0 or normal numbers: 2.1 in float64
    and 3.1 in longdouble are the largest errors found at random; float16, bfloat16 and float32 are
    computed in float64 and rounded once. This holds near 0 too: with a class
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
    slices = prepare(z, axis=axis)
    weights = _weights(target, slices, axis)
    if not slices.rows.size:
        return slices.reduce(np.zeros((*slices.rows.shape[:-1], 1)), keepdims=False)
    losses = -log_softmax(slices.rows)
    products = np.where((weights == 0) & (losses == np.inf), 0, weights * losses)
    total, error = sum_last_axis(products, np.zeros_like(products))
    return slices.reduce(total + finite_or_zero(error), keepdims=False)


def _weights(target: ArrayLike, slices: Slices, axis: Axis) -> Array:
    """Check the target and return the weight of each class, (..., K)."""
    targets = not_masked("target", target)
    if targets.dtype.kind in "iu":
        return _one_hot(targets, slices, axis)
    if not is_floating(targets.dtype):
        raise TypeError(
            "target must be class indices (integers) or weights (floating), "
            f"got dtype {targets.dtype}"
        )
    weights = slices.rows_of("target", targets)
    invalid = weights[~((weights >= 0) & (weights < np.inf))]
    if invalid.size:
        raise ValueError(f"weights in target must be finite and at least 0, got {invalid[0]}")
    return weights


def _one_hot(indices: Array, slices: Slices, axis: Axis) -> Array:
    shape, classes = slices.rows.shape[:-1], slices.rows.shape[-1]
    if axis is None or isinstance(axis, tuple):
        raise TypeError(f"axis must be an int if target is class indices, got {axis}")
    if indices.shape != shape:
        raise ValueError(
            "class indices in target must have z's shape without axis, "
            f"{shape}, got shape {indices.shape}; weights must be floating"
        )
    invalid = indices[(indices < 0) | (indices >= classes)]
    if invalid.size:
        raise ValueError(
            f"class indices in target must be at least 0 and below K = {classes}, got {invalid[0]}"
        )
    one_hot: Array = indices[..., None] == np.arange(classes)
    return one_hot
