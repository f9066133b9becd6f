"""Positive wherever something else is: proved by way of a form in the symbol gap."""

import pytest
from sympy import Sum, exp

from softmax_lib.proofs import (
    Falsified,
    K,
    Refused,
    Unproved,
    Unsound,
    depth,
    gap,
    i,
    j,
    k,
    prove_positive_given,
    prover,
    softmax,
    total,
    z,
)

DIFFERENCE = softmax(i) - softmax(j)
FORM = softmax(j) * (exp(gap) - 1)


def test_a_larger_logit_gets_a_larger_output():
    proof = prove_positive_given(DIFFERENCE, z[i] - z[j], FORM)
    assert "> 0" in proof.formula
    assert proof.hypotheses == "{z}_{i} - {z}_{j} > 0"


def test_the_hypothesis_is_part_of_the_statement():
    shown = prove_positive_given(DIFFERENCE, z[i] - z[j], FORM)._repr_mimebundle_()
    assert r"For ${z}_{i} - {z}_{j} > 0$: proved" in shown["text/markdown"]


def test_signs_of_symbols_stay_hypotheses_too():
    proof = prove_positive_given(
        exp(z[i] + depth[j] - z[j]) - 1, z[i] + depth[j] - z[j], exp(gap) - 1
    )
    assert r"d \ge 0" in proof.hypotheses


FALSE = {
    "the other way round": (DIFFERENCE, z[j] - z[i], FORM),
    "another pair": (DIFFERENCE, z[i] - z[k], FORM),
    "too strong": (DIFFERENCE - 1, z[i] - z[j], FORM - 1),
}


@pytest.mark.parametrize(("expression", "given", "form"), FALSE.values(), ids=FALSE.keys())
def test_what_is_false_is_falsified(expression, given, form):
    with pytest.raises(Falsified, match=r"where .* > 0"):
        prove_positive_given(expression, given, form)


UNPROVED = {
    "the form is another expression": (DIFFERENCE, z[i] - z[j], 2 * FORM),
    "the form has no proven sign": (
        exp(z[i] - z[j]) - 1 - (z[i] - z[j]) / 2,
        z[i] - z[j],
        exp(gap) - 1 - gap / 2,
    ),
    "true for K < 4 only": (
        DIFFERENCE * (1 + (K - 1) * (K - 2) * (K - 3)),
        z[i] - z[j],
        FORM,
    ),
}


@pytest.mark.parametrize(("expression", "given", "form"), UNPROVED.values(), ids=UNPROVED.keys())
def test_what_the_form_does_not_show_stays_unproved(expression, given, form):
    with pytest.raises(Unproved):
        prove_positive_given(expression, given, form)


REFUSED = {
    "gap in the expression": (exp(gap) - 1 + DIFFERENCE, z[i] - z[j], FORM),
    "gap in the hypothesis": (DIFFERENCE, gap, FORM),
    "no gap in the form": (DIFFERENCE, z[i] - z[j], DIFFERENCE),
    "a hypothesis that never holds": (exp(-1 - depth[i]) - 1, -1 - depth[i], exp(gap) - 1),
    "a concrete index": (DIFFERENCE, z[1] - z[j], FORM),
}


@pytest.mark.parametrize(("expression", "given", "form"), REFUSED.values(), ids=REFUSED.keys())
def test_what_says_nothing_is_refused(expression, given, form):
    with pytest.raises(Refused):
        prove_positive_given(expression, given, form)


def test_a_bound_index_of_the_form_does_not_capture_one_of_the_hypothesis():
    captured = Sum(exp(z[i] - z[j]) - 1, (i, 1, K))
    with pytest.raises((Falsified, Unproved)):
        prove_positive_given(captured, z[i] - z[j], Sum(exp(gap) - 1, (i, 1, K)))


def test_a_sum_that_is_not_captured_is_proved():
    statement = total(lambda a: exp(depth[a])) * (exp(z[i] - z[j]) - 1)
    assert prove_positive_given(
        statement, z[i] - z[j], total(lambda a: exp(depth[a])) * (exp(gap) - 1)
    )


def test_a_prover_that_accepts_everything_is_found_out(monkeypatch):
    monkeypatch.setattr(prover, "is_zero", lambda expression: True)
    with pytest.raises(Unsound):
        prove_positive_given(DIFFERENCE, z[i] - z[j], FORM)
