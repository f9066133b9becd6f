r"""Normal form of finite sums over 1..K, with K and all indices symbolic.

Trusted base, beside SymPy's own arithmetic (``expand``, ``together``, ``cancel``, ``expand_log``)
and $\exp(a + b) = \exp(a)\exp(b)$, whence $\exp(nx) = \exp(x)^n$:

1. linearity: a sum is taken term by term, and what does not depend on its index stands before it;
2. $\sum_{i=1}^K 1 = K$;
3. a bound index may be renamed;
4. Fubini: sums over $1..K$ commute (used only where rule 1 has separated them);
5. sifting: $\sum_i f(i)\,\delta_{ia} = f(a)$ for $a$ in $1..K$, where $\delta_{ia}$ is 1 for
   $i = a$ and 0 otherwise; and where a delta stands outside every sum, an equation holds if it
   holds both for equal and for different indices.

What these do not cover is refused, never guessed. Cancelling a fraction is sound because the prover
has seen before that every denominator is positive.
"""

from collections.abc import Iterator
from functools import cache
from itertools import combinations, count

from sympy import (
    Add,
    Dummy,
    Expr,
    Indexed,
    KroneckerDelta,
    Mul,
    Pow,
    S,
    Sum,
    Symbol,
    cancel,
    default_sort_key,
    exp,
    expand,
    expand_log,
    log,
    together,
)
from sympy.utilities.iterables import multiset_partitions

from .errors import Refused
from .fragment import CANONICAL_INDEX, check_fragment
from .symbols import K


def is_zero(expression: Expr) -> bool:
    """Tell whether the five rules and SymPy's arithmetic reduce the expression to the literal 0.

    Raises
    ------
    Refused
        When a term lies outside the fragment.
    """
    check_fragment(expression)
    normal = normal_form(rename_bound_indices(expression))
    # A case may let a sum or a power simplify further: take its normal form again.
    return all(
        cancel(together(_with_plain_generators(normal_form(case)))) is S.Zero
        for case in coincidences(normal)
    )


def rename_bound_indices(expression: Expr, beside: Expr = S.Zero) -> Expr:
    """Give every bound index a name of its own (rule 3), so that no substitution captures one.

    No name is that of a free index, of the expression or of one `beside` it, which may be put into
    it. Sums that are one expression remain one: `sign` has a single symbol for them.
    """
    numbers, taken = count(), expression.free_symbols | beside.free_symbols
    renamed: dict[object, Expr] = {}

    def fresh(index: Symbol) -> Dummy:
        names = (_dummy(index.name, number) for number in numbers)
        return next(name for name in names if name not in taken)

    def rename(part: Expr, renaming: dict[Expr, Expr]) -> Expr:
        if isinstance(part, Sum):
            bound = [limit[0] for limit in part.limits]
            if len(set(bound)) < len(bound):
                raise Refused(f"an index is bound twice in {part}")
            free = part.free_symbols & renaming.keys()
            same = (part, frozenset((index, renaming[index]) for index in free))
            if same not in renamed:
                names = {index: fresh(index) for index in bound}
                body = rename(part.function, {**renaming, **names})
                renamed[same] = Sum(body, *((index, 1, K) for index in names.values()))
            return renamed[same]
        if isinstance(part, Indexed):
            return part.base[renaming.get(part.indices[0], part.indices[0])]
        if isinstance(part, Symbol):
            return renaming.get(part, part)
        if not part.args:
            return part
        return part.func(*(rename(argument, renaming) for argument in part.args))

    return rename(expression, {})


@cache
def _dummy(name: str, number: int) -> Dummy:
    """Return the same index each time: SymPy keeps what it has found out about it."""
    return Dummy(name, dummy_index=number, integer=True, positive=True)


def normal_form(expression: Expr) -> Expr:
    """Return the normal form of an expression whose bound indices are all distinct."""
    if isinstance(expression, Sum):
        body = normal_form(expression.function)
        for index, _, _ in expression.limits:
            body = sum_over(body, index)
        return body
    if isinstance(expression, exp):
        terms = Add.make_args(expand(normal_form(expression.args[0])))
        return Mul(*(exp(term) for term in terms))
    if isinstance(expression, log):
        return expand_log(log(together(normal_form(expression.args[0]))))
    if isinstance(expression, Pow):
        return normal_form(expression.base) ** expression.exp
    if isinstance(expression, Add | Mul):
        return expression.func(*(normal_form(part) for part in expression.args))
    return expression


def sum_over(body: Expr, index: Symbol) -> Expr:
    """Return the normal form of the sum of a normal body over one index."""
    return Add(*(sum_of_product(term, index) for term in Add.make_args(expand(body))))


def sum_of_product(term: Expr, index: Symbol) -> Expr:
    """Sum one product: rule 1 takes the constants out, then rule 5, 2 or 3 settles the rest."""
    factors = Mul.make_args(term)
    constant = Mul(*(factor for factor in factors if index not in factor.free_symbols))
    varying = [factor for factor in factors if index in factor.free_symbols]
    for factor in varying:
        if isinstance(factor, KroneckerDelta):
            first, second = factor.args
            # The delta itself becomes delta(a, a), which is 1.
            return term.xreplace({index: second if first == index else first})
    if not varying:
        return constant * K
    for factor in varying:
        if factor.has(Sum):
            raise Refused(f"{_as_written(factor)} does not separate from index {index.name}")
        if factor.has(KroneckerDelta):
            raise Refused(f"the delta in {_as_written(factor)} is not a plain factor")
    return constant * Sum(Mul(*varying).xreplace({index: CANONICAL_INDEX}), (CANONICAL_INDEX, 1, K))


def _as_written(term: Expr) -> Expr:
    return term.xreplace({dummy: Symbol(dummy.name) for dummy in term.atoms(Dummy)})


def coincidences(expression: Expr) -> Iterator[Expr]:
    """Yield the expression once for every way in which the indices of its free deltas coincide."""
    outside_sums = expression.xreplace({part: Dummy() for part in expression.atoms(Sum)})
    compared = {index for delta in outside_sums.atoms(KroneckerDelta) for index in delta.args}
    for blocks in multiset_partitions(sorted(compared, key=default_sort_key)):
        case = expression.xreplace({index: block[0] for block in blocks for index in block})
        distinct = combinations([block[0] for block in blocks], 2)
        yield case.xreplace({KroneckerDelta(*pair): S.Zero for pair in distinct})


def _with_plain_generators(expression: Expr) -> Expr:
    """Replace exp, log, sums and components by symbols, exp(-x) by the inverse of exp(x)'s."""
    symbol_of: dict[Expr, Expr] = {}

    def symbol_for(atom: Expr) -> Expr:
        return symbol_of.setdefault(atom, Dummy())

    def replace(part: Expr) -> Expr:
        if isinstance(part, exp):
            coefficient, rest = part.args[0].as_coeff_Mul()
            return symbol_for(exp(rest / coefficient.q)) ** coefficient.p
        if isinstance(part, Sum | Indexed | log) or part is S.Exp1:
            return symbol_for(part)
        if isinstance(part, Add | Mul | Pow):
            return part.func(*(replace(argument) for argument in part.args))
        return part

    return replace(expression)
