"""Records: what a claim's evidence amounts to, over the reals and in floating point.

The verdict is computed from the evidence; there is no argument through which one could be given.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from enum import StrEnum
from typing import Any

from softmax_lib.derivations import Derivation, store
from softmax_lib.proofs import Proof

from .citation import Citation
from .examination import Examination
from .steps import known_steps, unknown_steps

RECORD_TYPE = "application/vnd.softmax-book.claim+json"
"""The MIME type under which a notebook's output carries a record."""


EVERY_K = "every K"


class Verdict(StrEnum):
    """The words that a claim can be judged by."""

    DEFINITION = "definition"
    PROVED = "proved for every K"
    PROVED_UP_TO = "proved up to some K"
    PROVED_WITH_STEP = "proved, with a step by hand"
    COMPUTED = "computed"
    CONVENTION = "convention"
    HOLDS = "holds"
    HOLDS_UP_TO_ROUNDING = "holds up to rounding"
    BREAKS_DOWN = "breaks down"
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
    Verdict.PROVED_UP_TO: "A symbolic proof at each K up to the number that the verdict says, "
    "agreed with by a check that goes another way.",
    Verdict.PROVED_WITH_STEP: "A proof for every K of the key formulas; steps by hand, which the "
    "ledger names, lead from there to the statement.",
    Verdict.COMPUTED: "Computed with many digits for all of the cases that it is about.",
    Verdict.CONVENTION: "A fact about what people do: sources are cited, nothing is proved.",
    Verdict.HOLDS: "Computed for cases from the stated scope, as many as the evidence says, and it "
    "held in all of them.",
    Verdict.HOLDS_UP_TO_ROUNDING: "To the letter it fails, by what rounding does to the last "
    "digits; what holds in all cases stands beside it.",
    Verdict.BREAKS_DOWN: "It fails, and by more than rounding; the first case found stands beside "
    "it, and what holds instead.",
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
    where: str = ""
    """Where it breaks down: the first case that was found."""
    instead: tuple[str, ...] = ()
    """What holds, where the claim does not hold to the letter."""
    cases: int = 0
    """How many cases its checks tried."""
    refused: int = 0
    """How many false variants of what its proofs say were refused."""

    @property
    def words(self) -> str:
        """The verdict, with the number up to which it was proved."""
        return words_of(self.verdict, self.scope)

    def __str__(self) -> str:
        scope = "" if self.scope == EVERY_K or self.scope in self.words else f" ({self.scope})"
        return f"{self.words}{scope}{qualified(self.where, self.instead)}"

    def as_json(self) -> dict[str, Any]:
        """Return the side as JSON-able values."""
        return {
            "verdict": str(self.verdict),
            "scope": self.scope,
            "evidence": list(self.evidence),
            "where": self.where,
            "instead": list(self.instead),
            "cases": self.cases,
            "refused": self.refused,
        }


def words_of(verdict: Verdict, scope: str) -> str:
    """Return a verdict, with the number up to which it was proved."""
    return f"proved for {scope}" if verdict == Verdict.PROVED_UP_TO else str(verdict)


def qualified(where: str, instead: Iterable[str]) -> str:
    """Return what stands behind a verdict: where it breaks down, and what holds instead."""
    holds = "; ".join(instead)
    if where:
        return f": for example for {where}. Instead: {holds}"
    return f": {holds}" if holds else ""


_FROM_EVIDENCE = object()


@dataclass(frozen=True)
class Record:
    """What the evidence says of one claim; shown as a cell's value, and read by the ledger."""

    claim: str
    reals: Side | None
    floats: Side | None
    steps: tuple[str, ...]
    """The ids of the steps by hand."""
    derivations: tuple[Derivation, ...] = ()
    numbers: Mapping[str, list[str]] = field(default_factory=dict)
    """The numbers of the statement that its checks establish, by the names of their places."""
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
            "steps": list(self.steps),
        }
        if self.derivations:
            content["derivations"] = store(*self.derivations)
        if self.numbers:
            content["numbers"] = self.numbers
        return content

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        sides = [("Over the reals", self.reals), ("In floating point", self.floats)]
        verdicts = [f"{where}: {side}." for where, side in sides if side]
        titles = "; ".join(known_steps()[name].title for name in self.steps)
        by_hand = [f"By hand: {titles}."] if self.steps else []
        return {
            "text/plain": " ".join([f"{self.claim}.", *verdicts, *by_hand]),
            "text/markdown": " ".join([f"**Verdict on `{self.claim}`.**", *verdicts, *by_hand]),
            RECORD_TYPE: self.as_json(),
        }


def record(
    claim: str,
    *,
    reals: Sequence[Derivation | Proof | Examination | Citation] = (),
    floats: Sequence[Examination] = (),
    up_to_rounding: Sequence[Examination] = (),
    instead: Sequence[Examination] = (),
    steps: Sequence[str] = (),
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
        Checks of the claim in floating point, to the letter.
    up_to_rounding : sequence of Examination, optional
        What holds of the claim where one of these fails by what rounding does to the last digits.
    instead : sequence of Examination, optional
        What holds instead where the claim breaks down in floating point.
    steps : sequence of str, optional
        The ids of all steps by hand from what is proved to the statement, see `known_steps`. Lines
        of a derivation that are cited or assumed count as such without being named here.
    scope : str, optional
        What the statement holds for, where that is less than every K: ``"every K ≥ 2"``.

    Raises
    ------
    ValueError
        There is no evidence; a proof stands without a check by another route, a step by hand
        without a proof, a citation beside a proof or a check; a step is on no list; a scope of its
        own has no step that leads there, or stands beside a proof up to some K; it is not said
        what holds where a check in floating point fails, or it is said where none does; or two
        checks state different numbers for one place.
    Contradiction
        A check over the reals fails, or what should hold instead of the claim does not.
    TypeError
        Something else than a proof or an examination is offered as evidence.

    Examples
    --------
    >>> from softmax_lib.claims import examine, record
    >>> check = examine("n is even", lambda n: n % 2 == 0, [2, 4], control=3, scope="n = 2, 4")
    >>> record("squares", floats=[check]).floats.verdict
    <Verdict.HOLDS: 'holds'>
    """
    if not reals and not floats:
        raise ValueError(f"{claim}: no evidence, hence no verdict")
    if isinstance(steps, str) or unknown_steps(steps):
        raise ValueError(
            f"{claim}: {steps!r} is not a list of known steps by hand, which are "
            f"{', '.join(known_steps())}; a new one is stated in softmax_lib/claims/steps.toml"
        )
    if scope != EVERY_K and not steps:
        raise ValueError(f"{claim}: the proofs are for every K; name the step to {scope}")
    derivations = tuple(piece for piece in reals if isinstance(piece, Derivation))
    by_hand = bool(steps) or any(derivation.by_hand for derivation in derivations)
    over_the_reals = _over_the_reals(claim, reals, by_hand, scope) if reals else None
    proved = {Verdict.PROVED_WITH_STEP, Verdict.PROVED_UP_TO}
    if steps and not (over_the_reals and over_the_reals.verdict in proved):
        raise ValueError(f"{claim}: a step by hand, and no proof that it completes")
    in_floating_point = (
        _in_floating_point(claim, floats, up_to_rounding, instead) if floats else None
    )
    numbers = _numbers(claim, (*reals, *floats, *up_to_rounding, *instead))
    return Record(
        claim,
        over_the_reals,
        in_floating_point,
        tuple(steps),
        derivations,
        numbers,
        key=_FROM_EVIDENCE,
    )


def _numbers(claim: str, evidence: Iterable[object]) -> dict[str, list[str]]:
    """Return the numbers that the checks state; one that fails establishes none."""
    numbers: dict[str, list[str]] = {}
    for check in evidence:
        if isinstance(check, Examination) and check.holds:
            for name, stated in check.numbers.items():
                if numbers.setdefault(name, stated) != stated:
                    raise ValueError(f"{claim}: {name!r} is {numbers[name]}, and is {stated}")
    return numbers


def _over_the_reals(
    claim: str,
    evidence: Sequence[Derivation | Proof | Examination | Citation],
    by_hand: bool,
    scope: str,
) -> Side:
    for piece in evidence:
        if not isinstance(piece, Derivation | Proof | Examination | Citation):
            raise TypeError(f"{claim}: {type(piece).__name__} is no evidence over the reals")
    proofs = [piece for piece in evidence if isinstance(piece, Derivation | Proof)]
    checks = [piece for piece in evidence if isinstance(piece, Examination)]
    if not proofs and not checks:
        return Side(Verdict.CONVENTION, EVERY_K, **_told(evidence))
    if len(proofs) + len(checks) < len(evidence):
        raise ValueError(f"{claim}: a citation beside what can be proved or measured")
    if not checks:
        raise ValueError(f"{claim}: a proof needs a check that goes another way")
    for check in checks:
        if not check.holds:
            raise Contradiction(f"{claim} is claimed of the reals, and “{check.statement}” {check}")
    if not proofs:
        return Side(Verdict.COMPUTED, _scopes(checks), **_told(checks))
    sizes = [piece.largest_K for piece in proofs if piece.largest_K is not None]
    if sizes:
        if scope != EVERY_K:
            raise ValueError(f"{claim}: the proofs say for which K it holds, so no other scope can")
        return Side(Verdict.PROVED_UP_TO, f"K ≤ {min(sizes)}", **_told(evidence))
    if all(piece.is_definition for piece in proofs):
        verdict = Verdict.DEFINITION
    else:
        verdict = Verdict.PROVED_WITH_STEP if by_hand else Verdict.PROVED
    return Side(verdict, scope, **_told(evidence))


def _in_floating_point(
    claim: str,
    checks: Sequence[Examination],
    up_to_rounding: Sequence[Examination],
    instead: Sequence[Examination],
) -> Side:
    holding = (*up_to_rounding, *instead)
    for piece in (*checks, *holding):
        if not isinstance(piece, Examination):
            raise TypeError(f"{claim}: {type(piece).__name__} is no evidence in floating point")
    for piece in holding:
        if not piece.holds:
            raise Contradiction(f"{claim}: what should hold instead, “{piece.statement}”, {piece}")
    failed = [check for check in checks if not check.holds]
    told = _told([*checks, *holding])
    if not failed:
        if holding:
            raise ValueError(f"{claim}: it holds, so that nothing holds instead of it")
        return Side(Verdict.HOLDS, _scopes(checks), **told)
    if bool(up_to_rounding) == bool(instead):
        raise ValueError(
            f"{claim}: “{failed[0].statement}” {failed[0]}; say what holds, "
            "either up_to_rounding or instead"
        )
    statements = tuple(check.statement for check in holding)
    if up_to_rounding:
        verdict, where = Verdict.HOLDS_UP_TO_ROUNDING, ""
    else:
        verdict, where = Verdict.BREAKS_DOWN, failed[0].counterexample or ""
    return Side(verdict, _scopes(failed), where=where, instead=statements, **told)


def _scopes(checks: Sequence[Examination]) -> str:
    return " · ".join(dict.fromkeys(check.scope for check in checks))


def _told(evidence: Sequence[Derivation | Proof | Examination | Citation]) -> dict[str, Any]:
    """Return what a side tells of its evidence: a sentence a piece, and the numbers in all."""
    return {
        "evidence": tuple(map(_summary, evidence)),
        "cases": sum(piece.cases for piece in evidence if isinstance(piece, Examination)),
        "refused": sum(
            piece.refused for piece in evidence if isinstance(piece, Derivation | Proof)
        ),
    }


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
