"""``python book/_extensions/ledger``: read the ledger, and say how it stands."""

import argparse
import sys
from collections import Counter
from pathlib import Path

from . import SIDES, Entry, LedgerError, read_ledger
from .recheck import recheck
from .review import accept, check_review, facts_of, show

BOOK = Path(__file__).parents[2]
PROGRAM = "python book/_extensions/ledger"


def main() -> None:
    """Count the verdicts or review a claim, or print what does not fit together."""
    asked = _parser().parse_args()
    try:
        if asked.verb == "review":
            _review(asked.book, asked.claim, asked.accept)
        elif asked.verb == "compare":
            print(
                compared(
                    read_ledger(asked.other), read_ledger(asked.book)
                )
            )
        else:
            _count(asked.book)
    except LedgerError as error:
        sys.exit(str(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    parser.add_argument(
        "--book",
        type=Path,
        default=BOOK,
        help="folder of the chapters and of claims.toml",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    review = verbs.add_parser(
        "review",
        help="compare the words of a claim with what is proved",
        description="Show a claim as it was reviewed (-) and as it stands now (+).",
        epilog="Compare the words with what is proved, below them, before you accept.",
    )
    review.add_argument("claim", metavar="ID", help="the claim's id")
    review.add_argument(
        "--accept",
        action="store_true",
        help="take what stands now for reviewed",
    )
    compare = verbs.add_parser(
        "compare",
        help="say in Markdown what is different from another book's ledger",
    )
    compare.add_argument(
        "other", type=Path, help="folder of the other book, the older one"
    )
    return parser


def compared(old: list[Entry], new: list[Entry]) -> str:
    """Return, in Markdown, what became of claims and of their verdicts."""
    before, after = (
        {entry.claim: entry for entry in entries}
        for entries in (old, new)
    )
    lines = [
        f"- `{claim}` is gone" for claim in before.keys() - after.keys()
    ]
    for claim, entry in after.items():
        if claim not in before:
            lines.append(
                f"- `{claim}` is new: {_verdicts(entry)}. {entry.says}"
            )
            continue
        was = before[claim]
        if _verdicts(was) != _verdicts(entry):
            lines.append(
                f"- `{claim}`: {_verdicts(was)} → {_verdicts(entry)}"
            )
        if facts_of(was) != facts_of(entry):
            lines.append(
                f"- `{claim}`: its words or its evidence changed"
            )
    found = "\n".join(sorted(lines)) or "No claim and no verdict changes."
    return f"### The ledger: {len(old)} claims, now {len(new)}\n\n{found}"


def _verdicts(entry: Entry) -> str:
    return ", ".join(
        f"{side}: {entry.words(side)}{entry.qualified(side)}"
        for side in SIDES
    )


def _count(book: Path) -> None:
    entries = read_ledger(book)
    recheck(book, book.absolute().parent / "_build" / "proved-again.json")
    check_review(book, entries)
    print(
        f"{len(entries)} claims, {sum(entry.has_gap for entry in entries)} of them with a gap"
    )
    for side in SIDES:
        counts = Counter(entry.words(side) for entry in entries)
        print(
            f"{side}: "
            + "; ".join(
                f"{word} {count}" for word, count in counts.most_common()
            )
        )


def _review(book: Path, claim: str, accepted: bool) -> None:
    entries = read_ledger(book)
    print(show(book, entries, claim))
    if accepted:
        accept(book, entries, claim)
        print(f"{claim}: taken for reviewed")
