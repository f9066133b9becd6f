"""Formulas and numbers of a statement box are derived or checked, or the box is refused."""

import json

import nbformat
import pytest
from chapters import side
from ledger import LedgerError, read_ledger
from ledger.places import typed_numbers, typed_relations
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from softmax_lib.claims import RECORD_TYPE

ORDER = {
    "id": "bigger",
    "formula": r"\sigma_{i} > \sigma_{j}",
    "hypotheses": "$z_{i} > z_{j}$",
    "lines": [],
}
SUM = {"id": "sum-one", "formula": r"\sum_{i} \sigma_{i} = 1", "hypotheses": "", "lines": []}


@pytest.fixture
def statement(tmp_path):
    def statement(words, *derivations, verdict="proved for every K", **numbers):
        record = {"id": "order", "reals": side(verdict), "floats": None, "steps": []}
        record["numbers"] = numbers
        record["derivations"] = list(map(json.dumps, derivations))
        box = new_markdown_cell(f"```{{prf:theorem}} Order\n:label: order\n\n{words}\n```")
        output = new_output("display_data", data={RECORD_TYPE: record})
        cells = [box, new_code_cell("record(...)", outputs=[output])]
        nbformat.write(new_notebook(cells=cells), tmp_path / "chapter.ipynb")
        (tmp_path / "claims.toml").write_text(
            "[order]\nsays = 'Sorted.'\nasks = ['reals']", encoding="utf-8"
        )
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


@pytest.mark.parametrize(
    ("stated", "shown"),
    [
        (["4"], "4"),
        (["0.500002"], "0.500002"),
        (["22026"], r"$22\,026$"),
        (["1234567.5"], r"$1\,234\,567.5$"),
        (["3.4e+38"], r"$3.4 \times 10^{38}$"),
        (["1e-06"], r"$1 \times 10^{-6}$"),
        (["4", "8"], "4 and 8"),
        (["4", "8", "22.6"], "4, 8 and 22.6"),
    ],
)
def test_a_place_shows_the_numbers_of_the_check_as_the_book_prints_them(stated, shown, statement):
    assert statement("It is {number}`bound`.", bound=stated) == f"It is {shown}."


def test_a_number_of_no_check_is_refused(statement):
    with pytest.raises(LedgerError, match="a place for 'bounds', but its record derives bound"):
        statement("It is {number}`bounds`.", bound=["4"])
    with pytest.raises(LedgerError, match="a place for 'bound', but"):
        statement("It is {says}`bound`.", bound=["4"])


def test_a_number_that_was_typed_is_refused_unless_it_is_what_people_do(statement):
    with pytest.raises(LedgerError, match=r"has a number that was typed, 0\.7; put a place there"):
        statement("It is between 0.7 and {number}`bound`.", bound=["4"])
    assert statement("It is between 0.7 and 1.2.", verdict="convention")


@pytest.mark.parametrize("number", ["3", "12", "0.500002", "4.0"])
def test_every_typed_number_is_seen(number):
    words = f"At most {number} ulps, ${number}$ and {number}."
    assert list(typed_numbers(words)) == [number] * 3


@pytest.mark.parametrize(
    "words", ["float32", "$e^{10}$", "$2K - 1$", "{number}`e^10`", r"$\tfrac12$", "0 or 1", "$z_1$"]
)
def test_numbers_of_names_and_structure_may_be_typed(words):
    assert list(typed_numbers(words)) == []


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
