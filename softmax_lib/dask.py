"""Softmax of Dask arrays, chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial, reduce
from typing import Any

import numpy as np

import softmax_lib
from softmax_lib import OnlineNormalizer
from softmax_lib._arguments import Array, Axis, boolean, not_masked, real, rounded
from softmax_lib._slices import Slices

try:
    import dask.array as da
    from dask.graph_manipulation import bind
except ModuleNotFoundError as error:
    raise ImportError(
        "softmax_lib.dask needs Dask: pip install '.[dask]' in the repository of softmax_lib"
    ) from error

_FIELDS = [field.name for field in fields(OnlineNormalizer)]


def softmax(z: Any, /, *, axis: Axis = -1, temperature: Any = 1.0, where: Any = None) -> Any:
    return _Chunked.of(z, axis, temperature, where).map("softmax", "probabilities")


def log_softmax(z: Any, /, *, axis: Axis = -1, temperature: Any = 1.0, where: Any = None) -> Any:
    return _Chunked.of(z, axis, temperature, where).map("log_softmax", "log_probabilities")


def logsumexp(z: Any, /, *, axis: Axis = -1, keepdims: bool = False, where: Any = None) -> Any:
    given = _Chunked.of(z, axis, 1.0, where)
    result = given.reduce()
    return result if boolean("keepdims", keepdims) else result.squeeze(given.axes)


@dataclass(frozen=True)
class _Chunked:
    """The arguments of a softmax, checked, and cut as z is."""

    z: Any
    temperature: Any
    where: Any
    axes: tuple[int, ...]
    dtype: np.dtype[Any]  # of results
    wide: np.dtype[Any]  # of states

    @classmethod
    def of(cls, z: Any, axis: Axis, temperature: Any, where: Any) -> _Chunked:
        """Check all that can be known before anything is computed."""
        if not isinstance(z, da.Array):
            raise TypeError(
                f"z must be a dask.array.Array, got {type(z).__name__}; call softmax_lib's function "
                "of the same name, or dask.array.from_array(z) first"
            )
        slices = Slices.of(
            _stand_in("z", z),
            axis=axis,
            temperature=_stand_in("temperature", temperature),
            where=None if where is None else _stand_in("where", where),
        )
        beside = (_cut_like(z, values) for values in (temperature, where))
        return cls(z, *beside, slices.axes, slices.dtype, slices.wide)

    @property
    def cut(self) -> bool:
        """Tell whether slices go through several chunks."""
        return any(self.z.numblocks[axis] > 1 for axis in self.axes)

    @property
    def chunks(self) -> tuple[tuple[int, ...], ...]:
        """How an array is cut that has one entry for each slice of a chunk."""
        sizes = enumerate(self.z.chunks)
        return tuple((1,) * len(n) if axis in self.axes else n for axis, n in sizes)

    def map(self, name: str, method: str) -> Any:
        """Return the second pass, once the states are merged."""
        if not self.cut:
            function = partial(_whole, getattr(softmax_lib, name), self.axes)
            return _map(name, function, self.z, self.temperature, self.where, dtype=self.dtype)
        state = self.state()
        # Bound to the state, the chunks are loaded again when it is known, rather than held.
        z, where = bind((self.z, self.where), state, seed=state.name)
        function = partial(_second_pass, getattr(OnlineNormalizer, method), self.axes)
        return _map(name, function, z, state, where, dtype=self.dtype)

    def reduce(self) -> Any:
        """Return log-sum-exp, the softmax axes kept."""
        if self.cut:
            return _map(
                "logsumexp", partial(_logarithm, self.dtype), self.state(), dtype=self.dtype
            )
        arrays, options = (self.z, self.where), {"dtype": self.dtype, "chunks": self.chunks}
        return _map("logsumexp", partial(_logsumexp, self.axes), *arrays, **options)

    def state(self) -> Any:
        """Return the states of all slices, those of their chunks merged in a tree."""
        dtype = np.dtype([(name, self.wide) for name in _FIELDS])
        arrays = self.z, self.temperature, self.where
        states = _map(
            "softmax-state", partial(_state, self.axes), *arrays, dtype=dtype, chunks=self.chunks
        )
        return da.reduction(
            states,
            chunk=_merged,
            aggregate=_merged,
            axis=self.axes,
            keepdims=True,
            dtype=dtype,
            name="merge",
            meta=states._meta,
        )


def _map(name: str, function: Callable[..., Array], z: Any, *arrays: Any, **options: Any) -> Any:
    meta = np.empty((0,) * z.ndim, options["dtype"])
    in_chunk = partial(_in_chunk, function)
    return da.map_blocks(in_chunk, z, *arrays, token=name, meta=meta, **options)


def _in_chunk(function: Callable[..., Array], *arrays: Any, block_id: tuple[int, ...]) -> Array:
    try:
        return np.asarray(function(*arrays))
    except Exception as error:
        error.add_note(f"in chunk {block_id} of z")
        raise


def _whole(
    function: Callable[..., Any], axes: Axis, z: Array, temperature: Any, where: Any
) -> Array:
    return np.asarray(function(z, axis=axes, temperature=temperature, where=where))


def _logsumexp(axes: Axis, z: Array, where: Any) -> Array:
    return softmax_lib.logsumexp(z, axis=axes, keepdims=True, where=where)


def _state(axes: tuple[int, ...], z: Array, temperature: Any, where: Any) -> Array:
    state = OnlineNormalizer.of(z, axis=axes, temperature=temperature, where=where)
    return _packed(state, axes)


def _merged(states: Array, axis: tuple[int, ...], keepdims: bool) -> Array:
    """Merge the states of chunks side by side."""
    first = np.moveaxis(states, axis, range(len(axis)))
    each = (_unpacked(first[index]) for index in np.ndindex(first.shape[: len(axis)]))
    return _packed(reduce(OnlineNormalizer.merge, each), axis)


def _second_pass(
    method: Callable[..., Any], axes: tuple[int, ...], z: Array, state: Array, where: Any
) -> Array:
    return method(_unpacked(state.squeeze(axes)), z, axis=axes, where=where)


def _logarithm(dtype: np.dtype[Any], state: Array) -> Array:
    return rounded(_unpacked(state).logsumexp(), dtype)


def _packed(state: OnlineNormalizer, axes: tuple[int, ...]) -> Array:
    """Make one array of a state, with axes of length 1 where slices were."""
    values = [np.asarray(getattr(state, name)) for name in _FIELDS]
    packed = np.empty(values[0].shape, [(name, values[0].dtype) for name in _FIELDS])
    for name, value in zip(_FIELDS, values, strict=True):
        packed[name] = value
    return np.expand_dims(packed, axes)


def _unpacked(packed: Array) -> OnlineNormalizer:
    return OnlineNormalizer(*(packed[name] for name in _FIELDS))


def _stand_in(name: str, values: Any) -> Any:
    """Return what has an array's shape and dtype, for checks before there are values."""
    if not isinstance(values, da.Array):
        return values
    if np.isnan(values.shape).any():
        raise ValueError(
            f"{name} has chunks of unknown size, its shape is {values.shape}; "
            f"call {name}.compute_chunk_sizes() first"
        )
    meta = not_masked(name, values._meta) if name == "where" else real(name, values._meta)
    return np.broadcast_to(np.zeros((), meta.dtype), values.shape)


def _cut_like(z: Any, values: Any) -> Any:
    """Cut an array as z is, where it is as long; leave numbers as they are."""
    if values is None or (not isinstance(values, da.Array) and np.ndim(values) == 0):
        return values
    values = da.asanyarray(values)
    values = values[(None,) * (z.ndim - values.ndim)]
    pairs = zip(values.shape, z.chunks, strict=True)
    return values.rechunk(tuple((1,) if length == 1 else sizes for length, sizes in pairs))
