"""Symbolic proofs about finite sums, with the number of logits K and all indices symbolic.

`prove_equal`, `prove_nonnegative`, `prove_positive` and `prove_positive_given` return a `Proof` or
raise a `ProofError`; `define` certifies a definition; `prove_equal_up_to` proves what must be
written out at each K. The rules that a proof rests on stand at the head of `normaliser` (1 to 5,
for sums) and of `sign` (6 to 8, for signs).
"""

from softmax_lib._extras import require

require("proofs", "the prover", "sympy")

from .calculus import differentiate, value_at
from .errors import Falsified, ProofError, Refused, Unproved, Unsound
from .prover import (
    Proof,
    define,
    prove_equal,
    prove_equal_up_to,
    prove_nonnegative,
    prove_positive,
    prove_positive_given,
)
from .symbols import K, T, c, depth, gap, i, j, k, m, n, softmax, total, z

__all__ = [
    "Falsified",
    "K",
    "Proof",
    "ProofError",
    "Refused",
    "T",
    "Unproved",
    "Unsound",
    "c",
    "define",
    "depth",
    "differentiate",
    "gap",
    "i",
    "j",
    "k",
    "m",
    "n",
    "prove_equal",
    "prove_equal_up_to",
    "prove_nonnegative",
    "prove_positive",
    "prove_positive_given",
    "softmax",
    "total",
    "value_at",
    "z",
]
