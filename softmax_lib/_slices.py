"""Arguments in, blocks of rows out, results back.

The slices that a softmax is taken of become rows: views with the softmax axes last, cut into blocks
that a processor's cache holds. Passes see nothing but contiguous rows. A block that is contiguous
already is not copied; any other goes through a buffer.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from softmax_lib._arguments import (
    Array,
    Axis,
    boolean,
    integer,
    not_masked,
    real,
    result_dtype,
    rounded,
)
from softmax_lib._engine import passes
from softmax_lib._rows import Rows
from softmax_lib._threads import in_threads

Index = tuple[Any, ...]  # of slices

# From so many logits on, a second thread is worth its start.
_THREADED = 2**17
_ONE = np.ones(1)
_WHOLE = slice(None)
_INTEGERS = 2.0**63
_NUMBERS, _SIMPLE = (float, int), (np.dtype(np.float32), np.dtype(np.float64))


@dataclass(frozen=True)
class Slices:
    """The slices of an array, checked: views whose first axes number them."""

    logits: Array  # (..., K), or (..., *lengths) where the softmax axes do not join in memory
    keep: NDArray[np.bool_] | None  # as logits; None for all
    temperature: Array  # a number for each slice, or one for all
    working: np.dtype[Any]  # the format of rows
    dtype: np.dtype[Any]  # the format of results
    shape: tuple[int, ...]  # of the input
    axes: tuple[int, ...]  # of the input, in the order in which they are flattened

    @classmethod
    def of(
        cls,
        z: ArrayLike,
        *,
        axis: Axis,
        temperature: ArrayLike = 1.0,
        where: ArrayLike | None = None,
        narrow: bool = True,
    ) -> Slices:
        """Check the arguments of a softmax; rows of float32 are computed as such if `narrow`."""
        logits = real("z", z)
        axes = _axes(axis, logits.ndim)
        dtype = result_dtype(logits.dtype)
        working = dtype if dtype.char == "g" or (dtype.char == "f" and narrow) else _ONE.dtype
        wide = np.dtype(np.longdouble) if dtype.char == "g" else _ONE.dtype
        keep = None if where is None else _last(_selection(where, logits.shape), axes)
        column = _temperatures(temperature, logits.shape, axes, wide)
        return cls(_last(logits, axes), keep, column, working, dtype, logits.shape, axes)

    @property
    def length(self) -> int:
        """How many logits a slice has."""
        return math.prod(self.shape[axis] for axis in self.axes)

    @property
    def batch(self) -> tuple[int, ...]:
        """The shape of the input without the softmax axes."""
        return self.logits.shape[: len(self.shape) - len(self.axes)]

    @property
    def counts(self) -> NDArray[np.intp]:
        """How many logits of each slice are left in."""
        if self.keep is None:
            return np.full(self.batch, self.length)
        softmax_axes = tuple(range(len(self.batch), self.keep.ndim))
        return np.asarray(np.count_nonzero(self.keep, axis=softmax_axes))

    @property
    def wide(self) -> np.dtype[Any]:
        """The format of what there is one of for each row."""
        return self.temperature.dtype

    def alongside(self, name: str, values: Array) -> Array:
        """View an array likewise that goes with the input, element by element."""
        return _last(_broadcast(name, values, self.shape), self.axes)

    def map(
        self,
        function: Callable[..., None],
        *columns: Array,
        beside: Array | None = None,
        left_out: float = 0.0,
        dtype: np.dtype[Any] | None = None,
    ) -> Any:
        """Fill an array of z's shape with what a function makes of each block of rows.

        It is called with the rows, with where results go, and with the block's part of columns.
        What is left out of z counts as 0 beside it.
        """
        result = np.empty(self.shape, dtype or self.dtype)
        out = _last(result, self.axes)

        def fill(index: Index, rows: Rows) -> None:
            store = partial(self._written, out, index, left_out)
            function(rows, store, *_parts(columns, index))

        self.each(fill, beside, 0)
        return result[()]

    def reduce(
        self,
        function: Callable[..., Array],
        *columns: Array,
        empty: float,
        keepdims: bool = False,
        beside: Array | None = None,
        beside_left_out: float | None = None,
    ) -> Any:
        """Return one value for each slice, (n, 1) of a block, as NumPy's reductions do."""
        values = self.columns(
            function, *columns, empty=(empty,), beside=beside, beside_left_out=beside_left_out
        )
        return self.reduced(values[0], keepdims=keepdims)

    def reduced(self, values: Array, *, keepdims: bool) -> Any:
        """Give one value for each slice the shape of a NumPy reduction, and the input's format."""
        if boolean("keepdims", keepdims):
            lengths = (1 if i in self.axes else n for i, n in enumerate(self.shape))
            values = values.reshape(tuple(lengths))
        return rounded(values, self.dtype)

    def columns(
        self,
        function: Callable[..., Array],
        *columns: Array,
        empty: tuple[float, ...],
        beside: Array | None = None,
        beside_left_out: float | None = None,
    ) -> list[Array]:
        """Return what a function makes of each block, (n, m), and of its parts of some columns.

        What is left out of z counts beside it as `beside_left_out`, or as it stands for None.
        """
        # Not one array, which would have an axis more than NumPy may have.
        values = [np.full(self.batch, value, self.wide) for value in empty]

        def fill(index: Index, rows: Rows) -> None:
            made = function(rows, *_parts(columns, index))
            for value, column in zip(values, made.T, strict=True):
                part = value[(*index, ...)]
                part[...] = column.reshape(part.shape)

        self.each(fill, beside, beside_left_out)
        if self.keep is not None:
            nothing = self.counts == 0
            for value, instead in zip(values, empty, strict=True):
                value[nothing] = instead
        return values

    def rows(self) -> Array:
        """Return a contiguous copy of all slices, (..., K), -inf where left out."""
        rows = np.array(self.logits, self.wide, order="C").reshape(*self.batch, self.length)
        rows[~self.kept()] = -np.inf
        return rows

    def kept(self) -> NDArray[np.bool_]:
        """Return which logits are left in, (..., K)."""
        shape = (*self.batch, self.length)
        return np.ones(shape, np.bool_) if self.keep is None else self.keep.reshape(shape)

    def temperatures(self) -> Array:
        """Return the temperature of each slice."""
        one_for_all = self.temperature.size == 1
        return np.broadcast_to(self.temperature[0] if one_for_all else self.temperature, self.batch)

    def restore(self, rows: Array) -> Any:
        """Give (..., K) rows the shape and the format of the input."""
        lengths = tuple(self.shape[axis] for axis in self.axes)
        moved = rows.reshape((*self.batch, *lengths))
        back = np.moveaxis(moved, range(len(self.batch), moved.ndim), self.axes)
        return rounded(back, self.dtype)

    def read(self, values: Array, index: Index, span: slice, dtype: np.dtype[Any]) -> Array:
        """Return a span of a block's rows, (n, span), contiguous, in a format."""
        part = self.part(values, index, span)
        shape = (-1, self.width(span))
        if part.dtype == dtype and part.flags.c_contiguous and part.flags.aligned:
            return part.reshape(shape)
        rows = np.empty(part.shape, dtype)
        _copy(part, rows)
        return rows.reshape(shape)

    def part(self, values: Array, index: Index, span: slice) -> Array:
        """Return a span of a block's rows as it stands in memory, or a copy for want of a view."""
        part = values[(*index, ...)]
        if span == _WHOLE:
            return part
        # Without a view of its rows, a block of long ones is a single one.
        return part[..., span] if self.joined(values) else part.flat[span]

    def joined(self, values: Array) -> bool:
        """Tell whether the softmax axes of a view are one."""
        return values.ndim == len(self.batch) + 1

    def width(self, span: slice) -> int:
        """Return how many logits of a row are in a span."""
        return len(range(*span.indices(self.length)))

    @contextmanager
    def _written(self, out: Array, index: Index, left_out: float, span: slice) -> Iterator[Array]:
        """Give rows to write results to: where they belong, or a buffer that is copied there."""
        # A result is made in C order, so that its softmax axes join, or its rows are copied.
        part = self.part(out, index, span)
        shape = (-1, self.width(span))
        direct = out.dtype == self.working and part.flags.c_contiguous and part.flags.aligned
        direct = direct and np.may_share_memory(part, out)
        rows = (part if direct else np.empty(part.shape, self.working)).reshape(shape)
        yield rows
        if self.keep is not None:
            keep = self.read(self.keep, index, span, np.dtype(np.bool_))
            np.copyto(rows, self.working.type(left_out), where=~keep)
        if not direct:
            values, block = np.asarray(rounded(rows, out.dtype)), out[(*index, ...)]
            if span == _WHOLE or self.joined(out):
                _copy(values.reshape(part.shape), block[..., span])
            else:
                block.flat[span] = values

    def _block(self, index: Index, beside: Array | None, beside_left_out: float | None) -> Rows:
        def loader(values: Array, left_out: float | None) -> Callable[[slice], Array]:
            def load(span: slice) -> Array:
                rows = self.read(values, index, span, self.working)
                if self.keep is None or left_out is None:
                    return rows
                keep = self.read(self.keep, index, span, np.dtype(np.bool_))
                return np.where(keep, rows, self.working.type(left_out))

            return load

        load = loader(self.logits, -np.inf)
        temperature = self.temperature
        if temperature.size > 1:
            temperature = np.ascontiguousarray(temperature[index])
        count = self.logits[(*index, ...)].size // self.length
        ours = passes(self.working.char)
        whole = self.length <= ours.LONGEST
        return Rows(
            passes=ours,
            count=count,
            length=self.length,
            span=self.length if whole else ours.PIECE if count == 1 else ours.COLUMN_PIECE,
            temperatures=temperature.reshape(-1),
            load=load,
            load_beside=load if beside is None else loader(beside, beside_left_out),
        )

    def each(
        self,
        fill: Callable[[Index, Rows], None],
        beside: Array | None = None,
        beside_left_out: float | None = None,
    ) -> None:
        """Call a function with each block: where it stands in the batch, and its rows."""
        if not self.logits.size:
            return
        ours = passes(self.working.char)
        # Columns that stand side by side in memory are read together.
        views = [view for view in (self.logits, self.keep, beside) if view is not None]
        strides = self.logits.strides
        beside_each_other = len(strides) > 1 and strides[-2] < strides[-1]
        count = max(ours.BLOCK // self.length, 1)
        if beside_each_other and all(map(self.joined, views)):
            piece = self.length if self.length <= ours.LONGEST else ours.COLUMN_PIECE
            count = max(count, min(ours.COLUMNS, ours.COLUMN_BLOCK // piece))
        indices = list(_cut(self.batch, count))

        @np.errstate(all="ignore")
        def quietly(index: Index) -> None:
            fill(index, self._block(index, beside, beside_left_out))

        if self.logits.size < _THREADED or len(indices) < 2:
            for index in indices:
                quietly(index)
        else:
            in_threads(quietly, indices)


def ready(z: Any, axis: Any, temperature: Any = 1.0) -> tuple[Any, Array, Array, Array] | None:
    """Return the passes, an empty array for results, rows and temperature, if z is ready for them.

    It is if it has few logits, contiguous, and softmax is taken along the last axis.
    """
    if type(z) is not np.ndarray or type(axis) is not int or type(temperature) not in _NUMBERS:
        return None
    dtype = z.dtype
    if (
        dtype not in _SIMPLE
        or not z.flags.carray
        or not 0 < z.size < _THREADED
        or (axis != -1 and axis != z.ndim - 1)
        or not 0 < temperature < _INTEGERS  # larger ones do not become NumPy's
    ):
        return None
    ours, length = passes(dtype.char), z.shape[-1]
    if z.size > ours.BLOCK or length > ours.LONGEST:
        return None
    temperatures = _ONE if temperature == 1 else np.array([temperature], np.float64)
    return ours, np.empty_like(z), z.reshape(-1, length), temperatures


def _parts(columns: tuple[Array, ...], index: Index) -> Iterator[Array]:
    """Return a block's part of columns, (n, 1) each."""
    return (column[(*index, ...)].reshape(-1, 1) for column in columns)


def _copy(values: Array, out: Array) -> None:
    """Copy rows; the engine copies a matrix, which may stand in columns."""
    simple = values.dtype == out.dtype and values.dtype in _SIMPLE and values.ndim > 1
    aligned = values.flags.aligned and out.flags.aligned
    if simple and aligned and math.prod(values.shape[:-2]) == 1:
        matrix = (0,) * (values.ndim - 2)
        passes(values.dtype.char).copy(values[matrix], out[matrix])
    else:
        np.copyto(out, values)


def _cut(shape: tuple[int, ...], count: int) -> Iterator[Index]:
    """Cut a batch into blocks of so many slices, or fewer."""
    inner = math.prod(shape[1:])
    if not shape or shape[0] * inner <= count:
        yield (_WHOLE,) * bool(shape)
    elif inner <= count:
        step = max(count // inner, 1)
        yield from ((slice(start, start + step),) for start in range(0, shape[0], step))
    else:
        for start, rest in itertools.product(range(shape[0]), list(_cut(shape[1:], count))):
            yield slice(start, start + 1), *rest


def _axes(axis: Axis, dimensions: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(dimensions))
    try:
        given = tuple(map(integer, axis if isinstance(axis, tuple) else (axis,)))
    except TypeError:
        raise TypeError(f"axis must be an int, a tuple of int or None, got {axis!r}") from None
    for number in given:
        if not -dimensions <= number < dimensions:
            raise np.exceptions.AxisError(number, dimensions)
    axes = tuple(number % dimensions for number in given)
    if len(set(axes)) < len(axes):
        raise ValueError(f"repeated axis in {axis}")
    return axes


def _last(values: Array, axes: tuple[int, ...]) -> Array:
    """Return a view with some axes last, as one axis if that takes no copy."""
    if axes == (values.ndim - 1,):
        return values
    moved = np.moveaxis(values, axes, range(-len(axes), 0))
    if len(axes) == 1:
        return moved
    kept = moved.shape[: values.ndim - len(axes)]
    try:
        return np.reshape(moved, (*kept, math.prod(moved.shape[len(kept) :])), copy=False)
    except ValueError:
        return moved


def _selection(where: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    selection = not_masked("where", where)
    if selection.dtype != np.bool_:
        raise TypeError(f"where must be Boolean, got dtype {selection.dtype}")
    return _broadcast("where", selection, shape)


def _temperatures(
    temperature: ArrayLike, shape: tuple[int, ...], axes: tuple[int, ...], wide: np.dtype[Any]
) -> Array:
    """Return the temperature of each slice, in the shape of the batch, or one for all."""
    if isinstance(temperature, float) and temperature == 1 and wide == _ONE.dtype:
        return _ONE
    given = real("temperature", temperature).astype(wide) + 0.0  # -0 becomes 0
    invalid = given[~(given >= 0)]
    if invalid.size:
        raise ValueError(f"temperature must be at least 0, got {invalid.flat[0]}")
    if given.ndim == 0:
        return given.reshape(1)
    _broadcast("temperature", given, shape)
    padded = given.reshape((1,) * (len(shape) - given.ndim) + given.shape)
    highest = padded.max(axis=axes, keepdims=True, initial=0)
    if (padded.min(axis=axes, keepdims=True, initial=np.inf) < highest).any():
        raise ValueError(
            "temperature must be the same along the softmax axis; "
            f"its shape is {given.shape}, z's is {shape}, and the axes are {axes}"
        )
    reduced = [1 if axis in axes else length for axis, length in enumerate(shape)]
    kept = [length for axis, length in enumerate(shape) if axis not in axes]
    return np.broadcast_to(highest, reduced).reshape(kept)


def _broadcast(name: str, values: Array, shape: tuple[int, ...]) -> Array:
    try:
        return np.broadcast_to(values, shape)
    except ValueError:
        raise ValueError(
            f"{name} of shape {values.shape} does not broadcast to z's shape {shape}"
        ) from None
