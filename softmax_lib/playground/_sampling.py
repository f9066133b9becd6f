"""Words to draw, with a temperature and the filters of samplers."""

from __future__ import annotations

import re
from collections.abc import Mapping

from softmax_lib.playground._base import (
    FEWEST,
    LARGEST_SEED,
    Playground,
    at_least_0,
    boolean,
    share,
    switch,
    text,
    whole,
)

MOST_WORDS, MOST_DRAWS = 64, 10_000


class SamplingPlayground(Playground):
    """Sliders for temperature, top-k, top-p and min-p, the words that they leave, and draws.

    The logit of a word is the logarithm of its count. Filters take words away one after the other:
    top-k first, top-p from what is left, then min-p, both at the temperature. How many words are
    left is covered until the reader has predicted it, or has skipped the question.

    Parameters
    ----------
    counts : mapping of str to int
        How often each word was seen, at least once: 2 to 64 words, in the order of the page.
    after : str, optional
        Which word they follow, for the title.
    temperature : float, optional
        What the temperature starts at, 0 and inf included.
    top_k : int or None, optional
        How many words top-k keeps at the start; None means all. Tied words stay together.
    top_p : float, optional
        The mass that top-p keeps at the start, from 0 to 1.
    min_p : float, optional
        The share of the largest probability that min-p asks for at the start, from 0 to 1.
    draws : int, optional
        How many words are drawn at the start, up to 10,000.
    seed : int, optional
        Which random numbers decide, from 0 to 4294967295. The same numbers draw from whatever is
        set, so that the counts follow the sliders.
    predict : bool, optional
        Whether the words are covered at the start.
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

    Which words are left is what :func:`softmax_lib.top_k`, :func:`softmax_lib.top_p` and
    :func:`softmax_lib.min_p` return, each with the mask before it as its `where`.

    Claims: `lm-uses`

    Examples
    --------
    >>> from softmax_lib.playground import SamplingPlayground
    >>> SamplingPlayground({"was": 13, "had": 8, "could": 5}, after="she", top_p=0.9)
    SamplingPlayground(3 words, temperature=1.0, top_k=3, top_p=0.9, min_p=0.0)
    """

    _TAG = "sampling-playground"
    _SCRIPTS = (
        "softmax.js",
        "random.js",
        "sampling.js",
        "playground.js",
        "settings.js",
        "predict.js",
    )

    def __init__(
        self,
        counts: Mapping[str, int],
        *,
        after: str = "",
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float = 1.0,
        min_p: float = 0.0,
        draws: int = 0,
        seed: int = 1,
        predict: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(name)
        if not FEWEST <= len(counts) <= MOST_WORDS:
            raise ValueError(
                f"counts must have {FEWEST} to {MOST_WORDS} words, got {len(counts)} of them"
            )
        for word in counts:
            if not re.fullmatch(r"[^\s:]+", word):
                raise ValueError(f"counts must have words without spaces and colons, got {word!r}")
        self.counts = {
            word: whole(f"the count of {word!r} in counts", count, 1, 2**53)
            for word, count in counts.items()
        }
        self.after = after
        self.temperature = at_least_0("temperature", temperature)
        self.top_k = whole("top_k", len(counts) if top_k is None else top_k, 1, len(counts))
        self.top_p, self.min_p = share("top_p", top_p), share("min_p", min_p)
        self.draws = whole("draws", draws, 0, MOST_DRAWS)
        self.seed = whole("seed", seed, 0, LARGEST_SEED)
        self.predict = boolean("predict", predict)

    def __repr__(self) -> str:
        return (
            f"SamplingPlayground({len(self.counts)} words, temperature={self.temperature}, "
            f"top_k={self.top_k}, top_p={self.top_p}, min_p={self.min_p})"
        )

    def _attributes(self) -> dict[str, str]:
        return {
            "words": " ".join(f"{word}:{count}" for word, count in self.counts.items()),
            "after": self.after,
            "temperature": text(self.temperature),
            "top_k": str(self.top_k),
            "top_p": text(self.top_p),
            "min_p": text(self.min_p),
            "draws": str(self.draws),
            "seed": str(self.seed),
            "predict": switch(self.predict),
        }
