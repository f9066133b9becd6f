"""Checks that run a predicate over cases, and that must be able to say both yes and no."""

from collections.abc import Callable, Iterable
from dataclasses import InitVar, dataclass
from typing import TypeVar

import numpy as np

Case = TypeVar("Case")

_FROM_A_RUN = object()


class Vacuous(Exception):
    """A check that could not have come out otherwise."""


@dataclass(frozen=True)
class Examination:
    """The outcome of a predicate that ran over cases. Only `examine` makes one."""

    statement: str
    """What was asked of each case, as a sentence."""
    scope: str
    """Where the cases lie: the formats, sizes and ranges."""
    cases: int
    """Number of cases tried."""
    failures: int
    """Number of cases in which the predicate failed."""
    counterexample: str | None
    """The first such case, written out."""
    key: InitVar[object] = None

    def __post_init__(self, key: object) -> None:
        if key is not _FROM_A_RUN:
            raise TypeError("an Examination comes from examine(...) only")

    @property
    def holds(self) -> bool:
        """Whether the predicate held in every case."""
        return self.failures == 0

    def __str__(self) -> str:
        if self.holds:
            return f"held in all {self.cases} cases ({self.scope}); the control failed, as it must"
        return (
            f"failed in {self.failures} of {self.cases} cases ({self.scope}), "
            f"first for {self.counterexample}; the control held, as it must"
        )

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {
            "text/plain": f"{self.statement}: {self}",
            "text/markdown": f"*{self.statement}*: {self}.",
        }


def examine(
    statement: str,
    holds: Callable[[Case], bool],
    cases: Iterable[Case],
    *,
    control: Case,
    scope: str,
    describe: Callable[[Case], str] | None = None,
) -> Examination:
    """Try a predicate on every case; the outcome, whichever it is, is the evidence.

    Parameters
    ----------
    statement : str
        What the predicate asks of a case, as a sentence for the reader.
    holds : callable
        Case to ``bool`` or ``numpy.bool``. Anything else is refused: a SymPy expression, for one,
        is always true.
    cases : iterable
        The cases, at least one.
    control : case
        A case that must come out the other way: the predicate has to fail on it if it holds in all
        cases, and has to hold on it if it fails in some. It is not counted.
    scope : str
        Where the cases lie: formats, sizes, ranges.
    describe : callable, optional
        Case to text, for the counterexample.

    Raises
    ------
    Vacuous
        There is no case, or the control comes out as the cases did.
    TypeError
        The predicate returned something else than a Boolean.

    Examples
    --------
    >>> from softmax_lib.claims import examine
    >>> def even(n):
    ...     return n % 2 == 0
    >>> print(examine("n is even", even, [2, 4], control=3, scope="n = 2, 4"))
    held in all 2 cases (n = 2, 4); the control failed, as it must
    >>> print(examine("n is even", even, [2, 3], control=2, scope="n = 2, 3"))
    failed in 1 of 2 cases (n = 2, 3), first for 3; the control held, as it must
    """
    tried, failures = 0, 0
    counterexample: str | None = None
    for case in cases:
        tried += 1
        if not _answer(holds, case):
            failures += 1
            counterexample = counterexample or (describe or _written_out)(case)
    if not tried:
        raise Vacuous(f"“{statement}” was tried on no case")
    if _answer(holds, control) == (failures == 0):
        outcome = "fails" if failures else "holds"
        raise Vacuous(f"“{statement}” {outcome} on the control {control!r} too: it cannot tell")
    return Examination(statement, scope, tried, failures, counterexample, key=_FROM_A_RUN)


def _answer(holds: Callable[[Case], bool], case: Case) -> bool:
    answer = holds(case)
    if not isinstance(answer, bool | np.bool):
        raise TypeError(f"a predicate must return a Boolean, not {type(answer).__name__}: {answer}")
    return bool(answer)


def _written_out(case: object) -> str:
    with np.printoptions(threshold=8, edgeitems=2, linewidth=10_000):
        return str(case)
