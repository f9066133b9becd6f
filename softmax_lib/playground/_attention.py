"""Attention weights of random queries and keys."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from softmax_lib.playground._base import LARGEST_SEED, Playground, boolean, switch, whole

COUNT, WIDEST = 8, 512


def uniforms(seed: int, count: int) -> NDArray[np.float64]:
    """Return the first numbers from a seed, as the page draws them."""
    # Tommy Ettinger's mulberry32, all states at once: 32-bit integers wrap.
    state = np.uint32(seed) + np.arange(1, 1 + count, dtype=np.uint32) * np.uint32(0x6D2B79F5)
    mixed = (state ^ (state >> 15)) * (state | 1)
    mixed ^= mixed + (mixed ^ (mixed >> 7)) * (mixed | 61)
    numbers: NDArray[np.float64] = (mixed ^ (mixed >> 14)) / 2**32
    return numbers


class AttentionPlayground(Playground):
    """A slider for the width d_k of random queries and keys, and the weights that attention gives.

    Each of 8 queries has a row of weights, softmax(q·k₁/√d_k, …, q·k₈/√d_k), undivided
    if that is switched off. Beside it stand the largest of them and the Frobenius norm of the
    Jacobian of the weights by the scores; below, the means of both over the queries.

    Parameters
    ----------
    d_k : int, optional
        The width at the start: a power of 2 from 1 to 512.
    scaled : bool, optional
        Whether the scores are divided by √d_k at the start.
    seed : int, optional
        Which queries and keys are drawn first, from 0 to 4294967295; each next draw adds 1. Their
        components are independent and standard normal, and those of a smaller d_k are the first of
        a larger one.
    name : str, optional
        A name for the playground, one of its kind on its page. With one, the page's address
        follows the settings, so that they can be shared by copying it.

    Raises
    ------
    TypeError
        If `scaled` is not a bool.
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
    AttentionPlayground(64, scaled=False, seed=1)
    """

    _TAG = "attention-playground"
    _SCRIPTS = ("softmax.js", "random.js", "attention.js", "playground.js", "settings.js")

    def __init__(
        self, d_k: int = 64, *, scaled: bool = True, seed: int = 1, name: str | None = None
    ) -> None:
        super().__init__(name)
        if d_k not in [2**exponent for exponent in range(WIDEST.bit_length())]:
            raise ValueError(f"d_k must be a power of 2 from 1 to {WIDEST}, got {d_k}")
        self.d_k, self.scaled = int(d_k), boolean("scaled", scaled)
        self.seed = whole("seed", seed, 0, LARGEST_SEED)

    def queries_and_keys(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the 8 queries and the 8 keys that are shown at first, each of shape (8, d_k).

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
        queries, keys = normal.reshape(2, COUNT, WIDEST)[..., : self.d_k]
        return queries, keys

    def __repr__(self) -> str:
        return f"AttentionPlayground({self.d_k}, scaled={self.scaled}, seed={self.seed})"

    def _attributes(self) -> dict[str, str]:
        return {
            "d_k": str(self.d_k),
            "scaled": switch(self.scaled),
            "seed": str(self.seed),
        }
