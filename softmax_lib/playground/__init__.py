"""Softmax and attention to play with, on a page and in a notebook: web components."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Sequence
from importlib import resources

import numpy as np
from numpy.typing import NDArray

__all__ = ["AttentionPlayground", "SoftmaxPlayground"]

FEWEST, MOST = 2, 8
FORMATS = ("float16", "float32", "float64")
PARTS = ("temperature", "entropy", "jacobian", "format", "shift")
COUNT, WIDEST = 8, 512
LARGEST_SEED = 2**32 - 1


class _Playground:
    """A web component: `_TAG` is its element, `_SCRIPTS` what it needs beside its own script."""

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
        written = " ".join(f'{key}="{html.escape(text)}"' for key, text in attributes.items())
        return f"<{self._TAG} {written}></{self._TAG}>"


class SoftmaxPlayground(_Playground):
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

    _TAG = "softmax-playground"
    _SCRIPTS = ("softmax.js",)

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

    def __repr__(self) -> str:
        return f"SoftmaxPlayground({self.logits}, temperature={self.temperature})"

    def _attributes(self) -> dict[str, str]:
        return {
            "logits": " ".join(map(_text, self.logits)),
            "temperature": _text(self.temperature),
            "reach": _text(self.reach),
            "format": self.format,
            "shift": "on",
            "parts": " ".join(self.parts),
        }


class AttentionPlayground(_Playground):
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
    _SCRIPTS = ("softmax.js", "attention.js")

    def __init__(
        self, d_k: int = 64, *, scaled: bool = True, seed: int = 1, name: str | None = None
    ) -> None:
        super().__init__(name)
        if d_k not in [2**exponent for exponent in range(WIDEST.bit_length())]:
            raise ValueError(f"d_k must be a power of 2 from 1 to {WIDEST}, got {d_k}")
        if not isinstance(scaled, bool):
            raise TypeError(f"scaled must be True or False, got {scaled!r}")
        if not (isinstance(seed, int | np.integer) and 0 <= seed <= LARGEST_SEED):
            raise ValueError(f"seed must be a whole number from 0 to {LARGEST_SEED}, got {seed}")
        self.d_k, self.scaled, self.seed = int(d_k), scaled, int(seed)

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
        # Tommy Ettinger's mulberry32, all states at once: 32-bit integers wrap.
        steps = np.arange(1, 1 + 4 * COUNT * WIDEST, dtype=np.uint32)
        state = np.uint32(self.seed) + steps * np.uint32(0x6D2B79F5)
        mixed = (state ^ (state >> 15)) * (state | 1)
        mixed ^= mixed + (mixed ^ (mixed >> 7)) * (mixed | 61)
        uniform = (mixed ^ (mixed >> 14)) / 2**32
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
            "scaled": "on" if self.scaled else "off",
            "seed": str(self.seed),
        }


def _text(number: float) -> str:
    return repr(number).removesuffix(".0")


def _script(tag: str, scripts: Sequence[str]) -> str:
    """Return all files of a component as one script that defines it unless it is there."""
    folder = resources.files(__name__)
    names = (*scripts, "playground.js", f"{tag}.js")
    sources = (folder.joinpath(name).read_text(encoding="utf-8") for name in names)
    # Whatever a notebook shows is stored in it, so comments and indentation stay behind.
    lines = (line.strip() for source in sources for line in source.splitlines())
    kept = "\n".join(re.sub(r" // .*", "", line) for line in lines if line[:2] not in ("", "//"))
    return f'(() => {{\nif (customElements.get("{tag}")) return;\n{kept}\n}})();'
