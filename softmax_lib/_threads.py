"""Threads for NumPy's and the compiled kernels, which let go of the interpreter's lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextvars import copy_context
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_pool: ThreadPoolExecutor | None = None


def processors() -> int:
    """Return how many processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def in_turn(function: Callable[[_Item], _Result], items: Sequence[_Item]) -> list[_Result]:
    """Return the function's results, computed one after the other."""
    return [function(item) for item in items]


def in_threads(function: Callable[[_Item], _Result], items: Sequence[_Item]) -> list[_Result]:
    """Return the function's results, computed by as many threads as there are processors.

    The function must not call this one: it would wait for a thread that waits for it.
    """
    global _pool
    count = min(processors(), len(items))
    if count < 2:
        return in_turn(function, items)
    if _pool is None:
        # Imported late: it takes longer than all of this library.
        from concurrent.futures import ThreadPoolExecutor

        _pool = ThreadPoolExecutor(max(processors() - 1, 1), "softmax_lib")
    shares = [items[first::count] for first in range(count)]
    # In the caller's context, which holds what NumPy does about floating-point errors.
    others = [_pool.submit(copy_context().run, in_turn, function, share) for share in shares[1:]]
    results: list[_Result] = list(items)  # type: ignore[arg-type]  # all are replaced
    results[::count] = in_turn(function, shares[0])
    for first, other in enumerate(others, 1):
        results[first::count] = other.result()
    return results


def _forget_pool() -> None:
    global _pool
    _pool = None


# Threads do not survive a fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)
