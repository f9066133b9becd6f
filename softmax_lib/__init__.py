"""Softmax on NumPy arrays, its correctly rounded reference, and proofs of its identities."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softmax_lib._attention import scaled_dot_product_attention
from softmax_lib._derivatives import softmax_jacobian, softmax_jvp, softmax_vjp
from softmax_lib._engine import engine
from softmax_lib._information import cross_entropy, entropy
from softmax_lib._normalizer import OnlineNormalizer
from softmax_lib._sampling import sample
from softmax_lib._softmax import log_softmax, logsumexp, naive_softmax, softmax

if TYPE_CHECKING:
    from softmax_lib.exact import exact_log_softmax, exact_logsumexp, exact_softmax, ulp_error

__all__ = [
    "OnlineNormalizer",
    "cross_entropy",
    "engine",
    "entropy",
    "exact_log_softmax",
    "exact_logsumexp",
    "exact_softmax",
    "log_softmax",
    "logsumexp",
    "naive_softmax",
    "sample",
    "scaled_dot_product_attention",
    "softmax",
    "softmax_jacobian",
    "softmax_jvp",
    "softmax_vjp",
    "ulp_error",
]


def __getattr__(name: str) -> object:
    # The reference needs mpmath, which the rest does without, so it is imported on first use.
    if name in __all__:
        from softmax_lib import exact

        return getattr(exact, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
