"""A line with one place changed is refused, and named, in every derivation of the book.

A sample is tried here; `make falsify` tries all that there are.
"""

import random

import pytest
from of_the_book import stored
from wrong_lines import KNOWN_TO_BE_TRUE, mutants

from softmax_lib.proofs import Falsified, ProofError

SAMPLE = 8


@pytest.mark.parametrize("name", stored())
def test_a_wrong_line_is_refused_at_its_number(name, derivations):
    every = list(mutants(derivations[name]))
    refusals = set()
    for number, what, before, arguments, form in random.Random(0).sample(
        every, min(SAMPLE, len(every))
    ):
        if (name, number, what) not in KNOWN_TO_BE_TRUE:
            with pytest.raises(ProofError, match=rf"^{name}, line {number} \(") as refusal:
                before.then(*arguments, **form)
            refusals.add(refusal.type)
    assert Falsified in refusals
