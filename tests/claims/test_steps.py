"""Steps by hand: each stated once, with what it needs, and taken by some claim."""

from pathlib import Path

import pytest
from ledger import read_ledger

from softmax_lib.claims import Verdict, known_steps

BOOK = Path(__file__).parents[2] / "book"
PROVED = {Verdict.PROVED_WITH_STEP, Verdict.PROVED_UP_TO}


@pytest.mark.parametrize("step", known_steps().values(), ids=known_steps())
def test_a_step_says_what_it_needs_and_what_follows(step):
    assert step.title[0].isupper() or step.title[0].isdigit() or step.title.startswith("exp")
    assert not step.title.endswith(".")
    assert step.given
    assert not step.given.endswith(".")
    assert step.says.endswith(".")


def test_no_two_steps_say_the_same():
    assert len({step.says for step in known_steps().values()}) == len(known_steps())
    assert len({step.title for step in known_steps().values()}) == len(known_steps())


def test_every_step_is_taken_by_some_claim():
    taken = {name for entry in read_ledger(BOOK) for name in entry.steps}
    assert taken == set(known_steps())


def test_the_verdict_says_whether_steps_are_taken():
    for entry in read_ledger(BOOK):
        assert bool(entry.steps) == (entry.reals in PROVED), entry.claim
