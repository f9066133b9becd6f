"""What the public functions accept: arrays of real numbers, in formats that come back."""

from __future__ import annotations

import operator
import sys
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]
Axis = int | tuple[int, ...] | None


@np.errstate(all="ignore")
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
    # Not np.ma, which NumPy imports when it is asked for: there is no importing at exit.
    masked = sys.modules.get("numpy.ma")
    if masked and isinstance(values, masked.MaskedArray):
        raise TypeError(
            f"{name} is a masked array, whose mask would be lost; pass its data and, "
            "where the function takes one, what to leave in as where= or mask="
        )
    if is_lazy(values):
        raise TypeError(
            f"{name} is a lazy {_kind(values)}, which is not computed in silence: pass "
            f"{name}.compute(), or give an array of Dask to softmax_lib.dask"
        )
    try:
        return np.asarray(values)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{name} does not make an array: {error}") from None
    except (TypeError, RuntimeError) as error:  # as tensors do that need a gradient
        raise TypeError(
            f"{name} is a {_kind(values)} that does not become an array of NumPy by itself "
            f"({error}); pass one, for PyTorch {name}.detach().cpu().float().numpy()"
        ) from error


def is_lazy(values: Any) -> bool:
    """Tell whether an array of another library is still to be computed."""
    graph = getattr(values, "__dask_graph__", None)
    if graph is not None:  # xarray's has none if it is in memory
        return graph() is not None
    # Not xarray's, which has either; a LazyFrame is collected.
    return any(callable(getattr(type(values), name, None)) for name in ("compute", "collect"))


def _kind(values: Any) -> str:
    return f"{type(values).__module__.partition('.')[0]}.{type(values).__name__}"


def result_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the format of a result: that of the input, or float64 for bool and integers."""
    return dtype.newbyteorder("=") if is_floating(dtype) else np.dtype(np.float64)


def real(name: str, values: ArrayLike) -> Array:
    """Return an array of real numbers, or name the dtype."""
    array = not_masked(name, values)
    if array.dtype.kind not in "biu" and not is_floating(array.dtype):
        raise TypeError(
            f"{name} must be real numbers, got dtype {array.dtype}{_advice(name, array)}"
        )
    return array


def integer(value: Any) -> int:
    """Return an integer of Python or NumPy, or raise a TypeError; a bool is none."""
    if isinstance(value, bool | np.bool):
        raise TypeError("a bool is not taken for a number")
    return operator.index(value)


def positive(name: str, value: Any) -> int:
    """Return an integer of Python or NumPy that is at least 1, or name what it is instead."""
    try:
        result = integer(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}") from None
    if result < 1:
        raise ValueError(f"{name} must be at least 1, got {result}")
    return result


def number(name: str, value: Any, lowest: float, highest: float) -> float:
    """Return a number between two bounds, be it Python's or NumPy's, or name what it is instead."""
    array = real(name, value)
    if array.ndim or array.dtype == np.bool_:
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not lowest <= array <= highest:
        raise ValueError(f"{name} must be from {lowest} to {highest}, got {value}")
    return float(array)


def boolean(name: str, value: Any) -> bool:
    """Return True or False, of Python or NumPy, or name what it is instead."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if not isinstance(value, bool | np.bool):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def _advice(name: str, array: Array) -> str:
    """Say how to convert numbers of a format that is not taken."""
    if array.dtype == object and array.size:
        # Fractions and the like can be converted; what cannot is what to name.
        others = [type(item).__name__ for item in array.flat if not hasattr(item, "__float__")]
        if others:
            return f" with an element of type {others[0]}"
        kinds = " and ".join(sorted({type(item).__name__ for item in array.flat}))
        return f" with elements of type {kinds}; convert them: np.array({name}, dtype=np.float64)"
    # float8, int4 and the like, of ml_dtypes.
    if array.dtype.kind in "Vf" and not issubclass(array.dtype.type, np.void):
        return f", which is not computed in; convert it: {name}.astype(np.float32)"
    return ""
