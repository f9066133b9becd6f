"""What the public functions accept: arrays of real numbers, in formats that come back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]
Axis = int | tuple[int, ...] | None


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
