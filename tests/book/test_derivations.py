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
notebooks = sorted(Path(sys.argv[1]).glob("*.ipynb"))
records = [record for notebook in notebooks for record in find_records(notebook)]
proved = rebuild([text for record in records for text in record.content.get("derivations", [])])
said = {f"{derivation.statement}: {derivation}" for derivation in proved.values()}
for record in records:
    if "derivations" in record.content:
        print(record.claim, len(said.intersection(record.content["reals"]["evidence"])))
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
    shown_by = dict(line.split() for line in finished.stdout.splitlines())
    assert shown_by
    assert "0" not in shown_by.values()
