"""What was read beside what is proved: words, verdicts and formulas of every claim, as they were.

No machine can tell whether a sentence says what a formula does. Someone has to compare them, and
``reviewed.toml`` keeps, for each claim, what was compared. Verdicts are never read from it: where a
claim is no longer what it was, `check_review` names it, and the book does not build until someone
has looked (``python book/_extensions/ledger review ID``).
"""

import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from difflib import ndiff
from pathlib import Path

from softmax_lib.claims import known_steps

from . import SIDES, Entry, LedgerError

Facts = dict[str, str]
"""What is kept of one claim."""

_STATED = re.compile(
    r"(.+): (?:proved|well defined|held|failed|\d+ lines?) "
)
_WORDS = {
    "title": "the title",
    "says": "the plain sentence",
    "words": "the words of the statement",
    "steps": "the steps by hand",
    "reasons": "the reasons of the derivations",
    "reals": "the verdict over the reals",
    "reals-scope": "the scope over the reals",
    "reals-evidence": "what is proved or checked over the reals",
    "floats": "the verdict in floating point",
    "floats-scope": "the scope in floating point",
    "floats-evidence": "what is checked in floating point",
}


def check_review(book: Path, entries: Sequence[Entry]) -> None:
    """Raise `LedgerError`, naming what changed, unless every claim is as it was reviewed."""
    reviewed, standing = (
        read_review(book),
        {entry.claim: facts_of(entry) for entry in entries},
    )
    changes = [
        f"{claim!r}: {change}"
        for claim in reviewed | standing
        for change in _changes(reviewed.get(claim), standing.get(claim))
    ]
    if changes:
        raise LedgerError(
            "claims are not as they were reviewed:\n"
            + "\n".join(changes)
            + "\nSee old and new with `python book/_extensions/ledger review ID`; "
            "--accept takes what stands there now."
        )


def facts_of(entry: Entry) -> Facts:
    """Return what is to be reviewed of a row of the ledger."""
    steps = "\n".join(str(known_steps()[name]) for name in entry.steps)
    reasons = [
        f"{name}: {texts['reasons']}"
        for name, texts in entry.formulas.items()
        if "reasons" in texts
    ]
    facts = {
        "title": entry.title,
        "says": entry.says,
        "words": entry.statement,
        "steps": steps,
        "reasons": "\n".join(reasons),
    }
    for side in SIDES:
        evidence = entry.evidence.get(side, ())
        facts |= {
            side: entry.words(side) + entry.qualified(side),
            f"{side}-scope": entry.scope.get(side, ""),
            f"{side}-evidence": "\n".join(map(_without_counts, evidence)),
        }
    return {name: text for name, text in facts.items() if text}


def _without_counts(evidence: str) -> str:
    stated = _STATED.match(evidence)
    return stated[1] if stated else evidence


def read_review(book: Path) -> dict[str, Facts]:
    """Return what was reviewed of each claim; of none, where the file is not there yet."""
    path = book / "reviewed.toml"
    try:
        reviewed: dict[str, Facts] = tomllib.loads(
            path.read_text(encoding="utf-8")
        )
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise LedgerError(f"{path} cannot be read: {error}") from error
    for claim, facts in reviewed.items():
        if not isinstance(facts, dict):
            raise LedgerError(
                f"{path}: {claim!r} is no table; restore the file from its history"
            )
    return reviewed


def show(book: Path, entries: Sequence[Entry], claim: str) -> str:
    """Return what was reviewed of a claim and what stands now, line by line."""
    old, new = _reviewed_and_standing(book, entries, claim)
    lines = ndiff(
        _table(claim, old).splitlines(), _table(claim, new).splitlines()
    )
    return "\n".join(line.rstrip() for line in lines)


def accept(book: Path, entries: Sequence[Entry], claim: str) -> None:
    """Take what stands of one claim for reviewed, and leave the others as they are."""
    _, new = _reviewed_and_standing(book, entries, claim)
    reviewed = read_review(book) | {claim: new}
    tables = [
        _table(name, facts) for name, facts in reviewed.items() if facts
    ]
    (book / "reviewed.toml").write_text(
        "\n".join(tables), encoding="utf-8"
    )


def _reviewed_and_standing(
    book: Path, entries: Sequence[Entry], claim: str
) -> tuple[Facts, Facts]:
    old = read_review(book).get(claim, {})
    new = next(
        (facts_of(entry) for entry in entries if entry.claim == claim), {}
    )
    if not old and not new:
        raise LedgerError(
            f"there is no claim {claim!r}: neither in the ledger nor reviewed"
        )
    return old, new


def _changes(old: Facts | None, new: Facts | None) -> Iterator[str]:
    if old is None:
        yield "its words were never compared with what is proved"
    elif new is None:
        yield "it was reviewed, and is no longer in the book"
    else:
        for name in old | new:
            before, now = old.get(name, ""), new.get(name, "")
            if before != now and name in SIDES:
                yield f"{_WORDS[name]} was “{before}”, and is “{now}”"
            elif before != now:
                yield f"{_WORDS.get(name, name)} changed since the claim was reviewed"


def _table(claim: str, facts: Facts) -> str:
    lines = [
        f"{name} = {_literal(text)}\n" for name, text in facts.items()
    ]
    return "".join([f"[{claim}]\n", *lines]) if facts else ""


def _literal(text: str) -> str:
    """Write a string in TOML, as it is if it can be: backslashes and quotes abound."""
    if "'''" in text or not all(
        line.isprintable() for line in text.split("\n")
    ):
        return json.dumps(text)
    return (
        f"'''\n{text}'''" if "\n" in text or "'" in text else f"'{text}'"
    )
