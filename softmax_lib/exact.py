"""The correctly rounded reference, and the unit that errors are measured in.

Nothing here is computed in floating point, and no numerical code is shared with the functions
that are measured against it. Every result is a + b with an exact rational a and a positive b,
which is known to any precision that is asked for. The precision is raised until both ends of an
enclosure of a + b round to the same number (Ziv's loop). Lindemann and Weierstrass see to it that
the loop ends: only for b = 0 can the result be rational.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from numbers import Rational
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from softmax_lib._arguments import Array, Axis, boolean, is_floating, not_masked
from softmax_lib._extras import require
from softmax_lib._formats import Format
from softmax_lib._slices import Slices

require("exact", "the exact reference", "mpmath")
import mpmath
from mpmath import libmp

# mpmath's exp, log and quotients, and the few roundings between them, are taken to err in no more
# than this many of the last bits. They are far better than that. It is mpmath because SymPy brings
# it; the tests certify what comes out with the enclosures of Arb, which needs no such trust.
_GUARD_BITS = 20
_UNROUNDED_BITS = 224
# With this many bits beyond the format, a second try is needed once in 2**40.
_EXTRA_BITS = 40

_Mpf = Any  # mpmath's raw (sign, mantissa, exponent, bit count), which belongs to no context
_Approximation = Callable[[int], _Mpf]  # bits -> b >= 0 with a relative error below 2**-bits


def exact_softmax(
    z: ArrayLike,
    /,
    *,
    axis: Axis = -1,
    temperature: ArrayLike = 1.0,
    where: ArrayLike | None = None,
    rounded: bool = True,
) -> Any:
    """Return the correctly rounded probabilities exp(zᵢ/T) / Σⱼ exp(zⱼ/T).

    Parameters
    ----------
    z : array_like
        Logits, of any shape, as in :func:`softmax_lib.softmax`.
    axis : int, tuple of int or None, optional
        The axes along which the probabilities sum to 1; None means all of them.
    temperature : array_like, optional
        T ≥ 0, taken as the float that it is; broadcasts as in :func:`softmax_lib.softmax`.
    where : array_like of bool, optional
        What to leave in. Broadcasts to z's shape.
    rounded : bool, optional
        Whether to round, to nearest with ties to even, to z's floating format (float64 for bool
        and integers). If not, the values are mpmath.mpf with a relative error below 2**-200.

    Returns
    -------
    ndarray or scalar
        Probabilities, in z's shape; an array of objects if not `rounded`.

    Raises
    ------
    TypeError, ValueError, numpy.exceptions.AxisError
        As in :func:`softmax_lib.softmax`.
    ImportError
        If mpmath is missing, with what to install.

    Notes
    -----
    Special cases are those of :func:`softmax_lib.softmax`. Accuracy: rounded results err by at
    most 0.5 ulp, subnormal results and overflow included. All that is taken on trust is that
    mpmath's exponential and logarithm are right but for the last 20 bits of the precision asked
    of them. Slow: some 50 µs an element.

    Claims: `formula`, `t-zero`, `t-infinity`, `rounding`

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_lib import exact_softmax
    >>> exact_softmax(np.array([0, 1, 2], dtype=np.float16))
    array([0.09  , 0.2448, 0.665 ], dtype=float16)
    >>> import mpmath
    >>> mpmath.nstr(exact_softmax([0.0, 1.0], rounded=False)[1], 40)
    '0.7310585786300048792511592418218362743651'
    """

    def probability(distribution: _Distribution, index: int, output: _Output) -> Any:
        if len(distribution.gaps) == 1:  # 1/K is rational
            return output.number(Fraction(1, distribution.counts[0]), _zero)
        return output.number(Fraction(0), lambda bits: distribution.probability(index, bits))

    slices = Slices.of(z, axis=axis, temperature=temperature, where=where)
    return _elementwise(slices, probability, impossible=0.0, rounded=rounded)


def exact_log_softmax(
    z: ArrayLike,
    /,
    *,
    axis: Axis = -1,
    temperature: ArrayLike = 1.0,
    where: ArrayLike | None = None,
    rounded: bool = True,
) -> Any:
    """Return the correctly rounded log-probabilities zᵢ/T - log Σⱼ exp(zⱼ/T).

    Parameters
    ----------
    z : array_like
        Logits, of any shape, as in :func:`softmax_lib.log_softmax`.
    axis : int, tuple of int or None, optional
        The axes along which the probabilities sum to 1; None means all of them.
    temperature : array_like, optional
        T ≥ 0, taken as the float that it is; broadcasts as in :func:`softmax_lib.log_softmax`.
    where : array_like of bool, optional
        What to leave in. Broadcasts to z's shape.
    rounded : bool, optional
        Whether to round, to nearest with ties to even, to z's floating format (float64 for bool
        and integers). If not, the values are mpmath.mpf with a relative error below 2**-200.

    Returns
    -------
    ndarray or scalar
        Log-probabilities in nats, in z's shape; an array of objects if not `rounded`.

    Raises
    ------
    TypeError, ValueError, numpy.exceptions.AxisError
        As in :func:`softmax_lib.log_softmax`.
    ImportError
        If mpmath is missing, with what to install.

    Notes
    -----
    Special cases are those of :func:`softmax_lib.log_softmax`. Accuracy: rounded results err by at
    most 0.5 ulp, subnormal results and overflow included. All that is taken on trust is that
    mpmath's exponential and logarithm are right but for the last 20 bits of the precision asked
    of them. Slow: some 50 µs an element.

    Claims: `formula`, `lse`, `rounding`

    Examples
    --------
    >>> from softmax_lib import exact_log_softmax
    >>> exact_log_softmax([20.0, 0.0])
    array([-2.06115362e-09, -2.00000000e+01])
    """

    def log_probability(distribution: _Distribution, index: int, output: _Output) -> Any:
        return output.number(distribution.gaps[index], distribution.log1p_of_rest, sign=-1)

    slices = Slices.of(z, axis=axis, temperature=temperature, where=where)
    return _elementwise(slices, log_probability, impossible=-np.inf, rounded=rounded)


def exact_logsumexp(
    z: ArrayLike,
    /,
    *,
    axis: Axis = -1,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    rounded: bool = True,
) -> Any:
    """Return the correctly rounded logarithm of a sum of exponentials, log Σⱼ exp(zⱼ).

    Parameters
    ----------
    z : array_like
        Logits, of any shape, as in :func:`softmax_lib.logsumexp`.
    axis : int, tuple of int or None, optional
        The axes to sum along; None means all of them.
    keepdims : bool, optional
        Whether the axes summed along stay, with length 1.
    where : array_like of bool, optional
        What to leave in. Broadcasts to z's shape.
    rounded : bool, optional
        Whether to round, to nearest with ties to even, to z's floating format (float64 for bool
        and integers). If not, the values are mpmath.mpf with a relative error below 2**-200.

    Returns
    -------
    ndarray or scalar
        Values in nats, in z's shape without `axis`; an array of objects if not `rounded`.

    Raises
    ------
    TypeError, ValueError, numpy.exceptions.AxisError
        As in :func:`softmax_lib.logsumexp`.
    ImportError
        If mpmath is missing, with what to install.

    Notes
    -----
    Special cases are those of :func:`softmax_lib.logsumexp`. Accuracy: rounded results err by at
    most 0.5 ulp, subnormal results and overflow included. All that is taken on trust is that
    mpmath's exponential and logarithm are right but for the last 20 bits of the precision asked
    of them. Slow: some 50 µs an element.

    Claims: `lse`, `rounding`

    Examples
    --------
    >>> from softmax_lib import exact_logsumexp
    >>> exact_logsumexp([[0.0, 0.0], [0.0, -1000.0]])
    array([0.69314718, 0.        ])
    """
    slices = Slices.of(z, axis=axis, where=where)
    output = _output(slices, rounded=rounded)
    rows, one = slices.rows(), slices.wide.type(1)
    result = np.empty(slices.batch, dtype=output.dtype)
    for at in np.ndindex(slices.batch):
        row = rows[at]
        maximum = np.max(row, initial=-np.inf)
        if np.isfinite(maximum):
            distribution = _distribution(row, one)
            assert distribution is not None
            result[at] = output.number(_fraction(maximum), distribution.log1p_of_rest)
        else:
            result[at] = output.constant(maximum)
    return output.finish(slices).reduced(result, keepdims=keepdims)


@np.errstate(all="ignore")
def ulp_error(computed: ArrayLike, exact: ArrayLike, /) -> Any:
    r"""Measure \|computed - exact\| in units in the last place of exact, in the format of computed.

    A unit in the last place (ulp) of x in a format of precision p is
    2**(max(floor(log2 \|x\|), e_min) - (p - 1)), the spacing of the format's numbers at x.

    Parameters
    ----------
    computed : array_like of a floating format
        What to measure. Its format, bfloat16 included, sets the unit.
    exact : array_like
        What it should be. Broadcasts against `computed`. An array of the same or of a wider
        floating format, or of objects that are mpmath.mpf, fractions or integers; with these the
        difference is taken exactly.

    Returns
    -------
    ndarray of float64 or scalar
        Errors in ulps, of the broadcast shape.

    Raises
    ------
    TypeError
        If `computed` is not floating, or if `exact` is of a format that cannot hold all numbers of
        that of `computed`, or holds other objects.
    ImportError
        If mpmath is missing, with what to install.

    Notes
    -----
    Special cases:

    * The unit of a subnormal number, and of 0, is the smallest subnormal number.
    * Two NaN are 0 apart.
    * A NaN and anything else are inf apart.
    * Equal infinities are 0 apart.
    * An infinity and a number that rounds to it are 0 apart.
    * An infinity and any other number, and opposite infinities, are inf apart.

    Claims: `rounding`

    Examples
    --------
    >>> import numpy as np
    >>> from fractions import Fraction
    >>> from softmax_lib import ulp_error
    >>> ulp_error(np.float32(0.1), 0.1)
    np.float64(0.19999999925494194)
    >>> ulp_error([0.1, 1.0], [Fraction(1, 10), Fraction(1)])
    array([0.4, 0. ])
    """
    values, reference = not_masked("computed", computed), not_masked("exact", exact)
    if not is_floating(values.dtype):
        raise TypeError(f"computed must be floating, got dtype {values.dtype}")
    unit = Format.of(values.dtype)
    if reference.dtype == object:
        measure = np.frompyfunc(lambda x, y: _exact_ulps(x, y, unit), 2, 1)
        return np.asarray(measure(_widened(values), reference), dtype=np.float64)[()]
    if not is_floating(reference.dtype) or not Format.of(reference.dtype).holds(unit):
        raise TypeError(
            f"exact must be of a format that holds {values.dtype}, got dtype {reference.dtype}"
        )
    working = np.result_type(_widened(values), _widened(reference))
    return _ulps(values.astype(working), reference.astype(working), unit)[()]


@dataclass
class _Distribution:
    """A slice with a softmax: its distinct gaps (max z - z) / T, ascending from 0, finite."""

    gaps: list[Fraction]
    counts: list[int]
    indices: NDArray[np.intp]  # of each element among the gaps; -1 where the gap is infinite
    _evaluated: dict[int, tuple[list[_Mpf], _Mpf]] = field(default_factory=dict)

    def probability(self, index: int, bits: int) -> _Mpf:
        """Return the probability of an element with the gap of this index."""
        terms, rest, precision = self._evaluate(bits)
        return libmp.mpf_div(terms[index], libmp.mpf_add(libmp.fone, rest, precision), precision)

    def log1p_of_rest(self, bits: int) -> _Mpf:
        """Return log(1 + rest), the rest being the sum of the terms without one maximal one."""
        _, rest, precision = self._evaluate(bits)
        if rest == libmp.fzero:
            return rest
        if _magnitude(rest) < -precision:
            return rest  # rest (1 - rest / 2) < log(1 + rest) < rest
        # Twice the precision, for rest may lie as far below 1 as 2**-precision.
        return libmp.mpf_log(libmp.mpf_add(libmp.fone, rest, 2 * precision), precision)

    def _evaluate(self, bits: int) -> tuple[list[_Mpf], _Mpf, int]:
        precision = bits + _GUARD_BITS + len(self.gaps).bit_length()
        if bits not in self._evaluated:
            terms = [_exp_of_minus(gap, precision) for gap in self.gaps]
            rest = libmp.from_int(self.counts[0] - 1)
            for term, count in zip(terms[1:], self.counts[1:], strict=True):
                rest = libmp.mpf_add(rest, libmp.mpf_mul_int(term, count, precision), precision)
            self._evaluated[bits] = terms, rest
        return *self._evaluated[bits], precision


def _distribution(row: Array, temperature: Any) -> _Distribution | None:
    """Sort a slice into a distribution; None where the limit does not exist."""
    maximum = np.max(row, initial=-np.inf)
    values, indices, counts = np.unique(row, return_inverse=True, return_counts=True)
    winners = int(np.count_nonzero(row == maximum))
    if np.isnan(maximum) or maximum == -np.inf or (maximum == np.inf and winners > 1):
        return None
    if maximum == np.inf or temperature == 0:
        return _Distribution([Fraction(0)], [winners], np.where(row == maximum, 0, -1))
    if temperature == np.inf:
        remaining = int(np.count_nonzero(row > -np.inf))
        return _Distribution([Fraction(0)], [remaining], np.where(row > -np.inf, 0, -1))
    top, divisor = _fraction(maximum), _fraction(temperature)
    descending = values[values > -np.inf][::-1]
    return _Distribution(
        [(top - _fraction(value)) / divisor for value in descending],
        counts[::-1][: descending.size].tolist(),
        np.where(row > -np.inf, values.size - 1 - indices, -1),
    )


class _Output(Protocol):
    """What becomes of an exact result."""

    dtype: np.dtype[Any]

    def constant(self, value: float) -> Any:
        """Give a special value."""

    def number(self, a: Fraction, b: _Approximation, sign: int = 1) -> Any:
        """Give sign * (a + b)."""

    def finish(self, slices: Slices) -> Slices:
        """Give the slices the dtype that their result is restored to."""


@dataclass
class _Rounded:
    """Results rounded to the format of the input."""

    dtype: np.dtype[Any]
    format: Format

    def constant(self, value: float) -> Any:
        return self.dtype.type(value)

    def number(self, a: Fraction, b: _Approximation, sign: int = 1) -> Any:
        nearest = self._nearest(a, b)
        if nearest is None:
            return self.constant(sign * np.inf)
        mantissa, exponent = nearest
        return self.dtype.type(np.ldexp(np.longdouble(sign * mantissa), exponent))

    def finish(self, slices: Slices) -> Slices:
        return slices

    def _nearest(self, a: Fraction, b: _Approximation) -> tuple[int, int] | None:
        # Boundaries of rounding are multiples of half the smallest unit, so other than a itself
        # there is none within 2**-reach of a, and any b below that rounds alike.
        reach = a.denominator.bit_length() - self.format.smallest_unit + 2
        bits = self.format.precision + _EXTRA_BITS
        while True:
            approximation = b(bits)
            if approximation == libmp.fzero:
                return self.format.round(a)
            if _magnitude(approximation) < -reach:
                return self.format.round(a + Fraction(1, 2**reach))
            _, mantissa, exponent, _ = approximation
            middle = _dyadic(mantissa, exponent)
            lower, upper = (
                self.format.round(a + middle * (1 + Fraction(side, 2**bits))) for side in (-1, 1)
            )
            if lower == upper:
                return lower
            bits *= 2


class _Unrounded:
    """Results as mpmath.mpf, exact to _UNROUNDED_BITS whatever precision mpmath is set to."""

    dtype = np.dtype(object)

    def constant(self, value: float) -> Any:
        return mpmath.mpf(float(value))

    def number(self, a: Fraction, b: _Approximation, sign: int = 1) -> Any:
        bits = _UNROUNDED_BITS + 32
        while True:
            approximation = b(bits)
            rational = libmp.from_rational(a.numerator, a.denominator, bits)
            total = libmp.mpf_add(rational, approximation, bits)
            if libmp.fzero in (approximation, rational):
                break
            # A logsumexp close to 0 is the difference of two larger numbers.
            cancelled = _magnitude(approximation) - (
                -bits if total == libmp.fzero else _magnitude(total)
            )
            if bits - cancelled > _UNROUNDED_BITS:
                break
            bits += cancelled
        return mpmath.mp.make_mpf(libmp.mpf_neg(total) if sign < 0 else total)

    def finish(self, slices: Slices) -> Slices:
        return replace(slices, dtype=self.dtype)


def _output(slices: Slices, *, rounded: bool) -> _Output:
    if boolean("rounded", rounded):
        return _Rounded(slices.wide, Format.of(slices.dtype))
    return _Unrounded()


def _elementwise(
    slices: Slices,
    compute: Callable[[_Distribution, int, _Output], Any],
    *,
    impossible: float,
    rounded: bool,
) -> Any:
    """Compute each distinct element of each slice; `impossible` is for probability 0."""
    output = _output(slices, rounded=rounded)
    rows, temperatures = slices.rows(), slices.temperatures()
    result = np.full(rows.shape, output.constant(np.nan), dtype=output.dtype)
    for at in np.ndindex(slices.batch):
        distribution = _distribution(rows[at], temperatures[at])
        if distribution is not None:
            values = np.full(len(distribution.gaps) + 1, output.constant(impossible))
            for index in range(len(distribution.gaps)):
                values[index] = compute(distribution, index, output)
            result[at] = values[distribution.indices]
    result[~slices.kept()] = output.constant(impossible)
    return output.finish(slices).restore(result)


def _fraction(value: Any) -> Fraction:
    return Fraction(*value.as_integer_ratio())


def _dyadic(mantissa: int, exponent: int) -> Fraction:
    return Fraction(mantissa << max(exponent, 0), 1 << max(-exponent, 0))


def _magnitude(value: _Mpf) -> int:
    """Return e with 2**(e - 1) <= |value| < 2**e."""
    _, _, exponent, bit_count = value
    return int(exponent + bit_count)


def _zero(bits: int) -> _Mpf:
    return libmp.fzero


def _exp_of_minus(gap: Fraction, precision: int) -> _Mpf:
    # An absolute error in the exponent is a relative one in the exponential.
    integer_bits = int(gap).bit_length()
    exponent = libmp.from_rational(-gap.numerator, gap.denominator, precision + integer_bits)
    return libmp.mpf_exp(exponent, precision)


def _widened(values: Array) -> Array:
    """Return a copy in a format in which float64's range of exponents is at hand."""
    return values.astype(np.longdouble if values.dtype.char == "g" else np.float64)


def _ulps(computed: Array, exact: Array, unit: Format) -> Array:
    exponent = np.where(exact == 0, unit.smallest_exponent, np.frexp(exact)[1] - 1)
    # Both are scaled by the unit before the subtraction, which then cannot overflow.
    scale = (unit.precision - 1) - np.maximum(exponent, unit.smallest_exponent)
    distance = np.abs(np.ldexp(computed, scale) - np.ldexp(exact, scale))
    one = exact.dtype.type(1)
    # Halfway between the largest number and the next power of two; inf in the format of exact.
    overflow = np.ldexp(2 * one - np.ldexp(one, -unit.precision), unit.largest_exponent)
    cases = [
        (np.isinf(computed) | np.isinf(exact), np.inf),
        (np.isinf(computed) & (exact * np.sign(computed) >= overflow), 0.0),
        (np.isnan(computed) | np.isnan(exact), np.inf),
        (np.isnan(computed) & np.isnan(exact), 0.0),
    ]
    errors: Array = distance.astype(np.float64)
    for case, error in cases:  # not np.select, which takes no more than 32 axes
        errors = np.where(case, error, errors)
    return errors


def _exact_ulps(computed: Any, exact: Any, unit: Format) -> float:
    reference = _rational(exact, unit)
    if np.isnan(computed) or reference is None:
        return 0.0 if np.isnan(computed) and reference is None else np.inf
    if np.isinf(computed):
        overflows = isinstance(reference, float) or unit.round(reference) is None
        return 0.0 if overflows and (computed > 0) == (reference > 0) else np.inf
    if isinstance(reference, float):
        return np.inf
    try:
        return float(abs(_fraction(computed) - reference) * _dyadic(1, -unit.unit(reference)))
    except OverflowError:
        return np.inf


def _rational(number: Any, unit: Format) -> Fraction | float | None:
    """Return a high-precision number as a fraction, an infinity as float, NaN as None."""
    raw = getattr(number, "_mpf_", None)
    if raw is None:
        if not isinstance(number, Rational):
            raise TypeError(f"exact must hold mpmath.mpf or fractions, got {type(number).__name__}")
        return Fraction(number)
    if raw == libmp.fnan:
        return None
    if raw in (libmp.finf, libmp.fninf):
        return -np.inf if raw == libmp.fninf else np.inf
    sign, mantissa, exponent, bit_count = raw
    # Of an exponential of -1e300, no more is seen in float64 than of one of -1e4.
    lowest, highest = unit.smallest_unit - 2200, unit.largest_exponent + 2200
    clamped = min(max(exponent + bit_count, lowest), highest) - bit_count
    return _dyadic(-mantissa if sign else mantissa, clamped)
