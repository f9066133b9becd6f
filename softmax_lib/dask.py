r"""Softmax of Dask arrays that are cut along any axis, the softmax axis too.

Needs Dask: ``pip install '.[dask]'`` in the repository of softmax_lib.

A chunk becomes a state, the (m, s) of :class:`softmax_lib.OnlineNormalizer`; states are merged in a
tree; and a second pass goes over the chunks with the states of whole slices. No more of a slice
is ever in one place than a chunk of it. All of it is lazy: Dask schedules, spills and restarts.

Chunks are asked for twice, and what makes them runs twice, so that they need not be held in
between: a row may be larger than memory, if it is stored to a file as it comes out. What is made
has to be the same both times. Where making it again costs more than holding it, and it fits in
memory, call ``z = z.persist()`` first. Slices that are in one chunk each are gone through once.

Examples
--------
>>> import dask.array as da
>>> import numpy as np
>>> from softmax_lib.dask import softmax
>>> z = da.from_array(np.array([1.0, 2.0, 3.0]), chunks=2)
>>> softmax(z)
dask.array<softmax, shape=(3,), dtype=float64, chunksize=(2,), chunktype=numpy.ndarray>
>>> softmax(z).compute()
array([0.09003057, 0.24472847, 0.66524096])

Threads of this process have computed that. A client of a cluster has everything computed there,
with softmax_lib installed on its machines:

>>> from distributed import Client
>>> client = Client("tcp://host:8786")  # doctest: +SKIP
>>> softmax(z).compute()  # doctest: +SKIP
array([0.09003057, 0.24472847, 0.66524096])

From a file to another, each opened where a chunk is read or written. (Of a memory map, Dask makes a
copy in memory.)

>>> class File:
...     shape, dtype, ndim = (8,), np.dtype(np.float32), 1
...
...     def __init__(self, path):
...         self.path = path
...
...     def __getitem__(self, index):
...         return np.load(self.path, mmap_mode="r")[index]
...
...     def __setitem__(self, index, values):
...         np.load(self.path, mmap_mode="r+")[index] = values
>>> from tempfile import TemporaryDirectory
>>> with TemporaryDirectory() as folder:
...     logits, probabilities = File(f"{folder}/logits.npy"), File(f"{folder}/probabilities.npy")
...     for file in (logits, probabilities):
...         np.save(file.path, np.zeros(8, np.float32))
...     da.store(softmax(da.from_array(logits, chunks=4)), probabilities, lock=False)
...     print(probabilities[:])
[0.125 0.125 0.125 0.125 0.125 0.125 0.125 0.125]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial, reduce
from typing import Any

import numpy as np

import softmax_lib
from softmax_lib import OnlineNormalizer
from softmax_lib._arguments import Array, Axis, boolean, not_masked, real, rounded
from softmax_lib._extras import require
from softmax_lib._slices import Slices

require("dask", "softmax_lib.dask", "dask.array")
import dask.array as da
from dask.graph_manipulation import bind

__all__ = ["log_softmax", "logsumexp", "softmax"]

_FIELDS = [one.name for one in fields(OnlineNormalizer)]


def softmax(z: Any, /, *, axis: Axis = -1, temperature: Any = 1.0, where: Any = None) -> Any:
    r"""Turn the logits of a Dask array into probabilities, pᵢ = exp(zᵢ/T) / Σⱼ exp(zⱼ/T).

    Parameters
    ----------
    z : dask.array.Array
        Logits, of any shape, cut in any way. Real numbers; bool and integers are taken as float64.
    axis : int, tuple of int or None, optional
        The axes along which the probabilities sum to 1; None means all of them.
    temperature : array_like or dask.array.Array, optional
        T ≥ 0, in units of z. Broadcasts to z's shape, the same along `axis`.
    where : array_like or dask.array.Array of bool, optional
        What to leave in. Broadcasts to z's shape.

    Returns
    -------
    dask.array.Array
        Probabilities in z's shape, chunks and floating format (float64 for bool and integers).

    Raises
    ------
    TypeError
        If z is not a Dask array, if it or `temperature` is not real (complex, object, string,
        time), if `where` is not Boolean, or if one of them is a masked array.
    ValueError
        If the size of a chunk is unknown, if `temperature` is negative or NaN or varies along
        `axis`, or if `temperature` or `where` does not broadcast to z's shape.
    numpy.exceptions.AxisError
        If an axis is out of range.
    ImportError
        When the module is imported, if Dask is missing.

    Notes
    -----
    All this is raised at once, but for the values of a `temperature` that is a Dask array. They are
    checked when they are computed, and the error has a note that names the chunk of z. An error of
    what makes z's chunks passes through as it is; in a cluster, the worker's log has the key of the
    task, which ends with the chunk.

    Special cases and accuracy are those of :func:`softmax_lib.softmax`, however slices are cut.

    Bits: where slices are in one chunk each, they are the same as there. Elsewhere last bits depend
    on how slices are cut along `axis`, and may on Dask's ``split_every``. They do not depend on how
    other axes are cut, on threads, processes or their number, or on workers that are lost. Of a
    million probabilities, cutting changed none in float32; in float64 one in 500 by an ulp, and
    with NumPy half of them by up to 3.

    Memory: some three chunks in each thread, and 32 bytes for each slice of each chunk.

    Claims: `online`, `chunks`

    References
    ----------
    .. [1] M. Milakov, N. Gimelshein, "Online normalizer calculation for softmax", 2018.
       https://doi.org/10.48550/arXiv.1805.02867

    Examples
    --------
    >>> import dask.array as da
    >>> from softmax_lib.dask import softmax
    >>> z = da.ones((2, 4), chunks=(1, 3))
    >>> softmax(z, where=da.arange(4, chunks=1) > 1).compute()
    array([[0. , 0. , 0.5, 0.5],
           [0. , 0. , 0.5, 0.5]])
    """
    return _Arguments.of(z, axis, temperature, where).map("softmax", "probabilities")


def log_softmax(z: Any, /, *, axis: Axis = -1, temperature: Any = 1.0, where: Any = None) -> Any:
    r"""Turn the logits of a Dask array into log-probabilities, log pᵢ = zᵢ/T - log Σⱼ exp(zⱼ/T).

    Parameters
    ----------
    z : dask.array.Array
        Logits, of any shape, cut in any way. Real numbers; bool and integers are taken as float64.
    axis : int, tuple of int or None, optional
        The axes along which the probabilities sum to 1; None means all of them.
    temperature : array_like or dask.array.Array, optional
        T ≥ 0, in units of z. Broadcasts to z's shape, the same along `axis`.
    where : array_like or dask.array.Array of bool, optional
        What to leave in. Broadcasts to z's shape.

    Returns
    -------
    dask.array.Array
        Log-probabilities in nats, in z's shape, chunks and floating format (float64 for bool and
        integers).

    Raises
    ------
    TypeError, ValueError, numpy.exceptions.AxisError, ImportError
        As in :func:`softmax`.

    Notes
    -----
    Special cases and accuracy are those of :func:`softmax_lib.log_softmax`, near 0 too, however
    the slices are cut. On bits, memory and when errors come, see :func:`softmax`.

    Claims: `online`, `chunks`

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> from softmax_lib.dask import log_softmax
    >>> log_softmax(da.from_array(np.array([20.0, 0.0]), chunks=1)).compute()
    array([-2.06115362e-09, -2.00000000e+01])
    """
    return _Arguments.of(z, axis, temperature, where).map("log_softmax", "log_probabilities")


def logsumexp(z: Any, /, *, axis: Axis = -1, keepdims: bool = False, where: Any = None) -> Any:
    r"""Return the logarithm of the sum of the exponentials of a Dask array, log Σⱼ exp(zⱼ).

    Parameters
    ----------
    z : dask.array.Array
        Logits, of any shape, cut in any way. Real numbers; bool and integers are taken as float64.
    axis : int, tuple of int or None, optional
        The axes to sum along; None means all of them.
    keepdims : bool, optional
        Whether the axes summed along stay, with length 1.
    where : array_like or dask.array.Array of bool, optional
        What to leave in. Broadcasts to z's shape.

    Returns
    -------
    dask.array.Array
        Values in nats, in z's shape without `axis` and in z's floating format (float64 for bool and
        integers).

    Raises
    ------
    TypeError, ValueError, numpy.exceptions.AxisError, ImportError
        As in :func:`softmax`; a TypeError if `keepdims` is not Boolean.

    Notes
    -----
    Special cases are those of :func:`softmax_lib.logsumexp`. Chunks are asked for once.

    Accuracy: for slices of one chunk that of :func:`softmax_lib.logsumexp`. For others, 2 ulps of
    max(\|max z\|, \|result\|, 1) in float64 and longdouble. Near 0, where that function sums again
    in twice the precision, this one does not. float16, bfloat16 and float32 are computed in float64
    and rounded once. On bits, see :func:`softmax`.

    Claims: `online`

    Examples
    --------
    >>> import dask.array as da
    >>> from softmax_lib.dask import logsumexp
    >>> logsumexp(da.full((2, 1000), 1000.0, chunks=(1, 300))).compute()
    array([1006.90775528, 1006.90775528])
    """
    given = _Arguments.of(z, axis, 1.0, where)
    result = given.reduce()
    return result if boolean("keepdims", keepdims) else result.squeeze(given.axes)


@dataclass(frozen=True)
class _Arguments:
    """The arguments of a softmax, checked, and cut alike."""

    z: Any
    temperature: Any
    where: Any
    axes: tuple[int, ...]
    dtype: np.dtype[Any]  # of results
    wide: np.dtype[Any]  # of states

    @classmethod
    def of(cls, z: Any, axis: Axis, temperature: Any, where: Any) -> _Arguments:
        """Check all that is known before there are values."""
        if not isinstance(z, da.Array):
            raise TypeError(
                f"z must be a dask.array.Array, got {type(z).__name__}; call the function of this "
                "name in softmax_lib, or make z one with dask.array.from_array"
            )
        slices = Slices.of(
            _stand_in("z", z),
            axis=axis,
            temperature=_stand_in("temperature", temperature),
            where=None if where is None else _stand_in("where", where),
        )
        temperature, where = _cut_like(z, temperature), _cut_like(z, where)
        return cls(z, temperature, where, slices.axes, slices.dtype, slices.wide)

    @property
    def cut(self) -> bool:
        """Whether slices go through several chunks."""
        return any(self.z.numblocks[axis] > 1 for axis in self.axes)

    @property
    def chunks(self) -> tuple[tuple[int, ...], ...]:
        """The chunks of an array with one element for each slice of a chunk."""
        sizes = enumerate(self.z.chunks)
        return tuple((1,) * len(n) if axis in self.axes else n for axis, n in sizes)

    def map(self, name: str, method: str) -> Any:
        """Return a function of the logits and the states of their slices."""
        if not self.cut:
            function = partial(_whole, getattr(softmax_lib, name), self.axes)
            return _map(name, function, self.z, self.temperature, self.where, dtype=self.dtype)
        state = self.state()
        # What is bound to the state is made again when it is known, and not held until then.
        z, where = bind((self.z, self.where), state, seed=state.name)
        function = partial(_second_pass, getattr(OnlineNormalizer, method), self.axes)
        return _map(name, function, z, state, where, dtype=self.dtype)

    def reduce(self) -> Any:
        """Return log-sum-exp, with axes of length 1 where slices were."""
        name, dtype = "logsumexp", self.dtype
        if self.cut:
            return _map(name, partial(_logarithm, dtype), self.state(), dtype=dtype)
        function = partial(_logsumexp, self.axes)
        return _map(name, function, self.z, self.where, dtype=dtype, chunks=self.chunks)

    def state(self) -> Any:
        """Return the states of slices, those of their chunks merged in a tree."""
        dtype = np.dtype([(name, self.wide) for name in _FIELDS])
        arrays, chunks = (self.z, self.temperature, self.where), self.chunks
        states = _map(
            "softmax-state", partial(_state, self.axes), *arrays, dtype=dtype, chunks=chunks
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


def _stand_in(name: str, values: Any) -> Any:
    """Return something of the same shape and dtype where there are no values yet."""
    if not isinstance(values, da.Array):
        return values
    if np.isnan(values.shape).any():
        raise ValueError(
            f"{name} has chunks of unknown size, and the shape {values.shape}; "
            f"call {name}.compute_chunk_sizes() first"
        )
    meta = (not_masked if name == "where" else real)(name, values._meta)
    return np.broadcast_to(np.zeros((), meta.dtype), values.shape)


def _cut_like(z: Any, values: Any) -> Any:
    """Cut an array as z is along axes where it is not 1 long; leave None and numbers alone."""
    if values is None or (not isinstance(values, da.Array) and np.ndim(values) == 0):
        return values
    values = da.asanyarray(values)
    values = values[(None,) * (z.ndim - values.ndim)]
    lengths = zip(values.shape, z.chunks, strict=True)
    return values.rechunk(tuple((1,) if length == 1 else sizes for length, sizes in lengths))


def _map(name: str, function: Callable[..., Any], z: Any, *arrays: Any, **options: Any) -> Any:
    """Call a function with each chunk."""
    meta = np.empty((0,) * z.ndim, options["dtype"])
    in_chunk = partial(_in_chunk, function)
    return da.map_blocks(in_chunk, z, *arrays, token=name, meta=meta, **options)


def _in_chunk(function: Callable[..., Any], *arrays: Any, block_id: tuple[int, ...]) -> Array:
    try:
        return np.asarray(function(*arrays))
    except Exception as error:
        error.add_note(f"in chunk {block_id} of z")
        raise


def _whole(function: Callable[..., Any], axes: Axis, z: Any, temperature: Any, where: Any) -> Any:
    return function(z, axis=axes, temperature=temperature, where=where)


def _logsumexp(axes: Axis, z: Any, where: Any) -> Any:
    return softmax_lib.logsumexp(z, axis=axes, keepdims=True, where=where)


def _state(axes: tuple[int, ...], z: Any, temperature: Any, where: Any) -> Array:
    state = OnlineNormalizer.of(z, axis=axes, temperature=temperature, where=where)
    return _packed(state, axes)


def _merged(states: Array, axis: tuple[int, ...], keepdims: bool) -> Array:
    """Merge the states that stand along some axes."""
    first = np.moveaxis(states, axis, range(len(axis)))
    parts = (_unpacked(first[index]) for index in np.ndindex(first.shape[: len(axis)]))
    try:
        return _packed(reduce(OnlineNormalizer.merge, parts), axis)
    except ValueError as error:
        raise ValueError(f"temperature must be the same along the softmax axis: {error}") from error


def _second_pass(
    method: Callable[..., Any], axes: tuple[int, ...], z: Any, state: Array, where: Any
) -> Any:
    return method(_unpacked(state.squeeze(axes)), z, axis=axes, where=where)


def _logarithm(dtype: np.dtype[Any], state: Array) -> Any:
    return rounded(np.asarray(_unpacked(state).logsumexp()), dtype)


def _packed(state: OnlineNormalizer, axes: tuple[int, ...]) -> Array:
    """Make one array of a state, with axes of length 1 where slices were."""
    values = [np.asarray(getattr(state, name)) for name in _FIELDS]
    packed = np.empty(values[0].shape, [(name, values[0].dtype) for name in _FIELDS])
    for name, value in zip(_FIELDS, values, strict=True):
        packed[name] = value
    return np.expand_dims(packed, axes)


def _unpacked(packed: Array) -> OnlineNormalizer:
    return OnlineNormalizer(*(packed[name] for name in _FIELDS))
