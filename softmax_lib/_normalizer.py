"""The normaliser of a softmax in one pass: states of parts of a slice, and how they merge."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from softmax_lib._arguments import Array, Axis, real, result_dtype, rounded
from softmax_lib._arrays import APART, log1p
from softmax_lib._double_word import DoubleWord, exactly, exponential, finite_or_zero, two_sum
from softmax_lib._rows import Rows, shares_in, sums_of
from softmax_lib._slices import Slices
from softmax_lib._typing import Floating


@dataclass(frozen=True, eq=False)
class OnlineNormalizer:
    r"""The state of a softmax's normaliser, m = max z and s = Σⱼ exp((zⱼ - m)/T), for any shape.

    The states of two parts of a slice merge into that of the whole. So a slice can be gone through
    in pieces, in one pass: softmax is exp((zᵢ - m)/T) / s, and log-sum-exp is m/T + log s.

    Parameters
    ----------
    maximum : array_like
        m. Real numbers; all but longdouble are kept as float64, and a state with one longdouble
        in longdouble.
    denominator : array_like
        s ≥ 0, in the shape of `maximum`.
    correction : array_like, optional
        What rounding took from `denominator`, far smaller: their sum is s to twice the precision.
        Broadcasts to the shape of `maximum`.
    temperature : array_like, optional
        T ≥ 0, in units of z. Broadcasts to the shape of `maximum`.

    Raises
    ------
    TypeError
        If one of them is not real (complex, object, string, time) or is a masked array.
    ValueError
        If their shapes do not fit, a denominator is negative or infinite, or a temperature is
        negative or NaN.

    Notes
    -----
    Special cases:

    * The identity is (-inf, 0), the state of an empty slice: merged with it, a state stays as is,
      at whatever temperature.
    * A slice of -inf alone has the state (-inf, 0) as well.
    * A NaN makes it (NaN, NaN).
    * With +inf in the slice and no NaN it is (inf, n), where n counts them.
    * At T = 0, s counts the maxima, and at T = inf what is above -inf.
    * A maximum of -0 becomes 0.

    All arrays are read-only copies. States are compared by identity (``is``), as arrays have no
    one truth value.

    Accuracy: the maximum is exact. For finite slices of any length, the relative error of s after
    `of` is that of the exponentials: with u = 2**-53, below 0.5 u with compiled kernels and 2 u
    with NumPy (0.11 and 0.96 u are the largest found). A merge adds less than 2**-85. So these
    bounds hold however a slice was cut, and the state of a slice whose parts had one logit each is
    off by next to nothing. `denominator` alone is s rounded, which adds 1 u. In longdouble, with
    u = 2**-64 and an exp that errs by 1 ulp, it is 3.1 u, and a merge adds 5.1 u. Merging is
    commutative to the bit. It is associative over the reals; in floating point two bracketings
    differ by the sum of their errors at most.

    Claims: `online`, `chunks`

    References
    ----------
    .. [1] M. Milakov, N. Gimelshein, "Online normalizer calculation for softmax", 2018.
       https://doi.org/10.48550/arXiv.1805.02867

    Examples
    --------
    >>> from softmax_lib import OnlineNormalizer
    >>> first, second = OnlineNormalizer.of([3.0, 3.0]), OnlineNormalizer.of([1000.0])
    >>> first
    OnlineNormalizer(maximum=np.float64(3.0), denominator=np.float64(2.0))
    >>> first.merge(second)
    OnlineNormalizer(maximum=np.float64(1000.0), denominator=np.float64(1.0))

    A row in two parts, and the probabilities of the second part:

    >>> state = OnlineNormalizer.of([1.0, 2.0]).merge(OnlineNormalizer.of([3.0]))
    >>> state.probabilities([3.0])
    array([0.66524096])
    """

    maximum: Any
    denominator: Any
    correction: Any = field(default=0.0, repr=False)
    temperature: Any = field(default=1.0, repr=False)

    def __post_init__(self) -> None:
        names = [one.name for one in fields(self)]
        given = [real(name, getattr(self, name)) for name in names]
        shape = given[0].shape
        if given[1].shape != shape:
            raise ValueError(f"maximum of shape {shape} and denominator of shape {given[1].shape}")
        wide = any(values.dtype.char == "g" for values in given)
        working: np.dtype[Any] = np.dtype(np.longdouble if wide else np.float64)
        for name, values in zip(names, given, strict=True):
            try:
                # Adding 0 turns -0 into 0: which of two is the larger depends on their order.
                copy = np.broadcast_to(values, shape).astype(working) + 0.0
            except ValueError:
                raise ValueError(
                    f"{name} of shape {values.shape} does not broadcast to that of maximum, {shape}"
                ) from None
            copy.setflags(write=False)
            object.__setattr__(self, name, copy[()])
        sums, temperatures = np.asarray(self.denominator), np.asarray(self.temperature)
        invalid = sums[(sums < 0) | (sums == np.inf)]
        if invalid.size:
            raise ValueError(f"denominator must be finite and at least 0, got {invalid.flat[0]}")
        invalid = temperatures[~(temperatures >= 0)]
        if invalid.size:
            raise ValueError(f"temperature must be at least 0, got {invalid.flat[0]}")

    def __reduce__(self) -> tuple[Any, ...]:
        # So that copies of every kind are checked, and read-only.
        return type(self), (self.maximum, self.denominator, self.correction, self.temperature)

    @classmethod
    def of(
        cls,
        z: ArrayLike,
        /,
        *,
        axis: Axis = -1,
        temperature: ArrayLike = 1.0,
        where: ArrayLike | None = None,
    ) -> OnlineNormalizer:
        """Return the state of the slices of z, (max z, Σⱼ exp((zⱼ - max z)/T)).

        Parameters
        ----------
        z : array_like
            Logits, of any shape. Real numbers; bool and integers are taken as float64.
        axis : int, tuple of int or None, optional
            The axes of the slices; None means all of them.
        temperature : array_like, optional
            T ≥ 0, in units of z. Broadcasts to z's shape, the same along `axis`.
        where : array_like of bool, optional
            What to leave in. Broadcasts to z's shape.

        Returns
        -------
        OnlineNormalizer
            In z's shape without `axis`, in float64 (in longdouble if z is longdouble).

        Raises
        ------
        TypeError
            If z or `temperature` is not real (complex, object, string, time), if `where` is not
            Boolean, or if one of them is a masked array.
        ValueError
            If `temperature` is negative or NaN or varies along `axis`, or if `temperature` or
            `where` does not broadcast to z's shape.
        numpy.exceptions.AxisError
            If an axis is out of range.

        Notes
        -----
        Special cases and accuracy are those of :class:`OnlineNormalizer`. A slice with nothing left
        in has the state of an empty one.

        Examples
        --------
        >>> from softmax_lib import OnlineNormalizer
        >>> OnlineNormalizer.of([[0.0, 0.0], [5.0, -5.0]], axis=0).denominator
        array([1.00673795, 1.00673795])
        """
        slices = Slices.of(z, axis=axis, temperature=temperature, where=where, narrow=False)
        states = slices.columns(_states, empty=(-np.inf, 0.0, 0.0))
        maximum, denominator, correction = states
        return cls(maximum, denominator, correction, slices.temperatures())

    @np.errstate(all="ignore")
    def merge(self, other: OnlineNormalizer, /) -> OnlineNormalizer:
        r"""Return the state of two slices together, (M, s exp(m - M) + s' exp(m' - M)).

        M is the larger maximum.

        Parameters
        ----------
        other : OnlineNormalizer
            The state (m', s') of slices that have no element in common with those of this one. The
            shapes broadcast, so that the scalar identity merges with any state.

        Returns
        -------
        OnlineNormalizer
            In longdouble if one of the two is.

        Raises
        ------
        TypeError
            If `other` is not an OnlineNormalizer.
        ValueError
            If the shapes do not broadcast.

        Notes
        -----
        Special cases and accuracy are those of :class:`OnlineNormalizer`.

        Examples
        --------
        >>> import numpy as np
        >>> from softmax_lib import OnlineNormalizer
        >>> state = OnlineNormalizer(-np.inf, 0.0)
        >>> for block in np.arange(6.0).reshape(3, 2):
        ...     state = state.merge(OnlineNormalizer.of(block))
        >>> state.logsumexp()
        np.float64(5.456193316018123)
        """
        if not isinstance(other, OnlineNormalizer):
            raise TypeError(f"merge takes an OnlineNormalizer, got {type(other).__name__}")
        try:
            maximum = np.maximum(self.maximum, other.maximum)
        except ValueError:
            shapes = np.shape(self.maximum), np.shape(other.maximum)
            raise ValueError(
                f"states of shapes {shapes[0]} and {shapes[1]} do not broadcast"
            ) from None
        # A state without a logit above -inf goes with any temperature.
        held = np.where(np.isneginf(self.maximum), other.temperature, self.temperature)
        unlike = (held != other.temperature) & ~np.isneginf(other.maximum)
        if unlike.any():
            at = tuple(np.argwhere(unlike)[0])
            first, second = (
                np.broadcast_to(values, unlike.shape)[at] for values in (held, other.temperature)
            )
            raise ValueError(f"states at temperatures {first} and {second} do not merge")
        total = relative_to(maximum, self) + relative_to(maximum, other)
        denominator = total.rounded()
        correction = finite_or_zero((total.value - denominator) + total.error)
        return OnlineNormalizer(maximum, denominator, correction, held)

    @np.errstate(all="ignore")
    def logsumexp(self) -> Floating:
        r"""Return the logarithm of the sum of the exponentials, m/T + log s.

        Returns
        -------
        ndarray or scalar
            Values in nats, in the shape and the format of the state.

        Notes
        -----
        Special cases:

        * The identity gives -inf.
        * A maximum of +inf gives +inf.
        * A NaN gives NaN.
        * T = 0 gives inf or -inf, by the sign of the maximum, and log s if that is 0.
        * T = inf gives log s.

        Accuracy: 2 ulps of max(\|m/T\|, \|result\|, 1).

        Examples
        --------
        >>> from softmax_lib import OnlineNormalizer
        >>> OnlineNormalizer.of([1000.0, 1000.0]).logsumexp()
        np.float64(1000.6931471805599)
        """
        # An infinite maximum decides, whatever the temperature; and 0 / 0 is 0.
        decides = np.isinf(self.maximum) | (self.maximum == 0)
        shift = np.where(decides, self.maximum, np.divide(self.maximum, self.temperature))
        rest = two_sum(np.asarray(self.denominator) - 1, np.asarray(self.correction))
        result: Floating = (exactly(shift) + log1p(rest)).rounded()[()]
        return result

    def probabilities(
        self, z: ArrayLike, /, *, axis: Axis = -1, where: ArrayLike | None = None
    ) -> Floating:
        r"""Return the softmax of slices of which z is any part, exp((zᵢ - m)/T) / s.

        Parameters
        ----------
        z : array_like
            Logits that the state has seen, and no matter which. Real numbers; bool and integers
            are taken as float64.
        axis : int, tuple of int or None, optional
            The axes of the slices. The state's shape broadcasts to z's shape without them.
        where : array_like of bool, optional
            What to leave in. Broadcasts to z's shape.

        Returns
        -------
        ndarray or scalar
            Probabilities in z's shape and floating format (float64 for bool and integers).

        Raises
        ------
        TypeError
            If z is not real (complex, object, string, time), if `where` is not Boolean, or if one
            of them is a masked array.
        ValueError
            If a logit is above the state's maximum, so that the state has not seen it; if the
            state does not broadcast to z's slices, or `where` to z's shape.
        numpy.exceptions.AxisError
            If an axis is out of range.

        Notes
        -----
        Special cases and accuracy are those of :func:`softmax_lib.softmax`, of the whole slices. A
        NaN that the state has not seen makes NaN of what the same slice has in z. Last bits may
        differ from those of the whole, whose sum is another float.

        Examples
        --------
        >>> from softmax_lib import OnlineNormalizer
        >>> state = OnlineNormalizer.of([1.0, 2.0, 3.0])
        >>> state.probabilities([1.0, 2.0]), state.probabilities([3.0])
        (array([0.09003057, 0.24472847]), array([0.66524096]))
        """
        return self._second_pass("shares", z, axis, where, left_out=0.0)

    def log_probabilities(
        self, z: ArrayLike, /, *, axis: Axis = -1, where: ArrayLike | None = None
    ) -> Floating:
        r"""Return the log-softmax of slices of which z is any part, (zᵢ - m)/T - log s.

        Parameters
        ----------
        z : array_like
            Logits that the state has seen, and no matter which. Real numbers; bool and integers
            are taken as float64.
        axis : int, tuple of int or None, optional
            The axes of the slices. The state's shape broadcasts to z's shape without them.
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
            If z is not real (complex, object, string, time), if `where` is not Boolean, or if one
            of them is a masked array.
        ValueError
            If a logit is above the state's maximum, so that the state has not seen it; if the
            state does not broadcast to z's slices, or `where` to z's shape.
        numpy.exceptions.AxisError
            If an axis is out of range.

        Notes
        -----
        Special cases and accuracy are those of :func:`softmax_lib.log_softmax`, of the whole
        slices, near 0 too. A NaN that the state has not seen makes NaN of what the same slice has
        in z.

        Examples
        --------
        >>> from softmax_lib import OnlineNormalizer
        >>> state = OnlineNormalizer.of([0.0]).merge(OnlineNormalizer.of([20.0]))
        >>> state.log_probabilities([20.0])
        array([-2.06115362e-09])
        """
        return self._second_pass("log_shares", z, axis, where, left_out=-np.inf)

    def _second_pass(
        self, name: str, z: ArrayLike, axis: Axis, where: ArrayLike | None, left_out: float
    ) -> Floating:
        logits, state = real("z", z), [getattr(self, one.name) for one in fields(self)]
        dtype = result_dtype(logits.dtype)
        if state[0].dtype.char == "g":
            logits = logits.astype(np.longdouble)
        slices = Slices.of(logits, axis=axis, where=where)
        try:
            state = [np.broadcast_to(values, slices.batch) for values in state]
        except ValueError:
            raise ValueError(
                f"a state of shape {np.shape(self.maximum)} does not broadcast to the slices of z, "
                f"which has the shape {slices.shape} and the softmax axes {slices.axes}"
            ) from None
        *sums, temperature = (values.astype(slices.wide) for values in state)
        slices = replace(slices, temperature=temperature)
        function = partial(shares_in, name)
        result: Floating = rounded(slices.map(function, *sums, left_out=left_out), dtype)
        return result


def share(part: OnlineNormalizer, whole: OnlineNormalizer) -> Array:
    """Return how much of the exponentials of the whole are those of a part of it, 0 for none."""
    own = relative_to(whole.maximum, part).rounded()
    return np.where(own == 0, 0, own / whole.denominator)


def relative_to(maximum: Array, state: OnlineNormalizer) -> DoubleWord:
    """Return a state's sum relative to a maximum that is not below its own."""
    total = DoubleWord(np.asarray(state.denominator), np.asarray(state.correction))
    gap = two_sum(np.asarray(state.maximum), np.negative(maximum))
    fraction, exponent = np.frexp(state.temperature)
    quotient = DoubleWord(*(np.ldexp(part, -exponent) for part in gap)) / exactly(fraction)
    value = np.where(np.isinf(gap.value), gap.value, quotient.value)
    if value.dtype == np.float64:
        # Made of IEEE operations alone: NumPy's own has other bits on another processor.
        power = exponential(np.maximum(value, -800))
    else:
        power = exactly(np.exp(value))
    # The rounding of the gap would cost up to 512 u where the exponential is not yet 0.
    lost = power.value * finite_or_zero(quotient.error)
    product = total * DoubleWord(power.value, power.error + lost)
    seen = state.maximum == maximum
    return DoubleWord(*(np.where(seen, *pair) for pair in zip(total, product, strict=True)))


def _states(rows: Rows) -> Array:
    sums = sums_of(rows, APART)
    one = exactly(np.ones_like(sums.maximum))
    total = one + sums.rest
    denominator = total.rounded()
    correction = finite_or_zero((total.value - denominator) + total.error)
    if rows.limits is not None:
        counts = rows.limits.infinities
        empty, infinite = sums.maximum == -np.inf, sums.maximum == np.inf
        denominator = np.select([empty, infinite], [0, counts], denominator)
        correction = np.where(empty | infinite, 0, correction)
    return np.concatenate([sums.maximum, denominator, correction], axis=-1)
