"""A check runs a predicate over cases, and must be able to say both yes and no."""

import dataclasses
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from sympy import Symbol

from softmax_lib.claims import AtMost, Examination, Vacuous, examine
from softmax_lib.claims.examination import Part


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
    shown = ask(even, [2, 4], control=3)._repr_mimebundle_()["text/plain"]
    assert shown.startswith("it is even: held in all 2 cases (a few numbers)")


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
    assert ask(lambda number: np.bool(number % 2 == 0), [2, 4], control=3).holds


def test_an_examination_cannot_be_typed():
    with pytest.raises(TypeError, match=r"examine\(...\) only"):
        Examination("it is even", "all numbers", 10, 0, None, 10, (), (), {})


def test_the_shown_line_states_the_outcome_and_the_scope():
    shown = ask(even, [2, 4], control=3)._repr_mimebundle_()
    assert "held in all 2 cases (a few numbers)" in shown["text/markdown"]


def test_an_examination_cannot_be_rewritten():
    with pytest.raises(TypeError, match=r"examine\(...\) only"):
        dataclasses.replace(ask(even, [2, 3], control=2), failures=0)


def close_to_zero(number):
    return abs(number)


def bounded(cases, control, bound=4):
    return examine("it is at most 4", AtMost(close_to_zero, bound), cases, control=control)


def digit(cases, control, **parts):
    parts = {"even": even, "a digit": AtMost(abs, 9)} | parts
    return examine("it is an even digit", parts, cases, control=control)


CONTROLS = {"even": 3, "a digit": 10}


def test_a_check_of_no_part_is_no_check():
    with pytest.raises(Vacuous, match="asks for nothing"):
        examine("it is anything", {}, [2, 4], control={})


def test_the_outcome_of_each_part_is_kept():
    outcome = digit([2, -8], control=CONTROLS)
    assert outcome.parts == (Part("even", 0), Part("a digit", 0, bound=9, largest=8))
    assert "2 cases built to fail one part each, failed" in str(outcome)


def test_failures_are_counted_part_by_part():
    outcome = digit([1, 3, 10, 11, 2], control=8)
    assert [part.failures for part in outcome.parts] == [3, 2]
    assert (outcome.failures, outcome.counterexample) == (4, "1")


@pytest.mark.parametrize(
    ("control", "complaint"),
    [
        ({"even": 3}, "“a digit” has no control"),
        (3, "“even” has no control"),
        (CONTROLS | {"odd": 2}, "“odd” has a control, and is no part"),
        (CONTROLS | {"even": 4}, "“even” holds on the control 4 too"),
        (CONTROLS | {"even": 11}, "“even”: its control fails “a digit” too"),
    ],
)
def test_each_part_has_a_control_that_it_alone_fails_on(control, complaint):
    with pytest.raises(Vacuous, match=complaint):
        digit([2, 4], control=control)


@pytest.mark.parametrize("dropped", ["even", "a digit"])
def test_a_dropped_part_is_noticed(dropped):
    for cases, control in (([2, 4], CONTROLS), ([1, 10], 8)):
        digit(cases, control)
        with pytest.raises(Vacuous, match=f"“{dropped}”"):
            digit(cases, control, **{dropped: lambda number: True})


def test_a_part_that_never_fails_alone_refutes_nothing():
    with pytest.raises(Vacuous, match="“a digit” fails in no case alone"):
        digit([3, 11], control=8)


def test_every_part_holds_on_the_control_of_what_is_refuted():
    with pytest.raises(Vacuous, match="“even” fails on the control"):
        digit([1, 10], control=3)


def test_what_is_refuted_has_one_control():
    with pytest.raises(Vacuous, match="fails in some case: it has one control"):
        digit([1, 10], control=CONTROLS)


def test_bound_and_largest_value_are_numbers():
    (part,) = bounded([1, -3, 2], control=5).parts
    assert (part.bound, part.largest, part.failures) == (4, 3, 0)


def test_a_value_at_the_bound_does_not_exceed_it():
    assert bounded([1, 4], control=5).holds


@pytest.mark.parametrize("value", [5, 5.0, Fraction(5), mpmath.mpf(5), np.float32(5), np.int64(5)])
def test_real_numbers_are_compared(value):
    assert bounded([value, 1], control=4).failures == 1


@pytest.mark.parametrize("value", [Symbol("x"), "5", np.array([5]), 1j])
def test_only_a_real_number_is_compared(value):
    with pytest.raises(TypeError, match=f"a real number, not {type(value).__name__}"):
        examine("it is small", AtMost(lambda case: value, 4), [1, 2], control=5)


def test_nan_exceeds_every_bound():
    outcome = bounded([1, np.nan], control=4)
    assert (outcome.failures, outcome.parts[0].largest) == (1, np.inf)


@pytest.mark.parametrize(
    ("cases", "control"),
    [([1, 2], 41), ([1, 2], np.nan), ([1, 50], 0.3)],
)
def test_a_control_far_from_the_bound_tells_little(cases, control):
    with pytest.raises(Vacuous, match="far from the bound 4"):
        bounded(cases, control)


def test_a_bound_ten_times_as_large_is_noticed():
    for cases, control in (([1, 2], 40), ([1, 50], 3)):
        bounded(cases, control)
        with pytest.raises(Vacuous):
            bounded(cases, control, bound=40)


def test_the_same_case_again_and_again_is_no_check():
    with pytest.raises(Vacuous, match="the same case again and again"):
        ask(even, [2, 2, 2], control=3)


def test_one_case_is_no_check():
    with pytest.raises(Vacuous, match="tried on 1 case"):
        ask(even, [2], control=3)


def test_cases_that_differ_are_counted():
    outcome = ask(even, [2, 4, 2], control=3)
    assert (outcome.cases, outcome.distinct) == (3, 2)
    assert "held in all 3 cases, 2 of them different (" in str(outcome)


def test_the_scope_is_read_off_the_cases():
    outcome = examine(
        "it is even",
        lambda case: even(case[0]),
        [(2, 5), (4, 6)],
        control=(3, 5),
        varies={"n": lambda case: case[0], "T": lambda case: case[1]},
        scope="said in words",
    )
    assert outcome.scope == "n = 2, 4; T = 5, 6; said in words"


def test_a_quantity_that_does_not_vary_is_named():
    with pytest.raises(Vacuous, match="in all cases shift is the same"):
        examine(
            "it is even",
            lambda case: even(case[0]),
            [(2, 0), (4, 0)],
            control=(3, 0),
            varies={"shift": lambda case: case[1]},
        )


def test_an_outcome_in_json():
    outcome = digit([1, 10], control=8)
    assert outcome.as_json() == {
        "statement": "it is an even digit",
        "holds": False,
        "cases": 2,
        "distinct": 2,
        "failures": 2,
        "counterexample": "1",
        "scope": "",
        "quantities": {},
        "parts": [
            {"name": "even", "failures": 1, "bound": None},
            {"name": "a digit", "failures": 1, "bound": 9},
        ],
    }


def test_what_varies_is_in_the_json():
    outcome = examine("it is even", even, [2, 4], control=3, varies={"n": int})
    assert outcome.as_json()["quantities"] == {
        "n": {"formats": [], "sizes": None, "range": ["2", "4"]}
    }


def test_bounds_and_cases_state_the_numbers_of_a_box():
    outcome = examine(
        "the square is close",
        {"close": AtMost(lambda case: abs(case[0] ** 2 - case[1]), 0.5, "bound")},
        [(2, 4), (3, 9), (2, 4.25)],
        control={"close": (2, 5)},
        states=lambda case: zip(("roots", "squares"), case, strict=True),
    )
    assert outcome.numbers == {
        "bound": ["0.5"],
        "roots": ["2", "3"],
        "squares": ["4", "9", "4.25"],
    }


def test_a_bound_that_no_box_shows_is_no_number_of_one():
    assert ask(AtMost(abs, 9), [2, 8], control=12).numbers == {}
