"""Sliders for logits and temperature, and what softmax makes of them."""

from __future__ import annotations

from collections.abc import Sequence

from softmax_lib.playground._base import Playground, at_least_0, logits_within, one_of, text

FORMATS = ("float16", "float32", "float64")
PARTS = ("temperature", "entropy", "jacobian", "format")


class SoftmaxPlayground(Playground):
    """Sliders for logits and temperature, and what softmax makes of them.

    Parameters
    ----------
    logits : sequence of float, optional
        What the sliders start at: 2 to 8 numbers between -`reach` and `reach`.
    temperature : float, optional
        What the temperature starts at, 0 and inf included.
    parts : sequence of str, optional
        What is shown beside logits and probabilities: any of "temperature" (its slider), "entropy",
        "jacobian" (as a heat map with numbers) and "format" (a choice of floating formats).
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

    _TAG = "softmax-playground"
    _SCRIPTS = ("softmax.js", "playground.js", "settings.js")

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
        super().__init__(name)
        self.reach = float(reach)
        self.logits = logits_within(self.reach, logits)
        self.temperature = at_least_0("temperature", temperature)
        if isinstance(parts, str):
            raise TypeError(f"parts must be a sequence of names, got the string {parts!r}")
        self.parts = list(parts)
        for part in self.parts:
            if part not in PARTS:
                raise ValueError(f"parts must be among {', '.join(PARTS)}, got {part!r}")
        self.format = one_of("format", format, FORMATS)

    def __repr__(self) -> str:
        return f"SoftmaxPlayground({self.logits}, temperature={self.temperature})"

    def _attributes(self) -> dict[str, str]:
        return {
            "logits": " ".join(map(text, self.logits)),
            "temperature": text(self.temperature),
            "reach": text(self.reach),
            "format": self.format,
            "parts": " ".join(self.parts),
        }
