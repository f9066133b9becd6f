"""The normaliser of a softmax in one pass: states of parts of a slice, and how they merge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from softmax_lib._arguments import Array, Axis, real
from softmax_lib._arrays import APART
from softmax_lib._double_word import exactly, exponential, finite_or_zero, two_sum
from softmax_lib._rows import Rows, sums_of
from softmax_lib._slices import Slices


@dataclass(frozen=True, eq=False)
class OnlineNormalizer:
    r"""The state of a softmax's normaliser, (m, s) = (max z, Σⱼ exp(zⱼ - max z)), for any shape.

    The states of two parts of a slice merge into that of the whole. So a slice can be gone through
    in pieces, in one pass: softmax is exp(zᵢ - m) / s, and log-sum-exp is m + log s.

    Parameters
    ----------
    maximum : array_like
        m. Real numbers; all but longdouble are kept as float64, and a state with one longdouble
        in longdouble.
    denominator : array_like
        s ≥ 0, in the shape of `maximum`.

    Raises
    ------
    TypeError
        If one of them is not real (complex, object, string, time) or is a masked array.
    ValueError
        If their shapes differ, or a denominator is negative or infinite.

    Notes
    -----
    Special cases:

    * The identity is (-inf, 0), the state of an empty slice: merged with it, a state stays as is.
    * A slice of -inf alone has the state (-inf, 0) as well.
    * A NaN makes it (NaN, NaN).
    * With +inf in the slice and no NaN it is (inf, n), where n counts them.
    * A maximum of -0 becomes 0.

    Both arrays are read-only copies. States are compared by identity (``is``), as arrays have no
    one truth value.

    Accuracy: the maximum is exact. The relative error of the denominator, for finite slices of any
    length, is below 3 u after `of`, with u = 2**-53 (1.6 u is the largest found). A merge adds less
    than 4.4 u to the larger of its two errors: 1 u for each of its two exponentials' errors, their
    corrections, products and sum (3.4 u is the largest found). So it is below
    (3 + 4.4 d) u, where no slice has gone through more than d merges: n - 1 if n slices are
    merged one after the other, about log₂ n if they are merged in pairs. In longdouble, with
    u = 2**-64 and an exp that errs by 1 ulp, it is below (3.1 + 5.1 d) u. Merging is commutative to
    the bit. It is associative over the reals; in floating point two bracketings differ by the sum
    of their errors at most.

    Claims: `online`

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
    """

    maximum: Any
    denominator: Any

    def __post_init__(self) -> None:
        given = [real(name, getattr(self, name)) for name in ("maximum", "denominator")]
        shapes = [values.shape for values in given]
        if shapes[0] != shapes[1]:
            raise ValueError(f"maximum of shape {shapes[0]} and denominator of shape {shapes[1]}")
        wide = any(values.dtype.char == "g" for values in given)
        working: np.dtype[Any] = np.dtype(np.longdouble if wide else np.float64)
        # Adding 0 turns -0 into 0: which of the two is the larger depends on their order.
        maximum, denominator = (values.astype(working) + 0.0 for values in given)
        invalid = denominator[(denominator < 0) | (denominator == np.inf)]
        if invalid.size:
            raise ValueError(f"denominator must be finite and at least 0, got {invalid.flat[0]}")
        for name, values in ("maximum", maximum), ("denominator", denominator):
            values.setflags(write=False)
            object.__setattr__(self, name, values[()])

    def __reduce__(self) -> tuple[Any, ...]:
        # So that copies of every kind are checked, and read-only.
        return type(self), (self.maximum, self.denominator)

    @classmethod
    def of(cls, z: ArrayLike, /, *, axis: Axis = -1) -> OnlineNormalizer:
        """Return the state of the slices of z, (max z, Σⱼ exp(zⱼ - max z)).

        Parameters
        ----------
        z : array_like
            Logits, of any shape. Real numbers; bool and integers are taken as float64.
        axis : int, tuple of int or None, optional
            The axes of the slices; None means all of them.

        Returns
        -------
        OnlineNormalizer
            In z's shape without `axis`, in float64 (in longdouble if z is longdouble).

        Raises
        ------
        TypeError
            If z is not real (complex, object, string, time) or is a masked array.
        numpy.exceptions.AxisError
            If an axis is out of range.

        Notes
        -----
        Special cases and accuracy are those of :class:`OnlineNormalizer`.

        Examples
        --------
        >>> from softmax_lib import OnlineNormalizer
        >>> OnlineNormalizer.of([[0.0, 0.0], [5.0, -5.0]], axis=0).denominator
        array([1.00673795, 1.00673795])
        """
        slices = Slices.of(z, axis=axis, narrow=False)
        return cls(*slices.columns(_states, empty=(-np.inf, 0.0)))

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
        denominator = relative_to(maximum, self) + relative_to(maximum, other)
        return OnlineNormalizer(maximum, denominator)

    @np.errstate(all="ignore")
    def logsumexp(self) -> Any:
        r"""Return the logarithm of the sum of the exponentials, m + log s.

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

        Accuracy: 2 ulps of max(\|m\|, \|result\|, 1), and half an ulp more of it for each u of
        relative error of the denominator.

        Examples
        --------
        >>> from softmax_lib import OnlineNormalizer
        >>> OnlineNormalizer.of([1000.0, 1000.0]).logsumexp()
        np.float64(1000.6931471805599)
        """
        return self.maximum + np.log(self.denominator)


def share(part: OnlineNormalizer, whole: OnlineNormalizer) -> Array:
    """Return how much of the exponentials of the whole are those of a part of it, 0 for none."""
    own = relative_to(whole.maximum, part)
    return np.where(own == 0, 0, own / whole.denominator)


def relative_to(maximum: Array, state: OnlineNormalizer) -> Array:
    """Return a state's denominator relative to a maximum that is not below its own."""
    gap = two_sum(np.asarray(state.maximum), np.negative(maximum))
    if gap.value.dtype == np.float64:
        # Made of IEEE operations alone: NumPy's own has other bits on another processor.
        power = exponential(np.maximum(gap.value, -800)).value
    else:
        power = np.exp(gap.value)
    # The rounding of the gap would cost up to 512 u where the exponential is not yet 0.
    power = power + power * finite_or_zero(gap.error)
    result: Array = state.denominator * np.where(state.maximum == maximum, 1, power)
    return result


def _states(rows: Rows) -> Array:
    sums = sums_of(rows, APART)
    one = exactly(np.ones_like(sums.maximum))
    denominator = (one + sums.rest).rounded()
    if rows.limits is not None:
        counts = rows.limits.infinities
        empty, infinite = sums.maximum == -np.inf, sums.maximum == np.inf
        denominator = np.select([empty, infinite], [0, counts], denominator)
    return np.concatenate([sums.maximum, denominator], axis=-1)
