"""Make what the book states false, one place after another, and see that something notices.

``make falsify`` changes each line, sign, index, number, relation and hypothesis of each derivation,
each part and bound of each check, and each word that was reviewed. It prints what noticed how much,
and fails for what nothing did. ``make falsify ONLY=jacobian``: one chapter.
"""

import dataclasses
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [
    str(ROOT / folder) for folder in ("book/_extensions", "tests/claims", "tests/derivations")
]

import clauses  # noqa: E402
from ledger import Entry, find_records, read_ledger  # noqa: E402
from ledger.review import facts_of, read_review  # noqa: E402
from of_the_book import BOOK, derived  # noqa: E402
from wrong_lines import KNOWN_TO_BE_TRUE, mutants, variants  # noqa: E402

from softmax_lib.derivations import Derivation  # noqa: E402
from softmax_lib.proofs import ProofError  # noqa: E402


def derivations(chapter: Path) -> list[str]:
    """Return the names of the derivations that a chapter's records store."""
    texts = (record.content.get("derivations", []) for record in find_records(chapter))
    return list(dict.fromkeys(json.loads(text)["id"] for stored in texts for text in stored))


def wrong(derivation: Derivation) -> Iterator[tuple[int, str, Derivation, tuple, dict]]:
    """Yield the mutants of the lines, of the first term, and of the hypotheses."""
    yield from mutants(derivation)
    first = derivation.lines[0]
    told = (first.term, first.because, first.relation)
    for what, term in variants(derivation.start):
        changed = Derivation(derivation.id, term, derivation.given)
        yield 0, f"start: {what}", changed, told, {"form": first.form}
    for hypothesis in derivation.given:
        yield from without(derivation, hypothesis)


def without(
    derivation: Derivation, hypothesis: object
) -> Iterator[tuple[int, str, Derivation, tuple, dict]]:
    """Yield the line that no longer follows if a hypothesis is dropped, or the last one."""
    given = tuple(other for other in derivation.given if other != hypothesis)
    shorter = Derivation(derivation.id, derivation.start, given)
    for number, line in enumerate(derivation.lines, start=1):
        because = tuple("dropped" if reason == hypothesis else reason for reason in line.because)
        told = (line.term, because, line.relation)
        if number == len(derivation.lines):
            yield number, "a hypothesis dropped", shorter, told, {"form": line.form}
            return
        try:
            shorter = shorter.then(*told, form=line.form)
        except ProofError:
            yield number, "a hypothesis dropped", shorter, told, {"form": line.form}
            return


def judged(name: str) -> list[tuple[str, int, str, str]]:
    """Return what each change of one derivation came to."""
    derivation = derived(name)
    outcomes = []
    for number, what, before, told, form in wrong(derivation):
        try:
            longer = before.then(*told, **form)
        except ProofError as refusal:
            outcome = type(refusal).__name__.lower()
        else:
            # Without the assumption that it rests on, a line is a step by hand, which records say.
            outcome = "by hand" if longer.by_hand and not derivation.by_hand else "accepted"
        outcomes.append((derivation.id, number, what, outcome))
    return outcomes


def lines(chapters: list[Path]) -> Iterator[tuple[str, str]]:
    """Yield what noticed a wrong line, and which it was."""
    names = dict.fromkeys(name for chapter in chapters for name in derivations(chapter))
    with ProcessPoolExecutor() as processes:
        for found in processes.map(judged, names):
            for name, number, what, outcome in found:
                change = (name, number, what)
                if outcome == "accepted" and change in KNOWN_TO_BE_TRUE:
                    outcome = "true"
                yield outcome, f"{name}, line {number}: {what}"


def parts(chapters: list[Path]) -> Iterator[tuple[str, str]]:
    """Yield whether a check noticed that a part of it was dropped, or its bound multiplied."""
    for chapter in chapters:
        for mutant in clauses.run(chapter).mutants:
            outcome = "its control" if mutant.noticed else "nothing"
            yield outcome, f"{chapter.stem}, {mutant.statement}, {mutant.part}: {mutant.change}"


def words(chapters: list[Path]) -> Iterator[tuple[str, str]]:
    """Yield whether the review noticed that a word, a reason or a step by hand changed."""
    reviewed = read_review(BOOK)
    for entry in read_ledger(BOOK):
        if entry.notebook not in chapters:
            continue
        for change, other in reworded(entry):
            noticed = facts_of(other) != reviewed.get(entry.claim)
            yield "the review" if noticed else "nothing", f"{entry.claim}: {change}"


def reworded(entry: Entry) -> Iterator[tuple[str, Entry]]:
    """Yield a claim with one of its sentences negated, or without one of its steps."""
    for changed in ("title", "says", "statement"):
        negated: dict[str, Any] = {changed: f"not {getattr(entry, changed)}"}
        yield changed, dataclasses.replace(entry, **negated)
    derived = {name: texts for name, texts in entry.formulas.items() if "reasons" in texts}
    for name, texts in derived.items():
        otherwise = {name: texts | {"reasons": f"not {texts['reasons']}"}}
        yield f"reasons of {name}", dataclasses.replace(entry, formulas=entry.formulas | otherwise)
    for step in entry.steps:
        others = tuple(other for other in entry.steps if other != step)
        yield f"without {step}", dataclasses.replace(entry, steps=others)


def report(kind: str, outcomes: Iterable[tuple[str, str]]) -> list[str]:
    """Print what noticed how many changes, and which ones nothing noticed; return these."""
    tally: Counter[str] = Counter()
    unnoticed = []
    for outcome, change in outcomes:
        tally[outcome] += 1
        if outcome in ("accepted", "nothing"):
            unnoticed.append(change)
    noticed = ", ".join(f"{outcome} {count}" for outcome, count in sorted(tally.items()))
    print(f"{kind}: {tally.total()} changed; {noticed}", *unnoticed, sep="\n  ", flush=True)
    return unnoticed


def main(chosen: list[str]) -> int:
    """Return 1 if a change went unnoticed."""
    chapters = [path for path in sorted(BOOK.glob("*.ipynb")) if not chosen or path.stem in chosen]
    unnoticed = [report(kind.__name__, kind(chapters)) for kind in (lines, parts, words)]
    return int(any(unnoticed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
