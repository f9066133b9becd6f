"""Proofs that cannot pass vacuously. Every function here returns a `Proof` or raises.

Four things must go well: the statement says something, so that every denominator and logarithm in
it is settled too; it survives an attempt to falsify it at K = 1, 2, 3 by a route of its own; the
prover settles it; and the prover refuses every perturbed variant that is numerically false.

What is proved is the statement as SymPy shows it after its automatic evaluation (``x / x`` is 1
before any of this sees it): the formula of the `Proof`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import InitVar, dataclass
from typing import NoReturn, final

import mpmath
from sympy import Expr, IndexedBase, Symbol, SympifyError, latex, sympify

from .errors import Falsified, Refused, Unproved, Unsound
from .evaluation import LARGEST_K, TOLERANCE, Point, differ, evaluate, points, sign_at
from .fragment import check_fragment, check_names, is_index, named
from .normaliser import is_zero, rename_bound_indices
from .perturbation import perturbations
from .sign import conditions, is_nonnegative, is_positive
from .symbols import K, gap

_FROM_THE_PROVER = object()


@final
@dataclass(frozen=True)
class Proof:
    """A statement that was proved, for every K or up to one. Only this module makes them."""

    formula: str
    """The statement in LaTeX."""
    hypotheses: str
    """The signs that its symbols are declared with, in LaTeX; empty when all are just real."""
    points: int
    """At how many points with explicit K the statement was tried and held."""
    refused: int
    """How many false variants the prover refused."""
    is_definition: bool = False
    """Whether it says that a definition makes sense, rather than that a statement holds."""
    largest_K: int | None = None  # noqa: N815
    """Up to which K it was proved, one K after the other; None for every K at once."""
    key: InitVar[object] = None

    def __post_init__(self, key: object) -> None:
        """Refuse all others: `dataclasses.replace` comes here too, without the key."""
        if key is not _FROM_THE_PROVER:
            raise TypeError("a Proof comes from prove_equal, prove_positive and their kin only")

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: what is loaded might not be what was proved."""
        raise TypeError("a Proof is neither copied nor stored: prove the statement again")

    def __str__(self) -> str:
        """Say what was proved, and how hard it was tried."""
        word = "well defined" if self.is_definition else "proved"
        where = f" with K ≤ {LARGEST_K}" if self.largest_K is None else ""
        return (
            f"{word} for {self.scope} (held at {self.points} points{where}; "
            f"{self.refused} false variants refused)"
        )

    @property
    def scope(self) -> str:
        """For which K the statement was proved."""
        return "every K" if self.largest_K is None else f"K ≤ {self.largest_K}"

    @property
    def statement(self) -> str:
        """The formula with its hypotheses, in LaTeX: without them it might be false."""
        return rf"{self.formula}\qquad ({self.hypotheses})" if self.hypotheses else self.formula

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        verdict = str(self)
        # On a line of their own, the hypotheses stay in sight where the formula has to be scrolled.
        where = f"For ${self.hypotheses}$: {verdict}" if self.hypotheses else verdict
        return {
            "text/plain": f"{self.statement}: {verdict}",
            "text/markdown": f"$$\n{self.formula}\n$$\n\n{where[0].upper()}{where[1:]}.",
        }


def prove_equal(left: Expr, right: Expr) -> Proof:
    """Prove that two expressions are equal for every K, every index in 1..K and all real logits.

    Raises
    ------
    Refused
        The sides are one expression before any step, a term lies outside the fragment, a
        denominator or the argument of a logarithm is not proven positive, or no variant of the
        right side is false.
    Falsified
        They differ at a point with K <= 3.
    Unproved
        The normal form of their difference is not the literal 0.
    Unsound
        A false variant of the right side was accepted too.

    Examples
    --------
    >>> from softmax_lib.proofs import K, i, prove_equal, softmax, total
    >>> print(prove_equal(total(softmax), 1))
    proved for every K (held at 9 points with K ≤ 3; 4 false variants refused)
    >>> prove_equal(total(softmax), K)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    softmax_lib.proofs.errors.Falsified: 1.0 is not 2.0 at K = 2, ...
    """
    left, right = _checked(left, right)
    if left == right:
        raise Refused(f"both sides are {left} before any step: there is nothing to prove")
    tried = _falsify_equality(left, right)
    if not is_zero(left - right):
        raise Unproved(f"the normal form of ({left}) - ({right}) is not 0")
    refused = _count_refused(
        perturbations(right),
        false=lambda variant: _first_difference(right, variant) is not None,
        accepts=lambda variant: is_zero(left - variant),
    )
    formula = f"{latex(left)} = {latex(right)}"
    return Proof(formula, _hypotheses(left, right), tried, refused, key=_FROM_THE_PROVER)


def prove_equal_up_to(
    largest: int, equations: Callable[[int], Iterable[tuple[Expr, Expr]]]
) -> Proof:
    """Prove equations that are written out at each K in turn, for K = 1, 2, ..., largest.

    For statements that the fragment cannot say with K symbolic, such as those about determinants or
    about logits in order. The result says up to which K it holds, and so does any verdict on it: so
    each K must have an equation of its own, which SymPy does not settle by itself.

    Parameters
    ----------
    largest : int
        The last K.
    equations : callable
        K to the equations at that K, as pairs of expressions in plain symbols and without sums. The
        proof shows the first.

    Raises
    ------
    ProofError
        As `prove_equal` does, about each equation that SymPy does not settle by itself; `Refused`
        if some K has none of these, or none that a smaller K does not have.

    Examples
    --------
    >>> from sympy import Symbol
    >>> from softmax_lib.proofs import prove_equal_up_to
    >>> x = Symbol("x", real=True)
    >>> def geometric(size):
    ...     yield (x - 1) * sum(x**power for power in range(size + 1)), x ** (size + 1) - 1
    >>> print(prove_equal_up_to(3, geometric))
    proved for K ≤ 3 (held at 27 points; 15 false variants refused)
    """
    proofs: dict[tuple[Expr, Expr], Proof] = {}
    for size in range(1, largest + 1):
        open_ones = [sides for sides in equations(size) if not _is_settled(*sides)]
        if proofs.keys() >= set(open_ones):
            raise Refused(f"no equation at K = {size} needs a proof of its own: nothing is claimed")
        proofs |= {sides: prove_equal(*sides) for sides in open_ones}
    if not proofs:
        raise Refused(f"nothing is claimed up to K = {largest}: the smallest K is 1")
    every = list(proofs.values())
    return Proof(
        rf"{every[0].formula},\ \dots",
        r",\ ".join(dict.fromkeys(proof.hypotheses for proof in every if proof.hypotheses)),
        sum(proof.points for proof in every),
        sum(proof.refused for proof in every),
        largest_K=largest,
        key=_FROM_THE_PROVER,
    )


def _is_settled(left: Expr, right: Expr) -> bool:
    """Tell whether SymPy's own evaluation makes the sides one, as it may at a small K."""
    left, right = _checked(left, right)
    return bool(left == right)


def prove_positive(expression: Expr) -> Proof:
    """Prove that an expression is > 0 for every K, every index in 1..K and all declared values.

    Raises as `prove_equal` does; the false variants are those that are not positive at some point.

    Examples
    --------
    >>> from softmax_lib.proofs import i, prove_positive, softmax
    >>> print(prove_positive(softmax(i)))
    proved for every K (held at 18 points with K ≤ 3; 2 false variants refused)
    """
    return _prove_sign(
        expression, ">", is_positive, lambda candidate, at: sign_at(candidate, at) > 0
    )


def prove_positive_given(expression: Expr, given: Expr, form: Expr) -> Proof:
    """Prove that an expression is > 0 wherever another one, `given`, is > 0.

    Parameters
    ----------
    expression : Expr
        What is claimed to be positive.
    given : Expr
        What is assumed to be positive.
    form : Expr
        The expression, written with the symbol `gap` in the place of `given`. That it is the same
        expression is proved, and so is that it is positive for every positive `gap`.

    Raises
    ------
    ProofError
        As `prove_equal` does; the false variants are those of the expression and of `given`.

    Examples
    --------
    >>> from sympy import exp
    >>> from softmax_lib.proofs import gap, i, j, prove_positive_given, softmax, z
    >>> difference = softmax(i) - softmax(j)
    >>> print(prove_positive_given(difference, z[i] - z[j], softmax(j) * (exp(gap) - 1)))
    proved for every K (held at 9 points with K ≤ 3; 10 false variants refused)
    """
    expression, given, form = _checked(expression, given, form)
    if gap in expression.free_symbols | given.free_symbols or gap not in form.free_symbols:
        raise Refused(f"{gap} has to occur in the form {form}, and there alone")

    def within(condition: Expr, candidate: Expr) -> Iterator[Point]:
        return (at for at in points(candidate, condition) if sign_at(condition, at) > 0)

    def fails(condition: Expr, candidate: Expr) -> Point | None:
        where = within(condition, candidate)
        return next((at for at in where if sign_at(candidate, at) <= 0), None)

    def is_of_the_form(condition: Expr, candidate: Expr) -> bool:
        # Its bound indices renamed, the form cannot capture an index of the condition.
        renamed_form = rename_bound_indices(form, beside=condition)
        return is_zero(candidate - renamed_form.xreplace({gap: condition}))

    failure = fails(given, expression)
    if failure is not None:
        value = _shown(evaluate(expression, failure))
        raise Falsified(f"{expression} = {value} at {failure}, where {given} > 0")
    tried = sum(1 for _ in within(given, expression))
    if not tried:
        raise Refused(f"{given} is nowhere positive: nothing is claimed")
    if not is_positive(form):
        raise Unproved(f"the sign of {form} stays open")
    if not is_of_the_form(given, expression):
        raise Unproved(f"{expression} is not proven to be {form} at {gap} = {given}")
    refused = _count_refused(
        perturbations(expression),
        false=lambda variant: fails(given, variant) is not None,
        accepts=lambda variant: is_of_the_form(given, variant),
    ) + _count_refused(
        perturbations(given),
        false=lambda variant: fails(variant, expression) is not None,
        accepts=lambda variant: is_of_the_form(variant, expression),
    )
    if is_zero(expression - given):
        raise Refused(f"{expression} > 0 is what is given: there is nothing to prove")
    formula = f"{latex(expression)} > 0"
    hypotheses = [_hypotheses(expression, given), f"{latex(given)} > 0"]
    return Proof(
        formula, r",\ ".join(filter(None, hypotheses)), tried, refused, key=_FROM_THE_PROVER
    )


def prove_nonnegative(expression: Expr) -> Proof:
    """Prove that an expression is >= 0; otherwise as `prove_positive`."""
    # The sign of a value that is 0 would take all the digits there are, to no purpose.
    return _prove_sign(
        expression,
        r"\ge",
        is_nonnegative,
        lambda candidate, at: bool(evaluate(candidate, at) >= -TOLERANCE),
    )


def define(name: str, expression: Expr) -> Proof:
    r"""Certify that a definition makes sense for every K.

    Parameters
    ----------
    name : str
        The name of the left side, as a symbol is named, for instance ``"sigma"`` or ``"p"``. Its
        indices are those that are free on the right.
    expression : Expr
        The right side. Its denominators and the arguments of its logarithms must be positive, and
        one of them at least must be more than a number that is declared so.

    Raises
    ------
    ProofError
        As `prove_positive` does, about each of them; `Refused` if the name is none, or stands for
        something on the right.

    Examples
    --------
    >>> from softmax_lib.proofs import define, i, softmax
    >>> definition = define("p", softmax(i))
    >>> print(definition)
    well defined for every K (held at 9 points with K ≤ 3; 2 false variants refused)
    >>> print(definition.formula)
    {p}_{i} := \frac{e^{{z}_{i}}}{\sum_{n=1}^{K} e^{{z}_{n}}}
    """
    (expression,) = _in_the_fragment(expression)
    if not isinstance(name, str):
        raise Refused(f"{name!r} is no name: the left side of a definition is named by a string")
    indices = sorted(filter(is_index, expression.free_symbols), key=str)
    defined = IndexedBase(name)[indices] if indices else Symbol(name)
    check_names(defined, expression)
    proofs = [
        prove_positive(condition)
        for condition in dict.fromkeys(conditions(expression))
        if not (condition.is_Atom and is_positive(condition))
    ]
    if not proofs:
        raise Refused(f"{expression} needs nothing to be well defined: there is nothing to prove")
    return Proof(
        f"{latex(defined)} := {latex(expression)}",
        _hypotheses(expression),
        sum(proof.points for proof in proofs),
        sum(proof.refused for proof in proofs),
        is_definition=True,
        key=_FROM_THE_PROVER,
    )


def _prove_sign(
    expression: Expr,
    relation: str,
    accepts: Callable[[Expr], bool],
    holds: Callable[[Expr, Point], bool],
) -> Proof:
    (expression,) = _checked(expression)
    if expression.is_Atom or not expression.free_symbols:
        raise Refused(f"the sign of {expression} is declared, not proved")

    def first_failure(candidate: Expr) -> Point | None:
        return next((at for at in points(candidate) if not holds(candidate, at)), None)

    failure = first_failure(expression)
    if failure is not None:
        raise Falsified(f"{expression} = {_shown(evaluate(expression, failure))} at {failure}")
    if not accepts(expression):
        raise Unproved(f"the sign of {expression} stays open")
    values = [evaluate(expression, at) for at in points(expression)]
    beyond = int(max(values)) + 1
    refused = _count_refused(
        [expression - beyond, *perturbations(expression)],
        false=lambda variant: first_failure(variant) is not None,
        accepts=accepts,
    )
    formula = f"{latex(expression)} {relation} 0"
    return Proof(formula, _hypotheses(expression), len(values), refused, key=_FROM_THE_PROVER)


def _in_the_fragment(*expressions: object) -> list[Expr]:
    try:
        # Strict: a string would be run as code.
        sides = [sympify(expression, strict=True) for expression in expressions]
    except SympifyError as error:
        raise Refused(f"not an expression: {error}") from None
    for side in sides:
        check_fragment(side)
    check_names(*sides)
    return sides


def _checked(*expressions: object) -> list[Expr]:
    """Return the expressions, once they are known to have one meaning and a value everywhere."""
    sides = _in_the_fragment(*expressions)
    for side in sides:
        for condition in conditions(side):
            if not is_positive(condition):
                raise Refused(
                    f"{condition} is not proven positive: a denominator or a logarithm in {side}"
                )
    return sides


def _hypotheses(*expressions: Expr) -> str:
    names = {name for expression in expressions for name in named(expression)}
    numbers = [name for name in sorted(names, key=str) if name != K and not is_index(name)]
    relation_of = {
        name: ">" if name.assumptions0.get("positive") else r"\ge"
        for name in numbers
        if name.assumptions0.get("nonnegative")
    }
    return r",\ ".join(f"{latex(name)} {relation} 0" for name, relation in relation_of.items())


def _shown(value: mpmath.mpf) -> str:
    return str(mpmath.nstr(value, 10))


def _first_difference(left: Expr, right: Expr) -> Point | None:
    return next(
        (at for at in points(left, right) if differ(evaluate(left, at), evaluate(right, at))), None
    )


def _falsify_equality(left: Expr, right: Expr) -> int:
    """Return the number of points at which the sides agree; raise at the first where they don't."""
    failure = _first_difference(left, right)
    if failure is not None:
        values = [_shown(evaluate(side, failure)) for side in (left, right)]
        raise Falsified(f"{values[0]} is not {values[1]} at {failure}, in {left} = {right}")
    return sum(1 for _ in points(left, right))


def _count_refused(
    variants: Iterable[Expr],
    false: Callable[[Expr], bool],
    accepts: Callable[[Expr], bool],
) -> int:
    """Return how many false variants were settled and not accepted; at least one must be."""
    refused = 0
    for variant in variants:
        try:
            if not false(variant):
                continue
            accepted = accepts(variant)
        except Refused:
            # Neither true nor false here: a variant outside the fragment controls nothing.
            continue
        if accepted:
            raise Unsound(f"the prover also accepts the false variant {variant}")
        refused += 1
    if not refused:
        raise Refused("no variant of the statement is false: it is not put to the test")
    return refused
