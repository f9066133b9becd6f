"""Verdicts follow from evidence, and from nothing else."""

import dataclasses
import inspect

import pytest
from sympy import exp

from softmax_lib.claims import (
    RECORD_TYPE,
    Citation,
    Contradiction,
    Record,
    Verdict,
    examine,
    record,
)
from softmax_lib.derivations import Derivation, rebuild
from softmax_lib.derivations.vocabulary import INDEPENDENT, Z, a, d_k, e, over, sigma, var_qk, z
from softmax_lib.proofs import (
    define,
    gap,
    i,
    prove_equal,
    prove_equal_up_to,
    prove_positive,
    softmax,
    total,
)


def check(*cases, control):
    return examine("n is even", lambda n: n % 2 == 0, cases, control=control, scope="small n")


PROOF = prove_equal(total(softmax), 1)
DEFINITION = define("sigma", softmax(i))
PROOFS_UP_TO = {
    largest: prove_equal_up_to(
        largest, lambda size: [((gap + size) ** 2 - size**2, gap * (gap + 2 * size))]
    )
    for largest in (2, 3)
}
DERIVATION = Derivation("sum-one", over(a, sigma[a])).then(Z / Z, "by definition").then(1, "cancel")
NAMED = Derivation("name", Z).then(over(a, e(z[a])), "by definition")
BY_HAND = Derivation("variance", var_qk).then(d_k, INDEPENDENT)
SOURCE = Citation("card2026", "people do so")
HELD = check(2, 4, control=3)
FAILED = check(2, 3, control=2)

VERDICTS = {
    "a definition and a check": ({"reals": [DEFINITION, HELD]}, Verdict.DEFINITION),
    "a proof and a check": ({"reals": [PROOF, HELD]}, Verdict.PROVED),
    "a proof, a check and a step by hand": (
        {"reals": [PROOF, HELD], "steps": ["squeeze"]},
        Verdict.PROVED_WITH_STEP,
    ),
    "a proof up to some K and a check": ({"reals": [PROOFS_UP_TO[3], HELD]}, Verdict.PROVED_UP_TO),
    "a proof up to some K beside one for every K": (
        {"reals": [PROOF, PROOFS_UP_TO[3], HELD], "steps": ["squeeze"]},
        Verdict.PROVED_UP_TO,
    ),
    "a derivation and a check": ({"reals": [DERIVATION, HELD]}, Verdict.PROVED),
    "a derivation, a definition and a check": (
        {"reals": [DEFINITION, DERIVATION, HELD]},
        Verdict.PROVED,
    ),
    "a derivation with a step by hand": ({"reals": [BY_HAND, HELD]}, Verdict.PROVED_WITH_STEP),
    "a derivation beside one with a step by hand": (
        {"reals": [DERIVATION, BY_HAND, HELD]},
        Verdict.PROVED_WITH_STEP,
    ),
    "a derivation and a step by hand": (
        {"reals": [DERIVATION, HELD], "steps": ["squeeze"]},
        Verdict.PROVED_WITH_STEP,
    ),
    "citations": ({"reals": [SOURCE, SOURCE]}, Verdict.CONVENTION),
    "a derivation by definition and a check": ({"reals": [NAMED, HELD]}, Verdict.DEFINITION),
    "a check that held": ({"reals": [HELD]}, Verdict.COMPUTED),
}


@pytest.mark.parametrize(("evidence", "verdict"), VERDICTS.values(), ids=VERDICTS.keys())
def test_the_verdict_over_the_reals_follows_from_the_evidence(evidence, verdict):
    assert record("sum-one", **evidence).reals.verdict == verdict


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        ({"floats": [HELD]}, Verdict.HOLDS),
        ({"floats": [FAILED, HELD], "up_to_rounding": [HELD]}, Verdict.HOLDS_UP_TO_ROUNDING),
        ({"floats": [FAILED, HELD], "instead": [HELD]}, Verdict.BREAKS_DOWN),
    ],
    ids=["held", "failed by rounding", "failed"],
)
def test_the_verdict_in_floating_point_follows_from_the_evidence(evidence, verdict):
    result = record("sum-one", **evidence)
    assert (result.floats.verdict, result.reals) == (verdict, None)


@pytest.mark.parametrize("holding", [{}, {"instead": [HELD], "up_to_rounding": [HELD]}])
def test_where_a_check_fails_it_is_said_what_holds(holding):
    with pytest.raises(ValueError, match="say what holds, either"):
        record("sum-one", floats=[FAILED], **holding)


@pytest.mark.parametrize("holding", ["instead", "up_to_rounding"])
def test_nothing_holds_instead_of_what_holds(holding):
    with pytest.raises(ValueError, match="it holds, so that nothing holds instead"):
        record("sum-one", floats=[HELD], **{holding: [HELD]})
    with pytest.raises(Contradiction, match="what should hold instead, “n is even”, failed"):
        record("sum-one", floats=[FAILED], **{holding: [FAILED]})


def test_there_is_no_argument_for_a_verdict():
    assert not {"verdict", "verdicts"} & set(inspect.signature(record).parameters)


def test_no_evidence_gives_no_record():
    with pytest.raises(ValueError, match="no evidence"):
        record("sum-one")


def test_a_proof_needs_a_check_by_another_route():
    with pytest.raises(ValueError, match="another way"):
        record("sum-one", reals=[PROOF])


def test_a_failing_check_contradicts_a_proof():
    with pytest.raises(Contradiction, match="sum-one is claimed of the reals, and"):
        record("sum-one", reals=[PROOF, FAILED])
    with pytest.raises(Contradiction, match="sum-one is claimed of the reals, and"):
        record("sum-one", reals=[FAILED])


def test_a_step_by_hand_needs_a_proof_to_complete():
    with pytest.raises(ValueError, match="no proof that it completes"):
        record("sum-one", reals=[HELD], steps=["squeeze"])


@pytest.mark.parametrize("steps", [["obvious"], ["squeeze", "obvious"], "squeeze", [""]])
def test_a_step_by_hand_is_one_that_is_known(steps):
    with pytest.raises(ValueError, match=r"^sum-one: .* is not a list of known steps .* squeeze,"):
        record("sum-one", reals=[PROOF, HELD], steps=steps)


@pytest.mark.parametrize("side", ["reals", "floats"])
def test_a_word_is_no_evidence(side):
    with pytest.raises(TypeError, match="str is no evidence"):
        record("sum-one", **{side: ["proved, every K"]})


def test_a_proof_is_no_evidence_in_floating_point():
    with pytest.raises(TypeError, match="Proof is no evidence in floating point"):
        record("sum-one", floats=[PROOF])


def test_a_refuted_claim_has_the_scope_of_what_refuted_it():
    held_elsewhere = examine("n > 1", lambda n: n > 1, [2, 3], control=1, scope="elsewhere")
    assert (
        record("sum-one", floats=[held_elsewhere, FAILED], instead=[HELD]).floats.scope == "small n"
    )


def test_the_record_as_json_says_it_all():
    result = record(
        "sum-one", reals=[PROOF, HELD], floats=[FAILED], instead=[HELD], steps=["squeeze"]
    )
    assert result.as_json() == {
        "id": "sum-one",
        "reals": {
            "verdict": "proved, with a step by hand",
            "scope": "every K",
            "evidence": [f"${PROOF.formula}$: {PROOF}", f"n is even: {HELD}"],
            "where": "",
            "instead": [],
            "cases": HELD.cases,
            "refused": PROOF.refused,
        },
        "floats": {
            "verdict": "breaks down",
            "scope": "small n",
            "evidence": [f"n is even: {FAILED}", f"n is even: {HELD}"],
            "where": "3",
            "instead": ["n is even"],
            "cases": FAILED.cases + HELD.cases,
            "refused": 0,
        },
        "steps": ["squeeze"],
    }


def test_the_record_names_the_steps_of_a_derivation_that_are_by_hand():
    result = record("variance", reals=[BY_HAND, HELD])
    assert f"but for variance, line 1: {INDEPENDENT.words} (assumed)" in result.reals.evidence[0]


def test_the_record_carries_derivations_that_can_be_proved_again():
    stored = record("sum-one", reals=[DERIVATION, PROOF, HELD]).as_json()["derivations"]
    assert rebuild(stored) == {"sum-one": DERIVATION}


def test_a_derivation_is_shown_by_its_statement():
    evidence = record("sum-one", reals=[DERIVATION, HELD]).reals.evidence
    assert evidence[0] == f"{DERIVATION.statement}: {DERIVATION}"


def test_a_derivation_needs_a_check_by_another_route():
    with pytest.raises(ValueError, match="another way"):
        record("sum-one", reals=[DERIVATION])


def test_a_derivation_is_no_evidence_in_floating_point():
    with pytest.raises(TypeError, match="Derivation is no evidence in floating point"):
        record("sum-one", floats=[DERIVATION])


def test_a_side_without_evidence_is_none():
    assert record("order", floats=[HELD]).as_json()["reals"] is None
    assert record("order", reals=[HELD]).as_json()["floats"] is None


def test_the_line_that_is_shown_says_the_verdicts_and_the_steps_by_hand():
    result = record(
        "sum-one",
        reals=[PROOF, HELD],
        floats=[FAILED],
        instead=[HELD],
        steps=["squeeze", "no-ties"],
    )
    said = (
        "Over the reals: proved, with a step by hand. "
        "In floating point: breaks down (small n): for example for 3. Instead: n is even. "
        "By hand: Squeezed between two limits; No ties."
    )
    assert result._repr_mimebundle_() == {
        "text/plain": f"sum-one. {said}",
        "text/markdown": f"**Verdict on `sum-one`.** {said}",
        RECORD_TYPE: result.as_json(),
    }
    without = record("order", floats=[HELD])._repr_mimebundle_()
    assert without["text/plain"] == "order. In floating point: holds (small n)."


@pytest.mark.parametrize(
    ("evidence", "scope"),
    [
        ([SOURCE], "every K"),
        ([PROOF, HELD], "every K"),
        ([HELD, examine("n > 1", lambda n: n > 1, [2, 3], control=1, scope="2")], "small n · 2"),
    ],
    ids=["citations", "a proof", "two checks"],
)
def test_the_scope_is_that_of_the_evidence(evidence, scope):
    assert record("sum-one", reals=evidence).reals.scope == scope


def test_a_scope_may_be_narrowed_by_a_step():
    result = record("range", reals=[PROOF, HELD], steps=["squeeze"], scope="every K ≥ 2")
    assert result.reals.scope == "every K ≥ 2"


def test_the_smallest_range_of_k_is_the_scope():
    result = record("rank", reals=[PROOFS_UP_TO[3], PROOFS_UP_TO[2], PROOF, HELD])
    assert result.reals.scope == "K ≤ 2"
    assert len(result.reals.evidence) == 4


def test_a_proof_up_to_some_k_leaves_no_room_for_another_scope():
    with pytest.raises(ValueError, match="no other scope"):
        record("rank", reals=[PROOFS_UP_TO[3], HELD], steps=["squeeze"], scope="every K ≥ 2")


@pytest.mark.parametrize("piece", [PROOF, HELD], ids=["a proof", "a check"])
def test_a_citation_does_not_stand_beside(piece):
    with pytest.raises(ValueError, match="a citation beside"):
        record("t-practice", reals=[SOURCE, piece])


def test_a_citation_is_no_evidence_in_floating_point():
    with pytest.raises(TypeError, match="Citation is no evidence in floating point"):
        record("t-practice", floats=[SOURCE])


def test_the_record_cites_its_sources():
    evidence = record("t-practice", reals=[SOURCE]).as_json()["reals"]["evidence"]
    assert evidence == ["people do so {cite:p}`card2026`"]


def test_the_record_names_what_was_proved():
    evidence = record("sum-one", reals=[PROOF, HELD]).as_json()["reals"]["evidence"]
    assert PROOF.formula in evidence[0]


def test_every_verdict_word_has_a_meaning():
    assert all(verdict.meaning.endswith(".") for verdict in Verdict)


def test_a_record_is_made_by_record_only():
    with pytest.raises(TypeError, match=r"record\(...\) only"):
        Record("sum-one", None, None, ())


def test_a_record_cannot_be_rewritten():
    with pytest.raises(TypeError, match=r"record\(...\) only"):
        dataclasses.replace(record("order", floats=[HELD]), claim="sum-one")


def test_a_scope_of_its_own_needs_a_step_that_leads_there():
    with pytest.raises(ValueError, match="name the step to every K ≥ 2"):
        record("range", reals=[PROOF, HELD], scope="every K ≥ 2")


def test_the_record_names_the_hypotheses_of_a_proof():
    proof = prove_positive(exp(gap) - 1)
    assert (
        "$ for $g > 0$: proved"
        in record("order", reals=[proof, HELD]).as_json()["reals"]["evidence"][0]
    )


def stated(*numbers, control):
    return examine(
        "n is even",
        lambda n: n % 2 == 0,
        numbers,
        control=control,
        states=lambda n: [("even numbers", n)],
    )


def test_the_record_carries_the_numbers_that_its_checks_state():
    content = record("squares", reals=[stated(2, 4, control=3)], floats=[check(2, 4, control=3)])
    assert content.as_json()["numbers"] == {"even numbers": ["2", "4"]}
    assert "numbers" not in record("squares", floats=[check(2, 4, control=3)]).as_json()


def test_a_check_that_fails_establishes_no_number():
    failed, holding = stated(2, 3, control=4), check(2, 4, control=3)
    assert record("squares", floats=[failed], instead=[holding]).numbers == {}


def test_two_checks_agree_on_the_numbers_of_one_place():
    agreeing, differing = stated(2, 4, control=3), stated(2, 6, control=3)
    assert record("squares", reals=[agreeing], floats=[agreeing]).numbers
    with pytest.raises(ValueError, match=r"'even numbers' is \['2', '4'\], and is \['2', '6'\]"):
        record("squares", reals=[agreeing], floats=[differing])
