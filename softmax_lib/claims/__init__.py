"""Claims and their verdicts: evidence that can fail, records derived from it, and the ledger.

`examine` runs a check; `record` turns proofs and checks into the verdict on a claim; `read_ledger`
gathers the records of a book.
"""

from softmax_lib._extras import require

require("proofs", "the ledger of claims", "sympy", "markdown_it")

from .citation import Citation
from .examination import AtMost, Examination, Vacuous, examine
from .ledger import Entry, LedgerError, read_ledger
from .record import EVERY_K, RECORD_TYPE, Contradiction, Record, Verdict, record
from .review import check_review
from .steps import Step, known_steps

__all__ = [
    "EVERY_K",
    "RECORD_TYPE",
    "AtMost",
    "Citation",
    "Contradiction",
    "Entry",
    "Examination",
    "LedgerError",
    "Record",
    "Step",
    "Vacuous",
    "Verdict",
    "check_review",
    "examine",
    "known_steps",
    "read_ledger",
    "record",
]
