"""One step of a derivation: it is proved by `softmax_lib.proofs`, or it raises."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache

from mpmath import mpf, nstr
from sympy import Expr

from softmax_lib.proofs import (
    Falsified,
    Proof,
    Refused,
    prove_equal,
    prove_nonnegative,
    prove_positive,
)
from softmax_lib.proofs.evaluation import LARGEST_K, Point, differ, evaluate, points
from softmax_lib.proofs.fragment import check_fragment
from softmax_lib.proofs.sign import conditions, is_nonnegative, is_positive

from .reasons import Cited, Given, Unlike, guard_of
from .terms import Assumption, Scope, Term, assumed_in, latex, meaning, needs, parts


class Status(StrEnum):
    """What a step rests on, the firmest first."""

    DEFINITION = "by definition"
    PROVED = "proved"
    SIGN = "sign"
    GIVEN = "under a hypothesis"
    ASSUMED = "assumed"
    CITED = "cited"

    @property
    def is_by_hand(self) -> bool:
        """Whether no proof stands behind the step."""
        return self in (Status.ASSUMED, Status.CITED)


@dataclass(frozen=True)
class Step:
    """From one term to the next, with the reason."""

    before: Term
    relation: str
    now: Term
    because: tuple[object, ...]
    form: Term | None
    given: tuple[object, ...]

    def prove(self) -> tuple[Status, tuple[Proof, ...]]:
        """Return what the step rests on, and the proofs behind it, or raise a `ProofError`."""
        hypotheses = [one for one in self.given if isinstance(one, Given)]
        for term in (self.before, self.now, *(one.margin for one in hypotheses)):
            check_has_value(term)
        try_to_falsify(self.before, self.relation, self.now, self.given)
        if any(isinstance(reason, Cited) for reason in self.because):
            return Status.CITED, ()
        status, proofs = self._equation() if self.relation == "=" else self._inequality()
        if any(isinstance(hypothesis, Unlike) for hypothesis in self.given):
            status = Status.GIVEN
        assumptions = {*assumed_in(self.before), *assumed_in(self.now)}
        assumptions |= {reason for reason in self.because if isinstance(reason, Assumption)}
        if assumptions:
            status = Status.GIVEN if assumptions <= set(self.given) else Status.ASSUMED
        return status, tuple(proofs)

    def _equation(self) -> tuple[Status, list[Proof]]:
        if self.form is not None:
            raise Refused("an equation has no sign, and needs no form")
        left, right = self._guarded(self.before), self._guarded(self.now)
        proofs = _equal_unless_same(left, right)
        return (Status.PROVED if proofs else Status.DEFINITION), proofs

    def _inequality(self) -> tuple[Status, list[Proof]]:
        rises = self.relation in "≤<"
        larger, smaller = (self.now, self.before) if rises else (self.before, self.now)
        difference = self._guarded(larger - smaller)
        hypotheses = [reason for reason in self.because if isinstance(reason, Given)]
        if len(hypotheses) > 1:
            raise Refused("a step is under one hypothesis: take the others one after the other")
        if not hypotheses:
            form = self.form or larger - smaller
            check_has_value(form)
            proofs = _equal_unless_same(difference, self._guarded(form))
            return Status.SIGN, [*proofs, *self._sign(meaning(form))]
        (hypothesis,) = hypotheses
        if self.form is None or hypothesis.name.head not in {p.head for p in parts(self.form)}:
            raise Refused("a step under a hypothesis needs a form with the hypothesis's margin")
        signed = hypothesis.signed_scope()
        check_has_value(self.form, signed)
        form_under_it = guard_of(self.given) * meaning(self.form, hypothesis.scope())
        proofs = _equal_unless_same(difference, form_under_it)
        return Status.GIVEN, [*proofs, *self._sign(meaning(self.form, signed))]

    def _guarded(self, term: Term) -> Expr:
        return guard_of(self.given) * meaning(term)

    def _sign(self, form: Expr) -> list[Proof]:
        guard, is_strict = guard_of(self.given), self.relation in "<>"
        # Where the guard is 0 nothing is claimed: there the form may be anything of the right sign.
        form = guard * form + (1 - guard if is_strict else 0)
        if form.is_Atom and (is_positive if is_strict else is_nonnegative)(form):
            return []  # The hypothesis itself.
        return [prove_positive(form) if is_strict else prove_nonnegative(form)]


def check_has_value(term: Term, scope: Scope | None = None) -> None:
    """Raise `Refused` unless all that a term divides by or takes a logarithm of is positive."""
    unfolded = meaning(term, scope)
    check_fragment(unfolded)
    for need in needs(term):
        if not _is_positive(meaning(need, scope)):
            raise Refused(f"{latex(need)} is not proven positive: {latex(term)} may lack a value")
    for condition in conditions(unfolded):
        if not _is_positive(condition):
            raise Refused(f"{condition} is not proven positive: {latex(term)} may lack a value")


@cache
def _is_positive(expression: Expr) -> bool:
    return is_positive(expression)


def _equal_unless_same(left: Expr, right: Expr) -> list[Proof]:
    return [] if left == right else [prove_equal(left, right)]


def points_under(given: Sequence[object], *expressions: Expr) -> Iterator[Point]:
    """Yield points with K up to 3 at which all hypotheses hold."""
    guard = guard_of(given)
    conditions = [hypothesis for hypothesis in given if isinstance(hypothesis, Given)]
    margins = [meaning(hypothesis.margin) for hypothesis in conditions]
    for at in points(*expressions, guard, *margins):
        met = (
            _holds(hypothesis, margin, at)
            for hypothesis, margin in zip(conditions, margins, strict=True)
        )
        if evaluate(guard, at) and all(met):
            yield at


def _holds(hypothesis: Given, margin: Expr, at: Point) -> bool:
    cases = [at]
    if hypothesis.every is not None:
        index = meaning(hypothesis.every)
        cases = [replace(at, indices={**at.indices, index: n}) for n in range(1, at.K + 1)]
    values = [evaluate(margin, case) for case in cases]
    return all(value > 0 if hypothesis.is_strict else value >= 0 for value in values)


def try_to_falsify(left: Term, relation: str, right: Term, given: Sequence[object]) -> int:
    """Return at how many points with K up to 3 two terms are related, where the hypotheses hold.

    Raises
    ------
    Falsified
        They are not, at one of them.
    Refused
        The hypotheses hold at none of them.
    """
    sides = meaning(left), meaning(right)
    tried = 0
    for at in points_under(given, *sides):
        values = [evaluate(side, at) for side in sides]
        if not _are_related(values[0], relation, values[1]):
            shown = f" {relation} ".join(str(nstr(value, 10)) for value in values)
            raise Falsified(f"{shown} is false at {at}")
        tried += 1
    if not tried:
        raise Refused(f"the hypotheses hold at no point with K ≤ {LARGEST_K}: nothing is claimed")
    return tried


def _are_related(left: mpf, relation: str, right: mpf) -> bool:
    if not differ(left, right):
        return relation in "=≤≥"
    return relation in ("<≤" if left < right else ">≥")
