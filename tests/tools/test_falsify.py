"""A sample of `make falsify`: two derivations with one place changed in each line."""

import falsify
import pytest

FORMULA = falsify.BOOK / "formula.ipynb"


@pytest.mark.parametrize("name", ["order", "shift"])
def test_every_change_of_a_derivation_is_noticed(name):
    assert name in falsify.derivations(FORMULA)
    assert {outcome for *_, outcome in falsify.judged(name)} <= {"falsified", "refused"}


def test_every_change_of_a_word_is_noticed():
    outcomes = list(falsify.words([FORMULA]))
    assert {outcome for outcome, _ in outcomes} == {"the review"}


def test_what_nothing_notices_is_printed_and_counted(capsys):
    outcomes = [("falsified", "one"), ("nothing", "two"), ("true", "three"), ("accepted", "four")]
    assert falsify.report("lines", outcomes) == ["two", "four"]
    shown = capsys.readouterr().out.splitlines()
    assert shown == [
        "lines: 4 changed; accepted 1, falsified 1, nothing 1, true 1",
        "  two",
        "  four",
    ]
