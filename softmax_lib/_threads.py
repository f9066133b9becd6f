"""Threads for work that lets go of the interpreter's lock, as NumPy and compiled kernels do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

_Item = TypeVar("_Item")

_pool: ThreadPoolExecutor | None = None


def processors() -> int:
    """Return how many processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def in_threads(function: Callable[[_Item], object], items: Sequence[_Item]) -> None:
    """Call a function with each item, on as many threads as there are processors.

    Each thread takes the next item when it is done with one. The function must not call this one:
    it would wait for a thread that waits for it.
    """
    remaining, stopped = iter(items), False

    def work() -> None:
        for item in remaining:
            if stopped:
                return
            function(item)

    others: list[Future[None]] = []
    try:
        others += _started(work, min(processors(), len(items)) - 1)
        work()
    finally:
        stopped = True  # by an error or an interruption, if not by the end
        for other in others:
            if not other.cancel():
                other.result()


def _started(work: Callable[[], None], count: int) -> Iterator[Future[None]]:
    global _pool
    try:
        if count > 0 and _pool is None:
            # Imported late: it takes longer than all of this library.
            from concurrent.futures import ThreadPoolExecutor

            _pool = ThreadPoolExecutor(processors() - 1, "softmax_lib")
        for _ in range(count):
            assert _pool is not None
            yield _pool.submit(work)
    except RuntimeError:  # at the interpreter's exit there are no new threads
        return


def _forget_pool() -> None:
    global _pool
    _pool = None


# Threads do not survive a fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)
