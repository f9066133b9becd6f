import pytest
from sympy import Dummy, IndexedBase, KroneckerDelta, Sum, exp, log

from softmax_lib.proofs import K, Refused, c, i, j, k, z
from softmax_lib.proofs.fragment import CANONICAL_INDEX
from softmax_lib.proofs.normaliser import (
    coincidences,
    is_zero,
    normal_form,
    rename_bound_indices,
)

delta = KroneckerDelta
index = CANONICAL_INDEX
v = IndexedBase("v", real=True)


def normalised(expression):
    return normal_form(rename_bound_indices(expression))


@pytest.mark.parametrize(
    ("expression", "normal"),
    [
        (Sum(c * z[i], (i, 1, K)), c * Sum(z[index], (index, 1, K))),
        (Sum(z[i] + c, (i, 1, K)), Sum(z[index], (index, 1, K)) + c * K),
        (Sum(1, (i, 1, K), (j, 1, K)), K**2),
        (
            Sum(z[i] * v[j], (i, 1, K), (j, 1, K)),
            normalised(Sum(z[k], (k, 1, K)) * Sum(v[k], (k, 1, K))),
        ),
        (Sum(delta(i, j) * z[i] * v[k], (i, 1, K)), z[j] * v[k]),
        (Sum(delta(i, j) ** 2 * z[i], (i, 1, K)), z[j]),
        (Sum(delta(i, j) * delta(i, k), (i, 1, K)), delta(j, k)),
        (Sum(delta(i, j), (i, 1, K), (j, 1, K)), K),
        (exp(z[i] + Sum(c, (j, 1, K))), exp(z[i]) * exp(K * c)),
        (log(Sum(exp(z[i] + c), (i, 1, K))), c + log(Sum(exp(z[index]), (index, 1, K)))),
    ],
)
def test_the_normal_form_is_what_the_rules_say(expression, normal):
    assert normalised(expression) == normal


def test_the_name_of_a_bound_index_does_not_matter():
    assert normalised(Sum(exp(z[i]), (i, 1, K))) == normalised(Sum(exp(z[j]), (j, 1, K)))


def test_a_bound_index_does_not_get_the_name_of_a_free_one():
    ((bound, _, _),) = rename_bound_indices(Sum(z[i], (i, 1, K))).limits
    ((other, _, _),) = rename_bound_indices(Sum(z[i] * v[bound], (i, 1, K))).limits
    assert other != bound
    ((other, _, _),) = rename_bound_indices(Sum(z[i], (i, 1, K)), beside=v[bound]).limits
    assert other != bound


def test_nested_sums_that_differ_at_two_logits_keep_different_normal_forms():
    # SymPy's as_dummy gives both the same name for both indices.
    square = Sum(z[i] * Sum(z[j], (j, 1, K)), (i, 1, K))
    diagonal = Sum(z[i] * Sum(z[i], (j, 1, K)), (i, 1, K))
    assert normalised(square) != normalised(diagonal)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        (
            Sum(1 / Sum(exp(z[i] * z[j]), (j, 1, K)), (i, 1, K)),
            r"1/Sum\(exp\(z\[i\]\*z\[index\]\), .*\) does not separate from index i$",
        ),
        (
            Sum(exp(delta(i, j) * c), (i, 1, K)),
            r"delta in exp\(c\*.* is not a plain factor",
        ),
        (Sum(z[i], (i, 1, K), (i, 1, K)), r"bound twice in Sum\(z\[i\], "),
    ],
)
def test_what_the_rules_do_not_cover_is_refused(expression, reason):
    with pytest.raises(Refused, match=reason):
        normalised(expression)


def test_two_indices_coincide_or_do_not():
    assert set(coincidences(delta(i, j) * z[j])) == {0, z[i]}


def test_three_indices_coincide_in_five_ways():
    assert len(list(coincidences(delta(i, j) + delta(j, k)))) == 5


def test_without_a_free_delta_there_is_one_case():
    inside = Sum(delta(i, j) * z[i], (i, 1, K))
    assert list(coincidences(inside)) == [inside]


def test_settling_a_delta_captures_no_bound_index():
    free, bound = z[i], Dummy("j", integer=True, positive=True)
    inner = Sum(free * z[bound], (bound, 1, K))
    assert set(coincidences(delta(i, j) * inner)) == {0, inner}


def test_e_is_a_generator_as_any_exponential_is():
    assert is_zero((exp(2) - 1) / (exp(1) - 1) - exp(1) - 1)


def test_a_shift_of_every_logit_is_no_zero():
    assert not is_zero(exp(z[i] + c) - exp(z[i]))
