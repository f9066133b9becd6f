"""A drawer holds the evidence of one claim, and says so; what it cannot hold stops the build."""

import importlib.util
from types import SimpleNamespace

import pytest
from building import ROOT
from docutils import nodes
from docutils.utils import new_document
from sphinx.errors import ExtensionError

from softmax_lib.claims import RECORD_TYPE

FILE = ROOT / "book" / "_extensions" / "evidence.py"


@pytest.fixture(scope="module")
def evidence():
    specification = importlib.util.spec_from_file_location("evidence", FILE)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def cell(*tags, claim=None, text=None):
    data = {RECORD_TYPE: {"id": claim}} if claim else {"text/plain": text}
    return {"metadata": {"tags": list(tags)}, "outputs": [{"data": data}] if claim or text else []}


@pytest.mark.parametrize(
    ("tags", "runs"),
    [
        ("", []),
        ("e", [range(0, 1)]),
        (".ee.e", [range(1, 3), range(4, 5)]),
        ("ere", [range(0, 3)]),
    ],
)
def test_consecutive_cells_go_together_and_a_removed_one_is_no_end(evidence, tags, runs):
    known = {"e": {"evidence"}, "r": {"remove-cell"}, ".": set()}
    assert evidence._runs([known[tag] for tag in tags]) == runs


@pytest.mark.parametrize(
    ("cells", "claim"),
    [
        ([cell()], None),
        ([cell(text="held"), cell(claim="shift")], "shift"),
    ],
)
def test_a_drawer_is_that_of_the_record_in_it(evidence, cells, claim):
    assert evidence._claim_of("x.ipynb", range(len(cells)), cells) == claim


@pytest.mark.parametrize(
    ("cells", "found"),
    [([cell(text="held")], "no records"), ([cell(claim="a"), cell(claim="b")], "2 records")],
)
def test_a_drawer_without_a_line_of_its_own_stops_the_build(evidence, cells, found):
    with pytest.raises(ExtensionError, match=rf"x\.ipynb, cells 0 to .*{found}"):
        evidence._claim_of("x.ipynb", range(len(cells)), cells)


def enclosed(evidence, tmp_path, cells, *blocks):
    """Return a section of blocks, each with the cell it comes from, after drawers were made."""
    path = tmp_path / "x.ipynb"
    path.write_text(evidence.json.dumps({"cells": cells}), encoding="utf-8")
    document = new_document("x")
    section = nodes.section(ids=["top"])
    document += section
    for number, kind in blocks:
        block = kind("", "") if kind is nodes.paragraph else kind()
        block.line = (number + 1) * 10_000
        section += block
    environment = SimpleNamespace(docname="x", doc2path=lambda _: path)
    evidence.enclose(SimpleNamespace(env=environment), document)
    return section


def test_what_is_tagged_goes_into_the_drawer_and_the_rest_stays(evidence, tmp_path):
    cells = [cell(), cell("evidence"), cell("evidence", claim="shift"), cell()]
    blocks = [(number, nodes.paragraph) for number in range(4)]
    section = enclosed(evidence, tmp_path, cells, *blocks)
    first, drawer, last = section.children
    assert (drawer["claim"], len(drawer)) == ("shift", 2)
    assert {type(first), type(last)} == {nodes.paragraph}


def test_a_heading_cannot_stand_in_a_drawer(evidence, tmp_path):
    with pytest.raises(ExtensionError, match="cell 0: a heading cannot stand in evidence"):
        enclosed(evidence, tmp_path, [cell("evidence")], (0, nodes.section))


def test_the_line_tells_the_numbers_of_both_sides(evidence):
    counts = {"reals": {"cases": 200, "refused": 9}, "floats": {"cases": 6400, "refused": 0}}
    assert evidence.summary(SimpleNamespace(counts=counts)) == (
        "<b>Evidence</b> 9 planted mistakes refused, 200 cases over the reals, "
        "6\N{NARROW NO-BREAK SPACE}400 cases in floating point"
    )
    assert "Code" in evidence.summary(None)
