import pytest
from sympy import Sum, exp

from softmax_lib.proofs import K, Refused, c, differentiate, i, k, m, n, softmax, total, z


def test_a_total_is_a_sum_from_1_to_k():
    assert total(lambda a: z[a] ** 2) == Sum(z[k] ** 2, (k, 1, K))


@pytest.mark.parametrize(
    "term",
    [
        lambda a: z[a] * z[k],
        lambda a: total(lambda b: z[a] * z[b]),
        lambda a: z[a] * Sum(z[a] * z[k], (k, 1, K)),
    ],
)
def test_a_total_captures_no_index(term):
    with pytest.raises(Refused, match="name another index"):
        total(term)


def test_the_refusal_shows_the_term_that_would_be_captured():
    with pytest.raises(Refused, match=r"^z\[_k\]\*z\[k\] uses k itself"):
        total(lambda a: z[a] * z[k])


def test_the_index_of_a_total_is_one_to_differentiate_by():
    assert total(lambda a: differentiate(c * z[a], z[a])) == Sum(c, (k, 1, K))


def test_a_total_in_a_total_names_its_index():
    double = total(lambda a: total(lambda b: z[a] * z[b]), m)
    assert double == Sum(z[k] * z[m], (k, 1, K), (m, 1, K))


def test_a_closed_sum_inside_may_have_the_same_index():
    assert total(softmax, n) == Sum(exp(z[n]) / Sum(exp(z[n]), (n, 1, K)), (n, 1, K))


def test_softmax_captures_no_index():
    with pytest.raises(Refused, match="name another index"):
        softmax(i, lambda a: z[a] - z[n])
