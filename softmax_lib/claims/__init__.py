"""Claims and their verdicts: evidence that can fail, and records derived from it.

`examine` runs a check; `record` turns proofs and checks into the verdict on a claim.
"""

from softmax_lib._extras import require

require("proofs", "claims and their verdicts", "sympy")

from .citation import Citation
from .examination import AtMost, Examination, Vacuous, examine
from .record import EVERY_K, RECORD_TYPE, Contradiction, Record, Verdict, record
from .steps import Step, known_steps

__all__ = [
    "EVERY_K",
    "RECORD_TYPE",
    "AtMost",
    "Citation",
    "Contradiction",
    "Examination",
    "Record",
    "Step",
    "Vacuous",
    "Verdict",
    "examine",
    "known_steps",
    "record",
]
