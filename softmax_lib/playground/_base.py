"""What the playgrounds have in common: an element, its scripts, and checks of arguments."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Sequence
from importlib import resources

import numpy as np

FEWEST, MOST = 2, 8
LARGEST_SEED = 2**32 - 1


class Playground:
    """A web component: `_TAG` is its element, `_SCRIPTS` what its own script needs before it."""

    _TAG: str
    _SCRIPTS: tuple[str, ...]

    def __init__(self, name: str | None) -> None:
        if name is not None and not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
            raise ValueError(
                f"name must be a letter, then letters, digits, - and _ alone, got {name!r}"
            )
        self.name = name

    def _attributes(self) -> dict[str, str]:
        raise NotImplementedError

    def _repr_html_(self) -> str:
        return f"<script>{_script(self._TAG, self._SCRIPTS)}</script>\n{self.tag()}"

    def tag(self) -> str:
        """Return the element alone, for a page that has the script already."""
        attributes = self._attributes()
        if self.name is not None:
            attributes["id"] = self.name
        written = " ".join(f'{key}="{html.escape(value)}"' for key, value in attributes.items())
        return f"<{self._TAG} {written}></{self._TAG}>"


def text(number: float) -> str:
    return repr(number).removesuffix(".0")


def switch(on: bool) -> str:
    return "on" if on else "off"


def boolean(name: str, value: bool) -> bool:
    if not isinstance(value, bool | np.bool):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def share(name: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be a number from 0 to 1, got {value}")
    return float(value)


def whole(name: str, value: int, least: int, largest: int) -> int:
    if not (isinstance(value, int | np.integer) and least <= value <= largest):
        raise ValueError(f"{name} must be a whole number from {least} to {largest}, got {value}")
    return int(value)


def at_least_0(name: str, value: float) -> float:
    if not value >= 0:
        raise ValueError(f"{name} must be at least 0, got {value}")
    return float(value)


def one_of(name: str, value: str, names: Sequence[str]) -> str:
    if value not in names:
        raise ValueError(f"{name} must be one of {', '.join(names)}, got {value!r}")
    return value


def logits_within(reach: float, logits: Sequence[float]) -> list[float]:
    """Return the logits, if they are as many as fit and no further from 0 than sliders go."""
    if not 0 < reach < math.inf:
        raise ValueError(f"reach must be a positive number, got {text(reach)}")
    numbers = [float(z) for z in logits]
    if not FEWEST <= len(numbers) <= MOST:
        raise ValueError(f"logits must be {FEWEST} to {MOST} numbers, got {len(numbers)}")
    for z in numbers:
        if not abs(z) <= reach:
            raise ValueError(f"logits must lie within reach, ±{text(reach)}, got {z}")
    return numbers


def _script(tag: str, scripts: Sequence[str]) -> str:
    """Return all files of a component as one script that defines it unless it is there."""
    folder = resources.files(__package__)
    names = (*scripts, f"{tag}.js")
    sources = (folder.joinpath(name).read_text(encoding="utf-8") for name in names)
    # Whatever a notebook shows is stored in it, so comments and indentation stay behind.
    lines = (line.strip() for source in sources for line in source.splitlines())
    kept = "\n".join(re.sub(r" // .*", "", line) for line in lines if line[:2] not in ("", "//"))
    return f'(() => {{\nif (customElements.get("{tag}")) return;\n{kept}\n}})();'
