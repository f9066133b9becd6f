"""What type checkers know of results: an array comes back in its own format.

Each decorator leaves a function as it is, and says how its result goes with the first argument.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import (
    Any,
    Concatenate,
    Literal,
    ParamSpec,
    Protocol,
    TypedDict,
    TypeVar,
    Unpack,
    overload,
)

import numpy as np
from numpy.typing import ArrayLike, NDArray

P = ParamSpec("P")
F = TypeVar("F", bound=np.floating[Any])
Numbers = Sequence[float] | Sequence[Sequence[float]] | Sequence[Sequence[Sequence[float]]]
# What is computed in float64.
Exact = NDArray[np.integer[Any] | np.bool] | Numbers
Floating = np.floating[Any] | NDArray[np.floating[Any]]


class SameShape(Protocol[P]):
    """Gives an array of the first argument's shape."""

    @overload
    def __call__(self, z: NDArray[F], /, *args: P.args, **kwargs: P.kwargs) -> NDArray[F]: ...
    @overload
    def __call__(self, z: Exact, /, *args: P.args, **kwargs: P.kwargs) -> NDArray[np.float64]: ...
    @overload
    def __call__(self, z: ArrayLike, /, *args: P.args, **kwargs: P.kwargs) -> Floating: ...


class Reduction(Protocol[P]):
    """Gives a number for each slice: a scalar or an array."""

    @overload
    def __call__(self, z: NDArray[F], /, *args: P.args, **kwargs: P.kwargs) -> F | NDArray[F]: ...
    @overload
    def __call__(
        self, z: Exact, /, *args: P.args, **kwargs: P.kwargs
    ) -> np.float64 | NDArray[np.float64]: ...
    @overload
    def __call__(self, z: ArrayLike, /, *args: P.args, **kwargs: P.kwargs) -> Floating: ...


class Options(TypedDict, total=False):
    """What attention takes beside its arrays."""

    mask: ArrayLike | None
    is_causal: bool
    causal_alignment: Literal["upper_left", "lower_right"] | None
    scale: float | None
    softcap: float | None
    enable_gqa: bool
    block_size: int | None


class Attention(Protocol):
    """Gives averages, or averages and weights."""

    @overload
    def __call__(
        self,
        query: NDArray[F],
        key: NDArray[F],
        value: NDArray[F],
        /,
        *,
        return_weights: Literal[False] = ...,
        **options: Unpack[Options],
    ) -> NDArray[F]: ...
    @overload
    def __call__(
        self,
        query: NDArray[F],
        key: NDArray[F],
        value: NDArray[F],
        /,
        *,
        return_weights: Literal[True],
        **options: Unpack[Options],
    ) -> tuple[NDArray[F], NDArray[F]]: ...
    @overload
    def __call__(
        self,
        query: ArrayLike,
        key: ArrayLike,
        value: ArrayLike,
        /,
        *,
        return_weights: Literal[False] = ...,
        **options: Unpack[Options],
    ) -> NDArray[np.floating[Any]]: ...
    @overload
    def __call__(
        self,
        query: ArrayLike,
        key: ArrayLike,
        value: ArrayLike,
        /,
        *,
        return_weights: Literal[True],
        **options: Unpack[Options],
    ) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]: ...


def attention(function: Callable[..., Any]) -> Attention:
    """Say that a function gives averages in the arrays' format, and weights on request."""
    return function


def same_shape(function: Callable[Concatenate[ArrayLike, P], Any]) -> SameShape[P]:
    """Say that a function gives an array of the first argument's shape and format."""
    return function


def reduction(function: Callable[Concatenate[ArrayLike, P], Any]) -> Reduction[P]:
    """Say that a function gives numbers in the first argument's format."""
    return function
