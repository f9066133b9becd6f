"""A line with one place changed is refused, and named, in every derivation.

A sample is tried here; `python tests/derivations/test_wrong_lines.py` tries all that there are.
"""

import random
from collections import Counter

import pytest
from chains import CHAINS
from wrong_lines import TRUE, mutants

from softmax_lib.proofs import Falsified, ProofError

SAMPLE = 8
KNOWN_TO_BE_TRUE = set().union(*TRUE.values())


def outcome(derivation, number, what, before, arguments, form):
    """Return the kind of refusal, or None for what is accepted and known to be true."""
    try:
        before.then(*arguments, **form)
    except ProofError as error:
        refusal = error
    else:
        assert (derivation.id, number, what) in KNOWN_TO_BE_TRUE
        return None
    assert str(refusal).startswith(f"{derivation.id}, line {number} (")
    return type(refusal)


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS.keys())
def test_a_wrong_line_is_refused_at_its_number(chain):
    derivation = chain()
    every = list(mutants(derivation))
    drawn = random.Random(0).sample(every, min(SAMPLE, len(every)))
    outcomes = [outcome(derivation, *mutant) for mutant in drawn]
    assert Falsified in outcomes


if __name__ == "__main__":
    derivations = [chain() for chain in CHAINS.values()]
    tally = Counter(outcome(one, *mutant) for one in derivations for mutant in mutants(one))
    print({"true" if kind is None else kind.__name__: n for kind, n in tally.items()})
