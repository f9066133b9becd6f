r"""Derivations: a claim shown line by line, each line proved to follow from the one before.

There is no derivation that was not proved: `Derivation.then` returns the longer derivation or
raises, naming the line.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, final

from softmax_lib.proofs import Falsified, Proof, ProofError, Refused, prove_equal

from .page import as_html, as_text, in_words
from .reasons import RELATIONS, Cited, Given, Unlike, guard_of
from .steps import Status, Step, check_has_value, try_to_falsify
from .terms import Assumption, Scope, Term, latex, lift, meaning

Hypothesis = Unlike | Given | Assumption


@dataclass(frozen=True)
class Line:
    """A line of a derivation, and what it rests on."""

    relation: str
    term: Term
    because: tuple[object, ...]
    form: Term | None
    status: Status
    proofs: tuple[Proof, ...]

    @property
    def hypothesis(self) -> Given | None:
        """The hypothesis that is the reason of the line."""
        return next((reason for reason in self.because if isinstance(reason, Given)), None)


@dataclass(frozen=True)
class Statement:
    """What a derivation concludes."""

    left: Term
    relation: str
    right: Term
    given: tuple[Hypothesis, ...]
    scope: str = "every K"

    @property
    def latex(self) -> str:
        """The formula, without its hypotheses."""
        return f"{latex(self.left)} {RELATIONS[self.relation]} {latex(self.right)}"

    @property
    def hypotheses(self) -> str:
        """The hypotheses in words, with their mathematics between dollars."""
        return ", ".join(map(in_words, self.given))

    def __str__(self) -> str:
        return f"${self.latex}$" + (f" for {self.hypotheses}" if self.given else "")


@final
@dataclass(frozen=True)
class Derivation:
    r"""A chain of terms, each related to the one before for a reason.

    Parameters
    ----------
    id : str
        The name by which others refer to it.
    start : Term
        The first term.
    given : hypothesis or tuple of hypotheses, optional
        What the statement supposes: `Unlike`, `Given`, `Assumption`. A hypothesis that is the
        reason of a step need not be repeated here.

    Examples
    --------
    >>> from softmax_lib.derivations import Derivation
    >>> from softmax_lib.derivations.vocabulary import Z, e, i, over, sigma, z
    >>> sum_one = (
    ...     Derivation("sum-one", over(i, sigma[i]))
    ...     .then(over(i, e(z[i]) / Z), "by definition")
    ...     .then(over(i, e(z[i])) / Z, "$Z$ does not depend on $i$")
    ...     .then(1, "definition of $Z$, which is positive")
    ... )
    >>> print(sum_one.statement)
    $\sum_{i} \sigma_{i} = 1$
    >>> sum_one.then(over(i, e(z[i])), "wrong")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    softmax_lib.proofs.errors.Falsified: sum-one, line 4 (wrong): 1 = \sum_{i} e^{z_{i}}: ...
    """

    id: str
    start: Term
    given: tuple[Hypothesis, ...] = ()
    lines: tuple[Line, ...] = field(default=(), init=False)
    largest_K: ClassVar[int | None] = None  # noqa: N815
    """Derivations are for every K; a `Proof` may be for some."""

    def __post_init__(self) -> None:
        """Take one hypothesis as it is, and see that the start has a value."""
        given = self.given if isinstance(self.given, tuple) else (self.given,)
        object.__setattr__(self, "start", lift(self.start))
        object.__setattr__(self, "given", given)
        with _naming(f"{self.id}, start"):
            if not re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", self.id):
                raise Refused(f"{self.id!r} is no name of small letters, digits and hyphens")
            check_has_value(self.start)

    @property
    def last(self) -> Term:
        """The term at the end of the chain."""
        return self.lines[-1].term if self.lines else self.start

    def then(
        self,
        term: object,
        because: object,
        relation: str = "=",
        *,
        form: Term | None = None,
    ) -> "Derivation":
        """Return the derivation with one more line, which is proved.

        Parameters
        ----------
        term : Term or int
            What comes next.
        because : str, Derivation, Given, Assumption, Cited, or a tuple of these
            The reason. Words may hold mathematics between dollars. A `Cited` source stands in the
            place of a proof, and the step is only tried at random points.
        relation : str, optional
            How the last term is related to this one: =, ≤, ≥, <, >. All inequalities of a
            derivation point the same way.
        form : Term, optional
            For an inequality, the larger side minus the smaller one as something of evident sign.
            Under a hypothesis it is written with `margin`, or with ``margins[a]`` for a hypothesis
            about every a: the larger side of the hypothesis minus the smaller one.

        Raises
        ------
        ProofError
            The line does not follow. The message names the derivation, the line and both sides.
        """
        reasons = because if isinstance(because, tuple) else (because,)
        now, number = lift(term), len(self.lines) + 1
        words = "; ".join(map(in_words, reasons))
        shown = f"{latex(self.last)} {RELATIONS.get(relation, relation)} {latex(now)}"
        with _naming(f"{self.id}, line {number} ({words}): {shown}"):
            if relation not in RELATIONS:
                raise Refused(f"{relation!r} is none of {', '.join(RELATIONS)}")
            for reason in reasons:
                if not isinstance(reason, str | Derivation | Given | Assumption | Cited):
                    raise Refused(f"{reason!r} ({type(reason).__name__}) is no reason")
            longer = Derivation(self.id, self.start, self.given)
            new = [r for r in reasons if isinstance(r, Given) and r not in self.given]
            object.__setattr__(longer, "given", (*self.given, *new))
            step = Step(self.last, relation, now, reasons, form, longer.given)
            line = Line(relation, now, reasons, form, *step.prove())
            object.__setattr__(longer, "lines", (*self.lines, line))
            _ = longer.relation
        return longer

    @property
    def relation(self) -> str:
        """How the first term is related to the last."""
        seen = {line.relation for line in self.lines}
        if seen & set("<≤") and seen & set(">≥"):
            raise Refused("the inequalities of a derivation point both ways")
        strict_first = sorted(seen - {"="}, key="<>≤≥".index)
        return strict_first[0] if strict_first else "="

    @property
    def statement(self) -> Statement:
        """What the derivation concludes."""
        if not self.lines:
            raise Refused(f"{self.id} has no line: it concludes nothing")
        return Statement(self.start, self.relation, self.last, self.given)

    @property
    def status(self) -> Status:
        """What the weakest step rests on."""
        order = list(Status)
        return max((line.status for line in self.lines), key=order.index)

    @property
    def is_definition(self) -> bool:
        """Whether every line holds by definition."""
        return self.status == Status.DEFINITION

    @property
    def by_hand(self) -> tuple[str, ...]:
        """The steps that no proof stands behind, in words."""
        return tuple(
            f"{self.id}, line {number}: {'; '.join(map(in_words, line.because))} ({line.status})"
            for number, line in enumerate(self.lines, start=1)
            if line.status.is_by_hand
        )

    @cached_property
    def second_route(self) -> Proof | None:
        """A proof that the first term is the last, without the lines between, if there is one."""
        said = self.statement
        try_to_falsify(said.left, said.relation, said.right, said.given)
        guard = guard_of(said.given)
        left, right = guard * meaning(said.left), guard * meaning(said.right)
        if said.relation != "=" or left == right:
            return None
        try:
            return prove_equal(left, right)
        except Falsified:
            raise
        except ProofError:
            return None

    def printed(self) -> Iterator[tuple[Term, Scope]]:
        """Yield all terms that the page shows, forms too, with what their margins stand for."""
        yield self.start, {}
        for line in self.lines:
            yield line.term, {}
            if line.form is not None:
                hypothesis = line.hypothesis
                yield line.form, hypothesis.scope() if hypothesis else {}

    def prerequisites(self) -> Iterator["Derivation"]:
        """Yield the derivations that the reasons name, each after those that it names itself."""
        for line in self.lines:
            for reason in line.because:
                if isinstance(reason, Derivation):
                    yield from reason.prerequisites()
                    yield reason

    @property
    def refused(self) -> int:
        """How many false variants of its lines the prover refused."""
        return sum(proof.refused for line in self.lines for proof in line.proofs)

    def __str__(self) -> str:
        points = sum(proof.points for line in self.lines for proof in line.proofs)
        lines = f"{len(self.lines)} line" + "s" * (len(self.lines) != 1)
        ends = "; also in one step" if self.second_route else ""
        by_hand = f", but for {'; '.join(self.by_hand)}" if self.by_hand else ""
        if self.is_definition:
            return f"{lines} by definition, with a value for {self.statement.scope}"
        return (
            f"{lines}, each proved for {self.statement.scope}{by_hand} "
            f"(held at {points} points; {self.refused} false variants refused{ends})"
        )

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/plain": as_text(self), "text/html": as_html(self)}


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Put a name before the message of a failed proof."""
    try:
        yield
    except ProofError as error:
        raise type(error)(f"{name}: {error}") from None
