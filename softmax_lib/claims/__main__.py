"""``python -m softmax_lib.claims book``: read the ledger, and say how it stands."""

import argparse
import sys
from collections import Counter
from pathlib import Path

from .ledger import SIDES, LedgerError, read_ledger
from .recheck import recheck
from .review import accept, check_review, show

PROGRAM = "python -m softmax_lib.claims"


def main() -> None:
    """Count the verdicts or review a claim, or print what does not fit together."""
    arguments = sys.argv[1:]
    try:
        if arguments[:1] == ["review"]:
            _review(arguments[1:])
        else:
            _count(arguments)
    except LedgerError as error:
        sys.exit(str(error))


def _parser(prog: str, description: str | None, epilog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=prog, description=description, epilog=epilog)
    parser.add_argument("book", type=Path, help="folder of the chapters and of claims.toml")
    return parser


def _count(arguments: list[str]) -> None:
    parser = _parser(
        prog=PROGRAM,
        description=__doc__,
        epilog=f"To compare the words of a claim with what is proved: {PROGRAM} review --help",
    )
    book = parser.parse_args(arguments).book
    entries = read_ledger(book)
    recheck(book, book.absolute().parent / "_build" / "proved-again.json")
    check_review(book, entries)
    print(f"{len(entries)} claims, {sum(entry.has_gap for entry in entries)} of them with a gap")
    for side in SIDES:
        counts = Counter(entry.words(side) for entry in entries)
        print(f"{side}: " + "; ".join(f"{word} {count}" for word, count in counts.most_common()))


def _review(arguments: list[str]) -> None:
    parser = _parser(
        prog=f"{PROGRAM} review",
        description="Show a claim as it was reviewed (-) and as it stands now (+).",
        epilog="Compare the words with what is proved, below them, before you accept.",
    )
    parser.add_argument("claim", metavar="ID", help="the claim's id")
    parser.add_argument("--accept", action="store_true", help="take what stands now for reviewed")
    asked = parser.parse_args(arguments)
    entries = read_ledger(asked.book)
    print(show(asked.book, entries, asked.claim))
    if asked.accept:
        accept(asked.book, entries, asked.claim)
        print(f"{asked.claim}: taken for reviewed")


if __name__ == "__main__":
    main()
