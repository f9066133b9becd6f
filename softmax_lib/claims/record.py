"""Records: what a claim's evidence amounts to, over the reals and in floating point.

The verdict is computed from the evidence; there is no argument through which one could be given.
"""

from collections.abc import Sequence
from dataclasses import InitVar, dataclass
from enum import StrEnum
from typing import Any

from softmax_lib.derivations import Derivation, store
from softmax_lib.proofs import Proof

from .citation import Citation
from .examination import Examination

RECORD_TYPE = "application/vnd.softmax-book.claim+json"
"""The MIME type under which a notebook's output carries a record."""


EVERY_K = "every K"


class Verdict(StrEnum):
    """The words that a claim can be judged by."""

    DEFINITION = "definition"
    PROVED = "proved, every K"
    PROVED_UP_TO = "proved, K ≤ n"
    PROVED_FROM_LEMMA = "proved from a lemma"
    MEASURED = "measured"
    REFUTED = "refuted"
    CONVENTION = "convention"
    NOT_ASKED = "–"
    GAP = "gap"

    @property
    def meaning(self) -> str:
        """What the word says, in a sentence."""
        return _MEANINGS[self]


_MEANINGS = {
    Verdict.DEFINITION: "It fixes a name; what was proved is that it makes sense for every K.",
    Verdict.PROVED: "A symbolic proof with K and all indices symbolic, agreed with by a check "
    "that goes another way.",
    Verdict.PROVED_UP_TO: "A symbolic proof at each K up to the n that stands beside the verdict, "
    "agreed with by a check that goes another way.",
    Verdict.PROVED_FROM_LEMMA: "A proof for every K of the key identity; one human step, which the "
    "ledger names, leads from there to the statement.",
    Verdict.MEASURED: "Computed for cases drawn from the stated scope, as many as the evidence "
    "says, and it held in all of them.",
    Verdict.REFUTED: "A counterexample was computed; the ledger shows the first one.",
    Verdict.CONVENTION: "A fact about what people do: sources are cited, nothing is proved.",
    Verdict.NOT_ASKED: "The claim says nothing about this side.",
    Verdict.GAP: "Nothing was proved or measured yet.",
}


class Contradiction(Exception):
    """The check of a claim fails where its proof says that it holds."""


@dataclass(frozen=True)
class Side:
    """One claim over the reals, or in floating point: the verdict and what it rests on."""

    verdict: Verdict
    scope: str
    evidence: tuple[str, ...]

    def __str__(self) -> str:
        return str(self.verdict) if self.scope == EVERY_K else f"{self.verdict} ({self.scope})"

    def as_json(self) -> dict[str, Any]:
        """Return the side as JSON-able values."""
        return {
            "verdict": str(self.verdict),
            "scope": self.scope,
            "evidence": list(self.evidence),
        }


_FROM_EVIDENCE = object()


@dataclass(frozen=True)
class Record:
    """What the evidence says of one claim; shown as a cell's value, and read by the ledger."""

    claim: str
    reals: Side | None
    floats: Side | None
    lemma: str | None
    derivations: tuple[Derivation, ...] = ()
    key: InitVar[object] = None

    def __post_init__(self, key: object) -> None:
        if key is not _FROM_EVIDENCE:
            raise TypeError("a Record comes from record(...) only")

    def as_json(self) -> dict[str, Any]:
        """Return the record as JSON-able values."""
        content: dict[str, Any] = {
            "id": self.claim,
            "reals": self.reals.as_json() if self.reals else None,
            "floats": self.floats.as_json() if self.floats else None,
            "lemma": self.lemma,
        }
        if self.derivations:
            content["derivations"] = store(*self.derivations)
        return content

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        sides = [("Over the reals", self.reals), ("In floating point", self.floats)]
        verdicts = [f"{where}: {side}." for where, side in sides if side]
        lemma = [f"The human step: {self.lemma}."] if self.lemma else []
        return {
            "text/plain": " ".join([f"{self.claim}.", *verdicts, *lemma]),
            "text/markdown": " ".join([f"**Verdict on `{self.claim}`.**", *verdicts, *lemma]),
            RECORD_TYPE: self.as_json(),
        }


def record(
    claim: str,
    *,
    reals: Sequence[Derivation | Proof | Examination | Citation] = (),
    floats: Sequence[Examination] = (),
    instead: Sequence[Examination] = (),
    lemma: str | None = None,
    scope: str = EVERY_K,
) -> Record:
    """Derive both verdicts on a claim from its evidence.

    Parameters
    ----------
    claim : str
        The id, which is also the label of the statement box.
    reals : sequence of Derivation, Proof and Examination, or of Citation
        Derivations or proofs, and at least one check by another route; or checks alone; or, for
        what people are in the habit of doing, nothing but citations.
    floats : sequence of Examination
        Checks of the claim in floating point. One that failed refutes it.
    instead : sequence of Examination, optional
        What holds in floating point where the claim does not. All of it has to hold.
    lemma : str, optional
        The human step from the proved formulas to the statement, as a sentence. The steps of a
        derivation that no proof stands behind are named without it.
    scope : str, optional
        What the statement holds for, where that is less than every K: ``"every K ≥ 2"``.

    Raises
    ------
    ValueError
        There is no evidence; a proof stands without a check by another route, a lemma without a
        proof, a citation beside a proof or a check; or a scope of its own has no lemma that leads
        there, or stands beside a proof up to some K.
    Contradiction
        A check over the reals fails although the statement was proved, or what should hold instead
        of the claim does not.
    TypeError
        Something else than a proof or an examination is offered as evidence.

    Examples
    --------
    >>> from softmax_lib.claims import examine, record
    >>> check = examine("n is even", lambda n: n % 2 == 0, [2, 4], control=3, scope="n = 2, 4")
    >>> record("squares", floats=[check]).floats.verdict
    <Verdict.MEASURED: 'measured'>
    """
    if not reals and not floats:
        raise ValueError(f"{claim}: no evidence, hence no verdict")
    for piece in (*floats, *instead):
        if not isinstance(piece, Examination):
            raise TypeError(f"{claim}: {type(piece).__name__} is no evidence in floating point")
    for piece in instead:
        if not piece.holds:
            raise Contradiction(f"{claim}: what should hold instead, “{piece.statement}”, {piece}")
    if instead and all(piece.holds for piece in floats):
        raise ValueError(f"{claim}: nothing refutes it, so that nothing holds instead of it")
    if scope != EVERY_K and lemma is None:
        raise ValueError(f"{claim}: the proofs are for every K; name the step to {scope}")
    derivations = tuple(piece for piece in reals if isinstance(piece, Derivation))
    by_hand = [step for derivation in derivations for step in derivation.by_hand]
    lemma = "; ".join([*filter(None, [lemma]), *by_hand]) or None
    over_the_reals = _over_the_reals(claim, reals, lemma, scope) if reals else None
    proved = {Verdict.PROVED_FROM_LEMMA, Verdict.PROVED_UP_TO}
    if lemma and not (over_the_reals and over_the_reals.verdict in proved):
        raise ValueError(f"{claim}: a lemma, and no proof that it completes")
    in_floating_point = _examined(floats, instead) if floats else None
    return Record(claim, over_the_reals, in_floating_point, lemma, derivations, key=_FROM_EVIDENCE)


def _over_the_reals(
    claim: str,
    evidence: Sequence[Derivation | Proof | Examination | Citation],
    lemma: str | None,
    scope: str,
) -> Side:
    for piece in evidence:
        if not isinstance(piece, Derivation | Proof | Examination | Citation):
            raise TypeError(f"{claim}: {type(piece).__name__} is no evidence over the reals")
    proofs = [piece for piece in evidence if isinstance(piece, Derivation | Proof)]
    checks = [piece for piece in evidence if isinstance(piece, Examination)]
    if not proofs and not checks:
        return Side(Verdict.CONVENTION, EVERY_K, _summaries(evidence))
    if len(proofs) + len(checks) < len(evidence):
        raise ValueError(f"{claim}: a citation beside what can be proved or measured")
    if not proofs:
        return _examined(checks)
    if not checks:
        raise ValueError(f"{claim}: a proof needs a check that goes another way")
    for check in checks:
        if not check.holds:
            raise Contradiction(f"{claim} is proved, and yet “{check.statement}” {check}")
    sizes = [proof.largest_K for proof in proofs if proof.largest_K is not None]
    if sizes:
        if scope != EVERY_K:
            raise ValueError(f"{claim}: the proofs say for which K it holds, so no other scope can")
        return Side(Verdict.PROVED_UP_TO, f"K ≤ {min(sizes)}", _summaries(evidence))
    if all(proof.is_definition for proof in proofs):
        verdict = Verdict.DEFINITION
    else:
        verdict = Verdict.PROVED_FROM_LEMMA if lemma else Verdict.PROVED
    return Side(verdict, scope, _summaries(evidence))


def _examined(checks: Sequence[Examination], instead: Sequence[Examination] = ()) -> Side:
    failed = [check for check in checks if not check.holds]
    scopes = dict.fromkeys(check.scope for check in failed or checks)
    verdict = Verdict.REFUTED if failed else Verdict.MEASURED
    return Side(verdict, " · ".join(scopes), _summaries([*checks, *instead]))


def _summaries(evidence: Sequence[Derivation | Proof | Examination | Citation]) -> tuple[str, ...]:
    return tuple(map(_summary, evidence))


def _summary(piece: Derivation | Proof | Examination | Citation) -> str:
    match piece:
        case Derivation():
            return f"{piece.statement}: {piece}"
        case Proof():
            where = f" for ${piece.hypotheses}$" if piece.hypotheses else ""
            return f"${piece.formula}${where}: {piece}"
        case Examination():
            return f"{piece.statement}: {piece}"
        case Citation():
            return str(piece)
