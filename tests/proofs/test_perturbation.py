import pytest
from identities import IDENTITIES
from sympy import KroneckerDelta, Rational, Sum, sympify

from softmax_lib.proofs import Refused, i, j, k, total, z
from softmax_lib.proofs.fragment import check_fragment
from softmax_lib.proofs.perturbation import perturbations


@pytest.mark.parametrize("variant", [z[i] / 2 + 1, z[i], -z[i] / 2, z[i] * Rational(3, 2)])
def test_constants_factors_signs_and_numbers_are_perturbed(variant):
    assert variant in list(perturbations(z[i] / 2))


def test_an_index_becomes_another_one_of_the_expression():
    assert z[i] ** 2 in list(perturbations(z[i] * z[j]))


def test_a_lonely_index_becomes_a_new_one():
    others = set().union(*(variant.free_symbols for variant in perturbations(z[i])))
    assert {str(symbol) for symbol in others} >= {"_other"}


def test_one_sum_is_doubled():
    first, second = total(lambda a: z[a]), total(lambda a: z[a] ** 2)
    assert first * 2 * second + first in list(perturbations(first * second + first))


def test_the_limits_of_a_sum_stay():
    for variant in perturbations(total(lambda a: z[a] + 1)):
        assert all(limit[1] == 1 for part in variant.atoms(Sum) for limit in part.limits)


def test_deltas_are_perturbed_by_their_indices():
    assert KroneckerDelta(i, k) in [
        variant.xreplace({symbol: k for symbol in variant.free_symbols if str(symbol) == "_other"})
        for variant in perturbations(KroneckerDelta(i, j))
    ]


@pytest.mark.parametrize("fact", IDENTITIES)
def test_some_variant_of_every_identity_lies_in_the_fragment(fact):
    _, right = IDENTITIES[fact]
    inside = 0
    for variant in perturbations(sympify(right)):
        try:
            check_fragment(variant)
        except Refused:
            continue
        inside += 1
    assert inside
