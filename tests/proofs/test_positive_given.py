"""Positive wherever something else is: proved by way of a form in the symbol gap."""

import re

import pytest
from sympy import Sum, exp, latex

from softmax_lib.proofs import (
    Falsified,
    K,
    Refused,
    Unproved,
    Unsound,
    c,
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
    assert proof.formula == f"{latex(DIFFERENCE)} > 0"
    assert proof.hypotheses == "{z}_{i} - {z}_{j} > 0"


def test_the_hypothesis_is_part_of_the_statement():
    shown = prove_positive_given(DIFFERENCE, z[i] - z[j], FORM)._repr_mimebundle_()
    assert r"For ${z}_{i} - {z}_{j} > 0$: proved" in shown["text/markdown"]


@pytest.mark.parametrize(
    ("expression", "given", "form"),
    [
        ((1 + depth[k]) * (exp(z[i] - z[j]) - 1), z[i] - z[j], (1 + depth[k]) * (exp(gap) - 1)),
        (c, c * (1 + depth[i]), gap / (1 + depth[i])),
    ],
    ids=["in the expression alone", "in the hypothesis alone"],
)
def test_signs_of_symbols_stay_hypotheses_too(expression, given, form):
    proof = prove_positive_given(expression, given, form)
    assert proof.hypotheses == rf"d \ge 0,\ {latex(given)} > 0"


FALSE = {
    "the other way round": (DIFFERENCE, z[j] - z[i], FORM),
    "another pair": (DIFFERENCE, z[i] - z[k], FORM),
    "too strong": (DIFFERENCE - 1, z[i] - z[j], FORM - 1),
    "zero at K = 1": (K - 1, K, gap - 1),
}


@pytest.mark.parametrize(("expression", "given", "form"), FALSE.values(), ids=FALSE.keys())
def test_what_is_false_is_falsified(expression, given, form):
    counterexample = rf"^{re.escape(str(expression))} = (0\.0|-\d.*) at K = .*, where "
    with pytest.raises(Falsified, match=counterexample + re.escape(f"{given} > 0")):
        prove_positive_given(expression, given, form)


UNPROVED = {
    "the form is another expression": (DIFFERENCE, z[i] - z[j], 2 * FORM, "is not proven to be"),
    "the form has no proven sign": (
        exp(z[i] - z[j]) - 1 - (z[i] - z[j]) / 2,
        z[i] - z[j],
        exp(gap) - 1 - gap / 2,
        r"the sign of .*g.* stays open",
    ),
    "true for K < 4 only": (
        DIFFERENCE * (1 + (K - 1) * (K - 2) * (K - 3)),
        z[i] - z[j],
        FORM,
        "is not proven to be",
    ),
}


@pytest.mark.parametrize(
    ("expression", "given", "form", "reason"), UNPROVED.values(), ids=UNPROVED.keys()
)
def test_what_the_form_does_not_show_stays_unproved(expression, given, form, reason):
    with pytest.raises(Unproved, match=reason):
        prove_positive_given(expression, given, form)


REFUSED = {
    "what is given": (c, c, gap, "^c > 0 is what is given"),
    "what is given, in other words": (
        c * total(softmax),
        c,
        gap * total(softmax),
        "is what is given: there is nothing to prove",
    ),
    "gap in the expression": (exp(gap) - 1 + DIFFERENCE, z[i] - z[j], FORM, "there alone"),
    "gap in the hypothesis": (DIFFERENCE, gap, FORM, "there alone"),
    "gap in both, gone from their sum": (c - gap, gap + c, gap, "there alone"),
    "no gap in the form": (DIFFERENCE, z[i] - z[j], DIFFERENCE, "there alone"),
    "a hypothesis that never holds": (
        exp(-1 - depth[i]) - 1,
        -1 - depth[i],
        exp(gap) - 1,
        r"-d\[i\] - 1 is nowhere positive",
    ),
    "a concrete index": (DIFFERENCE, z[1] - z[j], FORM, "not a symbol in"),
}


@pytest.mark.parametrize(
    ("expression", "given", "form", "reason"), REFUSED.values(), ids=REFUSED.keys()
)
def test_what_says_nothing_is_refused(expression, given, form, reason):
    with pytest.raises(Refused, match=reason):
        prove_positive_given(expression, given, form)


def test_a_bound_index_of_the_form_does_not_capture_one_of_the_hypothesis():
    captured = Sum(exp(z[i] - z[j]) - 1, (i, 1, K))
    with pytest.raises(Refused, match=r"^i is bound in Sum"):
        prove_positive_given(captured, z[i] - z[j], Sum(exp(gap) - 1, (i, 1, K)))


def test_a_sum_that_is_not_captured_is_proved():
    statement = total(lambda a: exp(depth[a])) * (exp(z[i] - z[j]) - 1)
    assert prove_positive_given(
        statement, z[i] - z[j], total(lambda a: exp(depth[a])) * (exp(gap) - 1)
    )


right = prover.is_zero  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "is_zero",
    [
        lambda difference: True,
        lambda difference: right(difference) or difference.has(exp(z[i] - z[j])),
        lambda difference: right(difference) or not difference.has(exp(z[i] - z[j])),
    ],
    ids=["everything", "every false variant of the expression", "every one of the hypothesis"],
)
def test_a_prover_that_accepts_what_is_false_is_found_out(monkeypatch, is_zero):
    monkeypatch.setattr(prover, "is_zero", is_zero)
    with pytest.raises(Unsound):
        prove_positive_given(DIFFERENCE, z[i] - z[j], FORM)
