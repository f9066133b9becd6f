"""What the public functions accept: checked, and brought into the one shape the kernels work on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]
Axis = int | tuple[int, ...] | None


@dataclass(frozen=True)
class Slices:
    """The slices that a softmax is taken of, laid out as the rows of a fresh, contiguous array.

    The copy makes every result independent of the memory layout of the input, and leaves the
    input untouched.
    """

    rows: Array  # (..., K), float64 or longdouble; what `where` leaves out is -inf
    keep: NDArray[np.bool_]  # (..., K), False for what `where` leaves out
    temperature: Array  # (..., 1), in the format of rows
    dtype: np.dtype[Any]  # the format that the result is rounded to
    shape: tuple[int, ...]  # of the input
    axes: tuple[int, ...]  # of the input, in the order in which they were flattened

    def rows_of(self, name: str, values: ArrayLike) -> Array:
        """Check an array that goes with the input, element by element, and lay it out as rows."""
        broadcast = _broadcast(name, real(name, values), self.shape)
        return np.array(_as_rows(broadcast, self.axes), dtype=self.rows.dtype, order="C")

    def restore(self, rows: Array) -> Any:
        """Give (..., K) rows the shape and the format of the input."""
        moved = rows.reshape(_moved_shape(self.shape, self.axes))
        return rounded(np.moveaxis(moved, _last(self.axes), self.axes), self.dtype)

    def reduce(self, values: Array, *, keepdims: bool) -> Any:
        """Give one value per slice, (..., 1), the shape of a NumPy reduction."""
        return reduced(values, self, keepdims=keepdims)


@dataclass(frozen=True)
class Given:
    """The arguments of a softmax, checked, as views with the softmax axes last and flattened."""

    logits: Array  # (..., K), in any real format
    keep: NDArray[np.bool_] | None  # (..., K); None for all
    temperature: Array | None  # (..., 1), in the working format; None for 1
    dtype: np.dtype[Any]  # the format that the result is rounded to
    working: np.dtype[Any]  # the format that it is computed in
    shape: tuple[int, ...]  # of the input
    axes: tuple[int, ...]  # of the input, in the order in which they were flattened


def arrange(
    z: ArrayLike, *, axis: Axis, temperature: ArrayLike = 1.0, where: ArrayLike | None = None
) -> Given:
    """Check the arguments of a softmax."""
    logits = real("z", z)
    shape = logits.shape
    if isinstance(axis, int):
        axes: tuple[int, ...] = (normalize_axis_index(axis, logits.ndim),)
    else:
        axes = normalize_axis_tuple(range(logits.ndim) if axis is None else axis, logits.ndim)
    working = np.dtype(np.longdouble if logits.dtype.char == "g" else np.float64)
    keep = None if where is None else _as_rows(_selection(where, shape), axes)
    of_rows = (
        None
        if isinstance(temperature, float) and temperature == 1
        else _temperature_column(temperature, shape, axes, working)
    )
    dtype = result_dtype(logits.dtype)
    return Given(_as_rows(logits, axes), keep, of_rows, dtype, working, shape, axes)


def prepare(
    z: ArrayLike, *, axis: Axis, temperature: ArrayLike = 1.0, where: ArrayLike | None = None
) -> Slices:
    """Check the arguments of a softmax and lay its slices out as rows."""
    return lay_out(arrange(z, axis=axis, temperature=temperature, where=where))


def lay_out(given: Given) -> Slices:
    """Copy slices into rows."""
    rows = np.array(given.logits, dtype=given.working, order="C")
    keep = np.ones(rows.shape, np.bool_) if given.keep is None else given.keep
    rows[~keep] = -np.inf
    column = (*rows.shape[:-1], 1)
    return Slices(
        rows=rows,
        keep=keep,
        temperature=(
            np.ones(column, given.working) if given.temperature is None else given.temperature
        ),
        dtype=given.dtype,
        shape=given.shape,
        axes=given.axes,
    )


def reduced(values: Array, given: Given | Slices, *, keepdims: bool) -> Any:
    """Give one value per slice, (..., 1), the shape of a NumPy reduction."""
    shaped = values.reshape(_reduced_shape(given.shape, given.axes)) if keepdims else values[..., 0]
    return rounded(shaped, given.dtype)


def in_place(given: Given) -> tuple[Callable[[], Any], Array]:
    """Return a fresh result as rows, (..., K), to be filled, and what then gives it z's shape."""
    if len(given.axes) == 1:
        result = np.empty(given.shape, given.dtype)
        return lambda: result, _as_rows(result, given.axes)
    rows = np.empty(given.logits.shape, given.dtype)
    moved = rows.reshape(_moved_shape(given.shape, given.axes))
    back = np.moveaxis(moved, _last(given.axes), given.axes)
    return lambda: np.asarray(back, order="C")[()], rows


def rounded(values: Array, dtype: np.dtype[Any]) -> Any:
    """Round once to `dtype`; a 0-d array becomes a scalar, as in NumPy's reductions."""
    if dtype.name == "bfloat16":
        values = _odd_float32(values)
    return np.asarray(values, dtype=dtype, order="C")[()]


def _odd_float32(values: Array) -> Array:
    """Round float64 to float32 such that rounding on to bfloat16 is as good as rounding once.

    ml_dtypes goes from float64 to bfloat16 by way of float32, and two roundings to nearest can
    miss the nearest. If the first one truncates, and marks what is inexact in the last bit, they
    cannot.
    """
    nearest = values.astype(np.float32)
    bits = nearest.view(np.uint32) - (np.abs(nearest) > np.abs(values))
    # A NaN stays one with its last bit marked.
    odd: Array = (bits | (nearest != values)).astype(np.uint32).view(np.float32)
    return odd


def is_floating(dtype: np.dtype[Any]) -> bool:
    """Tell whether a format is one of NumPy's floating ones or bfloat16."""
    # By its name, so that ml_dtypes need not be there.
    return dtype.char in "efdg" or dtype.name == "bfloat16"


def not_masked(name: str, values: ArrayLike) -> Array:
    """Return an array, but refuse to drop a mask."""
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(
            f"{name} is a masked array, whose mask would be lost; pass its data and, "
            "where the function takes one, what to leave in as where= or mask="
        )
    return np.asarray(values)


def result_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the format of a result: that of the input, or float64 for bool and integers."""
    return dtype.newbyteorder("=") if is_floating(dtype) else np.dtype(np.float64)


def real(name: str, values: ArrayLike) -> Array:
    """Return an array of real numbers, or name the dtype."""
    array = not_masked(name, values)
    if array.dtype.kind not in "biu" and not is_floating(array.dtype):
        raise TypeError(f"{name} must be real numbers, got dtype {array.dtype}")
    return array


def _selection(where: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    selection = not_masked("where", where)
    if selection.dtype != np.bool_:
        raise TypeError(f"where must be Boolean, got dtype {selection.dtype}")
    return _broadcast("where", selection, shape)


def _temperature_column(
    temperature: ArrayLike, shape: tuple[int, ...], axes: tuple[int, ...], working: np.dtype[Any]
) -> Array:
    if isinstance(temperature, float) and temperature >= 0:
        kept = (length for axis, length in enumerate(shape) if axis not in axes)
        return np.broadcast_to(working.type(temperature), (*kept, 1))
    temperatures = real("temperature", temperature).astype(working)
    invalid = temperatures[~(temperatures >= 0)]
    if invalid.size:
        raise ValueError(f"temperature must be at least 0, got {invalid.flat[0]}")
    _broadcast("temperature", temperatures, shape)
    padded = temperatures.reshape((1,) * (len(shape) - temperatures.ndim) + temperatures.shape)
    highest = padded.max(axis=axes, keepdims=True, initial=0)
    if (padded.min(axis=axes, keepdims=True, initial=np.inf) < highest).any():
        raise ValueError(
            "temperature must be the same along the softmax axis; "
            f"its shape is {temperatures.shape}, z's is {shape}, and the axes are {axes}"
        )
    return _as_rows(np.broadcast_to(highest, _reduced_shape(shape, axes)), axes)


def _broadcast(name: str, values: Array, shape: tuple[int, ...]) -> Array:
    try:
        return np.broadcast_to(values, shape)
    except ValueError:
        raise ValueError(
            f"{name} of shape {values.shape} does not broadcast to z's shape {shape}"
        ) from None


def _as_rows(values: Array, axes: tuple[int, ...]) -> Array:
    if axes == (values.ndim - 1,):
        return values
    moved = np.moveaxis(values, axes, _last(axes))
    kept = moved.shape[: values.ndim - len(axes)]
    # Not -1: NumPy cannot infer a length beside an empty axis.
    return moved.reshape(*kept, math.prod(moved.shape[len(kept) :]))


def _last(axes: tuple[int, ...]) -> range:
    return range(-len(axes), 0)


def _moved_shape(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    kept = tuple(length for axis, length in enumerate(shape) if axis not in axes)
    return kept + tuple(shape[axis] for axis in axes)


def _reduced_shape(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(1 if axis in axes else length for axis, length in enumerate(shape))
