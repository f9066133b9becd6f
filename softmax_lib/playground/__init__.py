"""Softmax to play with, on a page and in a notebook: a web component, and a tag for it."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Sequence
from importlib import resources

__all__ = ["SoftmaxPlayground"]

TAG = "softmax-playground"
FEWEST, MOST = 2, 8
FORMATS = ("float16", "float32", "float64")
PARTS = ("temperature", "entropy", "jacobian", "format", "shift")


class SoftmaxPlayground:
    """Sliders for logits and temperature, and what softmax makes of them.

    Parameters
    ----------
    logits : sequence of float, optional
        What the sliders start at: 2 to 8 numbers between -`reach` and `reach`.
    temperature : float, optional
        What the temperature starts at, 0 and inf included.
    parts : sequence of str, optional
        What is shown beside logits and probabilities: any of "temperature" (its slider), "entropy",
        "jacobian" (as a heat map with numbers), "format" (a choice of floating formats) and "shift"
        (whether the maximum is subtracted, as it always is otherwise).
    reach : float, optional
        How far a slider goes on either side of 0.
    format : {"float64", "float32", "float16"}, optional
        The format that is computed in at the start.
    name : str, optional
        A name for the playground, one of its kind on its page. With one, the page's address
        follows the settings, so that they can be shared by copying it.

    Raises
    ------
    TypeError
        If `parts` is a string.
    ValueError
        If an argument is none of the above; the message names it.

    Notes
    -----
    The HTML has the script in it and needs nothing else, from nowhere. Several on a page define the
    component once. Equal arguments give equal HTML.

    Examples
    --------
    >>> from softmax_lib.playground import SoftmaxPlayground
    >>> SoftmaxPlayground([3, 0], temperature=0.5)
    SoftmaxPlayground([3.0, 0.0], temperature=0.5)
    """

    def __init__(
        self,
        logits: Sequence[float] = (2.0, 1.0, 0.0),
        *,
        temperature: float = 1.0,
        parts: Sequence[str] = ("temperature", "entropy"),
        reach: float = 5.0,
        format: str = "float64",
        name: str | None = None,
    ) -> None:
        self.reach = float(reach)
        if not 0 < self.reach < math.inf:
            raise ValueError(f"reach must be a positive number, got {reach}")
        self.logits = [float(z) for z in logits]
        if not FEWEST <= len(self.logits) <= MOST:
            raise ValueError(f"logits must be {FEWEST} to {MOST} numbers, got {len(self.logits)}")
        for z in self.logits:
            if not abs(z) <= self.reach:
                raise ValueError(f"logits must lie within reach, ±{_text(self.reach)}, got {z}")
        self.temperature = float(temperature)
        if not self.temperature >= 0:
            raise ValueError(f"temperature must be at least 0, got {temperature}")
        if isinstance(parts, str):
            raise TypeError(f"parts must be a sequence of names, got the string {parts!r}")
        self.parts = list(parts)
        for part in self.parts:
            if part not in PARTS:
                raise ValueError(f"parts must be among {', '.join(PARTS)}, got {part!r}")
        if format not in FORMATS:
            raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {format!r}")
        self.format = format
        if name is not None and not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
            raise ValueError(
                f"name must be a letter, then letters, digits, - and _ alone, got {name!r}"
            )
        self.name = name

    def __repr__(self) -> str:
        return f"SoftmaxPlayground({self.logits}, temperature={self.temperature})"

    def _repr_html_(self) -> str:
        return f"<script>{_script()}</script>\n{self.tag()}"

    def tag(self) -> str:
        """Return the element alone, for a page that has the script already."""
        attributes = {
            "logits": " ".join(map(_text, self.logits)),
            "temperature": _text(self.temperature),
            "reach": _text(self.reach),
            "format": self.format,
            "parts": " ".join(self.parts),
        }
        if self.name is not None:
            attributes["id"] = self.name
        attributes["data-lm-suppress-shortcuts"] = "true"
        written = " ".join(f'{key}="{html.escape(text)}"' for key, text in attributes.items())
        return f"<{TAG} {written}></{TAG}>"


def _text(number: float) -> str:
    return repr(number).removesuffix(".0")


def _script() -> str:
    """Return both files as one script that defines the component unless it is there."""
    folder = resources.files(__name__)
    sources = (
        folder.joinpath(name).read_text(encoding="utf-8") for name in ("softmax.js", f"{TAG}.js")
    )
    # Whatever a notebook shows is stored in it, so comments and indentation stay behind.
    lines = (line.strip() for source in sources for line in source.splitlines())
    kept = "\n".join(re.sub(r" // .*", "", line) for line in lines if line[:2] not in ("", "//"))
    return f'(() => {{\nif (customElements.get("{TAG}")) return;\n{kept}\n}})();'
