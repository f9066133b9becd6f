"""A small book: its registry, and chapters with statement boxes and records."""

import copy

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from softmax_lib.claims import RECORD_TYPE
from softmax_lib.derivations import Derivation, store
from softmax_lib.derivations.vocabulary import Z

REGISTRY = """
[sum-one]
says = "The plain sentence."
[order]
says = "The plain sentence."
[nan]
says = "The plain sentence."
asks = ["floats"]
[later]
title = "A later claim"
says = "It is not proved yet."
"""


def box(claim, statement="The statement.", kind="theorem"):
    return new_markdown_cell(
        f"Text before.\n\n```{{prf:{kind}}} Title of {claim}\n:label: {claim}\n\n{statement}\n```"
    )


def side(verdict):
    where, instead = ("3", ["n is even"]) if verdict == "breaks down" else ("", [])
    return {
        "verdict": verdict,
        "scope": "some scope",
        "evidence": ["some evidence"],
        "where": where,
        "instead": instead,
        "cases": 20,
        "refused": 3,
    }


def recorded(claim, reals="proved for every K", floats="breaks down", steps=()):
    content = {
        "id": claim,
        "reals": reals and side(reals),
        "floats": floats and side(floats),
        "steps": list(steps),
    }
    return new_code_cell(
        "record(...)", outputs=[new_output("display_data", data={RECORD_TYPE: content})]
    )


GOOD = {
    "sum-one": [box("sum-one"), recorded("sum-one")],
    "order": [box("order"), recorded("order", steps=["monotone-exponential"])],
    "nan": [box("nan", kind="property"), recorded("nan", reals=None, floats="holds")],
}


def chapter(**changed):
    return [cell for cells in (GOOD | changed).values() for cell in cells]


def earned(cells):
    """Return the cells with a derivation behind each record that says what is proved."""
    cells = copy.deepcopy(cells)
    for content in (o.data[RECORD_TYPE] for cell in cells for o in cell.get("outputs", [])):
        if content["reals"]:
            derivation = Derivation(content["id"], Z / Z).then(1, "cancel")
            content["derivations"] = store(derivation)
            content["reals"]["evidence"] = [f"{derivation.statement}: {derivation}"]
    return cells


def write_book(folder, *chapters, registry=REGISTRY):
    (folder / "claims.toml").write_text(registry, encoding="utf-8")
    for number, cells in enumerate(chapters):
        nbformat.write(new_notebook(cells=cells), folder / f"chapter-{number}.ipynb")
