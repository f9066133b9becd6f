"""The formulas of a statement box are what derivations conclude, or the box is refused."""

import json

import nbformat
import pytest
from chapters import side
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from softmax_lib.claims import RECORD_TYPE, LedgerError, read_ledger
from softmax_lib.claims.places import typed_relations

ORDER = {
    "id": "bigger",
    "formula": r"\sigma_{i} > \sigma_{j}",
    "hypotheses": "$z_{i} > z_{j}$",
    "lines": [],
}
SUM = {"id": "sum-one", "formula": r"\sum_{i} \sigma_{i} = 1", "hypotheses": "", "lines": []}


@pytest.fixture
def statement(tmp_path):
    def statement(words, *derivations):
        record = {"id": "order", "reals": side("proved for every K"), "floats": None, "steps": []}
        record["derivations"] = list(map(json.dumps, derivations))
        box = new_markdown_cell(f"```{{prf:theorem}} Order\n:label: order\n\n{words}\n```")
        output = new_output("display_data", data={RECORD_TYPE: record})
        cells = [box, new_code_cell("record(...)", outputs=[output])]
        nbformat.write(new_notebook(cells=cells), tmp_path / "chapter.ipynb")
        (tmp_path / "claims.toml").write_text("[order]\nasks = ['reals']", encoding="utf-8")
        (entry,) = read_ledger(tmp_path)
        return entry.statement

    return statement


def test_places_are_filled_with_what_is_derived(statement):
    words = "If {given}`bigger`, then {says}`bigger`. Always {says}`sum-one`."
    assert statement(words, ORDER, SUM) == (
        r"If $z_{i} > z_{j}$, then $\sigma_{i} > \sigma_{j}$. Always $\sum_{i} \sigma_{i} = 1$."
    )


def test_a_hypothesis_of_two_derivations_is_said_once(statement):
    smaller = ORDER | {"id": "smaller", "formula": r"\sigma_{j} < \sigma_{i}"}
    words = "If {given}`bigger`, then {says}`bigger` and {says}`smaller`."
    assert statement(words, ORDER, smaller).endswith(r"$\sigma_{j} < \sigma_{i}$.")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("{says}`other`", "a place for 'other', but its record derives bigger"),
        ("Always {says}`bigger`.", r"what 'bigger' supposes: add {given}`bigger`"),
        (r"If {given}`bigger`, $\sigma_i \ge \sigma_j$.", "relation that was typed, "),
    ],
)
def test_words_that_do_not_fit_are_refused(statement, words, complaint):
    with pytest.raises(LedgerError) as refusal:
        statement(words, ORDER)
    assert complaint in str(refusal.value)


RELATIONS = "a = b", "a < b", "a > b", r"a \le b", r"a \leq b", r"a\ge b", r"i \ne j", r"T \to 0"
MORE = r"z \in \mathbb{R}", r"x \approx y", "z ∈ R", r"a \rightarrow b", r"f \propto g"
OTHERS = (
    "a ≤ b",
    "a ≥ b",
    "a ≠ b",
    "a → b",
    r"a \ll b",
    r"a \gg b",
    r"a \lt b",
    r"a \gt b",
    r"a \neq b",
)
REST = r"a \geq b", r"a \notin b", r"a \sim b", r"a \equiv b", r"A \subset B", r"a \mapsto b"
ARROWS = r"a \leftarrow b", r"a \longrightarrow b", r"a \uparrow b", r"a \downarrow b"
NONE = "z_i", r"\sigma(z/T)_{i}", "K", r"\left( x \right)", r"\log x"


@pytest.mark.parametrize("formula", [*RELATIONS, *MORE, *OTHERS, *REST, *ARROWS])
def test_every_relation_is_seen(formula):
    assert list(typed_relations(f"So ${formula}$ and\n$$\n{formula}\n$$")) == [formula, formula]


@pytest.mark.parametrize("formula", NONE)
def test_what_relates_nothing_may_be_typed(formula):
    assert list(typed_relations(f"Of ${formula}$.")) == []
