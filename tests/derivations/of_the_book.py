"""The derivations that the book's records store, each proved again when it is first asked for."""

import json
from functools import cache
from pathlib import Path

from ledger import find_records

from softmax_lib.derivations import Derivation, rebuild

BOOK = Path(__file__).parents[2] / "book"


@cache
def stored() -> dict[str, str]:
    """Return what is stored of each derivation, by its id."""
    return {
        json.loads(text)["id"]: text
        for notebook in sorted(BOOK.glob("*.ipynb"))
        for record in find_records(notebook)
        for text in record.content.get("derivations", [])
    }


def with_what_it_rests_on(name: str) -> list[str]:
    """Return what is stored of a derivation, after that of those which its reasons name."""
    texts = []
    for line in json.loads(stored()[name])["lines"]:
        for reason in line["because"]:
            if reason[0] == "derivation":
                texts += with_what_it_rests_on(reason[1])
    return list(dict.fromkeys([*texts, stored()[name]]))


@cache
def derived(name: str) -> Derivation:
    """Return a derivation of the book."""
    return rebuild(with_what_it_rests_on(name))[name]
