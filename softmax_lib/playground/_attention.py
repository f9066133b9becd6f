"""Attention over a sentence, with random queries and keys."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from softmax_lib.playground._base import (
    FEWEST,
    LARGEST_SEED,
    Playground,
    boolean,
    one_of,
    switch,
    whole,
)

COUNT, WIDEST = 8, 512
MASKS = ("none", "causal", "earlier", "others")
# From the first chapter of Alice's Adventures in Wonderland.
WORDS = ("and", "what", "is", "the", "use", "of", "a", "book")


def uniforms(seed: int, count: int) -> NDArray[np.float64]:
    """Return the first numbers from a seed, as the page draws them."""
    # Tommy Ettinger's mulberry32, all states at once: 32-bit integers wrap.
    state = np.uint32(seed) + np.arange(1, 1 + count, dtype=np.uint32) * np.uint32(0x6D2B79F5)
    mixed = (state ^ (state >> 15)) * (state | 1)
    mixed ^= mixed + (mixed ^ (mixed >> 7)) * (mixed | 61)
    numbers: NDArray[np.float64] = (mixed ^ (mixed >> 14)) / 2**32
    return numbers


class AttentionPlayground(Playground):
    """Attention over a sentence, with random queries and keys: mask, width d_k, and the division.

    Each word has a query q and a key k. Its row of weights is softmax(q·k₁/√d_k, …, q·kₙ/√d_k) over
    the words that the mask leaves, undivided if that is switched off. Beside it stand the largest
    of them and the Frobenius norm of the Jacobian of the weights by the scores; a sentence says
    what the word under the pointer attends to, and the means of both over the words. The weights
    are covered until the reader has predicted how large they are, or has skipped the question.

    Parameters
    ----------
    d_k : int, optional
        The width at the start: a power of 2 from 1 to 512.
    words : sequence of str, optional
        The sentence: 2 to 8 words, the short ones of which fit on a narrow screen.
    mask : {"none", "causal", "earlier", "others"}, optional
        What a word attends to at the start: all words, itself and those before it, those before it
        alone (the first word has none then), or all but itself.
    scaled : bool, optional
        Whether the scores are divided by √d_k at the start.
    seed : int, optional
        Which queries and keys are drawn first, from 0 to 4294967295; each next draw adds 1. Their
        components are independent and standard normal, and those of a smaller d_k are the first of
        a larger one. They know nothing of the words.
    predict : bool, optional
        Whether the weights are covered at the start.
    name : str, optional
        A name for the playground, one of its kind on its page. With one, the page's address
        follows the settings, so that they can be shared by copying it.

    Raises
    ------
    TypeError
        If `scaled` or `predict` is not a bool, or if `words` is a string.
    ValueError
        If another argument is none of the above; the message names it.

    Notes
    -----
    The HTML has the script in it and needs nothing else, from nowhere. Several on a page define the
    component once. Equal arguments give equal HTML.

    Claims: `variance`, `attention-saturates`

    Examples
    --------
    >>> from softmax_lib.playground import AttentionPlayground
    >>> AttentionPlayground(64, scaled=False)
    AttentionPlayground(64, mask='none', scaled=False, seed=1)
    """

    _TAG = "attention-playground"
    _SCRIPTS = (
        "softmax.js",
        "random.js",
        "attention.js",
        "playground.js",
        "settings.js",
        "predict.js",
    )

    def __init__(
        self,
        d_k: int = 64,
        *,
        words: Sequence[str] = WORDS,
        mask: str = "none",
        scaled: bool = True,
        seed: int = 1,
        predict: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(name)
        if d_k not in [2**exponent for exponent in range(WIDEST.bit_length())]:
            raise ValueError(f"d_k must be a power of 2 from 1 to {WIDEST}, got {d_k}")
        if isinstance(words, str):
            raise TypeError(f"words must be a sequence of words, got the string {words!r}")
        if not FEWEST <= len(words) <= COUNT:
            raise ValueError(f"words must be {FEWEST} to {COUNT}, got {len(words)} of them")
        for word in words:
            if not re.fullmatch(r"\S+", word):
                raise ValueError(f"words must be without spaces, got {word!r}")
        self.d_k, self.words, self.mask = int(d_k), list(words), one_of("mask", mask, MASKS)
        self.scaled, self.predict = boolean("scaled", scaled), boolean("predict", predict)
        self.seed = whole("seed", seed, 0, LARGEST_SEED)

    def queries_and_keys(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the queries and the keys that are shown at first, each of shape (words, d_k).

        They are the page's to the last few bits, since logarithm and cosine may round differently.

        Examples
        --------
        >>> import numpy as np
        >>> from softmax_lib import scaled_dot_product_attention
        >>> from softmax_lib.playground import AttentionPlayground
        >>> queries, keys = AttentionPlayground(64).queries_and_keys()
        >>> weights = scaled_dot_product_attention(queries, keys, np.eye(8))
        >>> (100 * weights[0]).round()
        array([17.,  5., 11., 18., 19., 13.,  1., 16.])
        """
        uniform = uniforms(self.seed, 4 * COUNT * WIDEST)
        # Box and Muller's way from uniform to normal numbers.
        first, second = uniform[::2], uniform[1::2]
        normal = np.sqrt(-2 * np.log(1 - first)) * np.cos(2 * np.pi * second)
        queries, keys = normal.reshape(2, COUNT, WIDEST)[:, : len(self.words), : self.d_k]
        return queries, keys

    def __repr__(self) -> str:
        return (
            f"AttentionPlayground({self.d_k}, mask={self.mask!r}, scaled={self.scaled}, "
            f"seed={self.seed})"
        )

    def _attributes(self) -> dict[str, str]:
        return {
            "d_k": str(self.d_k),
            "words": " ".join(self.words),
            "mask": self.mask,
            "scaled": switch(self.scaled),
            "seed": str(self.seed),
            "predict": switch(self.predict),
        }
