"""Derivatives of softmax: its Jacobian, and products with it that never form it."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from softmax_lib._arguments import Array, Axis, real, rounded
from softmax_lib._double_word import exactly
from softmax_lib._rows import Rows, in_place, jacobian_products, probabilities
from softmax_lib._slices import Index, Slices
from softmax_lib._typing import same_shape

# An array of NumPy has no more.
_MOST_AXES = 64
# So many entries of Jacobians are computed at once.
_ENTRIES = 2**15


@same_shape
def softmax_jacobian(
    z: ArrayLike, /, *, temperature: ArrayLike = 1.0, where: ArrayLike | None = None
) -> Any:
    r"""Return the Jacobian of softmax, ∂pᵢ/∂zⱼ = pᵢ(δᵢⱼ - pⱼ)/T with p = softmax(z/T).

    Parameters
    ----------
    z : array_like
        Logits, (..., K): the softmax is taken along the last axis. Real numbers; bool and
        integers are taken as float64.
    temperature : array_like, optional
        T ≥ 0, in units of z. Broadcasts to z's shape, the same along the last axis, so it may be
        another one for each slice. Taken in float64 (in longdouble if z is longdouble).
    where : array_like of bool, optional
        What to leave in. Broadcasts to z's shape.

    Returns
    -------
    ndarray
        One symmetric matrix per slice, (..., K, K), in units of 1/z and in z's floating format
        (float64 for bool and integers).

    Raises
    ------
    TypeError
        If z or `temperature` is not real (complex, object, string, time), if `where` is not
        Boolean, or if one of them is a masked array.
    ValueError
        If `temperature` is negative or NaN or varies along the last axis, or if `temperature` or
        `where` does not broadcast to z's shape.
    numpy.exceptions.AxisError
        If z has no axis.

    Notes
    -----
    Special cases, where the limit is returned if there is one and NaN if not:

    * A NaN makes the matrix of its slice NaN.
    * One +inf makes it 0.
    * Two or more +inf make it NaN.
    * A -inf has a row and a column of 0.
    * What `where` leaves out has a row and a column of 0, whatever stands there.
    * A slice of -inf alone gives NaN, also if it has a single element.
    * An empty slice gives an empty matrix, and a slice with nothing left in gives 0.
    * A slice with one element gives 0.
    * T = 0 is 0, but between tied maxima it is inf on the diagonal and -inf beside it.
    * T = inf is 0.
    * An infinite or NaN logit decides first: one +inf gives 0 at any T.

    Accuracy, in units in the last place (ulps) of the exact entry, for every finite input, as
    long as pᵢ, pⱼ and 1 - pᵢ are normal numbers: 6 in float64 with compiled kernels and 8 with
    NumPy, bounds that were searched for (4.5 and 5.9 are the largest errors found; 5.2 in
    longdouble, at random); float16, bfloat16 and float32 are computed in float64 and rounded
    once. This holds in saturated slices too: 1 - pᵢ comes from the other
    exponentials and does not cancel. Entries (i, j) and (j, i) have the same bits.

    For products with a vector, :func:`softmax_lib.softmax_jvp` does without a K by K array.

    Claims: `jacobian-diagonal`, `jacobian-off-diagonal`, `jacobian-structure`,
    `jacobian-dense`, `half-lipschitz`, `saturation`

    References
    ----------
    .. [1] J. S. Bridle, "Probabilistic interpretation of feedforward classification network
       outputs, with relationships to statistical pattern recognition", Neurocomputing,
       227-236, 1990. https://doi.org/10.1007/978-3-642-76153-9_28

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_lib import softmax_jacobian
    >>> softmax_jacobian([0.0, np.log(3.0)])
    array([[ 0.1875, -0.1875],
           [-0.1875,  0.1875]])

    Far into saturation, where 1 - p rounds to 0:

    >>> softmax_jacobian([100.0, 0.0])
    array([[ 3.72007598e-44, -3.72007598e-44],
           [-3.72007598e-44,  3.72007598e-44]])
    """
    slices = Slices.of(z, axis=-1, temperature=temperature, where=where, narrow=False)
    if len(slices.shape) == _MOST_AXES:
        raise ValueError(f"z has {_MOST_AXES} axes, and its Jacobian would have one more")
    jacobian = np.empty((*slices.shape, slices.length), slices.dtype)
    slices.each(partial(_fill, jacobian))
    if slices.keep is not None:
        jacobian[~slices.keep] = 0
        jacobian.swapaxes(-1, -2)[~slices.keep] = 0
    return jacobian


@same_shape
def softmax_jvp(
    z: ArrayLike,
    tangent: ArrayLike,
    /,
    *,
    axis: Axis = -1,
    temperature: ArrayLike = 1.0,
    where: ArrayLike | None = None,
) -> Any:
    r"""Return the Jacobian-vector product Jv, pᵢ(vᵢ - Σₖ pₖvₖ)/T with p = softmax(z/T).

    Parameters
    ----------
    z : array_like
        Logits, of any shape. Real numbers; bool and integers are taken as float64.
    tangent : array_like
        v, the direction in which z changes. Real numbers; broadcasts to z's shape. Taken in
        float64 (in longdouble if z is longdouble).
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
        The change of the probabilities, in z's shape and floating format (float64 for bool and
        integers).

    Raises
    ------
    TypeError
        If z, `tangent` or `temperature` is not real (complex, object, string, time), if `where`
        is not Boolean, or if one of them is a masked array.
    ValueError
        If `temperature` is negative or NaN or varies along `axis`, or if it, `tangent` or `where`
        does not broadcast to z's shape.
    numpy.exceptions.AxisError
        If an axis is out of range.

    Notes
    -----
    Special cases, where the limit is returned if there is one and NaN if not:

    * A NaN logit makes its slice NaN.
    * One +inf makes its slice 0.
    * Two or more +inf make their slice NaN.
    * Where exp((zᵢ - max z)/T) is 0, as at -inf, the product is 0, and the tangent does not count,
      whatever it is.
    * What `where` leaves out gets 0, and its tangent does not count, whatever stands there.
    * A slice of -inf alone is NaN, also if it has a single element.
    * An empty slice stays empty.
    * T = 0 is 0, but at tied maxima it is inf where the tangent is above their mean tangent, and
      -inf where it is below.
    * T = inf is 0.
    * An infinite or NaN logit decides first: one +inf gives 0 at any T.
    * Any other infinite or NaN tangent makes its whole slice NaN.

    Accuracy, for every finite input whose probabilities are normal numbers, in units of
    pᵢ Σₖ pₖ\|vᵢ - vₖ\|/T times the unit roundoff (2**-53 in float64): 10, a bound that was searched
    for (4.4 is the largest found with compiled kernels, 5.5 with NumPy; 4.5 in longdouble, at
    random). That is what the errors of
    exp alone would do, whatever the tangents have in common and however saturated the slice.
    Float16, bfloat16 and float32 are computed in float64 and rounded once. Time and memory grow
    with K, not with its square.

    Claims: `jacobian-diagonal`, `jacobian-off-diagonal`, `jacobian-structure`,
    `half-lipschitz`, `saturation`

    References
    ----------
    .. [1] A. Griewank, A. Walther, "Evaluating Derivatives: Principles and Techniques of
       Algorithmic Differentiation", 2nd ed., SIAM, 2008. https://doi.org/10.1137/1.9780898717761

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_lib import softmax_jvp
    >>> softmax_jvp([0.0, np.log(3.0)], [1.0, 0.0])
    array([ 0.1875, -0.1875])

    A tangent that is the same for all changes nothing:

    >>> softmax_jvp([1.0, 2.0, 4.0], 7.0)
    array([0., 0., 0.])
    """
    return _jacobian_times("tangent", tangent, z, axis, temperature, where)


@same_shape
def softmax_vjp(
    z: ArrayLike,
    cotangent: ArrayLike,
    /,
    *,
    axis: Axis = -1,
    temperature: ArrayLike = 1.0,
    where: ArrayLike | None = None,
) -> Any:
    r"""Return the vector-Jacobian product wᵀJ, pᵢ(wᵢ - Σₖ pₖwₖ)/T with p = softmax(z/T).

    Parameters
    ----------
    z : array_like
        Logits, of any shape. Real numbers; bool and integers are taken as float64.
    cotangent : array_like
        w, the gradient of a loss with respect to the probabilities. Real numbers; broadcasts to
        z's shape. Taken in float64 (in longdouble if z is longdouble).
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
        The gradient of that loss with respect to z, in z's shape and floating format (float64 for
        bool and integers).

    Raises
    ------
    TypeError
        If z, `cotangent` or `temperature` is not real (complex, object, string, time), if `where`
        is not Boolean, or if one of them is a masked array.
    ValueError
        If `temperature` is negative or NaN or varies along `axis`, or if it, `cotangent` or `where`
        does not broadcast to z's shape.
    numpy.exceptions.AxisError
        If an axis is out of range.

    Notes
    -----
    The Jacobian is symmetric, so this is the same linear map as
    :func:`softmax_lib.softmax_jvp`, bit for bit. Special cases and accuracy are given there.

    Claims: `jacobian-diagonal`, `jacobian-off-diagonal`, `jacobian-structure`,
    `half-lipschitz`, `saturation`

    References
    ----------
    .. [1] A. Griewank, A. Walther, "Evaluating Derivatives: Principles and Techniques of
       Algorithmic Differentiation", 2nd ed., SIAM, 2008. https://doi.org/10.1137/1.9780898717761

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_lib import softmax_vjp
    >>> softmax_vjp([0.0, np.log(3.0)], [1.0, 0.0])
    array([ 0.1875, -0.1875])

    The gradient of -log p₂ with respect to z is p less 1 at the second class:

    >>> softmax_vjp([0.0, np.log(3.0)], [0.0, -1 / 0.75])
    array([ 0.25, -0.25])
    """
    return _jacobian_times("cotangent", cotangent, z, axis, temperature, where)


def _jacobian_times(
    name: str,
    vector: ArrayLike,
    z: ArrayLike,
    axis: Axis,
    temperature: ArrayLike,
    where: ArrayLike | None,
) -> Any:
    given = real(name, vector)
    narrow = given.dtype == np.float32
    slices = Slices.of(z, axis=axis, temperature=temperature, where=where, narrow=narrow)
    return slices.map(jacobian_products, beside=slices.alongside(name, given))


def _fill(jacobian: Array, index: Index, rows: Rows) -> None:
    """Fill in the Jacobians of a block of rows, some rows and some of their entries at a time."""
    classes, temperatures = rows.length, np.broadcast_to(rows.temperatures, rows.count)
    p = np.empty((rows.count, classes), temperatures.dtype)
    probabilities(rows, partial(in_place, p))
    # 1 - p is exact enough, except for the largest p: it may be close to 1, and the others' sum is
    # what 1 lacks.
    at, complements, others = p.argmax(axis=-1)[:, None], 1 - p, p.copy()
    np.put_along_axis(others, at, 0, axis=-1)
    np.put_along_axis(complements, at, exactly(others).sum().rounded(), axis=-1)
    matrices, number = jacobian[(*index, ...)].reshape(-1, classes, classes), np.arange(classes)
    few = max(_ENTRIES // classes, 1)
    for some in (slice(start, start + few) for start in range(0, rows.count, few)):
        step = max(_ENTRIES // (classes * len(p[some])), 1)
        for first in (slice(start, start + step) for start in range(0, classes, step)):
            diagonal = number[first, None] == number
            factors = np.where(diagonal, complements[some, first, None], -p[some, None, :])
            products = _product_over(p[some, first, None], factors, temperatures[some, None, None])
            matrices[some, first] = rounded(products, jacobian.dtype)


def _product_over(first: Array, second: Array, divisor: Array) -> Array:
    """Return first * second / divisor, where 0 / 0 is 0.

    Nothing overflows or underflows unless the result does.
    """
    first, first_exponent = np.frexp(first)
    second, second_exponent = np.frexp(second)
    divisor, divisor_exponent = np.frexp(np.abs(divisor))
    product = first * second
    quotient = np.ldexp(product / divisor, first_exponent + second_exponent - divisor_exponent)
    return np.where(product == 0, 0, quotient) + 0.0  # -0.0 + 0.0 is 0.0
