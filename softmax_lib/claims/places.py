r"""Places in statement boxes: a box holds words, and what a derivation concludes is printed there.

``{says}`sum-one` `` is the place of a formula, and ``{given}`sum-one` `` that of its hypotheses.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

PLACE = re.compile(r"\{(says|given)\}`([^`]*)`")
_MATHS = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$", re.DOTALL)
_RELATION = re.compile(
    r"[=<>≤≥≠∈→]|\\(?:leq?|geq?|neq?|ll|gg|lt|gt|in|notin|to|approx|sim|propto|equiv|subset"
    r"|(?:long)?(?:left|right)arrow|(?:right|left|up|down)arrow|mapsto)(?![A-Za-z])"
)


def formulas_of(record: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return what goes into the places for each derivation of a record, and its reasons."""
    return {
        derivation["id"]: {
            "says": f"${derivation['formula']}$",
            "given": derivation["hypotheses"],
            "reasons": "; ".join(_reasons(derivation["lines"])),
        }
        for derivation in map(json.loads, record.get("derivations", []))
    }


def _reasons(lines: list[dict[str, Any]]) -> Iterator[str]:
    for reason in (reason for line in lines for reason in line["because"]):
        yield reason if isinstance(reason, str) else json.dumps(reason, ensure_ascii=False)


def filled(words: str, formulas: Mapping[str, Mapping[str, str]]) -> str:
    """Return the words of a box with formulas in the places.

    Examples
    --------
    >>> from softmax_lib.claims.places import filled
    >>> print(filled("{says}`one` always.", {"one": {"says": "$1 = 1$", "given": ""}}))
    $1 = 1$ always.
    """
    return PLACE.sub(lambda place: formulas[place[2]][place[1]], words)


def misfits(words: str, formulas: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Yield what is wrong with the places of a box."""
    places = PLACE.findall(words)
    supposed = {
        formulas[name]["given"] for kind, name in places if kind == "given" and name in formulas
    }
    for _, name in places:
        if name not in formulas:
            known = ", ".join(formulas) or "nothing"
            yield f"has a place for {name!r}, but its record derives {known}"
        elif formulas[name]["given"] not in {"", *supposed}:
            yield f"does not say what {name!r} supposes: add {{given}}`{name}`"


def typed_relations(words: str) -> Iterator[str]:
    r"""Yield formulas with a relation that somebody typed: nothing binds them to a proof.

    Examples
    --------
    >>> from softmax_lib.claims.places import typed_relations
    >>> print(*typed_relations(r"For every $i$, $\sigma_i \le 1$ and {says}`range`."))
    \sigma_i \le 1
    """
    for displayed, inline in _MATHS.findall(words):
        formula = (displayed or inline).strip()
        if _RELATION.search(formula):
            yield formula
