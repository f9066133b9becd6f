"""Statements that are written out at each K, and proved one K after the other."""

import pytest
from sympy import Rational, Symbol, symbols

from softmax_lib.proofs import Falsified, Proof, Refused, prove_equal, prove_equal_up_to

a, b, c, d, e = symbols("a b c d m", real=True)
x, y = Symbol("x", positive=True), Symbol("y", nonnegative=True)


def squares(size):
    """The variance of the first `size` + 1 numbers, in two forms."""
    numbers = (a, b, c, d, e)[: size + 1]
    mean = sum(numbers) / (size + 1)
    yield sum((y - mean) ** 2 for y in numbers), sum(y**2 for y in numbers) - (size + 1) * mean**2


def test_the_proof_says_up_to_which_k():
    proof = prove_equal_up_to(4, squares)
    assert (proof.largest_K, proof.scope) == (4, "K ≤ 4")
    assert str(proof).startswith("proved for K ≤ 4 ")


def test_a_proof_for_every_k_says_so():
    assert prove_equal((a + b) ** 2, a**2 + 2 * a * b + b**2).scope == "every K"


def test_points_and_refused_variants_are_those_of_all_sizes():
    proofs = [prove_equal(*next(squares(size))) for size in (1, 2, 3, 4)]
    proof = prove_equal_up_to(4, squares)
    assert proof.points == sum(single.points for single in proofs)
    assert proof.refused == sum(single.refused for single in proofs)


def test_the_first_equation_is_shown():
    proof = prove_equal_up_to(3, squares)
    assert proof.formula.startswith(prove_equal(*next(squares(1))).formula)


def test_hypotheses_are_shown():
    def two_signs(size):
        yield (x + size) ** 2, x**2 + 2 * size * x + size**2
        yield (y + size) ** 2, y**2 + 2 * size * y + size**2

    assert prove_equal_up_to(2, two_signs).hypotheses == r"x > 0,\ y \ge 0"


@pytest.mark.parametrize("single", [1, 2, 4])
def test_what_is_false_at_a_single_k_is_falsified(single):
    def false_once(size):
        left, right = next(squares(size))
        yield left, right + (a if size == single else 0)

    with pytest.raises(Falsified):
        prove_equal_up_to(4, false_once)


def test_what_is_false_beyond_the_last_k_is_not_looked_at():
    def false_at_four(size):
        left, right = next(squares(size))
        yield left, right + (a if size == 4 else 0)

    assert isinstance(prove_equal_up_to(3, false_at_four), Proof)


def test_one_false_equation_among_several_is_falsified():
    def one_of_two(size):
        yield from squares(size)
        yield (a + size) ** 2, a**2 + 2 * size * a + size**2 + Rational(size == 2)

    with pytest.raises(Falsified):
        prove_equal_up_to(3, one_of_two)


@pytest.mark.parametrize("single", [1, 2, 3])
@pytest.mark.parametrize(
    "nothing",
    [[], [(a, a)], [((a + b) * 2, 2 * a + 2 * b)]],
    ids=["none", "identical", "settled by SymPy"],
)
def test_nothing_to_prove_at_a_single_k_is_refused(single, nothing):
    with pytest.raises(Refused, match=f"^no equation at K = {single} needs a proof of its own"):
        prove_equal_up_to(3, lambda size: nothing if size == single else squares(size))


def test_what_smaller_k_claim_already_is_no_claim():
    with pytest.raises(Refused, match=r"^no equation at K = 3 needs a proof of its own"):
        prove_equal_up_to(40, lambda size: squares(min(size, 2)))


def test_a_claim_of_no_k_is_refused():
    with pytest.raises(Refused, match=r"^nothing is claimed up to K = 0"):
        prove_equal_up_to(0, squares)


def test_an_equation_without_a_value_is_refused_even_if_its_sides_are_one():
    def divides_by_zero(size):
        yield 1 / (a - b), 1 / (a - b)
        yield from squares(size)

    with pytest.raises(Refused, match="is not proven positive"):
        prove_equal_up_to(3, divides_by_zero)
