r"""What a term looks like and what it says, and that the one reads back as the other."""

import itertools
import random

import pytest
from sympy import Symbol, exp

from softmax_lib.derivations import Term, latex, meaning, read, terms
from softmax_lib.derivations.terms import bound_in, needs, summed
from softmax_lib.derivations.vocabulary import (
    H,
    K,
    T,
    Z,
    a,
    b,
    c,
    delta,
    derivative,
    e,
    half,
    i,
    j,
    ln,
    lse,
    n,
    norm2,
    over,
    over_others,
    p,
    partial,
    sigma,
    v,
    z,
)
from softmax_lib.proofs import K as SIZE
from softmax_lib.proofs import Refused
from softmax_lib.proofs.evaluation import differ, evaluate, points
from softmax_lib.proofs.fragment import check_fragment

PRINTED = {
    "order of the hand": (sigma[i] * (1 - sigma[i]), r"\sigma_{i} (1 - \sigma_{i})"),
    "nothing collapses": (Z / Z - 1, r"\frac{Z}{Z} - 1"),
    "minus a product": (-sigma[i] * sigma[j], r"-\sigma_{i} \sigma_{j}"),
    "minus a quotient": (-sigma[i] / T, r"-\frac{\sigma_{i}}{T}"),
    "minus a sum": (-(c + T), r"-(c + T)"),
    "plus a negative": (c + (-T), r"c + (-T)"),
    "a product with a negative": (c * (-T), r"c (-T)"),
    "a negative number": (c * -2, r"c (-2)"),
    "minus a difference": (c - (T - K), r"c - (T - K)"),
    "plus a difference": (c + (T - K), r"c + T - K"),
    "two numbers": (2 * (3 * c), r"2 \cdot 3 c"),
    "no mixed fraction": (2 * half, r"2 \cdot \tfrac12"),
    "a sum in the middle": (
        over(i, z[i]) * T,
        r"\left(\sum_{i} z_{i}\right) T",
    ),
    "a sum at the end": (T * over(i, z[i]), r"T \sum_{i} z_{i}"),
    "a sum of a sum": (over(i, z[i] + c), r"\sum_{i} (z_{i} + c)"),
    "a sum before a plus": (over(i, z[i]) + c, r"\sum_{i} z_{i} + c"),
    "a sum over others": (over_others(i, j, z[i]), r"\sum_{i \ne j} z_{i}"),
    "a logarithm in the middle": (ln(T) * c, r"(\log T) c"),
    "a logarithm of a fraction": (ln(z[i] / T), r"\log \frac{z_{i}}{T}"),
    "a logarithm of a product": (ln(c * T), r"\log (c T)"),
    "a flat exponent": (e((z[i] - z[j]) / T), r"e^{(z_{i} - z_{j})/T}"),
    "a flat product": (e(c / T * 2), r"e^{(c/T) \cdot 2}"),
    "a flat negative": (e(-c / T), r"e^{-c/T}"),
    "a flat sum over T": (e(over(i, z[i]) / T), r"e^{\left(\sum_{i} z_{i}\right)/T}"),
    "a square": (sigma[i] ** 2, r"\sigma_{i}^{2}"),
    "a square of a fraction": ((c / T) ** 2, r"\left(\frac{c}{T}\right)^{2}"),
    "a square of a power": (norm2**2, r"(\|v\|^2)^{2}"),
    "a square of an exponential": (e(c) ** 2, r"(e^{c})^{2}"),
    "any power": (sigma[i] ** (1 / T), r"\sigma_{i}^{1/T}"),
    "a derivative": (partial(lse, z[i]), r"\frac{\partial \operatorname{lse}(z)}{\partial z_{i}}"),
    "a second derivative": (
        partial(partial(sigma[i], z[j]), z[n]),
        r"\frac{\partial^{2} \sigma_{i}}{\partial z_{j} \, \partial z_{n}}",
    ),
    "a derivative of a product": (
        partial(ln(sigma[i]), z[j]),
        r"\frac{\partial}{\partial z_{j}} (\log \sigma_{i})",
    ),
    "a derivative by T": (derivative(H, T), r"\frac{d H}{d T}"),
    "a factor before a derivative": (c * derivative(H, T), r"c \cdot \frac{d H}{d T}"),
}


@pytest.mark.parametrize(("term", "printed"), PRINTED.values(), ids=PRINTED.keys())
def test_a_term_prints_as_it_was_written(term, printed):
    assert latex(term) == printed


@pytest.mark.parametrize(("term", "_"), PRINTED.values(), ids=PRINTED.keys())
def test_a_printed_term_reads_as_it_is_meant(term, _):
    assert read(latex(term)) == meaning(term)


REFUSED = {
    "SymPy": lambda: c + Symbol("x", real=True),
    "SymPy first": lambda: Symbol("x", real=True) * c,
    "a float": lambda: 0.5 * c,
    "a Boolean": lambda: c * True,
    "text": lambda: c + "1",
    "an index as a number": lambda: c + i,
    "a number as an index": lambda: sigma[1],
    "a term as an index": lambda: sigma[c],
    "too many indices": lambda: sigma[i, j],
    "an unknown name": lambda: Term("omega"),
    "an unknown letter": lambda: Term("index", ("k",)),
    "two letters": lambda: Term("index", ("ij",)),
    "a negative number": lambda: Term("number", (-1,)),
    "a number that is none": lambda: Term("number", (True,)),
    "an operation without arguments": lambda: Term("+"),
    "a sum over a term": lambda: over(c, sigma[i]),
    "a sum over an index inside a sum over it": lambda: over(i, over(i, z[i])),
    "a sum over an index that is not itself": lambda: over_others(i, i, z[i]),
    "a sum over others inside a sum": lambda: over(i, z[i] * over_others(i, j, z[i])),
}


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_term_is_refused(make):
    with pytest.raises(Refused):
        make()


@pytest.mark.parametrize(
    "term", [partial(sigma[i], sigma[j]), partial(c, z[i]), over(i, c + partial(T, z[i]))]
)
def test_a_derivative_that_is_none_has_no_meaning(term):
    with pytest.raises(Refused):
        meaning(term)


def test_sums_that_differ_in_letters_mean_the_same():
    assert meaning(over(i, over(j, z[i] * sigma[j]))) == meaning(over(a, over(b, z[a] * sigma[b])))


def test_no_sum_captures_a_letter():
    left, right = meaning(over(i, z[i] * z[j])), meaning(over(i, z[i] * z[i]))
    at = next(at for at in points(left, right) if at.K == 2)
    assert left != right
    assert differ(evaluate(left, at), evaluate(right, at))
    assert meaning(over(n, sigma[n])) == meaning(over(i, sigma[i]))


def test_a_sum_over_others_leaves_one_out():
    left, right = meaning(over_others(a, i, z[a])), meaning(over(a, z[a]) - z[i])
    assert all(not differ(evaluate(left, at), evaluate(right, at)) for at in points(left, right))


def test_what_is_divided_by_and_what_a_logarithm_is_taken_of_is_needed():
    term = over(i, c / T) * ln(Z) + sigma[i] ** (1 / K) / 2
    assert set(needs(term)) == {T, Z, K, sigma[i]}


def test_bound_indices_are_found():
    assert bound_in(over(i, z[i]) + over_others(j, a, z[j])) == {i, j}


def test_too_many_sums_within_each_other_are_refused():
    def nested(depth):
        return summed(lambda index: nested(depth - 1) * SIZE) if depth else 1

    assert nested(8)
    with pytest.raises(Refused, match="more than 8"):
        nested(9)


UNREADABLE = {
    "a name that is not in the vocabulary": r"\omega",
    "a fraction without a denominator": r"\frac{c}",
    "an open bracket": r"\left(c",
    "something after the end": r"c}",
    "a letter of no index": r"z_{k}",
    "a derivative by a number": r"\frac{\partial c}{\partial 2}",
    "nothing": "",
}


@pytest.mark.parametrize("tex", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_no_term_prints_as_is_not_read(tex):
    with pytest.raises(Refused):
        read(tex)


def random_term(generator, depth, free):
    def part(letters=free):
        return random_term(generator, depth - 1, letters)

    if depth == 0:
        index = generator.choice(free)
        return generator.choice(
            (sigma[index], p[index], v[index], z[index], T, K, half, delta[index, free[0]])
        )
    fresh = (a, b, n, Term("index", ("j",)))[depth - 1]
    makers = [
        lambda: part() + part(),
        lambda: part() - part(),
        lambda: part() * part(),
        lambda: part() * part(),
        lambda: part() / (1 + sigma[i] * T),
        lambda: -part(),
        lambda: generator.randint(-2, 3) * part(),
        lambda: part() ** 2,
        lambda: over(fresh, part([*free, fresh])),
        lambda: over_others(fresh, i, part([*free, fresh])),
        lambda: e(part()),
        lambda: ln(1 + e(part())),
        lambda: (1 + sigma[i]) ** part(),
        lambda: partial(e(3 * z[free[-1]]) + part(), z[i]),
    ]
    return generator.choice(makers)()


def is_in_the_fragment(term):
    try:
        check_fragment(meaning(term))
    except Refused:
        return False
    return True


def means_the_same(read_back, meant):
    if read_back == meant:
        return True
    tried = [at for at in points(read_back, meant) if at.K == 2][:4]
    return all(not differ(evaluate(read_back, at), evaluate(meant, at)) for at in tried)


def is_misread(term):
    try:
        return not means_the_same(read(latex(term)), meaning(term))
    except Refused:
        return True


@pytest.mark.parametrize("term", [c * (T + K), over(i, z[i]) * z[i], ln(T) * c, e(T / (c * T))])
def test_brackets_that_are_left_out_are_found_by_reading_back(term, monkeypatch):
    assert not is_misread(term)
    monkeypatch.setattr(terms._Printed, "held", lambda self, *_, **__: self.tex)
    assert is_misread(term)


def test_2000_random_terms_read_as_they_are_meant():
    generator = random.Random(0)
    drawn = (random_term(generator, generator.choice((2, 3, 4)), [i]) for _ in itertools.count())
    some = list(itertools.islice(filter(is_in_the_fragment, drawn), 2000))
    assert len(set(some)) > 1500
    wrong = [latex(t) for t in some if not means_the_same(read(latex(t)), meaning(t))]
    assert wrong == []


def test_the_meaning_of_exponentials_is_in_definitions():
    assert meaning(e(c)) == exp(meaning(c))
    assert meaning(K) == SIZE
