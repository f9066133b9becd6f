"""The steps that a proof may take by hand: a closed list, each stated once, with its hypotheses."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Step:
    """A fact from the textbooks that no machine proves here."""

    id: str
    title: str
    given: str
    """Its hypotheses, in Markdown."""
    says: str
    """What follows from them, in Markdown."""
    source: str = ""
    """Where to read of it, in Markdown; empty where it needs no reference."""

    def __str__(self) -> str:
        return f"{self.title}. Given {self.given}: {self.says}"


@cache
def known_steps() -> dict[str, Step]:
    """Return all steps by id, in the order of the list.

    Examples
    --------
    >>> from softmax_lib.claims import known_steps
    >>> known_steps()["squeeze"].says
    '$f$ has this limit too.'
    """
    listed = tomllib.loads((files(__package__) / "steps.toml").read_text(encoding="utf-8"))
    return {name: Step(name, **facts) for name, facts in listed.items()}


def unknown_steps(names: Iterable[str]) -> list[str]:
    """Return those of the names that are on no list."""
    return [name for name in names if name not in known_steps()]
