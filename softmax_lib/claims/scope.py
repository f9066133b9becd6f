"""Where the cases of a check lie, read off the cases themselves: formats, sizes, ranges."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

import numpy as np

Case = TypeVar("Case")

_FEW = 6
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass
class Quantity:
    """What one named quantity of the cases was, over all of them.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_lib.claims.scope import Quantity
    >>> logits = Quantity("logits")
    >>> for row in ([1, -2], [0, 2, 4], [5, 0, 0, 0]):
    ...     logits.see(np.array(row, dtype=np.float32))
    >>> print(*logits.formats, *logits.ranges(), sep="; ")
    float32; 2 ≤ K ≤ 4; logits from −2 to 5
    """

    name: str
    formats: set[str] = field(default_factory=set)
    sizes: set[int] = field(default_factory=set)
    values: set[float] = field(default_factory=set)
    seen: set[Hashable] = field(default_factory=set)

    def see(self, value: Any) -> None:
        """Take in the quantity of one case: a format, a number, or numbers along the last axis."""
        self.seen.add(identity(value))
        if isinstance(value, type | np.dtype):
            self.formats.add(np.dtype(value).name)
            return
        numbers = np.asarray(value)
        if isinstance(value, np.ndarray | np.generic) and numbers.dtype.kind not in "Obiu":
            self.formats.add(numbers.dtype.name)
        if numbers.ndim:
            self.sizes.add(numbers.shape[-1])
        extremes = (numbers.min(), numbers.max()) if numbers.ndim else (numbers[()],)
        self.values.update(map(float, extremes))

    def ranges(self) -> Iterable[str]:
        """Write the sizes and the range."""
        if self.sizes:
            yield _integers("K", sorted(self.sizes))
        values = sorted(self.values)
        if not values:
            return
        if len(values) <= _FEW and not self.sizes:
            yield f"{self.name} = {', '.join(_written(value, digits=4) for value in values)}"
        else:
            yield f"{self.name} from {_written(values[0])} to {_written(values[-1])}"

    def as_json(self) -> dict[str, Any]:
        """Return the quantity as JSON-able values; an infinity is written out."""
        return {
            "formats": in_order(self.formats),
            "sizes": [min(self.sizes), max(self.sizes)] if self.sizes else None,
            "range": [_written(min(self.values)), _written(max(self.values))]
            if self.values
            else None,
        }


class Seen(Generic[Case]):
    """The cases so far: which of them differ, and what was read off them.

    Examples
    --------
    >>> from softmax_lib.claims.scope import Seen
    >>> seen = Seen({"T": lambda case: case[1]})
    >>> for case in (("row", 1), ("row", 2), ("row", 1)):
    ...     seen.see(case)
    >>> len(seen.different), *seen.quantities["T"].ranges()
    (2, 'T = 1, 2')
    """

    def __init__(self, varies: Mapping[str, Callable[[Case], Any]]) -> None:
        self.different: set[Hashable] = set()
        self.quantities = {name: Quantity(name) for name in varies}
        self._varies = varies

    def see(self, case: Case) -> None:
        """Take in one case more."""
        self.different.add(identity(case))
        for name, read in self._varies.items():
            self.quantities[name].see(read(case))


def written_scope(quantities: Iterable[Quantity], words: str) -> str:
    """Write the scope of a check: what was read off its cases, then what has to be said in words.

    Examples
    --------
    >>> from softmax_lib.claims.scope import Quantity, written_scope
    >>> temperature = Quantity("T")
    >>> for value in (1, 3, 0.5):
    ...     temperature.see(value)
    >>> written_scope([temperature], "40 digits")
    'T = 0.5, 1, 3; 40 digits'
    """
    quantities = list(quantities)
    formats = in_order(set[str]().union(*(quantity.formats for quantity in quantities)))
    # Rows of one case have the same length, as a rule: it is said once.
    ranges = dict.fromkeys(text for quantity in quantities for text in quantity.ranges())
    return "; ".join(filter(None, [", ".join(formats), *ranges, words]))


def in_order(formats: Iterable[str]) -> list[str]:
    """Return names of formats, the narrow ones first."""
    return sorted(formats, key=lambda name: (name.removeprefix("b").zfill(10), name == "bfloat16"))


def identity(value: Any) -> Hashable:
    """Return what tells a case from another.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_lib.claims.scope import identity
    >>> zeros = np.zeros(2, dtype=np.float16)
    >>> identity((zeros, 1)) == identity((zeros.copy(), 1))
    True
    >>> identity(zeros) == identity(np.zeros(2))
    False
    """
    if isinstance(value, np.ndarray):
        # A longdouble is padded with bytes that mean nothing, and objects are stored as addresses.
        if value.dtype.itemsize <= 8 and value.dtype.kind != "O":
            return value.dtype.name, value.shape, value.tobytes()
        return value.dtype.name, identity(value.tolist())
    if isinstance(value, Mapping):
        return identity(list(value.items()))
    if isinstance(value, list | tuple):
        return tuple(map(identity, value))
    if callable(value):
        return cast(Hashable, value)
    return type(value), str(value)


def _integers(name: str, sorted_sizes: list[int]) -> str:
    least, greatest = sorted_sizes[0], sorted_sizes[-1]
    if len(sorted_sizes) <= 2 or (
        len(sorted_sizes) <= _FEW and greatest - least >= len(sorted_sizes)
    ):
        return f"{name} = {', '.join(f'{size:,}' for size in sorted_sizes)}"
    return f"{name} ≤ {greatest:,}" if least == 1 else f"{least} ≤ {name} ≤ {greatest:,}"


def _written(number: float, digits: int = 3) -> str:
    text = f"{number:.{digits}g}"
    mantissa, _, exponent = text.partition("e")
    if exponent and 0 < int(exponent) < _FEW:
        text = f"{float(text):.0f}"
    elif exponent:
        power = "10" + str(int(exponent)).translate(_SUPERSCRIPTS)
        text = power if mantissa == "1" else f"{mantissa}·{power}"
    return text.replace("inf", "∞").replace("-", "−")
