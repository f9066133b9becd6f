"""The ledger: every claim with both verdicts, gathered from the notebooks' committed outputs.

Three sources meet here, and each fact stands in one of them only: the registry says which claims
there are and what each is asked for; a statement box in a chapter says what a claim states; a
record in a cell's output says what the checks found. Where they do not fit together, `LedgerError`
names every misfit.
"""

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from softmax_lib.claims import RECORD_TYPE, Verdict
from softmax_lib.claims.record import qualified, words_of
from softmax_lib.claims.steps import unknown_steps

from . import places

STATEMENT_BOXES = (
    "definition",
    "theorem",
    "proposition",
    "property",
    "corollary",
)
"""The sphinx-proof directives that state a claim."""

SIDES = ("reals", "floats")
REGISTRY_KEYS = ("title", "says", "asks")
LONGEST = 140
"""How many characters the plain sentence of a claim may have."""


class LedgerError(Exception):
    """The registry, the statement boxes and the records do not fit together."""


@dataclass(frozen=True)
class Found:
    """Something about a claim that stands in a notebook."""

    claim: str
    notebook: Path
    cell: int

    @property
    def where(self) -> str:
        """File and cell, for messages."""
        return f"{self.notebook.name}, cell {self.cell}"


@dataclass(frozen=True)
class Box(Found):
    """A statement box."""

    title: str
    statement: str


@dataclass(frozen=True)
class StoredRecord(Found):
    """A record in a cell's output."""

    content: dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """One row of the ledger."""

    claim: str
    title: str
    says: str
    """The claim in one plain sentence."""
    statement: str
    reals: Verdict
    floats: Verdict
    scope: dict[str, str]
    where: str
    """Where it breaks down in floating point: the first case that was found."""
    instead: tuple[str, ...]
    """What holds in floating point, where the claim does not hold to the letter."""
    evidence: dict[str, list[str]]
    counts: dict[str, dict[str, int]]
    """For each side, how many cases were tried and how many false variants refused."""
    steps: tuple[str, ...]
    formulas: dict[str, dict[str, str]]
    """What goes into places for each derivation, by its id."""
    notebook: Path | None
    evidence_cell: int | None
    """The first code cell after the statement: where the proof begins."""

    @property
    def has_gap(self) -> bool:
        """Whether a verdict is still owed."""
        return Verdict.GAP in (self.reals, self.floats)

    def words(self, side: str) -> str:
        """Return the verdict for a side, with the number up to which it was proved."""
        return words_of(getattr(self, side), self.scope.get(side, ""))

    def qualified(self, side: str) -> str:
        """Return what stands behind the verdict: where it breaks down, and what holds instead."""
        return (
            qualified(self.where, self.instead)
            if side == "floats"
            else ""
        )

    def as_json(self, page: str) -> dict[str, Any]:
        """Return the entry as it stands in ``claims.json``."""
        return {
            "id": self.claim,
            "says": self.says,
            "statement": self.statement,
            **{side: self.words(side) for side in SIDES},
            "where": self.where,
            "instead": list(self.instead),
            "scope": "; ".join(
                f"{side}: {scope}" for side, scope in self.scope.items()
            ),
            "steps": list(self.steps),
            "page": page,
        }


def read_ledger(book: Path) -> list[Entry]:
    """Return the ledger's rows, those with a gap first, each group in the registry's order.

    Parameters
    ----------
    book : Path
        The folder of the chapters, notebooks all, and of the registry ``claims.toml``. There, each
        id has a table with ``says``, the claim in one plain sentence; with ``title`` as long as no
        chapter states the claim; and with ``asks``, the sides it speaks about, where these are not
        both.

    Raises
    ------
    LedgerError
        The registry or a notebook cannot be read; the registry is empty; an id is unknown, stated
        twice or recorded twice; a plain sentence is missing or too long; a statement has no record,
        or a record no statement; a record has a side that the claim does not ask for; two records
        fill one place with different numbers; a box has a place that its record does not fill,
        leaves a hypothesis out, or states a relation or a number that was typed; a derivation cites
        a source that ``references.bib`` does not have.
    """
    registry, notebooks = (
        book / "claims.toml",
        sorted(book.glob("*.ipynb")),
    )
    try:
        claims = tomllib.loads(registry.read_bytes().decode())
    except (OSError, ValueError) as error:
        raise LedgerError(
            f"{registry} cannot be read: {error}"
        ) from error
    boxes = [
        box for notebook in notebooks for box in find_boxes(notebook)
    ]
    records = [
        record
        for notebook in notebooks
        for record in find_records(notebook)
    ]
    misfits = [
        *_misfits(registry, claims, boxes, records),
        *_unknown_sources(records, _keys(book / "references.bib")),
    ]
    if misfits:
        raise LedgerError(
            "the ledger does not come together:\n" + "\n".join(misfits)
        )
    box_of = {box.claim: box for box in boxes}
    content_of = {record.claim: record.content for record in records}
    entries = [
        _entry(claim, facts, box_of.get(claim), content_of.get(claim))
        for claim, facts in claims.items()
    ]
    return sorted(entries, key=lambda entry: not entry.has_gap)


def find_boxes(notebook: Path) -> Iterator[Box]:
    """Yield the statement boxes of a notebook's Markdown cells."""
    for number, cell in enumerate(_cells(notebook)):
        if cell["cell_type"] != "markdown":
            continue
        for token in MarkdownIt().parse("".join(cell["source"])):
            name, _, title = token.info.partition("}")
            if token.type == "fence" and name in {
                f"{{prf:{kind}" for kind in STATEMENT_BOXES
            }:
                lines = token.content.splitlines()
                options = [line for line in lines if line.startswith(":")]
                label = next(
                    (
                        line
                        for line in options
                        if line.startswith(":label:")
                    ),
                    "",
                )
                yield Box(
                    claim=label.removeprefix(":label:").strip(),
                    notebook=notebook,
                    cell=number,
                    title=title.strip(),
                    statement="\n".join(lines[len(options) :]).strip(),
                )


def find_records(notebook: Path) -> Iterator[StoredRecord]:
    """Yield the records in the outputs of a notebook's code cells."""
    for number, cell in enumerate(_cells(notebook)):
        for output in cell.get("outputs", []):
            content = output.get("data", {}).get(RECORD_TYPE)
            if content is not None:
                yield StoredRecord(
                    content["id"], notebook, number, content
                )


def _cells(notebook: Path) -> list[dict[str, Any]]:
    try:
        cells: list[dict[str, Any]] = json.loads(notebook.read_bytes())[
            "cells"
        ]
    except (ValueError, KeyError) as error:
        raise LedgerError(
            f"{notebook} is no notebook: {error}"
        ) from error
    return cells


def _misfits(
    registry: Path,
    claims: dict[str, Any],
    boxes: list[Box],
    records: list[StoredRecord],
) -> Iterator[str]:
    if not claims:
        yield f"{registry.name} lists no claim"
    yield from _wrong_ids("statement box", boxes, claims)
    yield from _wrong_ids("record", records, claims)
    box_of = {box.claim: box for box in boxes}
    record_of = {record.claim: record for record in records}
    for claim, box in box_of.items():
        if claim not in record_of:
            yield f"{box.where}: {claim!r} is stated and has no record"
        else:
            words = f"{box.statement}\n\n{claims.get(claim, {}).get('says', '')}"
            yield from _misfitting_words(
                box, words, record_of[claim].content
            )
    yield from _ambiguous_numbers(records)
    for claim, record in record_of.items():
        yield from _misplaced(record, box_of.get(claim))
        asked = claims.get(claim, {}).get("asks", SIDES)
        yield from _misfits_of_content(record, asked, registry)
    for claim, facts in claims.items():
        asks = facts.get("asks", SIDES)
        if not asks or not set(asks) <= set(SIDES):
            yield f"{registry.name}: {claim!r} asks for {asks}, which is not some of {SIDES}"
        for key in facts.keys() - REGISTRY_KEYS:
            yield f"{registry.name}: {key!r} of {claim!r} is none of {', '.join(REGISTRY_KEYS)}"
        if ("title" in facts) == (claim in box_of):
            place = (
                "both here and in"
                if claim in box_of
                else "neither here nor in"
            )
            yield f"{registry.name}: the title of {claim!r} stands {place} a chapter"
        if not 0 < len(facts.get("says", "")) <= LONGEST:
            yield (
                f"{registry.name}: {claim!r} needs `says`, the claim in a plain sentence of at "
                f"most {LONGEST} characters"
            )


def _misfits_of_content(
    record: StoredRecord, asked: Sequence[str], registry: Path
) -> Iterator[str]:
    where, claim, content = record.where, record.claim, record.content
    sides = [content[side] for side in SIDES if content.get(side)]
    if "steps" not in content or any(
        "refused" not in side for side in sides
    ):
        yield f"{where}: the record of {claim!r} has an older form; run make notebooks"
    for step in unknown_steps(content.get("steps", ())):
        yield f"{where}: {step!r} is no step by hand that is known, of {claim!r}"
    for side in SIDES:
        given = content.get(side)
        if given and given["verdict"] not in list(Verdict):
            yield f"{where}: {given['verdict']!r} is no verdict, of {claim!r}"
        if given and side not in asked:
            yield f"{registry.name}: {claim!r} has a verdict for {side}, and asks for none"


def _wrong_ids(
    what: str, found: Sequence[Found], claims: dict[str, Any]
) -> Iterator[str]:
    count_of = Counter(item.claim for item in found)
    for item in found:
        if not item.claim:
            yield f"{item.where}: a {what} without a label"
        elif item.claim not in claims:
            yield f"{item.where}: {what} for the unknown id {item.claim!r}"
        elif count_of[item.claim] > 1:
            yield f"{item.where}: {item.claim!r} has {count_of[item.claim]} of a {what}"


def _misfitting_words(
    box: Box, words: str, content: dict[str, Any]
) -> Iterator[str]:
    for misfit in places.misfits(words, places.formulas_of(content)):
        yield f"{box.where}: the box of {box.claim!r} {misfit}"
    for typed in places.typed_relations(words):
        yield (
            f"{box.where}: the box of {box.claim!r} has a relation that was typed, ${typed}$; "
            "put a place there, {says}`...`, for what a derivation concludes"
        )
    reals = content.get("reals") or {}
    # What people do is cited, and no check compares with it.
    cited = reals.get("verdict") == Verdict.CONVENTION
    for number in () if cited else places.typed_numbers(words):
        yield (
            f"{box.where}: the box of {box.claim!r} has a number that was typed, {number}; "
            "put a place there, {number}`...`, for one that a check compares with"
        )


def _ambiguous_numbers(records: list[StoredRecord]) -> Iterator[str]:
    numbers: dict[str, list[str]] = {}
    for record in records:
        for name, stated in record.content.get("numbers", {}).items():
            if numbers.setdefault(name, stated) != stated:
                yield f"{record.where}: {name!r} is another number in another record"


def _keys(bibliography: Path) -> set[str]:
    text = (
        bibliography.read_text(encoding="utf-8")
        if bibliography.exists()
        else ""
    )
    return set(re.findall(r"^@\w+\{([^,\s]+),", text, re.MULTILINE))


def _unknown_sources(
    records: list[StoredRecord], known: set[str]
) -> Iterator[str]:
    for record in records:
        for derivation in map(
            json.loads, record.content.get("derivations", [])
        ):
            for number, line in enumerate(derivation["lines"], start=1):
                for reason in line["because"]:
                    if reason[0] == "cited" and reason[1] not in known:
                        yield (
                            f"{record.where}: {record.claim!r} rests, in line {number} of "
                            f"{derivation['id']!r}, on {reason[1]!r}, which is not in "
                            "references.bib"
                        )


def _misplaced(record: StoredRecord, box: Box | None) -> Iterator[str]:
    if box is None:
        yield f"{record.where}: {record.claim!r} has a record and no statement box"
    elif record.notebook != box.notebook or record.cell < box.cell:
        yield f"{record.where}: the record of {record.claim!r} does not come after its statement"


def _entry(
    claim: str,
    facts: dict[str, Any],
    box: Box | None,
    content: dict[str, Any] | None,
) -> Entry:
    given = {side: (content or {}).get(side) for side in SIDES}

    def verdict(side: str) -> Verdict:
        found = given[side]
        if found:
            return Verdict(found["verdict"])
        return (
            Verdict.GAP
            if side in facts.get("asks", SIDES)
            else Verdict.NOT_ASKED
        )

    formulas = places.formulas_of(content or {})
    return Entry(
        claim=claim,
        title=box.title if box else facts["title"],
        says=places.filled(facts["says"], formulas),
        statement=places.filled(
            box.statement if box else facts["says"], formulas
        ),
        reals=verdict("reals"),
        floats=verdict("floats"),
        scope={
            side: found["scope"] for side, found in given.items() if found
        },
        where=(given["floats"] or {}).get("where", ""),
        instead=tuple((given["floats"] or {}).get("instead", ())),
        evidence={
            side: found["evidence"]
            for side, found in given.items()
            if found
        },
        counts={
            side: {what: found[what] for what in ("cases", "refused")}
            for side, found in given.items()
            if found
        },
        steps=tuple((content or {}).get("steps", ())),
        formulas=formulas,
        notebook=box.notebook if box else None,
        evidence_cell=_first_code_cell_after(box) if box else None,
    )


def _first_code_cell_after(box: Box) -> int:
    cells = _cells(box.notebook)
    return next(
        n
        for n in range(box.cell, len(cells))
        if cells[n]["cell_type"] == "code"
    )
