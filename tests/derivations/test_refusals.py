r"""What a derivation refuses: each once, with the derivation and the line in the message."""

import pytest
from sympy import IndexedBase, Symbol

from softmax_lib.derivations import Assumption, Cited, Derivation, Given, Status, Unlike
from softmax_lib.derivations.vocabulary import (
    INDEPENDENT,
    K,
    T,
    Z,
    a,
    b,
    c,
    d_k,
    delta,
    e,
    f,
    i,
    j,
    least,
    ln,
    margin,
    margins,
    mean_kk,
    mean_qq,
    mean_v,
    norm2,
    over,
    p,
    partial,
    r,
    sigma,
    spread,
    v,
    var_qk,
    x,
    z,
)
from softmax_lib.proofs import Falsified, ProofError, Refused, Unproved

WITHIN = Given(z[a] - z[i], "≥", -spread, every=a)
UPPER_FORM = p[i] * (1 / K) * over(a, e(margins[a] / T) - 1)


def upper_bound(hypothesis=WITHIN, form=UPPER_FORM):
    return Derivation("upper", 1 / over(a, e((z[a] - z[i]) / T))).then(
        1 / over(a, e(-spread / T)), hypothesis, "≤", form=form
    )


def test_the_right_hypothesis_is_accepted_and_stated():
    derivation = upper_bound()
    assert derivation.statement.given == (WITHIN,)
    assert derivation.status == Status.GIVEN
    shown = r"for $z_{a} - z_{i} \ge -\delta\text{ for every } a$"
    assert str(derivation.statement).endswith(shown)


HYPOTHESES = {
    "no hypothesis at all": (Given(1 + 0 * z[a], "≥", 0 * z[a], every=a), Falsified, "is false at"),
    "one that never holds": (Given(-1 - z[a] ** 2, "≥", 0 * z[a], every=a), Refused, "no point"),
    "one that is too weak": (Given(z[a] - z[i], "≤", spread, every=a), Falsified, "is false at"),
    "one that is too strong for the form": (
        Given(z[a] - z[i], "≥", 0 * z[a], every=a),
        Falsified,
        "is not",
    ),
    "one for a single index": (Given(z[j] - z[i], "≥", -spread), Falsified, "is false at"),
}


@pytest.mark.parametrize(
    ("hypothesis", "error", "message"), HYPOTHESES.values(), ids=HYPOTHESES.keys()
)
def test_a_wrong_hypothesis_is_refused(hypothesis, error, message):
    with pytest.raises(error, match=rf"^upper, line 1 \(.*{message}"):
        upper_bound(hypothesis)


FORMS = {
    "none": (None, "needs a form with"),
    "one without the margin": (p[i], "needs a form with"),
    "one of another hypothesis": (UPPER_FORM + margin, "nowhere else"),
}


@pytest.mark.parametrize(("form", "message"), FORMS.values(), ids=FORMS.keys())
def test_a_step_under_a_hypothesis_needs_its_form(form, message):
    with pytest.raises(Refused, match=message):
        upper_bound(form=form)


def test_the_index_of_a_hypothesis_is_not_captured():
    # With the i of the hypothesis captured, the form would be a sum of squares.
    start = Derivation("captured", over(i, z[i] ** 2))
    with pytest.raises(Falsified, match="captured, line 1"):
        start.then(
            0,
            Given(z[a] * z[i], "≥", 0 * z[a], every=a),
            "≥",
            form=over(i, margins[i]),
        )


def test_two_hypotheses_have_to_hold_together():
    above, below = Given(z[i], ">", c), Given(z[i], "<", c)
    derivation = Derivation("torn", z[i]).then(c, above, ">", form=margin)
    with pytest.raises(Refused, match=r"torn, line 2 .*no point"):
        derivation.then(z[i] - 1, below, ">", form=margin + 1)


def test_a_hypothesis_itself_is_a_step():
    derivation = Derivation("bound", f[i]).then(
        least, Given(f[a], "≥", least, a), "≥", form=margins[i]
    )
    assert derivation.status == Status.GIVEN


def test_unlike_indices_are_a_hypothesis():
    start = Derivation("unlike", delta[i, j] * z[i], Unlike(i, j))
    assert start.then(0, "one of them is 0").status == Status.GIVEN
    with pytest.raises(Falsified, match="alike, line 1"):
        Derivation("alike", delta[i, j] * z[i]).then(0, "one of them is 0")


def test_a_strict_sign_is_claimed_where_the_indices_differ_only():
    derivation = Derivation("unlike", 1 - delta[i, j], Unlike(i, j))
    assert derivation.then(0, "it is 1", ">").relation == ">"
    with pytest.raises(Falsified):
        Derivation("alike", 1 - delta[i, j]).then(0, "it is 1", ">")


def test_an_index_that_differs_from_itself_is_refused():
    with pytest.raises(Refused, match="no point"):
        Derivation("itself", z[i], Unlike(i, i)).then(0, "nothing is claimed")


STEPS = {
    "x over x, where x may be 0": (x / x, 1, "=", Refused, "not proven positive"),
    "a logarithm of a real number": (ln(x) - ln(x), 0, "=", Refused, "not proven positive"),
    "a division by a difference": (T, 1 / (T - K), "=", Refused, "not proven positive"),
    "a root of a real number": (x ** (1 / T), x, "=", Refused, "not proven positive"),
    "0 over 0": (0 * z[i] / (0 * z[i]), 1, "=", Refused, ""),
    "a sum that is false": (over(i, sigma[i]), K, "=", Falsified, "1.0 = 2.0 is false at K = 2"),
    "an inequality that is false": (sigma[i], 1, "<", Falsified, "1.0 < 1.0 is false at K = 1"),
    "true but without a sign": (e(z[i]) - 1, z[i], "≥", Unproved, "stays open"),
    "Cauchy and Schwarz": (over(a, sigma[a] * v[a] ** 2), mean_v**2, "≥", Unproved, "stays open"),
    "an unknown relation": (T, K, "≈", Refused, "is none of"),
    "a square root": (norm2 ** (K / 2), norm2, "=", ProofError, ""),
}


@pytest.mark.parametrize(
    ("start", "term", "relation", "error", "message"), STEPS.values(), ids=STEPS.keys()
)
def test_a_step_that_does_not_follow_is_refused(start, term, relation, error, message):
    with pytest.raises(error, match=rf"^wrong, (start|line 1 \(why\)).*{message}"):
        Derivation("wrong", start).then(term, "why", relation)


def test_the_message_shows_both_sides_and_where_they_differ():
    derivation = Derivation("jacobian", partial(sigma[i], z[j]))
    with pytest.raises(Falsified) as raised:
        derivation.then(sigma[i] * (delta[i, j] + sigma[j]), "a wrong sign")
    message = str(raised.value)
    assert message.startswith("jacobian, line 1 (a wrong sign): ")
    assert r"\frac{\partial \sigma_{i}}{\partial z_{j}} = \sigma_{i} (\delta" in message
    assert "is false at K = 1, i = 1, j = 1, z[1] = " in message


def test_inequalities_of_a_derivation_point_one_way():
    derivation = Derivation("both-ways", sigma[i]).then(sigma[i] + 1, "more", "<")
    with pytest.raises(Refused, match=r"both-ways, line 2 .*point both ways"):
        derivation.then(sigma[i], "less", ">")
    assert derivation.then(sigma[i] + 2, "more", "≤").relation == "<"


def test_an_equation_needs_no_form():
    with pytest.raises(Refused, match="has no sign"):
        Derivation("form", Z / Z).then(1, "cancel", form=T)


def test_a_form_that_is_not_the_difference_is_refused():
    with pytest.raises(Falsified):
        Derivation("form", 1 - sigma[i]).then(0, "why", "≥", form=T)


REASONS = {
    "nothing": None,
    "a name without its derivation": Symbol("jacobian"),
    "a number": 1,
    "one of several": ("words", 1),
}


@pytest.mark.parametrize("reason", REASONS.values(), ids=REASONS.keys())
def test_what_is_no_reason_is_refused(reason):
    with pytest.raises(Refused, match="is no reason"):
        Derivation("reason", Z / Z).then(1, reason)


def test_sympy_is_no_term():
    with pytest.raises(Refused):
        Derivation("bare", IndexedBase("z", real=True)[Symbol("i")])
    with pytest.raises(Refused):
        Derivation("bare", Z / Z).then(Symbol("x"), "why")


def test_a_derivation_without_a_line_concludes_nothing():
    with pytest.raises(Refused, match="concludes nothing"):
        _ = Derivation("empty", Z).statement


@pytest.mark.parametrize("name", ["", "sum one", "Sum", "<b>", "-sum", "sum-", 'sum"'])
def test_a_name_is_an_anchor(name):
    with pytest.raises(Refused, match="is no name"):
        Derivation(name, Z)


def test_a_form_has_a_value():
    with pytest.raises(Refused, match="may lack a value"):
        Derivation("form", e(x)).then(0, "why", ">", form=e(x) * (x / x))
    with pytest.raises(Refused, match="may lack a value"):
        upper_bound(form=UPPER_FORM * over(a, margins[a]) / over(a, margins[a]))


def test_lines_are_not_given_but_proved():
    with pytest.raises(TypeError):
        Derivation("forged", Z, (), ())  # type: ignore[call-arg]


def test_what_a_name_assumes_makes_a_step_by_hand():
    derivation = Derivation("variance", var_qk).then(
        over(i, over(j, mean_qq[i, j] * mean_kk[i, j])), "independence"
    )
    assert derivation.status == Status.ASSUMED
    assert derivation.by_hand == ("variance, line 1: independence (assumed)",)


def test_what_the_statement_says_is_not_by_hand():
    derivation = Derivation("variance", var_qk, INDEPENDENT).then(
        over(i, over(j, mean_qq[i, j] * mean_kk[i, j])), INDEPENDENT
    )
    assert derivation.status == Status.GIVEN
    assert derivation.by_hand == ()
    assert "independent components" in str(derivation.statement)


def test_another_assumption_does_not_help():
    derivation = Derivation("variance", var_qk, Assumption("it rains")).then(d_k, "counting")
    assert derivation.status == Status.ASSUMED


def test_a_cited_step_is_tried_and_by_hand():
    source = Cited("nair2025", "the mean of squares is at least the square of the mean")
    start = Derivation("jensen", over(a, sigma[a] * v[a] ** 2))
    derivation = start.then(mean_v**2, source, "≥")
    assert derivation.status == Status.CITED
    assert derivation.lines[0].proofs == ()
    assert derivation.then(mean_v * mean_v, "a square").status == Status.CITED
    with pytest.raises(Falsified):
        start.then(mean_v**2, source, "≤")


def test_a_hypothesis_has_a_value():
    with pytest.raises(Refused, match="not proven positive"):
        Derivation("bound", x, Given(ln(x), ">", c)).then(x, "nothing")


def test_a_hypothesis_is_no_equation():
    with pytest.raises(Refused, match="one of ≤, ≥, <, >"):
        Given(over(b, r[b]), "=", K)
