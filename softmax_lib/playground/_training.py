"""A classifier of three classes, trained with a loss or another."""

from __future__ import annotations

from collections.abc import Sequence

from softmax_lib.playground._base import Playground, boolean, one_of, switch, text, whole

LOSSES = ("cross-entropy", "squared-error", "softmax-twice")
STARTS = ("even", "wrong")
RATES = (0.1, 0.3, 1.0, 3.0, 10.0)
MOST_POINTS, MOST_STEPS = 24, 500
CLASSES = (0, 1, 2)

# Three classes apart from each other, each around a corner of a triangle.
POINTS = (
    *((0.1, 0.6, 0), (-0.2, 0.75, 0), (0.25, 0.85, 0), (0.0, 0.4, 0)),
    *((-0.6, -0.3, 1), (-0.8, -0.5, 1), (-0.5, -0.65, 1), (-0.35, -0.35, 1)),
    *((0.6, -0.35, 2), (0.8, -0.6, 2), (0.4, -0.6, 2), (0.5, -0.15, 2)),
)


class TrainingPlayground(Playground):
    """Points to move, and a softmax classifier of them that is trained step by step.

    The logits are linear in x and y, with a constant for each class; gradient descent goes down the
    mean loss over all points, by cross-entropy, by the squared error of the probabilities, or by
    the cross-entropy of the probabilities taken for logits (softmax applied twice). The outcome is
    covered until the reader has predicted it, or has skipped the question.

    Parameters
    ----------
    points : sequence of (float, float, int), optional
        x and y from -1 to 1, and the class 0, 1 or 2 of each point, up to 24 of them.
    loss : {"cross-entropy", "squared-error", "softmax-twice"}, optional
        The loss at the start.
    start : {"even", "wrong"}, optional
        Whether all weights are 0 before the first step, or take each class for the next one with
        much confidence.
    rate : {0.1, 0.3, 1, 3, 10}, optional
        The learning rate at the start.
    steps : int, optional
        How many steps are taken at the start, up to 500.
    predict : bool, optional
        Whether the outcome is covered at the start.
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

    Examples
    --------
    >>> from softmax_lib.playground import TrainingPlayground
    >>> TrainingPlayground(loss="squared-error", start="wrong")
    TrainingPlayground(12 points, loss='squared-error', start='wrong', rate=1.0, steps=0)
    """

    _TAG = "training-playground"
    _SCRIPTS = ("softmax.js", "training.js", "playground.js", "settings.js", "predict.js")

    def __init__(
        self,
        points: Sequence[tuple[float, float, int]] = POINTS,
        *,
        loss: str = "cross-entropy",
        start: str = "even",
        rate: float = 1.0,
        steps: int = 0,
        predict: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(name)
        if not 1 <= len(points) <= MOST_POINTS:
            raise ValueError(f"points must be 1 to {MOST_POINTS}, got {len(points)} of them")
        for point in points:
            if not (
                len(point) == 3 and all(abs(x) <= 1 for x in point[:2]) and point[2] in CLASSES
            ):
                raise ValueError(
                    "points must be (x, y, class) with x and y from -1 to 1 and class 0, 1 or 2, "
                    f"got {point}"
                )
        self.points = [(float(x), float(y), int(c)) for x, y, c in points]
        self.loss = one_of("loss", loss, LOSSES)
        self.start = one_of("start", start, STARTS)
        if rate not in RATES:
            raise ValueError(f"rate must be one of {', '.join(map(text, RATES))}, got {rate}")
        self.rate = float(rate)
        self.steps = whole("steps", steps, 0, MOST_STEPS)
        self.predict = boolean("predict", predict)

    def __repr__(self) -> str:
        return (
            f"TrainingPlayground({len(self.points)} points, loss={self.loss!r}, "
            f"start={self.start!r}, rate={self.rate}, steps={self.steps})"
        )

    def _attributes(self) -> dict[str, str]:
        return {
            "points": " ".join(f"{text(x)},{text(y)},{c}" for x, y, c in self.points),
            "loss": self.loss,
            "start": self.start,
            "rate": text(self.rate),
            "steps": str(self.steps),
            "predict": switch(self.predict),
        }
