import pytest
from identities import IDENTITIES

from softmax_lib.proofs import prove_equal


@pytest.mark.parametrize("fact", IDENTITIES)
def test_an_identity_of_softmax_is_proved_for_every_k(fact):
    assert prove_equal(*IDENTITIES[fact]).refused >= 1
