"""Reasons that say more than words: hypotheses, and sources that are cited.

A hypothesis restricts what a derivation concludes, and the statement prints it. An `Assumption`
that the statement does not print as a hypothesis, and a source, make a step by hand.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sympy import Expr, IndexedBase, S, Symbol

from softmax_lib.proofs import Refused

from .terms import Scope, Term, latex, meaning

RELATIONS = {"=": "=", "≤": r"\le", "≥": r"\ge", "<": "<", ">": ">"}
"""What may stand between two terms, with its LaTeX."""


@dataclass(frozen=True)
class Unlike:
    """The hypothesis that two indices are different."""

    first: Term
    second: Term

    @property
    def latex(self) -> str:
        """The hypothesis as the page shows it."""
        return rf"{latex(self.first)} \ne {latex(self.second)}"

    @property
    def guard(self) -> Expr:
        """1 where the hypothesis holds and 0 elsewhere."""
        return meaning(1 - Term("delta", (self.first, self.second)))


@dataclass(frozen=True)
class Given:
    """The hypothesis that one term is at most, at least, below or above another one.

    Parameters
    ----------
    left, right : Term
        The sides.
    relation : str
        One of ≤, ≥, <, >.
    every : Term, optional
        The index for each of which it holds; without, it holds for the indices of the statement.
    """

    left: Term
    relation: str
    right: Term
    every: Term | None = None

    def __post_init__(self) -> None:
        """Refuse an equation: no random point meets one, so that nothing could falsify it."""
        if self.relation not in set(RELATIONS) - {"="}:
            raise Refused(f"a hypothesis has one of ≤, ≥, <, >, not {self.relation!r}")

    @property
    def latex(self) -> str:
        """The hypothesis as the page shows it."""
        sides = f"{latex(self.left)} {RELATIONS[self.relation]} {latex(self.right)}"
        return sides + (rf"\text{{ for every }} {latex(self.every)}" if self.every else "")

    @property
    def name(self) -> Term:
        """What stands for the margin in a form."""
        return Term("margin") if self.every is None else Term("margins", (self.every,))

    @property
    def is_strict(self) -> bool:
        """Whether it excludes equality."""
        return self.relation in "<>"

    @property
    def margin(self) -> Term:
        """By how much it holds: the larger side minus the smaller one."""
        return self.right - self.left if self.relation in "≤<" else self.left - self.right

    def scope(self) -> Scope:
        """Return what margins stand for, the index alone being taken from where they stand."""
        if self.every is None:
            return {"margin": lambda: meaning(self.margin)}
        letter = self.every.args[0]
        return {"margins": lambda index: meaning(self.margin, {letter: index})}

    def signed_scope(self) -> Scope:
        """Return symbols for the margins that know nothing but their sign."""
        sign = {"positive" if self.is_strict else "nonnegative": True}
        if self.every is None:
            return {"margin": lambda: Symbol("epsilon", **sign)}
        return {"margins": lambda index: IndexedBase("epsilon", **sign)[index]}


@dataclass(frozen=True)
class Cited:
    """A source that proves a step: its key in the bibliography, and what it says.

    No ledger comes together with a key that has no entry.
    """

    key: str
    says: str


def guard_of(given: Iterable[object]) -> Expr:
    """Return 1 where all pairs of indices that have to be different are, and 0 elsewhere."""
    guard = S.One
    for hypothesis in given:
        if isinstance(hypothesis, Unlike):
            guard *= hypothesis.guard
    return guard
