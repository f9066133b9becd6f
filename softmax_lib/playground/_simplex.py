"""A point on the simplex of three classes."""

from __future__ import annotations

from collections.abc import Sequence

from softmax_lib.playground._base import (
    Playground,
    at_least_0,
    boolean,
    logits_within,
    switch,
    text,
)


class SimplexPlayground(Playground):
    """A point to drag in the triangle of the probabilities of three classes, beside its logits.

    A corner has all the probability of a class, and the centre has equal ones. Whoever drags the
    point gets the logits that put it there, with the mean that they had. The curve of the point at
    all temperatures is covered until the reader has predicted where it ends at T = 0, or has
    skipped the question.

    Parameters
    ----------
    logits : sequence of float, optional
        What the sliders start at: three numbers between -`reach` and `reach`.
    temperature : float, optional
        What the temperature starts at, 0 and inf included.
    reach : float, optional
        How far a slider goes on either side of 0.
    predict : bool, optional
        Whether the curve is covered at the start.
    name : str, optional
        A name for the playground, one of its kind on its page. With one, the page's address
        follows the settings, so that they can be shared by copying it.

    Raises
    ------
    TypeError
        If `predict` is not a bool.
    ValueError
        If another argument is none of the above; the message names it.

    Notes
    -----
    The HTML has the script in it and needs nothing else, from nowhere. Several on a page define the
    component once. Equal arguments give equal HTML.

    Claims: `shift`, `inverse`

    Examples
    --------
    >>> from softmax_lib.playground import SimplexPlayground
    >>> SimplexPlayground([2, 1, 0], temperature=0.5)
    SimplexPlayground([2.0, 1.0, 0.0], temperature=0.5)
    """

    _TAG = "simplex-playground"
    _SCRIPTS = ("softmax.js", "simplex.js", "playground.js", "settings.js", "predict.js")

    def __init__(
        self,
        logits: Sequence[float] = (1.5, 1.0, -0.5),
        *,
        temperature: float = 1.0,
        reach: float = 5.0,
        predict: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(name)
        self.reach = float(reach)
        self.logits = logits_within(self.reach, logits)
        if len(self.logits) != 3:
            raise ValueError(f"logits must be three numbers, got {len(self.logits)}")
        self.temperature = at_least_0("temperature", temperature)
        self.predict = boolean("predict", predict)

    def __repr__(self) -> str:
        return f"SimplexPlayground({self.logits}, temperature={self.temperature})"

    def _attributes(self) -> dict[str, str]:
        return {
            "logits": " ".join(map(text, self.logits)),
            "temperature": text(self.temperature),
            "reach": text(self.reach),
            "predict": switch(self.predict),
        }
