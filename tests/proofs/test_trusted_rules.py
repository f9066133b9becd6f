"""The prover on trial: each rule that it trusts is broken in turn, and the damage must show.

A mutation replaces one piece of source. It is caught when a true statement is no longer proved, a
false one is, or a random expression changes its value on the way to its normal form.
"""

import importlib
import inspect
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from types import ModuleType, SimpleNamespace

import pytest
from identities import IDENTITIES
from sympy import Dummy, Expr, KroneckerDelta, Rational, Sum, exp, log

from softmax_lib.proofs import K, Refused, c, depth, gap, i, j, k, m, n, softmax, total, z
from softmax_lib.proofs.evaluation import differ, evaluate, points

delta = KroneckerDelta
LAYERS = ("fragment", "normaliser", "sign")


@dataclass(frozen=True)
class Mutation:
    fact: str
    module: str
    source: str
    mutant: str

    def __str__(self) -> str:
        return self.fact


MUTATIONS = [
    # Rule 1, linearity.
    Mutation(
        "only the first term is summed",
        "normaliser",
        "Add.make_args(expand(body))",
        "Add.make_args(expand(body))[:1]",
    ),
    Mutation(
        "a product of sums is not expanded",
        "normaliser",
        "Add.make_args(expand(body))",
        "Add.make_args(body)",
    ),
    Mutation("the constant is lost", "normaliser", "return constant * Sum(", "return Sum("),
    Mutation(
        "the constant stays in the sum",
        "normaliser",
        "factors = Mul.make_args(term)",
        "factors = [term]",
    ),
    Mutation(
        "an exponential is pulled out though it varies",
        "normaliser",
        "if index not in factor.free_symbols)",
        "if index not in factor.free_symbols or isinstance(factor, exp))",
    ),
    # Rule 2, the sum of 1.
    Mutation("the sum of 1 is K - 1", "normaliser", "constant * K\n", "constant * (K - 1)\n"),
    Mutation("the sum of 1 is 1", "normaliser", "return constant * K\n", "return constant\n"),
    # Rule 3, renaming.
    Mutation(
        "bound indices keep their names",
        "normaliser",
        "{index: fresh(index) for index in bound}",
        "{index: index for index in bound}",
    ),
    Mutation(
        "two bound indices get one name",
        "normaliser",
        "next(name for name in names if name not in taken)",
        "_dummy('i', 0)",
    ),
    Mutation(
        "an outer index captures an inner one",
        "normaliser",
        "{**renaming, **names}",
        "{**names, **renaming}",
    ),
    Mutation(
        "the index of a sum is not made canonical",
        "normaliser",
        "Sum(Mul(*varying).xreplace({index: CANONICAL_INDEX}), (CANONICAL_INDEX, 1, K))",
        "Sum(Mul(*varying), (index, 1, K))",
    ),
    Mutation(
        "the limits begin at 2",
        "normaliser",
        "(CANONICAL_INDEX, 1, K))",
        "(CANONICAL_INDEX, 2, K))",
    ),
    # Rule 4, Fubini.
    Mutation(
        "only the innermost index is summed",
        "normaliser",
        "in expression.limits:\n            body",
        "in expression.limits[:1]:\n            body",
    ),
    Mutation(
        "sums that do not separate are nested", "normaliser", "if factor.has(Sum):", "if False:"
    ),
    # Rule 5, sifting and the cases of a delta.
    Mutation(
        "the sift goes the wrong way round",
        "normaliser",
        "{index: second if first == index else first}",
        "{second if first == index else first: index}",
    ),
    Mutation(
        "the delta is dropped",
        "normaliser",
        "return term.xreplace({index: second if first == index else first})",
        "return sum_of_product(term / factor, index)",
    ),
    Mutation(
        "the sift counts K times",
        "normaliser",
        "return term.xreplace({index: second",
        "return K * term.xreplace({index: second",
    ),
    Mutation(
        "the case of equal indices is dropped",
        "normaliser",
        "{index: block[0] for block in blocks for index in block}",
        "{}",
    ),
    Mutation(
        "the case of unequal indices is dropped",
        "normaliser",
        "multiset_partitions(sorted(compared, key=default_sort_key))",
        "[[sorted(compared, key=default_sort_key)]] if compared else [[]]",
    ),
    Mutation("one case is enough", "normaliser", "return all(\n", "return any(\n"),
    Mutation(
        "a delta of unequal indices is 1",
        "normaliser",
        "KroneckerDelta(*pair): S.Zero",
        "KroneckerDelta(*pair): S.One",
    ),
    # The arithmetic around the rules.
    Mutation(
        "exp(a + b) is exp(a) + exp(b)",
        "normaliser",
        "return Mul(*(exp(term) for term in terms))",
        "return Add(*(exp(term) for term in terms))",
    ),
    Mutation(
        "exp(2 x) is exp(x)",
        "normaliser",
        "symbol_for(exp(rest / coefficient.q)) ** coefficient.p",
        "symbol_for(exp(rest / coefficient.q))",
    ),
    Mutation("whatever is settled is zero", "normaliser", "is S.Zero\n", "is not None\n"),
    # The fragment.
    Mutation("a sum may begin anywhere", "fragment", "or limit[1] != 1 ", ""),
    Mutation("a sum may end anywhere", "fragment", "or limit[2] != K ", ""),
    Mutation("the canonical index is free to use", "fragment", "(K, CANONICAL_INDEX)", "(K,)"),
    # Rule 6, the sign of a sum.
    Mutation(
        "a sum of non-negative terms is positive", "sign", "    if positive:", "    if nonnegative:"
    ),
    Mutation(
        "a sum of unknown sign is non-negative",
        "sign",
        "else Dummy(real=True)",
        "else Dummy(nonnegative=True)",
    ),
    # Rule 7, exp and log.
    Mutation(
        "exp(g) is 1 + v for a real g", "sign", " if nonnegative else Dummy(positive=True)", ""
    ),
    Mutation(
        "exp(g) is 1 + v, v > 0, for a real g",
        "sign",
        "1 + _symbol_of_sign(sign) if nonnegative else Dummy(positive=True)",
        "1 + Dummy(positive=True)",
    ),
    Mutation(
        "exp(g) is 1 + v, v > 0, for g >= 0",
        "sign",
        "1 + _symbol_of_sign(sign)",
        "1 + Dummy(positive=True)",
    ),
    Mutation("exp(0) is 2", "sign", "1 + _symbol_of_sign(sign)", "2 + _symbol_of_sign(sign)"),
    Mutation("exp(-g) is exp(g)", "sign", "** coefficient.p", "** abs(coefficient.p)"),
    Mutation(
        "exp is only real",
        "sign",
        "else Dummy(positive=True)\n    return symbol_of[base]",
        "else Dummy(real=True)\n    return symbol_of[base]",
    ),
    Mutation("log(x) has the sign of x", "sign", "_sign(argument - 1)", "_sign(argument)"),
    # Rule 8, the tangent of the logarithm.
    Mutation(
        "log(x) is at most x - 2", "sign", "return signed - 1 - Dummy", "return signed - 2 - Dummy"
    ),
    Mutation("log(x) is at most x", "sign", "return signed - 1 - Dummy", "return signed - Dummy"),
    Mutation(
        "log(x) is at least x - 1", "sign", "return signed - 1 - Dummy", "return signed - 1 + Dummy"
    ),
    Mutation(
        "log(x) is below x - 1",
        "sign",
        "signed - 1 - Dummy(nonnegative=True)",
        "signed - 1 - Dummy(positive=True)",
    ),
    Mutation("log(x) is x - 1", "sign", "signed - 1 - Dummy(nonnegative=True)", "signed - 1"),
    Mutation(
        "log(x) forgets its argument",
        "sign",
        "return signed - 1 -",
        "return Dummy(positive=True) - 1 -",
    ),
    Mutation(
        "log(x) is only read by rule 7",
        "sign",
        "(_log_of_signed, _log_below_tangent)",
        "(_log_of_signed,)",
    ),
    Mutation(
        "log(x) is only read by rule 8",
        "sign",
        "(_log_of_signed, _log_below_tangent)",
        "(_log_below_tangent,)",
    ),
    Mutation("equal sums have a symbol each", "normaliser", "if same not in renamed:", "if True:"),
    # The arithmetic of signs.
    Mutation(
        "the denominator's sign is ignored", "sign", "is_positive is not True:", "is_zero is True:"
    ),
    Mutation("not negative is positive", "sign", "form.is_positive", "form.is_nonnegative"),
    Mutation("one case makes it positive", "sign", "all(positive", "any(positive"),
    Mutation("one case makes it non-negative", "sign", "all(nonnegative", "any(nonnegative"),
]


def prover_with(mutation: Mutation | None = None) -> SimpleNamespace:
    """Return the names of the prover's layers, built anew with one piece of source replaced."""
    names: dict[str, object] = {}
    for layer in LAYERS:
        original = importlib.import_module(f"softmax_lib.proofs.{layer}")
        source = inspect.getsource(original)
        if mutation is not None and mutation.module == layer:
            assert source.count(mutation.source) == 1, "the table lags behind the source"
            source = source.replace(mutation.source, mutation.mutant)
        module = ModuleType(original.__name__)
        module.__package__ = "softmax_lib.proofs"
        exec(compile(source, f"<{mutation}>", "exec"), vars(module))
        # A layer uses the new version of those below it.
        vars(module).update({name: names[name] for name in vars(module).keys() & names.keys()})
        names.update(
            {name: value for name, value in vars(module).items() if not name.startswith("__")}
        )
    return SimpleNamespace(**names)


UNBROKEN = prover_with()
free = Dummy("free", integer=True, positive=True)
"""Stands for the canonical index of the prover on trial, which is made anew with it."""

FALSE_EQUALITIES = {
    "a product of sums is no sum of products": (
        total(lambda a: z[a]) ** 2,
        total(lambda a: z[a] ** 2),
    ),
    "a delta is not 1": (delta(i, j), 1),
    "a delta is not 0": (delta(i, j) * z[i], 0),
    "a delta is not its complement": (delta(i, j), 1 - delta(i, j)),
    "only its diagonal vanishes": ((1 - delta(i, j)) * z[i], 0),
    "exp(2 x) is not exp(x)": (exp(2 * z[i]), exp(z[i])),
    "true for K <= 3 only": ((K - 1) * (K - 2) * (K - 3) * z[i], 0),
    "true for equal indices only": (softmax(i), softmax(j)),
    "a sum from 2 has K - 1 terms": (Sum(1, (i, 2, K)), K),
    "a sum to j has j terms": (Sum(1, (i, 1, j)), K),
    "the free index is not the bound one": (
        Sum(exp(z[i] * z[free]), (i, 1, K)),
        Sum(exp(z[i] ** 2), (i, 1, K)),
    ),
    "an inner sum keeps the outer index": (
        Sum(1 / Sum(exp(z[i] ** 2 * z[j]), (j, 1, K)), (i, 1, K)),
        Sum(1 / Sum(exp(z[i] * z[j] ** 2), (j, 1, K)), (i, 1, K)),
    ),
}

# Of each: the expression, whether it is proved positive, and whether non-negative.
SIGNS = [
    (softmax(i), True, True),
    (K - 1, False, True),
    (exp(gap) - 1, True, True),
    (1 - exp(-gap), True, True),
    (exp(gap) - 2, False, False),
    (1 - exp(gap), False, False),
    (exp(c) - 1, False, False),
    (exp(depth[i]) - 1, False, True),
    (exp(-c), True, True),
    (exp(-depth[i]) - 1, False, False),
    (1 / (1 - exp(gap)), False, False),
    (1 / (exp(c) - 2), False, False),
    (total(lambda a: z[a]), False, False),
    (total(lambda a: depth[a]), False, True),
    (total(lambda a: 1 - exp(-depth[a])), False, True),
    (total(lambda a: exp(z[a]) * z[a] ** 2), False, True),
    (total(lambda a: (1 - delta(a, i)) * softmax(a)), False, True),
    (delta(i, j), False, True),
    (1 + delta(i, j), True, True),
    (1 - 2 * delta(i, j), False, False),
    (2 * delta(i, j) - 1, False, False),
    (1 + delta(i, j) * Sum(z[i] * z[j], (j, 1, K)), False, False),
    (log(1 + exp(c)), True, True),
    (log(exp(c) / 2 + Rational(1, 2)), False, False),
    (exp(c) - 1 - log(exp(c) + gap) + gap, False, True),
    (exp(c) - log(exp(c) + gap) + gap, True, True),
    (1 - log(exp(c) + gap), False, False),
    (exp(c) + gap - 2 - log(exp(c) + gap), False, False),
    (log(exp(c) + gap) + 1 - gap - exp(c), False, False),
    (exp(c) - 1 - log(exp(c) + gap), False, False),
    (total(lambda a: softmax(a) * (gap / softmax(a) - 1 - log(gap / softmax(a)))), False, True),
    (-exp(c), False, False),
    (
        Sum(softmax(i) * softmax(j) * (z[i] - z[j]) ** 2, (i, 1, K), (j, 1, K)),
        False,
        True,
    ),
]


def random_expression(generator: random.Random, size: int) -> Expr:
    def index() -> Expr:
        # Few names, so that free, bound and shadowed ones meet.
        return generator.choice((i, j, k))

    def leaf() -> Expr:
        return generator.choice(
            (z[index()], c, K, Rational(generator.randint(-3, 3), 2), delta(i, j), delta(j, k))
        )

    if size <= 0:
        return leaf()

    def part() -> Expr:
        return random_expression(generator, size - 1)

    kind = generator.choice(("sum", "sum", "sum", "add", "mul", "mul", "exp", "divide", "log"))
    if kind == "sum":
        return Sum(part(), (index(), 1, K))
    if kind == "add":
        return part() + part()
    if kind == "mul":
        return part() * part()
    if kind == "exp":
        return exp(leaf() - z[index()])
    if kind == "divide":
        return part() / total(lambda a: exp(z[a] - z[j]), m)
    return log(total(lambda a: exp(z[a] + c), n))


def random_expressions() -> list[Expr]:
    generator = random.Random(0)
    drawn = [random_expression(generator, 4) for _ in range(150)]
    return [expression for expression in drawn if expression.atoms(Sum) and not fails(expression)]


def fails(expression: Expr) -> bool:
    try:
        UNBROKEN.normal_form(UNBROKEN.rename_bound_indices(expression))
    except Refused:
        return True
    return False


def damage(prover: SimpleNamespace) -> Iterator[str]:
    """Yield a line for everything that goes wrong with a prover."""

    def vanishes(difference: Expr) -> bool:
        try:
            return bool(prover.is_zero(difference))
        except Refused:
            return False

    for fact, (left, right) in FALSE_EQUALITIES.items():
        if vanishes((left - right).xreplace({free: prover.CANONICAL_INDEX})):
            yield f"proved, but false: {fact}"
    for expression, positive, nonnegative in SIGNS:
        found = (prover.is_positive(expression), prover.is_nonnegative(expression))
        if found != (positive, nonnegative):
            yield f"sign of {expression}: {found}"
    for expression in RANDOM_EXPRESSIONS:
        yield from changed_value(prover, expression)
    for fact, (left, right) in IDENTITIES.items():
        if not vanishes(left - right):
            yield f"no longer proved: {fact}"


def changed_value(prover: SimpleNamespace, expression: Expr) -> Iterator[str]:
    try:
        normal = prover.normal_form(prover.rename_bound_indices(expression))
        for point in islice(points(expression), 0, None, 7):
            if differ(evaluate(expression, point), evaluate(normal, point)):
                yield f"{expression} has another value than {normal} at {point}"
    except (Refused, RecursionError) as error:
        yield f"no normal form of {expression}: {error}"


RANDOM_EXPRESSIONS = random_expressions()


def test_the_unbroken_prover_does_no_damage():
    assert list(damage(UNBROKEN)) == []


@pytest.mark.parametrize("mutation", MUTATIONS, ids=str)
def test_a_broken_rule_is_caught(mutation):
    assert next(damage(prover_with(mutation)), None) is not None
