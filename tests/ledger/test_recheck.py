"""What records store is proved again, in a process that has run no notebook."""

import json
from unittest.mock import patch

import nbformat
import pytest
from chapters import side
from ledger import LedgerError
from ledger.recheck import recheck
from nbformat.v4 import new_code_cell, new_notebook, new_output

from softmax_lib.claims import RECORD_TYPE, Verdict, examine, record
from softmax_lib.derivations import Derivation, store
from softmax_lib.derivations.steps import Status, Step
from softmax_lib.derivations.vocabulary import INDEPENDENT, Z, a, d_k, e, over, sigma, var_qk, z

HELD = examine("n is even", lambda n: n % 2 == 0, [2, 4], control=3, scope="small n")


def derived():
    return Derivation("sum-one", over(a, sigma[a])).then(Z / Z, "by definition").then(1, "cancel")


@pytest.fixture
def again(tmp_path):
    def again(*contents):
        outputs = [new_output("display_data", data={RECORD_TYPE: one}) for one in contents]
        cells = [new_code_cell("record(...)", outputs=outputs)]
        nbformat.write(new_notebook(cells=cells), tmp_path / "chapter.ipynb")
        return recheck(tmp_path, tmp_path / "kept" / "proved.json")

    return again


def test_what_was_proved_is_not_proved_again_until_it_changes(again):
    content = record("sum-one", reals=[derived(), HELD]).as_json()
    assert (again(content), again(content)) == (1, 0)
    assert again(content | {"steps": ["squeeze"]}) == 1


def test_a_prover_that_was_patched_in_a_cell_has_no_say(again):
    proves = patch.object(Step, "prove", lambda self: (Status.PROVED, ()))
    with proves, patch.object(Derivation, "second_route", None):
        false = Derivation("sum-one", over(a, sigma[a])).then(over(a, e(z[a])), "of course")
        content = record("sum-one", reals=[false, HELD]).as_json()
    assert content["reals"]["verdict"] == "proved for every K"
    with pytest.raises(LedgerError, match=r"record of 'sum-one': sum-one, line 1 \(of course\)"):
        again(content)


def test_what_was_edited_afterwards_is_named(again):
    content = record("sum-one", reals=[derived(), HELD]).as_json()
    stored = json.loads(content["derivations"][0])
    content["derivations"] = [json.dumps(stored | {"formula": stored["formula"].replace("1", "K")})]
    with pytest.raises(LedgerError, match="'sum-one': sum-one: formula is stored as"):
        again(content)


def test_a_verdict_is_earned_by_the_derivations_that_stand_there(again):
    by_hand = Derivation("variance", var_qk).then(d_k, INDEPENDENT)
    content = record("variance", reals=[by_hand, HELD]).as_json()
    assert again(content) == 1
    content["reals"]["verdict"] = "proved for every K"
    with pytest.raises(LedgerError, match="says 'proved for every K', and rests on variance, line"):
        again(content)


def test_derivations_of_something_else_prove_nothing(again):
    content = {"id": "order", "reals": side("proved for every K"), "floats": None, "steps": []}
    with pytest.raises(LedgerError, match="'order' does not rest on what it derives"):
        again(content | {"derivations": store(derived())})


@pytest.mark.parametrize(
    "verdict", ["definition", "proved for every K", str(Verdict.PROVED_WITH_STEP)]
)
def test_what_nothing_derives_is_not_proved(verdict, again):
    content = {"id": "order", "reals": side(verdict), "floats": None, "steps": []}
    with pytest.raises(LedgerError, match="'order' does not rest on what it derives"):
        again(content)


def test_two_derivations_of_one_name_do_not_fit_together(again):
    one = record("sum-one", reals=[derived(), HELD]).as_json()
    other = Derivation("sum-one", Z).then(over(a, e(z[a])), "by definition")
    two = record("order", reals=[other, HELD]).as_json()
    with pytest.raises(LedgerError, match="two derivations are called 'sum-one'"):
        again(one, two)


def test_a_file_that_was_not_written_to_its_end_counts_for_nothing(again, tmp_path):
    content = record("sum-one", reals=[derived(), HELD]).as_json()
    again(content)
    (tmp_path / "kept" / "proved.json").write_text("[", encoding="utf-8")
    assert again(content) == 1
