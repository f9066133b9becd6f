"""Which of two engines computes, for a whole process: kernels compiled by numba, or NumPy."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from threading import RLock
from typing import Any

from softmax_lib import _arrays

VARIABLE = "SOFTMAX_LIB_ENGINE"
NAMES = ("compiled", "numpy")

_decided: str | None = None
_passes: dict[str, Any] = {}
_lock = RLock()


def engine(name: str | None = None, /) -> str:
    """Return which engine computes in this process, and choose it before the first call.

    Parameters
    ----------
    name : {"compiled", "numpy"}, optional
        What is to compute: kernels compiled by numba, or NumPy alone. By default, what the
        environment variable ``SOFTMAX_LIB_ENGINE`` names; without it, kernels if numba is
        installed, and NumPy if it is not.

    Returns
    -------
    str
        "compiled" or "numpy".

    Raises
    ------
    ValueError
        If `name` or the environment variable is another word.
    RuntimeError
        If another engine has computed already.
    ImportError
        If kernels are asked for by name and numba is not there or does not work.

    Notes
    -----
    The engine is decided when it is asked for here or when something is first computed, and stays.
    Both keep the same contract and the same bounds; last bits are each engine's own. A numba that
    is installed but does not work gives a RuntimeWarning that says why, and NumPy computes.
    Longdouble is computed by NumPy with either engine.

    Claims: `same-bits`

    Examples
    --------
    >>> from softmax_lib import engine
    >>> engine() in ("compiled", "numpy")
    True
    """
    with _lock:
        if name is not None and name not in NAMES:
            raise ValueError(f"the engine must be one of {NAMES}, got {name!r}")
        if _decided is None:
            _decide(name)
        elif name not in (None, _decided):
            raise RuntimeError(
                f"the engine is {_decided} already; choose {name} before the first call, or set "
                f"{VARIABLE}={name}"
            )
        return _decided or ""


def passes(dtype: str) -> Any:
    """Return the passes over rows of float32 ("f"), float64 ("d") or longdouble ("g")."""
    return _passes.get(dtype) or _load(dtype)


def is_installed(module: str) -> bool:
    """Tell whether there is such a module, be it that it can be imported or not."""
    try:
        return find_spec(module) is not None
    except ValueError:  # something else stands in its place
        return True


def _load(dtype: str) -> Any:
    with _lock:
        compiled = engine() == "compiled" and dtype != "g"
        _passes[dtype] = _Compiled(dtype) if compiled else _arrays
        return _passes[dtype]


def _decide(name: str | None) -> None:
    global _decided
    name = name or os.environ.get(VARIABLE) or None
    if name not in (None, *NAMES):
        raise ValueError(
            f"the environment variable {VARIABLE} must be one of {NAMES} or not set, got {name!r}"
        )
    if name is None and not is_installed("numba"):
        name = "numpy"
    if name == "numpy":
        _decided = name
        return
    try:
        _uninterrupted(_import_numba)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        if name == "compiled":
            raise ImportError(
                f"the compiled engine needs numba, which does not work here ({reason}); install "
                f"it with pip install '.[fast]' in softmax_lib's repository, or set "
                f"{VARIABLE}=numpy"
            ) from error
        _decided = "numpy"
        warnings.warn(
            f"numba is installed but does not work here ({reason}): NumPy computes in its place, "
            f"more slowly; mend numba, or set {VARIABLE}=numpy to say that this is wanted",
            RuntimeWarning,
            stacklevel=2,
        )
    else:
        _decided = "compiled"


def _import_numba() -> None:
    import numba

    if tuple(map(int, numba.__version__.split(".")[:2])) < (0, 64):
        raise ImportError(f"numba {numba.__version__} is too old, 0.64 is needed")
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        raise ImportError("NUMBA_DISABLE_JIT is set")
    import softmax_lib._compiled  # noqa: F401


class _Compiled:
    """The compiled passes over rows of one format, each compiled when it is first asked for."""

    def __init__(self, dtype: str) -> None:
        from softmax_lib import _compiled

        self._module, self._dtype = _compiled, dtype
        self.ONE = _compiled.ONE
        # Pieces are multiples of a span: sums do not depend on which.
        self.LONGEST, self.BLOCK, self.PIECE = _compiled.LONGEST, 2**18, 2**18
        # Sixteen columns beside each other are a tile, in float32 a line of the cache.
        self.COLUMN_PIECE, self.COLUMNS, self.COLUMN_BLOCK = 2**15, 16, 2**19

    def __getattr__(self, name: str) -> Any:
        with _lock:
            compiled = _uninterrupted(self._module.compile_for, name, self._dtype)
            setattr(self, name, compiled)
            return compiled


def _uninterrupted(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a thread of its own, where Ctrl-C cannot leave it half done."""
    try:
        from concurrent.futures import ThreadPoolExecutor

        pool = ThreadPoolExecutor(1, "softmax_lib")
        future = pool.submit(function, *arguments)
    except RuntimeError:  # at the interpreter's exit there are no new threads
        return function(*arguments)
    with pool:
        return future.result()


def _after_fork() -> None:
    """Leave numba alone in a process that was forked off while another thread loaded it.

    Locks that the other thread held, numba's and those of imports, are never released here.
    """
    global _lock, _decided
    if _lock.acquire(blocking=False):
        _lock.release()
        return
    _lock, _decided = RLock(), "numpy"
    _passes.clear()
    warnings.warn(
        "forked while another thread loaded numba, which cannot be used here: NumPy computes in "
        "this process, more slowly; call softmax_lib.engine() before the fork",
        RuntimeWarning,
        stacklevel=2,
    )


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
