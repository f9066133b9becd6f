"""The derivations that the book's records carry are proved again where no notebook has run."""

import subprocess
import sys
from pathlib import Path

BOOK = Path(__file__).parents[2] / "book"

AGAIN = """
import sys
from pathlib import Path
from softmax_lib.claims.ledger import find_records
from softmax_lib.derivations import rebuild
for notebook in sorted(Path(sys.argv[1]).glob("*.ipynb")):
    for record in find_records(notebook):
        for derivation in rebuild(record.content.get("derivations", [])).values():
            said = f"{derivation.statement}: {derivation}"
            print(record.claim, said in record.content["reals"]["evidence"], derivation.id)
"""


def test_a_process_that_ran_no_notebook_proves_them_again():
    finished = subprocess.run(
        [sys.executable, "-c", AGAIN, str(BOOK)],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert finished.returncode == 0, finished.stderr
    found = [line.split() for line in finished.stdout.splitlines()]
    # What is not evidence itself is the reason of a line of what is.
    assert {claim for claim, is_evidence, _ in found if is_evidence == "True"} >= {
        "jacobian-diagonal",
        "jacobian-structure",
        "half-lipschitz",
        "cross-entropy",
    }
