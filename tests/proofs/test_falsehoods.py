from pathlib import Path

import pytest
from falsehoods import FALSEHOODS
from ledger import read_ledger

from softmax_lib.claims import Verdict
from softmax_lib.proofs import Falsified, Unproved

BOOK = Path(__file__).parents[2] / "book"
PROVED = {
    Verdict.DEFINITION,
    Verdict.PROVED,
    Verdict.PROVED_UP_TO,
    Verdict.PROVED_WITH_STEP,
}


@pytest.mark.parametrize(
    ("claim", "change"),
    [(claim, change) for claim, changes in FALSEHOODS.items() for change in changes],
)
def test_a_false_variant_of_a_claim_is_refused(claim, change):
    with pytest.raises((Falsified, Unproved)):
        FALSEHOODS[claim][change]()


def test_every_claim_that_is_proved_has_a_false_variant():
    proved = {entry.claim for entry in read_ledger(BOOK) if entry.reals in PROVED}
    assert proved == set(FALSEHOODS)
