"""``python -m softmax_lib.claims book``: read the ledger, and say how it stands."""

import argparse
import sys
from collections import Counter
from pathlib import Path

from .ledger import SIDES, LedgerError, read_ledger


def main() -> None:
    """Print how many claims carry which verdicts, or what does not fit together."""
    parser = argparse.ArgumentParser(prog="python -m softmax_lib.claims", description=__doc__)
    parser.add_argument("book", type=Path, help="folder of the chapters and of claims.toml")
    try:
        entries = read_ledger(parser.parse_args().book)
    except LedgerError as error:
        sys.exit(str(error))
    print(f"{len(entries)} claims, {sum(entry.has_gap for entry in entries)} of them with a gap")
    for side in SIDES:
        counts = Counter(str(getattr(entry, side)) for entry in entries)
        print(f"{side}: " + "; ".join(f"{word} {count}" for word, count in counts.most_common()))


if __name__ == "__main__":
    main()
