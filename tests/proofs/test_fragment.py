import re

import pytest
from sympy import Dummy, IndexedBase, KroneckerDelta, Sum, Symbol, exp, oo

from softmax_lib.proofs import K, Refused, c, depth, gap, i, j, k, z
from softmax_lib.proofs.fragment import CANONICAL_INDEX, check_fragment, check_names, is_index

INDEX = {"integer": True, "positive": True}


@pytest.mark.parametrize(
    "symbol", [i, Symbol("a", integer=True, positive=True), Dummy(integer=True, positive=True)]
)
def test_a_symbol_declared_as_k_is_may_be_an_index(symbol):
    assert is_index(symbol)


@pytest.mark.parametrize(
    "symbol", [K, CANONICAL_INDEX, c, gap, i + 1, z[i], Symbol("a", integer=True)]
)
def test_nothing_else_may_be_an_index(symbol):
    assert not is_index(symbol)


@pytest.mark.parametrize("assumption", ["even", "prime", "negative", "nonzero", "zero", "rational"])
def test_a_symbol_may_not_be_declared_more_than_a_sign(assumption):
    with pytest.raises(Refused, match="declared"):
        check_fragment(Symbol("x", **{assumption: True}) + 1)


@pytest.mark.parametrize("limit", [(i, 2, K), (i, 1, K - 1), (Symbol("i", integer=True), 1, K)])
def test_a_sum_over_anything_but_1_to_k_is_refused(limit):
    with pytest.raises(Refused, match=r"^sum over \(i.*\) is not a sum over 1\.\.K, in Sum\("):
        check_fragment(Sum(c, limit))


@pytest.mark.parametrize("number", [c, gap, depth[i], K, exp(1) * c / 2])
def test_numbers_of_a_declared_sign_are_in_the_fragment(number):
    check_fragment(number)


@pytest.mark.parametrize(
    "other", [IndexedBase("z"), IndexedBase("z", positive=True), IndexedBase("z", shape=(K,))]
)
def test_a_name_stands_for_one_base(other):
    with pytest.raises(Refused, match="two things"):
        check_names(z[i] + other[j])


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        (KroneckerDelta(i, K), r"K.* does not compare two indices"),
        (gap**c, r"exponent of g\*\*c is not an integer"),
        (i + 1, "index i stands where a number is asked for"),
        (Symbol("a"), "a is not declared real, non-negative or positive"),
        (IndexedBase("a")[i], r"a\[i\] is not declared real, non-negative or positive"),
        (z[1], r"index of z\[1\] is not a symbol in 1\.\.K"),
        (oo, r"oo \(Infinity\) is outside the fragment"),
    ],
)
def test_a_refusal_says_what_is_wrong(expression, reason):
    with pytest.raises(Refused, match=reason):
        check_fragment(expression)


@pytest.mark.parametrize(
    "name",
    [
        "z_i",
        "a + b",
        "ab",
        "1",
        "",
        "x^2",
        "x_",
        "x_1_2",
        "x__1",
        "x prime",
        "pi",
        "Sigma",
        r"\beta",
        "x, y",
        "z\n",
    ],
)
@pytest.mark.parametrize("thing", [Symbol, lambda name, **sign: IndexedBase(Symbol(name), **sign)])
def test_a_name_is_a_letter_and_not_a_formula(thing, name):
    named = thing(name, real=True)
    with pytest.raises(Refused, match=f"^{re.escape(repr(name))} is no name: take a letter"):
        check_names(named if isinstance(named, Symbol) else named[i])


@pytest.mark.parametrize("name", ["x", "X", "beta", "mu_0", "x1", "x_10", "omega2"])
def test_letters_with_numbers_are_names(name):
    check_names(Symbol(name, real=True) + IndexedBase("z", real=True)[i])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Symbol("x1", real=True), Symbol("x_1", real=True)),
        (z[Symbol("i1", **INDEX)], Sum(z[Symbol("i_1", **INDEX)], (Symbol("i_1", **INDEX), 1, K))),
        (exp(c), Symbol("e", real=True) * exp(1)),
        (K, Symbol("K", real=True)),
        (c, IndexedBase("K", real=True)[i]),
    ],
)
def test_what_is_printed_alike_is_one_thing(first, second):
    with pytest.raises(Refused, match="stands for two things, declared differently or printed"):
        check_names(first, second)


@pytest.mark.parametrize("name", ["z_1", "z1"])
def test_a_symbol_is_not_printed_as_a_component(name):
    with pytest.raises(Refused, match=f"^{name} is printed as a component of z"):
        check_names(Symbol(name, real=True), z[i])


def test_a_thing_is_printed_as_its_name():
    class Zero(Symbol):  # type: ignore[misc]
        def _latex(self, printer):
            return "0"

    with pytest.raises(Refused, match=r"^'x' is no name"):
        check_names(Zero("x", real=True) + 1)


def test_a_name_stands_for_a_base_or_a_number():
    with pytest.raises(Refused, match="two things"):
        check_names(z[i], Symbol("z", real=True))


@pytest.mark.parametrize(
    "expressions",
    [
        (z[i] * Sum(1 + z[i], (i, 1, K)),),
        (Sum(z[i], (i, 1, K)), z[i]),
        (z[i], Sum(Sum(z[i], (i, 1, K)), (j, 1, K))),
        (Sum(z[i] * Sum(z[i] * z[j], (j, 1, K)), (i, 1, K)) + KroneckerDelta(i, k), c),
    ],
)
def test_an_index_is_not_bound_in_one_place_and_free_in_another(expressions):
    with pytest.raises(Refused, match=r"^i is bound in Sum\(.* and free elsewhere: name another"):
        check_names(*expressions)


def test_sums_may_share_a_bound_index():
    check_names(Sum(z[i] * Sum(exp(z[i]), (i, 1, K)), (i, 1, K)), Sum(c, (i, 1, K)) + z[j])
