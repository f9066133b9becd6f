"""Softmax, log-softmax and log-sum-exp, accurate to a few units in the last place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from softmax_lib._arguments import Array, Axis
from softmax_lib._arrays import APART, MAXIMUM, STATE, TOTAL
from softmax_lib._double_word import DoubleWord, exactly, exponential
from softmax_lib._rows import Rows, log_probabilities, probabilities, sums_of
from softmax_lib._slices import Slices, ready
from softmax_lib._typing import reduction, same_shape


@same_shape
def softmax(
    z: ArrayLike,
    /,
    *,
    axis: Axis = -1,
    temperature: ArrayLike = 1.0,
    where: ArrayLike | None = None,
) -> Any:
    r"""Turn logits into probabilities, pᵢ = exp(zᵢ/T) / Σⱼ exp(zⱼ/T).

    Parameters
    ----------
    z : array_like
        Logits, of any shape. Real numbers; bool and integers are taken as float64.
    axis : int, tuple of int or None, optional
        The axes along which the probabilities sum to 1; None means all of them. The default is
        the last one, whereas SciPy's default is None.
    temperature : array_like, optional
        T ≥ 0, in units of z. Broadcasts to z's shape, the same along `axis`, so it may be
        another one for each slice. Taken in float64 (in longdouble if z is longdouble).
    where : array_like of bool, optional
        What to leave in. Broadcasts to z's shape.

    Returns
    -------
    ndarray or scalar
        Probabilities in z's shape and floating format (float64 for bool and integers).

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

    * A NaN makes its slice NaN.
    * One +inf has probability 1, and all else in its slice 0.
    * Two or more +inf make their slice NaN.
    * A -inf has probability 0.
    * A slice of -inf alone is NaN, also if it has a single element.
    * An empty slice stays empty.
    * What `where` leaves out has probability 0, whatever stands there, and does not count.
    * A slice with nothing left in is all 0.
    * T = 0 is uniform over the tied maxima.
    * T = inf is uniform over all that is neither -inf nor left out.
    * An infinite or NaN logit decides first: one +inf has probability 1 at any T.

    Accuracy, in units in the last place (ulps) of the exact value, for every finite input: 2 in
    float64 with compiled kernels, and 4 with NumPy, bounds that were searched for by hill climbing
    (1.7 and 3.1 are the largest errors found); 4.5 in longdouble (3.4 found). Float16, bfloat16 and
    float32 are computed in float64 and rounded once: they err by 0.5 and less than 2e-6 more, by
    analysis. NumPy's bounds suppose that its exp errs by less than 0.75 ulp, which the tests check.
    z - max z and its quotient by T are rounded, which alone would cost hundreds of ulps; their
    rounding errors are known exactly and compensated, as are those of the sum and of the quotient.
    Neighbouring logits may come out in the wrong order by an ulp in float64.

    Bits: in one process, a row has the same bits in any batch, memory layout, axis and number of
    threads. Compiled kernels compute the same bits on every machine; NumPy's exp has others on
    other processors. Which of the two computes, :func:`softmax_lib.engine` says. Permuting logits
    may change last bits, and with NumPy a common shift or a scaling of logits and temperature may,
    too.

    Memory: beyond the output, less than 32 MB, whatever the size.

    Arrays of other libraries are taken as NumPy takes them, and NumPy's come back, by this function
    and all others. Labels of pandas come back by ``pd.DataFrame(softmax(z), z.index, z.columns)``,
    those of xarray by ``xr.apply_ufunc(softmax, z, input_core_dims=[["class"]],
    output_core_dims=[["class"]])``. A lazy array is refused, not computed:
    :mod:`softmax_lib.dask` takes Dask's.

    Claims: `formula`, `sum-one`, `shift`, `max-shift`, `range`, `order`, `t-zero`,
    `t-infinity`, `rounding`, `given-back`, `same-bits`

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and
       softmax functions", IMA J. Numer. Anal. 41(4), 2311-2330, 2021.
       https://doi.org/10.1093/imanum/draa038
    .. [2] T. J. Dekker, "A floating-point technique for extending the available precision",
       Numer. Math. 18, 224-242, 1971. https://doi.org/10.1007/BF01397083

    Examples
    --------
    >>> from softmax_lib import softmax
    >>> softmax([1.0, 2.0, 3.0])
    array([0.09003057, 0.24472847, 0.66524096])
    >>> softmax([1000.0, 1000.0])
    array([0.5, 0.5])

    Each row at its own temperature:

    >>> softmax([[1.0, 2.0, 2.0], [1.0, 2.0, 2.0]], temperature=[[0.0], [1.0]])
    array([[0.       , 0.5      , 0.5      ],
           [0.1553624, 0.4223188, 0.4223188]])
    """
    if where is None and (given := ready(z, axis, temperature)):
        passes, result, rows, temperatures = given
        if passes.softmax(rows, temperatures, result.reshape(rows.shape)):
            return result
    return Slices.of(z, axis=axis, temperature=temperature, where=where).map(probabilities)


@same_shape
def log_softmax(
    z: ArrayLike,
    /,
    *,
    axis: Axis = -1,
    temperature: ArrayLike = 1.0,
    where: ArrayLike | None = None,
) -> Any:
    r"""Turn logits into log-probabilities, log pᵢ = zᵢ/T - log Σⱼ exp(zⱼ/T).

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
        Log-probabilities in nats, in z's shape and floating format (float64 for bool and
        integers).

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

    * A NaN makes its slice NaN.
    * One +inf has log-probability 0, and all else in its slice -inf.
    * Two or more +inf make their slice NaN.
    * A -inf has log-probability -inf.
    * A slice of -inf alone is NaN, also if it has a single element.
    * An empty slice stays empty.
    * What `where` leaves out has log-probability -inf, whatever stands there, and does not count.
    * A slice with nothing left in is all -inf.
    * T = 0 is -log M at each of M tied maxima and -inf elsewhere.
    * T = inf is -log M at each of the M elements that are neither -inf nor left out.
    * An infinite or NaN logit decides first: one +inf has log-probability 0 at any T.

    Accuracy, in units in the last place (ulps) of the exact value, for every finite input: 2 in
    float64 with compiled kernels, and 4 with NumPy, bounds that were searched for by hill climbing
    (1.4 and 3.1 are the largest errors found); 4.5 in longdouble (3.4 found); float16, bfloat16 and
    float32 are computed in float64 and rounded once, so that they err by 0.5 and less than 2e-6
    more. This holds near 0 too: with R the sum of exp((zⱼ - max z)/T) without one maximal term, the
    result is -(\|zᵢ - max z\|/T + log1p(R)), where both terms have one sign and nothing cancels. On
    bits and memory, see :func:`softmax_lib.softmax`.

    Claims: `formula`, `shift`, `max-shift`, `lse`, `t-zero`, `t-infinity`, `rounding`

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and
       softmax functions", IMA J. Numer. Anal. 41(4), 2311-2330, 2021.
       https://doi.org/10.1093/imanum/draa038
    .. [2] T. J. Dekker, "A floating-point technique for extending the available precision",
       Numer. Math. 18, 224-242, 1971. https://doi.org/10.1007/BF01397083

    Examples
    --------
    >>> from softmax_lib import log_softmax
    >>> log_softmax([20.0, 0.0])
    array([-2.06115362e-09, -2.00000000e+01])
    >>> log_softmax([1000.0, 1000.0], where=[True, False])
    array([  0., -inf])
    """
    if where is None and (given := ready(z, axis, temperature)):
        passes, result, rows, temperatures = given
        state = np.zeros((len(rows), STATE))
        if passes.sums(rows, temperatures, rows, state, APART, True):
            passes.log_shares(rows, temperatures, state, result.reshape(rows.shape))
            return result
    slices = Slices.of(z, axis=axis, temperature=temperature, where=where)
    return slices.map(log_probabilities, left_out=-np.inf)


@reduction
def logsumexp(
    z: ArrayLike, /, *, axis: Axis = -1, keepdims: bool = False, where: ArrayLike | None = None
) -> Any:
    r"""Return the logarithm of the sum of the exponentials, log Σⱼ exp(zⱼ).

    Parameters
    ----------
    z : array_like
        Logits, of any shape. Real numbers; bool and integers are taken as float64.
    axis : int, tuple of int or None, optional
        The axes to sum along; None means all of them. The default is the last one, whereas SciPy's
        default is None.
    keepdims : bool, optional
        Whether the axes summed along stay, with length 1.
    where : array_like of bool, optional
        What to leave in. Broadcasts to z's shape.

    Returns
    -------
    ndarray or scalar
        Values in nats, in z's shape without `axis` and in z's floating format (float64 for bool
        and integers).

    Raises
    ------
    TypeError
        If z is not real (complex, object, string, time), if `where` is not Boolean, or if one of
        them is a masked array.
    ValueError
        If `where` does not broadcast to z's shape.
    numpy.exceptions.AxisError
        If an axis is out of range.

    Notes
    -----
    Special cases:

    * A NaN makes its slice NaN.
    * One +inf makes it +inf, if there is no NaN.
    * Two or more +inf make it +inf as well.
    * A -inf adds nothing.
    * A slice of -inf alone gives -inf.
    * An empty slice gives -inf.
    * What `where` leaves out adds nothing, whatever stands there.
    * A slice with nothing left in gives -inf.

    Accuracy, for every finite input: in float64 and longdouble, 2 ulps of
    max(\|max z\|, \|result\|, 1), a bound that was searched for (1.7 is the largest error found).
    Where max z and log1p(R), R being the sum of exp(zⱼ - max z) without one maximal term, cancel to
    less than half of max z, the sum is taken again in twice the precision. So float64 results near
    0 have a relative error of 2**-51 and 2**-100 / \|result\| at most, and float16, bfloat16 and
    float32, rounded once, err by 0.5 ulp and less than 2e-6 more everywhere. The second sum takes
    some 50 times as long as the first. On bits and memory, see :func:`softmax_lib.softmax`.

    Claims: `lse`, `max-shift`, `rounding`

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and
       softmax functions", IMA J. Numer. Anal. 41(4), 2311-2330, 2021.
       https://doi.org/10.1093/imanum/draa038

    Examples
    --------
    >>> from softmax_lib import logsumexp
    >>> logsumexp([[1000.0, 1000.0], [0.0, 0.0]])
    array([1.00069315e+03, 6.93147181e-01])

    Twice the logarithm of 1/2, as float64 knows it, is not quite that of 1:

    >>> logsumexp([-0.6931471805599453, -0.6931471805599453])
    np.float64(2.3190468138462996e-17)
    """
    if where is None and keepdims is False and (given := ready(z, axis)):
        passes, like, rows, temperatures = given
        state = np.zeros((len(rows), STATE))
        if passes.sums(rows, temperatures, rows, state, APART, True):
            total = state[:, TOTAL]
            if not _cancelled(total, state[:, MAXIMUM]).any():
                return total.astype(like.dtype).reshape(like.shape[:-1])[()]
    slices = Slices.of(z, axis=axis, where=where)
    return slices.reduce(_logarithms_of_sums, empty=-np.inf, keepdims=keepdims)


@same_shape
@np.errstate(all="ignore")
def naive_softmax(z: ArrayLike, /, *, axis: Axis = -1) -> Any:
    """Evaluate the textbook quotient exp(zᵢ) / Σⱼ exp(zⱼ) as it stands; for contrast only.

    Parameters
    ----------
    z : array_like
        Logits, of any shape. Real numbers; bool and integers are taken as float64.
    axis : int, tuple of int or None, optional
        The axes along which the quotients should sum to 1; None means all of them.

    Returns
    -------
    ndarray or scalar
        The quotients in z's shape, computed in z's own floating format (float64 for bool and
        integers).

    Raises
    ------
    TypeError
        If z is not real (complex, object, string, time) or is a masked array.
    numpy.exceptions.AxisError
        If an axis is out of range.

    Notes
    -----
    What goes wrong, without a warning:

    * Where an exponential overflows, its quotient is inf / inf, NaN, and all others are 0.
    * Where only the sum overflows, all quotients are 0.
    * Where all exponentials underflow, the quotient is 0 / 0, NaN.

    Claims: `formula`, `max-shift`

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_lib import naive_softmax
    >>> naive_softmax(np.array([100, 0], dtype=np.float32))
    array([nan,  0.], dtype=float32)
    """
    slices = Slices.of(z, axis=axis)
    exponentials = np.exp(slices.rows().astype(slices.dtype))
    return slices.restore(exponentials / np.sum(exponentials, axis=-1, keepdims=True))


def _logarithms_of_sums(rows: Rows) -> Array:
    sums = sums_of(rows, APART)
    if rows.limits is None:
        total = sums.state[:, TOTAL:]
    else:
        total = (exactly(sums.maximum) + sums.logarithm).rounded()
        total = np.where(np.isinf(sums.maximum), sums.maximum, total)
    cancelled = _cancelled(total, sums.maximum)
    if cancelled.any() and total.dtype == np.float64:
        total = np.where(cancelled, _refined(rows, np.where(cancelled, total, 0)), total)
    return total


def _cancelled(total: Array, maximum: Array) -> Array:
    """Tell where a maximum and the logarithm of the rest, of opposite signs, leave little."""
    # Where the maximum is closer to 0, twice the precision of 1 is no more than they have.
    cancelled: Array = (np.abs(total) < -0.5 * maximum) & (maximum < -(2.0**-50))
    return cancelled


# In twice the precision, so many logits of a row at once: their arrays stay in the fastest cache.
_SHORT = 2**13


def _refined(rows: Rows, estimate: Array) -> Array:
    """Return log S = y + log(S exp(-y)) for estimates y, with S in twice the precision."""
    total = exactly(np.zeros_like(estimate))
    for span in rows.spans:
        logits = rows.load(span)
        for start in range(0, logits.shape[-1], _SHORT):
            # What is below 2**-140 does not matter, nor do rows that are not refined.
            part = np.clip(logits[:, start : start + _SHORT], -100, 100, dtype=np.float64)
            terms, counts = exponential(part), part > -100
            total += DoubleWord(terms.value * counts, terms.error * counts).sum(twice=True)
    excess = total * exponential(-estimate) - exactly(np.ones_like(estimate))
    small = excess.value + excess.error
    refined: Array = estimate + (small - small * small / 2)
    return refined
