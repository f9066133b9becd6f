"""Make what the book states false, one place after another, and see that something notices.

``make falsify`` changes each line, sign, index, number, relation and hypothesis of each derivation,
each part and bound of each check, and each word that was reviewed. It prints what noticed how much,
and fails for what nothing did. ``make falsify ONLY=jacobian``: one chapter.
"""

import dataclasses
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests" / "derivations"), str(ROOT / "tests" / "claims")]

import clauses  # noqa: E402
from wrong_lines import mutants, variants  # noqa: E402

from softmax_lib.claims.ledger import Entry, find_records, read_ledger  # noqa: E402
from softmax_lib.claims.review import facts_of, read_review  # noqa: E402
from softmax_lib.derivations import Derivation, rebuild, store  # noqa: E402
from softmax_lib.proofs import ProofError  # noqa: E402

BOOK = ROOT / "book"


def _changes(name: str, line: int, *changes: str) -> set[tuple[str, int, str]]:
    return {(name, line, change) for change in changes}


TRUE: dict[str, set[tuple[str, int, str]]] = {
    "the inequality has room": {
        *_changes("positive", 0, "start: one more", "start: twice", "start: i to a"),
        *_changes("weights-are-positive", 0, "start: one more", "start: twice", "start: i to a"),
        *_changes("others-lose", 2, "one more", "0 + 1"),
        *_changes("responds-to-others", 3, "one more", "0 + 1"),
        *_changes("trace", 4, "one more", "- to +", "1 + 1"),
        *_changes("row-sums", 3, "one more"),
        *_changes("at-most-half", 3, "one more", "twice"),
        *_changes("sum-from-one", 2, "the other sign"),
        *_changes("equal-share", 2, "one more", "twice", "1 + 1"),
        *_changes("top-falls", 4, "one more", "0 + 1"),
        *_changes("second-ratio", 4, "one more", "twice", "1 + 1"),
    },
    "both sides are 0": {
        *_changes("rows-sum-to-zero", 0, "start: twice", "start: the other sign"),
        *_changes("rows-sum-to-zero", 1, "twice", "the other sign"),
        *_changes("rows-sum-to-zero", 2, "twice", "the other sign", "i to j"),
    },
    "both factors are 0 unless the indices are equal": {
        *_changes("jacobian", 2, "i to j"),
        *_changes("at-a-temperature", 2, "i to j"),
        *_changes("product-with-a-vector", 2, "j to i"),
        *_changes("hessian-of-lse", 2, "i to j"),
        *_changes("standard", 1, "i to j", "j to i"),
        *_changes("standard", 2, "i to j", "j to i"),
    },
    "what has no such logit has the derivative 0, with either sign": {
        *_changes("cross-gradient", 1, "the exponent's sign"),
    },
    "the exponent is 0": {
        *_changes("single-score", 1, "the exponent's sign"),
        *_changes("single-score", 0, "start: the exponent's sign"),
        *_changes("single-score", 0, "start: a to i", "start: i to a"),
        *_changes("uniform-at-zero", 1, "the exponent's sign"),
        *_changes("neutral", 0, "start: the exponent's sign"),
    },
    "at inverse temperature 0, all outputs are the same": {
        *_changes("uniform-at-zero", 0, "start: i to a"),
        *_changes("slope-at-zero", 1, "i to a", "a to i"),
    },
    "what is added is 0": {
        *_changes("neutral", 0, "start: + to -", "start: - to +"),
    },
    "the sum of the slopes is 0, whatever it is multiplied by": {
        *_changes("entropy-rate", 1, "+ to -", "1 + 1"),
    },
    "the other hypothesis implies it": {
        *_changes("ratio-falls", 3, "a hypothesis dropped"),
    },
}
"""Changes that leave a true line: derivation, line and change, by the reason."""


def derivations(chapter: Path) -> list[list[str]]:
    """Return the derivations that a chapter's records store, each after those that it rests on."""
    every: dict[str, list[str]] = {}
    for record in find_records(chapter):
        for one in rebuild(record.content.get("derivations", [])).values():
            every.setdefault(one.id, store(one))
    return list(every.values())


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


def judged(stored: list[str]) -> list[tuple[str, int, str, str]]:
    """Return what each change of one derivation came to."""
    *_, derivation = rebuild(stored).values()
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
    known = set().union(*TRUE.values())
    every = {stored[-1]: stored for chapter in chapters for stored in derivations(chapter)}
    with ProcessPoolExecutor() as processes:
        for found in processes.map(judged, every.values()):
            for name, number, what, outcome in found:
                change = (name, number, what)
                if outcome == "accepted" and change in known:
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
    for changed in ("title", "statement"):
        yield changed, dataclasses.replace(entry, **{changed: f"not {getattr(entry, changed)}"})
    for name, texts in entry.formulas.items():
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
