"""Proofs again, from what the notebooks store: nothing that a notebook runs has a hand in it."""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import Any

import softmax_lib
from softmax_lib.claims import Verdict
from softmax_lib.derivations import Derivation, Tampered, rebuild
from softmax_lib.proofs import ProofError

from . import LedgerError, StoredRecord, find_records

_DERIVED = (Verdict.DEFINITION, Verdict.PROVED, Verdict.PROVED_WITH_STEP)
"""What nothing but a derivation earns; proofs up to some K are written out in the notebook."""


def recheck(book: Path, kept: Path) -> int:
    """Prove every stored derivation again, unless it was proved as it stands.

    Parameters
    ----------
    book : Path
        The folder of the notebooks.
    kept : Path
        A file that keeps the digests of what was proved, of the stored derivations together with
        all of the code that proves them. It need not be there.

    Returns
    -------
    int
        How many records were proved again now.

    Raises
    ------
    LedgerError
        What is stored does not follow, is no derivation, or does not print or earn what it says.
    """
    records = [
        record
        for notebook in sorted(book.glob("*.ipynb"))
        for record in find_records(notebook)
    ]
    code = _digest_of_the_code()
    digests = [
        hashlib.sha256(code + _canonical(record)).hexdigest()
        for record in records
    ]
    known = _read(kept)
    new = [
        record
        for record, digest in zip(records, digests, strict=True)
        if digest not in known
    ]
    # Records of a notebook share derivations.
    by_notebook = [
        list(group)
        for _, group in groupby(new, key=lambda record: record.notebook)
    ]
    if new:
        with ProcessPoolExecutor() as processes:
            misfits = [
                one
                for found in processes.map(_misfits, by_notebook)
                for one in found
            ]
        if misfits:
            raise LedgerError(
                "proved again, the records are not what they say:\n"
                + "\n".join(misfits)
            )
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(digests, indent=1) + "\n")
    return len(new)


def _misfits(records: list[StoredRecord]) -> list[str]:
    texts = [
        text
        for record in records
        for text in record.content.get("derivations", [])
    ]
    try:
        proved = rebuild(texts)
    except (Tampered, ProofError) as error:
        # Which of the records it is, unless it is that they do not fit together.
        alone = [
            one
            for record in records
            if len(records) > 1
            for one in _misfits([record])
        ]
        return alone or [f"{_named(records[0])}: {error}"]
    return [
        misfit
        for record in records
        for misfit in unearned(record, proved)
    ]


def unearned(
    record: StoredRecord, proved: dict[str, Derivation]
) -> Iterator[str]:
    """Yield why a verdict is not earned by the derivations that are stored with it."""
    side = record.content["reals"] or {"verdict": None, "evidence": []}
    names = [
        json.loads(text)["id"]
        for text in record.content.get("derivations", [])
    ]
    derivations = [proved[name] for name in names]
    evidence = [
        one
        for one in derivations
        if f"{one.statement}: {one}" in side["evidence"]
    ]
    by_hand = [
        step for derivation in evidence for step in derivation.by_hand
    ]
    if side["verdict"] in _DERIVED and not evidence:
        yield f"{_named(record)} does not rest on what it derives"
    elif by_hand and side["verdict"] == Verdict.PROVED:
        yield f"{_named(record)} says {side['verdict']!r}, and rests on {by_hand[0]}"


def _named(record: StoredRecord) -> str:
    return f"{record.where}: the record of {record.claim!r}"


def _canonical(record: StoredRecord) -> bytes:
    return json.dumps(record.content, sort_keys=True).encode()


def _digest_of_the_code() -> bytes:
    digest = hashlib.sha256()
    for path in sorted(_sources()):
        digest.update(path.read_bytes())
    return digest.digest()


def _sources() -> Iterator[Path]:
    for package in ("proofs", "derivations", "claims"):
        yield from (Path(softmax_lib.__file__).parent / package).glob(
            "*.py"
        )
    yield from Path(__file__).parent.glob("*.py")


def _read(kept: Path) -> set[Any]:
    try:
        return set(json.loads(kept.read_bytes()))
    except (OSError, ValueError):  # never written, or not to its end
        return set()
