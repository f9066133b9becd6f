"""Softmax on NumPy arrays, its correctly rounded reference, and proofs of its identities."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from softmax_lib._attention import scaled_dot_product_attention
from softmax_lib._derivatives import softmax_jacobian, softmax_jvp, softmax_vjp
from softmax_lib._engine import engine
from softmax_lib._engine import is_installed as _is_installed
from softmax_lib._filters import min_p, top_k, top_p
from softmax_lib._information import cross_entropy, entropy, kl_divergence
from softmax_lib._normalizer import OnlineNormalizer
from softmax_lib._sampling import sample
from softmax_lib._softmax import log_softmax, logsumexp, naive_softmax, softmax

if TYPE_CHECKING:
    from softmax_lib.exact import exact_log_softmax, exact_logsumexp, exact_softmax, ulp_error

__version__ = "0.1.0"

__all__ = [
    "OnlineNormalizer",
    "cross_entropy",
    "engine",
    "entropy",
    "exact_log_softmax",
    "exact_logsumexp",
    "exact_softmax",
    "kl_divergence",
    "log_softmax",
    "logsumexp",
    "min_p",
    "naive_softmax",
    "sample",
    "scaled_dot_product_attention",
    "softmax",
    "softmax_jacobian",
    "softmax_jvp",
    "softmax_vjp",
    "top_k",
    "top_p",
    "ulp_error",
]

# The reference needs mpmath, which the rest does without, so it is imported on first use. Where
# there is no mpmath, these names are not among those that `import *`, `dir` and `help` go through.
_REFERENCE = {"exact_log_softmax", "exact_logsumexp", "exact_softmax", "ulp_error"}
if not _is_installed("mpmath"):
    __all__ = [name for name in __all__ if name not in _REFERENCE]


def __getattr__(name: str) -> object:
    if name not in _REFERENCE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from softmax_lib import exact
    except ImportError as error:
        # Nothing but an AttributeError makes `hasattr` False; but `from softmax_lib import name`
        # would drop what it says, and gets the ImportError. No class can be both.
        if sys._getframe(1).f_code.co_name == "_handle_fromlist":
            raise
        raise AttributeError(str(error)) from error
    return getattr(exact, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
