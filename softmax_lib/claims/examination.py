"""Checks that run a predicate over cases, and that must be able to say both yes and no."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import InitVar, dataclass
from math import inf, isnan
from numbers import Real
from typing import Any, Generic, TypeVar

import numpy as np

from .scope import Quantity, Seen, written_scope

Case = TypeVar("Case")

_FROM_A_RUN = object()
_MARGIN = 10


class Vacuous(Exception):
    """A check that could not have come out otherwise."""


@dataclass(frozen=True)
class AtMost(Generic[Case]):
    """A predicate: a quantity of the case does not exceed a bound.

    The control has to come close to the bound, to within a factor of ten, from the other side: a
    bound ten times as large would let it through.
    """

    quantity: Callable[[Case], Any]
    """Case to a real number; NaN exceeds every bound."""
    bound: Any
    """A real number."""
    stated_as: str = ""
    """The place in the statement box that shows the bound, if one does."""

    def is_near(self, value: float) -> bool:
        """Tell whether a control's value lies within a factor of ten of the bound."""
        return bool(self.bound / _MARGIN <= value <= self.bound * _MARGIN)


Predicate = Callable[[Case], Any] | AtMost[Case]


@dataclass(frozen=True)
class Part:
    """What came of one part of a predicate."""

    name: str
    """What the part asks; empty if the predicate has no other part."""
    failures: int
    """Number of cases in which the part failed."""
    bound: float | None = None
    """The bound that it asserts, if it asserts one."""
    largest: float | None = None
    """The largest value of what is bounded. Its last bits may depend on processor and engine."""

    def as_json(self) -> dict[str, Any]:
        """Return what depends on no processor, as JSON-able values."""
        return {"name": self.name, "failures": self.failures, "bound": self.bound}


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
    distinct: int
    """Number of cases that differ from each other."""
    parts: tuple[Part, ...]
    """What came of each part of the predicate."""
    quantities: tuple[Quantity, ...]
    """What was read off the cases."""
    numbers: Mapping[str, list[str]]
    """The numbers that statement boxes may show, by the names of their places."""
    key: InitVar[object] = None

    def __post_init__(self, key: object) -> None:
        if key is not _FROM_A_RUN:
            raise TypeError("an Examination comes from examine(...) only")

    @property
    def holds(self) -> bool:
        """Whether the predicate held in every case."""
        return self.failures == 0

    def as_json(self) -> dict[str, Any]:
        """Return the outcome as JSON-able values: numbers rather than sentences."""
        return {
            "statement": self.statement,
            "holds": self.holds,
            "cases": self.cases,
            "distinct": self.distinct,
            "failures": self.failures,
            "counterexample": self.counterexample,
            "scope": self.scope,
            "quantities": {quantity.name: quantity.as_json() for quantity in self.quantities},
            "parts": [part.as_json() for part in self.parts],
        }

    def __str__(self) -> str:
        cases = f"{self.cases} cases"
        if self.distinct < self.cases:
            cases += f", {self.distinct} of them different"
        if not self.holds:
            return (
                f"failed in {self.failures} of {cases} ({self.scope}), "
                f"first for {self.counterexample}; a case built to hold, held"
            )
        built = "a case built to fail, failed"
        if len(self.parts) > 1:
            built = f"{len(self.parts)} cases built to fail one part each, failed"
        return f"held in all {cases} ({self.scope}); {built}"

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {
            "text/plain": f"{self.statement}: {self}",
            "text/markdown": f"*{self.statement}*: {self}.",
        }


def examine(
    statement: str,
    holds: Predicate[Case] | Mapping[str, Predicate[Case]],
    cases: Iterable[Case],
    *,
    control: Case | Mapping[str, Case],
    varies: Mapping[str, Callable[[Case], Any]] | None = None,
    states: Callable[[Case], Iterable[tuple[str, Any]]] | None = None,
    scope: str = "",
    describe: Callable[[Case], str] | None = None,
) -> Examination:
    """Try a predicate on every case; the outcome, whichever it is, is the evidence.

    Parameters
    ----------
    statement : str
        What the predicate asks of a case, as a sentence for the reader.
    holds : callable, AtMost, or mapping of str to them
        Case to ``bool`` or ``numpy.bool``. Anything else is refused: a SymPy expression, for one,
        is always true. A predicate of several parts names each of them.
    cases : iterable
        The cases, at least two of which differ.
    control : case, or mapping of str to case
        If the predicate holds in all cases, a case on which it fails; of several parts, a case
        for each, on which this part fails and all others hold. If it fails in some case, one case
        on which it holds; each part then has to fail alone in some case. No control is counted.
    varies : mapping of str to callable, optional
        What to read off each case: a number, an array of numbers, or a format. Each must vary.
    states : callable, optional
        Case to the numbers in it that the statement box shows, each with the name of its place.
    scope : str, optional
        Where the cases lie, as far as it cannot be read off them: ``"40 digits"``.
    describe : callable, optional
        Case to text, for the counterexample.

    Raises
    ------
    Vacuous
        There are not two different cases; a control comes out as the cases did; a control tells
        nothing about its part alone, or lies far from the bound; a quantity does not vary.
    TypeError
        The predicate returned something else than a Boolean, or a quantity is not a real number.

    Examples
    --------
    >>> from softmax_lib.claims import AtMost, examine
    >>> def even(n):
    ...     return n % 2 == 0
    >>> print(examine("n is even", even, [2, 4], control=3, varies={"n": int}))
    held in all 2 cases (n = 2, 4); a case built to fail, failed
    >>> print(examine("n is even", even, [2, 3], control=2, varies={"n": int}))
    failed in 1 of 2 cases (n = 2, 3), first for 3; a case built to hold, held
    >>> print(
    ...     examine(
    ...         "n is an even digit",
    ...         {"even": even, "a digit": AtMost(abs, 9)},
    ...         [-2, 8],
    ...         control={"even": 3, "a digit": 10},
    ...         varies={"n": int},
    ...     )
    ... )
    held in all 2 cases (n = −2, 8); 2 cases built to fail one part each, failed
    """
    named = isinstance(holds, Mapping)
    run = _Run(statement, holds if isinstance(holds, Mapping) else {"": holds})
    seen = Seen(varies or {})
    counterexample = None
    numbers = {name: [str(bound)] for name, bound in run.stated_bounds()}
    for case in cases:
        seen.see(case)
        for name, number in states(case) if states else ():
            if str(number) not in (stated := numbers.setdefault(name, [])):
                stated.append(str(number))
        if run.fails(case) and counterexample is None:
            counterexample = (describe or _written_out)(case)
    _refuse_what_does_not_vary(statement, run.tried, seen)
    if run.failed:
        run.see_control_hold(control)
    else:
        run.see_controls_fail(control if named else {"": control})
    return Examination(
        statement,
        written_scope(seen.quantities.values(), scope),
        run.tried,
        run.failed,
        counterexample,
        len(seen.different),
        tuple(run.outcomes()),
        tuple(seen.quantities.values()),
        numbers,
        key=_FROM_A_RUN,
    )


class _Run(Generic[Case]):
    """The parts of a predicate, and how they came out so far."""

    def __init__(self, statement: str, parts: Mapping[str, Predicate[Case]]) -> None:
        if not parts:
            raise Vacuous(f"“{statement}” asks for nothing")
        self.statement, self.parts = statement, parts
        self.tried = self.failed = 0
        self.failures = dict.fromkeys(parts, 0)
        self.alone: set[str] = set()
        self.largest = {name: -inf for name, part in parts.items() if isinstance(part, AtMost)}

    def stated_bounds(self) -> Iterable[tuple[str, Any]]:
        """Yield the bounds that the statement box shows, each with the name of its place."""
        for part in self.parts.values():
            if isinstance(part, AtMost) and part.stated_as:
                yield part.stated_as, part.bound

    def fails(self, case: Case) -> bool:
        """Ask every part of one case more."""
        failing = []
        for name, part in self.parts.items():
            holds, value = _answer(part, case)
            if not holds:
                failing.append(name)
                self.failures[name] += 1
            if name in self.largest:
                self.largest[name] = max(self.largest[name], value)
        if len(failing) == 1:
            self.alone.update(failing)
        self.tried += 1
        self.failed += bool(failing)
        return bool(failing)

    def see_control_hold(self, control: Any) -> None:
        """Refuse a control on which a part fails, and a part that never failed alone."""
        if isinstance(control, Mapping) and control.keys() & self.parts.keys():
            raise Vacuous(
                f"“{self.statement}” fails in some case: it has one control for all parts"
            )
        for name in self.parts:
            if not self._holds_on(control, name):
                raise Vacuous(
                    f"{self._part(name)} fails on the control {control!r} too: it cannot tell"
                )
            if name not in self.alone:
                raise Vacuous(f"{self._part(name)} fails in no case alone: it refutes nothing")

    def see_controls_fail(self, controls: Any) -> None:
        """Refuse controls on which a part does not fail, or not alone."""
        for name in self.parts:
            if not isinstance(controls, Mapping) or name not in controls:
                raise Vacuous(f"{self._part(name)} has no control")
            control = controls[name]
            if self._holds_on(control, name):
                raise Vacuous(
                    f"{self._part(name)} holds on the control {control!r} too: it cannot tell"
                )
            for other in self.parts:
                if other != name and not _answer(self.parts[other], control)[0]:
                    raise Vacuous(f"{self._part(name)}: its control fails “{other}” too")
        for name in controls:
            if name not in self.parts:
                raise Vacuous(f"{self._part(name)} has a control, and is no part")

    def outcomes(self) -> Iterable[Part]:
        """Sum up."""
        for name, part in self.parts.items():
            bound = float(part.bound) if isinstance(part, AtMost) else None
            yield Part(name, self.failures[name], bound, self.largest.get(name))

    def _holds_on(self, control: Case, name: str) -> bool:
        part = self.parts[name]
        holds, value = _answer(part, control)
        if isinstance(part, AtMost) and not part.is_near(value):
            raise Vacuous(
                f"{self._part(name)}: the control, {value:.3g}, lies far from "
                f"the bound {float(part.bound):.3g}"
            )
        return holds

    def _part(self, name: str) -> str:
        return f"“{self.statement}”, “{name}”" if name else f"“{self.statement}”"


def _answer(part: Predicate[Case], case: Case) -> tuple[bool, float]:
    """Return whether the part holds, and the value of what it bounds, if it bounds something."""
    if isinstance(part, AtMost):
        value = part.quantity(case)
        if not isinstance(value, Real):
            raise TypeError(f"a quantity must be a real number, not {type(value).__name__}")
        return bool(value <= part.bound), inf if isnan(value) else float(value)
    answer = part(case)
    if not isinstance(answer, bool | np.bool):
        raise TypeError(f"a predicate must return a Boolean, not {type(answer).__name__}: {answer}")
    return bool(answer), inf


def _refuse_what_does_not_vary(statement: str, tried: int, seen: Seen[Any]) -> None:
    if len(seen.different) < 2:
        cases = "the same case again and again" if tried > 1 else f"{tried or 'no'} case"
        raise Vacuous(f"“{statement}” was tried on {cases}")
    for name, quantity in seen.quantities.items():
        if len(quantity.seen) < 2:
            raise Vacuous(f"“{statement}”: in all cases {name} is the same")


def _written_out(case: object) -> str:
    with np.printoptions(threshold=8, edgeitems=2, linewidth=10_000):
        return str(case)
