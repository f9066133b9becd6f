import copy
import dataclasses
import pickle
import re

import pytest
from sympy import (
    E,
    Eq,
    Float,
    I,
    IndexedBase,
    KroneckerDelta,
    Max,
    Piecewise,
    Rational,
    Sum,
    Symbol,
    exp,
    log,
    nan,
    oo,
    sqrt,
)

from softmax_lib.proofs import (
    Falsified,
    K,
    Proof,
    Refused,
    T,
    Unproved,
    Unsound,
    c,
    define,
    depth,
    gap,
    i,
    j,
    k,
    m,
    prove_equal,
    prove_nonnegative,
    prove_positive,
    prover,
    softmax,
    total,
    z,
)
from softmax_lib.proofs.fragment import CANONICAL_INDEX

delta = KroneckerDelta
x = Symbol("x", real=True)
plain_z = IndexedBase("z")
signed_z = IndexedBase("z", nonnegative=True)
named_c = IndexedBase("c", real=True)
even = Symbol("e", even=True, positive=True)
looks_like_z = Symbol("z_i", real=True)
looks_like_sum = Symbol("a + b", real=True)
i1, named_i = Symbol("i1", integer=True, positive=True), Symbol("i_1", integer=True, positive=True)
Z = total(lambda a: exp(z[a]))
cubic = (K - 1) * (K - 2) * (K - 3)


REFUSED = {
    "it says nothing": (Z, Z),
    "it says nothing, with other words": (2 * (x + c), 2 * x + 2 * c),
    "a string is code": ("(Symbol('x', real=True) + 1) ** 2", x**2 + 2 * x + 1),
    "a list": ([1], [1]),
    "nothing": (None, 0),
    "a Boolean": (True, 1),
    "an equation": (Eq(x, c), x),
    "nan": (nan, 0),
    "infinity": (oo, exp(oo)),
    "a float": (Float(0.5) * c, c / 2),
    "the imaginary unit": (I * c + c, c * (1 + I)),
    "a root": (sqrt(1 + c**2) ** 3, sqrt(1 + c**2)),
    "a symbolic power": (E**c * gap**c, (E * gap) ** c),
    "a maximum": (Max(x, c) * 2, 2 * Max(c, x) + 0),
    "cases": (Piecewise((x, x > 0), (0, True)), x),
    "a concrete index": (Sum(z[i], (i, 1, K)).diff(z[2]), 1),
    "a computed index": (z[i + 1] * (c + 1), z[i + 1] * c + z[i + 1]),
    "a delta with a range": (Sum(delta(i, j, (1, 3)) * z[i], (i, 1, K)), z[j]),
    "K as an index": (Sum(z[K], (i, 1, K)), K * z[K]),
    "two indices": (Sum(z[i, j], (i, 1, K)) / K, Sum(z[i, j] / K, (i, 1, K))),
    "an index as a number": (Sum(i + 1, (i, 1, K)), Sum(i, (i, 1, K)) + K),
    "an index that is known to be even": (Sum(delta(i, even) * z[i], (i, 1, K)), z[even]),
    "the canonical index": (Sum(z[i] * z[CANONICAL_INDEX], (i, 1, K)), z[i]),
    "a sum from 2": (Sum(z[i] + 1, (i, 2, K)), Sum(z[i], (i, 2, K)) + K - 1),
    "a sum to K - 1": (Sum(1, (i, 1, K - 1)), K - 1),
    "an index bound twice": (Sum(z[i], (i, 1, K), (i, 1, K)), K * Sum(z[i], (i, 1, K))),
    "logits that may be complex": (plain_z[i] * (c + 1), plain_z[i] * c + plain_z[i]),
    "a name with two meanings": (Sum(z[i] + signed_z[i], (i, 1, K)), 2 * Sum(z[i], (i, 1, K))),
    "a symbol named as a base": (Sum(named_c[i] + c, (i, 1, K)), total(lambda a: 2 * named_c[a])),
    "a symbol that looks like a component": (
        Sum(looks_like_z * softmax(i), (i, 1, K)),
        looks_like_z,
    ),
    "a free index that looks like the bound one": (
        Sum(z[named_i] * softmax(i1), (i1, 1, K)),
        z[named_i],
    ),
    "a symbol that looks like a sum": (
        (1 + looks_like_sum) ** 2 - 1,
        looks_like_sum * (2 + looks_like_sum),
    ),
    "0/0 at x = 0": ((x**2 - x) / x, x - 1),
    "0/0 at i = j": ((z[i] ** 2 - z[j] ** 2) / (z[i] - z[j]), z[i] + z[j]),
    "0/0 where no random point lies": ((z[i] ** 2 - 2500) / (z[i] - 50), z[i] + 50),
    "0/0 at K = 4": ((K**2 - 16) / (K - 4), K + 4),
    "0/0 at one logit": ((1 - softmax(i) ** 2) / (1 - softmax(i)), 1 + softmax(i)),
    "0/0 inside a sum": (
        Sum(z[i] * (1 + z[i]) / z[i] ** 2, (i, 1, K)),
        Sum(1 / z[i] + 1, (i, 1, K)),
    ),
    "a delta as denominator": (delta(i, j) * (1 + c) / delta(i, j), c + 1),
    "a logarithm of 0 at x = 0": (log(x**2 * exp(c)) - log(x**2), c),
    "a logarithm of 0 at K = 7": (log((7 - K) * exp(c)) - log(7 - K), c),
    "an inner sum that does not separate": (
        Sum(1 / Sum(exp(z[i] * z[j]), (j, 1, K)), (i, 1, K)),
        Sum(2 / Sum(exp(z[i] * z[j]) * 2, (j, 1, K)), (i, 1, K)),
    ),
    "a delta that is not a plain factor": (
        Sum(exp(delta(i, j) * z[i]), (i, 1, K)),
        K - 1 + exp(z[j]),
    ),
}

FALSIFIED = {
    "the outputs sum to K": (total(softmax), K),
    "all outputs are equal": (softmax(i), softmax(j)),
    "the Jacobian without its delta": (softmax(i).diff(z[j]), -softmax(i) * softmax(j)),
    "true off the diagonal only": (delta(i, j), 0),
    "true on the diagonal only": (delta(i, j), 1),
    "true at K = 1 only": (softmax(i), 1),
    "true at K = 1 and 2 only": ((K - 1) * (K - 2), 0),
    "logsumexp is shift-invariant": (log(total(lambda a: exp(z[a] + c))), log(Z)),
    "an inner index is not the outer one": (
        Sum(z[i] * Sum(z[i], (i, 1, K)), (i, 1, K)),
        Sum(z[i] ** 2, (i, 1, K)),
    ),
}

UNPROVED = {
    "true at K <= 3 only": (cubic * exp(c), 0),
    "a sum that is right at K <= 3 only": (total(softmax) + cubic, 1),
    "true to forty digits": (exp(-200), 0),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_statement_outside_the_fragment_is_refused(case):
    with pytest.raises(Refused):
        prove_equal(*REFUSED[case])


LARGE = exp(100 * gap)


def test_digits_that_cancel_are_no_counterexample():
    assert prove_equal((LARGE + 1) ** 2 - LARGE**2 - 2 * LARGE, 1)


def test_what_is_too_small_for_sixty_digits_is_still_positive():
    assert prove_positive(log(1 + exp(-gap * T**6)))


def test_what_no_digits_decide_is_refused_and_not_falsified():
    huge = exp(9000 * gap)
    with pytest.raises(Refused, match=r"^960 digits do not settle .* at K = 1, g = "):
        prove_equal((huge + 1) ** 2 - huge**2 - 2 * huge, 1)


@pytest.mark.parametrize("case", FALSIFIED)
def test_a_false_statement_is_falsified(case):
    with pytest.raises(Falsified):
        prove_equal(*FALSIFIED[case])


@pytest.mark.parametrize("case", UNPROVED)
def test_a_statement_that_no_small_k_falsifies_stays_unproved(case):
    with pytest.raises(Unproved, match=r"^the normal form of \(.*\) - \(.*\) is not 0$"):
        prove_equal(*UNPROVED[case])


def test_a_statement_of_one_expression_is_refused_as_such():
    with pytest.raises(Refused, match=r"^both sides are x before any step: there is nothing"):
        prove_equal(x, x)


@pytest.mark.parametrize(
    "sides", [(total(lambda a: delta(a, i)), 1), (1, total(lambda a: delta(a, i)))]
)
def test_a_statement_is_tried_at_every_index_of_either_side(sides):
    assert prove_equal(*sides).points == 3 * (1 + 2 + 3)


def test_a_refusal_names_the_term():
    with pytest.raises(Refused, match=r"K - 4 is not proven positive"):
        prove_equal((K**2 - 16) / (K - 4), K + 4)


def test_a_falsified_statement_comes_with_its_counterexample():
    with pytest.raises(Falsified, match=r"1\.0 is not 2\.0 at K = 2, z\[1\] = "):
        prove_equal(total(softmax), K)


@pytest.mark.parametrize(
    "expression",
    [
        softmax(i),
        softmax(j) * (exp(gap) - 1),
        Z,
        log(1 + exp(c)),
        1 + delta(i, j),
        total(lambda a: 1 + depth[a]),
        K**2 + z[i] ** 2,
    ],
)
def test_a_positive_expression_is_proved_positive(expression):
    assert prove_positive(expression).refused >= 1


@pytest.mark.parametrize(
    "expression",
    [
        K - 1,
        total(lambda a: 1 - exp(-depth[a])),
        total(lambda a: (1 - delta(a, i)) * softmax(a)),
        Sum(softmax(i) * softmax(j) * (z[i] - z[j]) ** 2, (i, 1, K), (j, 1, K)),
        delta(i, j) * exp(c),
    ],
)
def test_a_nonnegative_expression_is_proved_so_and_not_positive(expression):
    assert prove_nonnegative(expression).refused >= 1
    with pytest.raises(Falsified):
        prove_positive(expression)


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        (1 - softmax(i), Falsified(r" = 0\.0 at K = 1, i = 1, z\[1\] = ")),
        (exp(gap) - 2, Falsified(r"exp\(g\) - 2 = -0\.\d{10} at K = 1, g = ")),
        (total(lambda a: z[a]), Falsified(" at K = ")),
        # Positive at K <= 3.
        (exp(c) + (4 - K) * exp(-c), Unproved(r"the sign of \(4 - K\).* stays open")),
        (gap, Refused("the sign of g is declared, not proved")),
        (Rational(1, 2), Refused("the sign of 1/2 is declared, not proved")),
        (1 / z[i] ** 2, Refused(r"^z\[i\] is not proven positive: .* in z\[i\]\*\*\(-2\)")),
        ("1 + 1", Refused("not an expression: .*1 \\+ 1")),
    ],
)
def test_a_sign_that_does_not_hold_everywhere_is_not_proved(expression, error):
    with pytest.raises(type(error), match=str(error)):
        prove_positive(expression)


@pytest.mark.parametrize(
    "expression",
    [softmax(i), softmax(i, lambda a: z[a] / gap), log(Z), 1 / (1 + exp(-c))],
)
def test_a_definition_is_certified(expression):
    assert define("y", expression).is_definition


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        (z[i] / c, Refused),
        (softmax(i) / c, Refused),
        (1 / (1 - softmax(i)), Falsified),
        (log(total(lambda a: z[a])), Falsified),
        ("1/x", Refused),
    ],
)
def test_a_definition_that_may_lack_a_value_is_not_certified(expression, error):
    with pytest.raises(error):
        define("y", expression)


@pytest.mark.parametrize(
    ("name", "expression", "left"),
    [
        ("sigma", softmax(i), r"{\sigma}_{i}"),
        ("a", softmax(i) * softmax(j), "{a}_{i,j}"),
        ("m_1", log(Z), "m_{1}"),
    ],
)
def test_a_definition_has_the_free_indices_on_its_left_side(name, expression, left):
    assert define(name, expression).formula.startswith(f"{left} := ")


@pytest.mark.parametrize("name", [r"0 = 1,\quad q", "p_i", "1", "z", "i", "n", "K", "e", 3, None])
def test_a_definition_gives_a_name_that_is_free(name):
    with pytest.raises(Refused, match=r"is no name|stands for two things"):
        define(name, softmax(i))


@pytest.mark.parametrize("expression", [exp(z[i]), z[i] / gap])
def test_a_definition_that_could_not_fail_is_not_certified(expression):
    with pytest.raises(Refused, match=rf"^{re.escape(str(expression))} needs nothing"):
        define("y", expression)


def test_the_declared_signs_are_hypotheses_of_the_proof():
    proof = prove_nonnegative(total(lambda a: gap * (1 - exp(-depth[a]))) + 0 * c)
    assert proof.hypotheses == r"d \ge 0,\ g > 0"


@pytest.mark.parametrize(
    ("prove", "expression", "text"),
    [
        (
            lambda expression: prove_equal(expression, K),
            total(lambda a: 1),
            r"\sum_{k=1}^{K} 1 = K: proved for every K (",
        ),
        (prove_positive, exp(gap) - 1, r"e^{g} - 1 > 0\qquad (g > 0): proved for every K ("),
        (prove_nonnegative, K - 1, r"K - 1 \ge 0: proved for every K ("),
        (
            lambda expression: define("y", expression),
            1 / (1 + depth[i]),
            r"{y}_{i} := \frac{1}{{d}_{i} + 1}\qquad (d \ge 0): well defined for every K (",
        ),
    ],
)
def test_a_proof_s_text_is_formula_hypotheses_verdict(prove, expression, text):
    assert prove(expression)._repr_mimebundle_()["text/plain"].startswith(text)


@pytest.mark.parametrize("turned", [False, True])
def test_hypotheses_come_from_both_sides(turned):
    sides = [(gap + 1) ** 2 - gap**2 - 2 * gap, 1]
    assert prove_equal(*(sides[::-1] if turned else sides)).hypotheses == "g > 0"


def test_real_logits_are_no_hypothesis():
    assert prove_equal(total(softmax), 1).hypotheses == ""


def test_a_proof_shows_its_statement_and_keeps_the_letter_k():
    shown = prove_equal(total(softmax), 1)._repr_mimebundle_()["text/markdown"]
    assert shown.startswith("$$\n\\sum_{k=1}^{K}")
    assert "Proved for every K" in shown


def test_a_proof_shows_its_hypotheses_below_the_formula():
    shown = prove_positive(exp(gap) - 1)._repr_mimebundle_()["text/markdown"]
    assert "\n$$\n\nFor $g > 0$: proved for every K" in shown


def accidents():
    proof = prove_equal(total(softmax), 1)
    return {
        "made by hand": lambda: Proof("0 = 1", "", 9, 4),
        "replaced": lambda: dataclasses.replace(proof, formula="0 = 1"),
        "changed": lambda: setattr(proof, "formula", "0 = 1"),
        "copied": lambda: copy.copy(proof),
        "copied deeply": lambda: copy.deepcopy(proof),
        "pickled": lambda: pickle.dumps(proof),
    }


@pytest.mark.parametrize("accident", accidents())
def test_no_accident_makes_a_proof(accident):
    with pytest.raises((TypeError, dataclasses.FrozenInstanceError)):
        accidents()[accident]()


# Each guard is needed: with one of them off, something false gets through or is caught later.


def test_a_prover_that_accepts_everything_is_unsound(monkeypatch):
    monkeypatch.setattr(prover, "is_zero", lambda difference: True)
    with pytest.raises(Unsound, match=r"^the prover also accepts the false variant 2$"):
        prove_equal(total(softmax), 1)


def test_variants_outside_the_fragment_are_passed_over(monkeypatch):
    monkeypatch.setattr(
        prover, "perturbations", lambda right: iter((z[1], right + 1, I, right + 2))
    )
    assert prove_equal(total(softmax), 1).refused == 2


def test_a_prover_that_accepts_nothing_proves_nothing(monkeypatch):
    monkeypatch.setattr(prover, "is_zero", lambda difference: False)
    with pytest.raises(Unproved):
        prove_equal(total(softmax), 1)


@pytest.mark.parametrize(
    ("name", "prove"), [("is_positive", prove_positive), ("is_nonnegative", prove_nonnegative)]
)
def test_a_sign_prover_that_accepts_everything_is_unsound(monkeypatch, name, prove):
    monkeypatch.setattr(prover, name, lambda expression: True)
    with pytest.raises(Unsound):
        prove(softmax(i))


def test_without_false_variants_nothing_is_proved(monkeypatch):
    monkeypatch.setattr(prover, "perturbations", lambda expression: iter(()))
    with pytest.raises(Refused, match="not put to the test"):
        prove_equal(total(softmax), 1)


def test_without_the_falsifier_a_wrong_rule_would_prove_a_falsehood(monkeypatch):
    # Rule 2 with K - 1: the variants of the false statement are refused, so they do not help.
    right = prover.is_zero  # type: ignore[attr-defined]
    monkeypatch.setattr(prover, "is_zero", lambda difference: right(difference - 1))
    with pytest.raises(Falsified):
        prove_equal(total(lambda a: 1), K - 1)
    monkeypatch.setattr(prover, "_falsify_equality", lambda left, right: 0)
    assert prove_equal(total(lambda a: 1), K - 1)


def test_without_the_negative_control_a_blind_prover_would_go_unnoticed(monkeypatch):
    monkeypatch.setattr(prover, "is_zero", lambda difference: True)
    monkeypatch.setattr(prover, "_count_refused", lambda *_, **__: 1)
    assert prove_equal(cubic * exp(c), 0)


def test_without_the_look_at_denominators_a_pole_would_go_unnoticed(monkeypatch):
    monkeypatch.setattr(prover, "conditions", lambda expression: iter(()))
    assert prove_equal((K**2 - 16) / (K - 4), K + 4)


def test_names_are_looked_at_over_both_sides():
    with pytest.raises(Refused, match="z stands for two things"):
        prove_equal(total(lambda a: z[a] + 1), total(lambda a: signed_z[a]) + K)


@pytest.mark.parametrize("index", [i, j, k])
def test_every_index_serves(index):
    assert prove_equal(total(softmax, index), 1)


def test_rounding_where_zero_is_attained_falsifies_nothing():
    mean = total(lambda a: softmax(a) * z[a], m)
    variance = total(lambda a: softmax(a) * z[a] ** 2) - mean**2
    with pytest.raises(Unproved):  # its form shows no sign; the centred form does
        prove_nonnegative(variance)
