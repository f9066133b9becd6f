"""Softmax step by step, in a number format."""

from __future__ import annotations

from collections.abc import Sequence

from softmax_lib.playground._base import (
    Playground,
    boolean,
    logits_within,
    one_of,
    switch,
    text,
)

FORMATS = ("float16", "bfloat16", "float32", "float64")


class PipelinePlayground(Playground):
    """Sliders for logits, and every step from them to their softmax in a number format.

    The steps are z, z - max z, exp(z - max z), their sum, and the quotients; or exp(z), its sum and
    the quotients, if the maximum is not subtracted. Each step is rounded to the format. A sentence
    says where a step overflows or underflows, and what comes of it. The steps are covered until the
    reader has predicted what the probabilities will do, or has skipped the question.

    Parameters
    ----------
    logits : sequence of float, optional
        What the sliders start at: 2 to 8 numbers between -`reach` and `reach`.
    format : {"float16", "bfloat16", "float32", "float64"}, optional
        The format that is computed in at the start.
    shift : bool, optional
        Whether the maximum is subtracted at the start.
    reach : float, optional
        How far a slider goes on either side of 0.
    predict : bool, optional
        Whether the steps are covered at the start.
    name : str, optional
        A name for the playground, one of its kind on its page. With one, the page's address
        follows the settings, so that they can be shared by copying it.

    Raises
    ------
    TypeError
        If `shift` or `predict` is not a bool.
    ValueError
        If another argument is none of the above; the message names it.

    Notes
    -----
    The HTML has the script in it and needs nothing else, from nowhere. Several on a page define the
    component once. Equal arguments give equal HTML.

    Where the maximum is not subtracted, the numbers are those of
    :func:`softmax_lib.naive_softmax`.

    Claims: `formula`, `max-shift`

    Examples
    --------
    >>> from softmax_lib.playground import PipelinePlayground
    >>> PipelinePlayground([12, 0], format="float16", shift=False, reach=20)
    PipelinePlayground([12.0, 0.0], format='float16', shift=False)
    """

    _TAG = "pipeline-playground"
    _SCRIPTS = ("softmax.js", "pipeline.js", "playground.js", "settings.js", "predict.js")

    def __init__(
        self,
        logits: Sequence[float] = (2.0, 1.0, 0.0),
        *,
        format: str = "float64",
        shift: bool = True,
        reach: float = 5.0,
        predict: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(name)
        self.reach = float(reach)
        self.logits = logits_within(self.reach, logits)
        self.format = one_of("format", format, FORMATS)
        self.shift = boolean("shift", shift)
        self.predict = boolean("predict", predict)

    def __repr__(self) -> str:
        return f"PipelinePlayground({self.logits}, format={self.format!r}, shift={self.shift})"

    def _attributes(self) -> dict[str, str]:
        return {
            "logits": " ".join(map(text, self.logits)),
            "reach": text(self.reach),
            "format": self.format,
            "shift": switch(self.shift),
            "predict": switch(self.predict),
        }
