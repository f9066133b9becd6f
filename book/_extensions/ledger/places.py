r"""Places in statement boxes: a box holds words; formulas and numbers are printed there.

``{says}`sum-one` `` is the place of the formula that a derivation concludes, and
``{given}`sum-one` `` that of its hypotheses; ``{number}`bound` `` is the place of a number that a
check compares with, or of several.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

PLACE = re.compile(r"\{(says|given|number)\}`([^`]*)`")
_DIGITS_IN_A_ROW = 4
_MATHS = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$", re.DOTALL)
_RELATION = re.compile(
    r"[=<>≤≥≠∈→]|\\(?:leq?|geq?|neq?|ll|gg|lt|gt|in|notin|to|approx|sim|propto|equiv|subset"
    r"|(?:long)?(?:left|right)arrow|(?:right|left|up|down)arrow|mapsto)(?![A-Za-z])"
)


def formulas_of(record: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return what goes into the places: of each derivation, with its reasons; of each number."""
    numbers = {
        name: {"number": _enumerated(list(map(_number, stated)))}
        for name, stated in record.get("numbers", {}).items()
    }
    return numbers | {
        derivation["id"]: {
            "says": f"${derivation['formula']}$",
            "given": derivation["hypotheses"],
            "reasons": "; ".join(_reasons(derivation["lines"])),
        }
        for derivation in map(json.loads, record.get("derivations", []))
    }


def _enumerated(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _number(written: str) -> str:
    digits, _, power = written.partition("e")
    whole, dot, rest = digits.partition(".")
    if len(whole) > _DIGITS_IN_A_ROW:
        digits = f"{int(whole):,}".replace(",", r"\,") + dot + rest
    shown = rf"{digits} \times 10^{{{int(power)}}}" if power else digits
    return written if shown == written else f"${shown}$"


def _reasons(lines: list[dict[str, Any]]) -> Iterator[str]:
    for reason in (
        reason for line in lines for reason in line["because"]
    ):
        yield (
            reason
            if isinstance(reason, str)
            else json.dumps(reason, ensure_ascii=False)
        )


def typed_numbers(words: str) -> Iterator[str]:
    r"""Yield numbers that somebody typed, other than 0, 1, 2 and those in braces or in a name.

    Examples
    --------
    >>> from ledger.places import typed_numbers
    >>> print(*typed_numbers(r"In float32 $e^{88}$ is $1.65$ or {number}`x-9`, and $2K - 1 > 0$."))
    1.65
    """
    bare = re.sub(r"\{[^{}]*\}(`[^`]*`)?", "", words)
    for number in re.findall(r"(?<![A-Za-z\d.])\d+(?:\.\d+)?", bare):
        if number not in ("0", "1", "2"):
            yield number


def filled(words: str, formulas: Mapping[str, Mapping[str, str]]) -> str:
    """Return the words of a box with formulas in the places.

    Examples
    --------
    >>> from ledger.places import filled
    >>> print(filled("{says}`one` always.", {"one": {"says": "$1 = 1$", "given": ""}}))
    $1 = 1$ always.
    """
    return PLACE.sub(lambda place: formulas[place[2]][place[1]], words)


def misfits(
    words: str, formulas: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    """Yield what is wrong with the places of a box."""
    places = PLACE.findall(words)
    supposed = {
        formulas[name].get("given")
        for kind, name in places
        if kind == "given" and name in formulas
    }
    for kind, name in places:
        if kind not in formulas.get(name, {}):
            known = ", ".join(formulas) or "nothing"
            yield f"has a place for {name!r}, but its record derives {known}"
        elif kind == "says" and formulas[name]["given"] not in {
            "",
            *supposed,
        }:
            yield f"does not say what {name!r} supposes: add {{given}}`{name}`"


def typed_relations(words: str) -> Iterator[str]:
    r"""Yield formulas with a relation that somebody typed: nothing binds them to a proof.

    Examples
    --------
    >>> from ledger.places import typed_relations
    >>> print(*typed_relations(r"For every $i$, $\sigma_i \le 1$ and {says}`range`."))
    \sigma_i \le 1
    """
    for displayed, inline in _MATHS.findall(words):
        formula = (displayed or inline).strip()
        if _RELATION.search(formula):
            yield formula
