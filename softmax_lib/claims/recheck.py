"""Proofs again, from what the notebooks store: nothing that a notebook runs has a hand in it."""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import softmax_lib
from softmax_lib.derivations import Tampered, rebuild
from softmax_lib.proofs import ProofError

from .ledger import LedgerError, StoredRecord, find_records
from .record import Verdict


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
        if "derivations" in record.content
    ]
    code = _digest_of_the_code()
    digests = [hashlib.sha256(code + _canonical(record)).hexdigest() for record in records]
    known = _read(kept)
    new = [record for record, digest in zip(records, digests, strict=True) if digest not in known]
    if new:
        with ProcessPoolExecutor() as processes:
            misfits = [misfit for found in processes.map(_misfits, new) for misfit in found]
        if misfits:
            raise LedgerError(
                "proved again, the records are not what they say:\n" + "\n".join(misfits)
            )
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(digests, indent=1) + "\n")
    return len(new)


def _misfits(record: StoredRecord) -> list[str]:
    where = f"{record.where}: the record of {record.claim!r}"
    try:
        derivations = rebuild(record.content["derivations"])
    except (Tampered, ProofError) as error:
        return [f"{where}: {error}"]
    side = record.content["reals"] or {"verdict": None, "evidence": []}
    evidence = [
        derivation
        for derivation in derivations.values()
        if f"{derivation.statement}: {derivation}" in side["evidence"]
    ]
    if not evidence:
        return [f"{where} does not rest on what it derives"]
    by_hand = [step for derivation in evidence for step in derivation.by_hand]
    if by_hand and side["verdict"] == Verdict.PROVED:
        return [f"{where} says {side['verdict']!r}, and rests on {by_hand[0]}"]
    return []


def _canonical(record: StoredRecord) -> bytes:
    return json.dumps(record.content, sort_keys=True).encode()


def _digest_of_the_code() -> bytes:
    digest = hashlib.sha256()
    for path in sorted(_sources()):
        digest.update(path.read_bytes())
    return digest.digest()


def _sources() -> Iterator[Path]:
    for package in ("proofs", "derivations", "claims"):
        yield from (Path(softmax_lib.__file__).parent / package).glob("*.py")


def _read(kept: Path) -> set[Any]:
    try:
        return set(json.loads(kept.read_bytes()))
    except (OSError, ValueError):  # never written, or not to its end
        return set()
