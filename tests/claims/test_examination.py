"""A check runs a predicate over cases, and must be able to say both yes and no."""

import dataclasses

import numpy as np
import pytest
from sympy import Symbol

from softmax_lib.claims import Examination, Vacuous, examine


def even(number):
    return number % 2 == 0


def ask(holds, cases, control):
    return examine("it is even", holds, cases, control=control, scope="a few numbers")


def test_a_predicate_that_holds_in_all_cases_holds():
    outcome = ask(even, [2, 4, 6], control=3)
    assert (outcome.holds, outcome.cases, outcome.failures) == (True, 3, 0)
    assert outcome.counterexample is None


def test_the_first_counterexample_is_kept():
    outcome = ask(even, [2, 5, 4, 7], control=2)
    assert (outcome.holds, outcome.failures, outcome.counterexample) == (False, 2, "5")


@pytest.mark.parametrize(
    ("case", "written"),
    [
        (np.arange(8), "[0 1 2 3 4 5 6 7]"),
        (np.arange(9), "[0 1 ... 7 8]"),
        (np.full(8, 1 / 3), f"[{' '.join(['0.33333333'] * 8)}]"),
    ],
)
def test_a_counterexample_stands_on_one_line(case, written):
    assert ask(lambda case: case is None, [None, case], control=None).counterexample == written


def test_an_outcome_in_plain_text_begins_with_the_statement():
    shown = ask(even, [2], control=3)._repr_mimebundle_()["text/plain"]
    assert shown.startswith("it is even: held in all 1 cases (a few numbers)")


def test_a_counterexample_is_described_in_the_given_words():
    outcome = examine(
        "it is even", even, [2, 5], control=2, scope="two numbers", describe="number {}".format
    )
    assert outcome.counterexample == "number 5"


def test_no_case_is_no_check():
    with pytest.raises(Vacuous, match="no case"):
        ask(even, [], control=3)


def test_a_predicate_that_holds_on_the_control_too_is_no_check():
    with pytest.raises(Vacuous, match="holds on the control"):
        ask(lambda number: True, [2, 4], control=3)


def test_a_predicate_that_fails_on_everything_refutes_nothing():
    with pytest.raises(Vacuous, match="fails on the control"):
        ask(lambda number: False, [3, 5], control=2)


def test_a_predicate_that_fails_in_some_cases_must_hold_on_the_control():
    with pytest.raises(Vacuous, match="fails on the control"):
        ask(even, [2, 3], control=5)


@pytest.mark.parametrize("answer", [Symbol("x"), 1, None, np.array([True])], ids=repr)
def test_only_a_boolean_is_an_answer(answer):
    with pytest.raises(TypeError, match=f"must return a Boolean, not {type(answer).__name__}: "):
        ask(lambda number: answer, [2], control=3)


def test_numpy_booleans_are_answers():
    assert ask(lambda number: np.bool(number % 2 == 0), [2], control=3).holds


def test_an_examination_cannot_be_typed():
    with pytest.raises(TypeError, match=r"examine\(...\) only"):
        Examination("it is even", "all numbers", 10, 0, None)


def test_the_shown_line_states_the_outcome_and_the_scope():
    shown = ask(even, [2, 4], control=3)._repr_mimebundle_()
    assert "held in all 2 cases (a few numbers)" in shown["text/markdown"]


def test_an_examination_cannot_be_rewritten():
    with pytest.raises(TypeError, match=r"examine\(...\) only"):
        dataclasses.replace(ask(even, [2, 3], control=2), failures=0)
