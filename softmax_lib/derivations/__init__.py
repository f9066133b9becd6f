"""Derivations: claims shown line by line, printed as they are written, proved as they are printed.

A `Derivation` is a chain of terms that are made of the names in `vocabulary`. Each line is proved
by `softmax_lib.proofs`, or it raises. What is printed can be read back (`read`), and what is stored
can be proved again by a process that runs no notebook (`store`, `rebuild`).
"""

from softmax_lib._extras import require

require("proofs", "derivations", "sympy")

from . import vocabulary
from .derivation import Derivation, Line, Statement
from .reader import read
from .reasons import Cited, Given, Unlike
from .steps import Status
from .stored import Tampered, rebuild, store
from .terms import Assumption, Entry, Term, latex, meaning

__all__ = [
    "Assumption",
    "Cited",
    "Derivation",
    "Entry",
    "Given",
    "Line",
    "Statement",
    "Status",
    "Tampered",
    "Term",
    "Unlike",
    "latex",
    "meaning",
    "read",
    "rebuild",
    "store",
    "vocabulary",
]
