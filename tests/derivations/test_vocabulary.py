"""Every name of the vocabulary means what softmax_lib computes, and prints as no other does."""

import itertools
import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from sympy import Indexed, IndexedBase, Number, S, Symbol

from softmax_lib import (
    entropy,
    log_softmax,
    logsumexp,
    softmax,
    softmax_jacobian,
    softmax_jvp,
    softmax_vjp,
)
from softmax_lib.derivations import Assumption, Entry, Term, latex, meaning, vocabulary
from softmax_lib.derivations.terms import ENTRIES, LETTERS, SIGNATURES, named
from softmax_lib.proofs import Refused, fragment
from softmax_lib.proofs.evaluation import Point, evaluate

K = 4
ROUNDS = range(3)
INDICES = {letter: Term("index", (letter,)) for letter in LETTERS}


class Values:
    """Random values of all variables, as floats for softmax_lib and as fractions for a meaning."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        ticks = {name: rng.integers(-32, 33, K) for name in "zvwy"}
        ticks |= {name: rng.integers(-32, 33, K) for name in ("kappa", "chi", "mu", "nu")}
        ticks |= {name: rng.integers(1, 64, K) for name in "rdfsh"}
        ticks |= {name: rng.integers(0, 6, K) ** 2 for name in ("phi", "psi", "xi", "theta")}
        for name, row in ticks.items():
            setattr(self, name, row / 16)
        signed = {name: rng.integers(-32, 33) for name in ("c", "x", "m", "z_1", "z_2", "beta")}
        signed |= {name: rng.integers(-32, 33) for name in ("m_1", "m_2", "m_3", "m_12", "m_23")}
        signed |= {f"s_{n}": rng.integers(-32, 33) for n in (1, 2, 3)}
        signed |= {f"c_{n}": rng.integers(-32, 33) for n in (1, 2)}
        positive = {name: rng.integers(8, 64) for name in ("T", "g", "M", "rho", "A")}
        positive |= {name: rng.integers(8, 64) for name in ("R", "lambda")}
        for name, number in (signed | positive).items():
            setattr(self, name, number / 16)
        for name in "tu":
            setattr(self, name, rng.integers(0, 17, K) / 16)
        self.share = math.exp(-getattr(self, "lambda"))
        self.eta = rng.integers(0, 64) / 16
        y, r = getattr(self, "y"), getattr(self, "r")  # noqa: B009
        self.target = y + (1 - y.sum()) / K
        self.q = r / r.sum()

    def point(self, expression, **chosen):
        names = set(fragment.named(expression))
        bases = {name for name in names if isinstance(name, IndexedBase)}
        numbers = {name for name in names - bases if not name.is_integer}
        return Point(
            K=K,
            indices={meaning(INDICES[letter]): index + 1 for letter, index in chosen.items()},
            symbols={name: Fraction(getattr(self, str(name))) for name in numbers},
            components={
                (base, index + 1): Fraction(getattr(self, str(base))[index])
                for base in bases
                for index in range(K)
            },
        )


def mean(weights, row):
    return np.sum(weights * row)


def variance(weights, row):
    return np.sum(weights * (row - mean(weights, row)) ** 2)


def raised(x, a, b):
    return softmax(x.z + x.g * np.eye(K)[b])[a]


def divergence(x):
    return np.sum(x.q * (np.log(x.q) - log_softmax(x.z, temperature=x.T)))


def free_energy(x):
    return np.sum(x.q * x.z) - x.T * np.sum(x.q * np.log(x.q))


def top_and_lower(x):
    """The output at a top of weight M, and those of the logits g + d below."""
    row = np.append(math.log(x.M) * x.T, -x.g - x.d)
    shared, *lower = softmax(row, temperature=x.T)
    return shared / x.M, lower


def with_rest(x):
    """The outputs among all classes, of those that are left out last and together."""
    return softmax(np.append(x.z, x.T * math.log(x.R)), temperature=x.T)


def distance_to_the_kept(x):
    return np.abs(np.append(softmax(x.z, temperature=x.T), 0) - with_rest(x)).sum() / 2


def mass_from_a_logit_up(x):
    weights = np.concatenate([[1], x.xi, x.theta])
    row = np.concatenate([[0], x.h, -x.d]) / x.T
    terms = weights * np.exp(row)
    return terms[: K + 1].sum() / terms.sum()


def outcomes(x):
    """All outcomes of X and Y, equally likely, with two values a component."""
    signs = np.array(list(itertools.product((-1, 1), repeat=2 * K)))
    means, variances = np.append(x.mu, x.nu), np.append(x.phi, x.psi)
    return np.hsplit(means + signs * np.sqrt(variances), 2)


def mean_of_two(vectors, a, b):
    return np.mean(vectors[:, a] * vectors[:, b])


def free_energy_at_softmax(x):
    p = softmax(x.z, temperature=x.T)
    return np.sum(p * x.z) - x.T * np.sum(p * np.log(p))


COMPUTED: dict[str, Callable] = {
    "q": lambda x, a: x.q[a],
    "y": lambda x, a: x.target[a],
    "A": lambda x: x.A / (1 + x.A),
    "delta": lambda x, a, b: float(a == b),
    "sigma": lambda x, a: softmax(x.z)[a],
    "p": lambda x, a: softmax(x.z, temperature=x.T)[a],
    "Z": lambda x: np.exp(x.z).sum(),
    "Z_T": lambda x: np.exp(x.z / x.T).sum(),
    "lse": lambda x: logsumexp(x.z),
    "lse_tempered": lambda x: logsumexp(x.z / x.T),
    "lse_shifted": lambda x: logsumexp(x.z + x.c),
    "shifted": lambda x, a: softmax(x.z + x.c)[a],
    "of_logarithms": lambda x, a: softmax(np.log(x.r) + x.c)[a],
    "of_equals": lambda x, a: softmax(np.full(K, x.c))[a],
    "taught": lambda x, a: softmax(x.w)[a],
    "of_q": lambda x, a: softmax(x.q)[a],
    "of_log_outputs": lambda x, a: softmax(log_softmax(x.z))[a],
    "scaled": lambda x, a: softmax(x.beta * x.z)[a],
    "scaled_shifted": lambda x, a: softmax(x.beta * (x.z + x.c))[a],
    "rounded": lambda x, a: softmax(x.z + np.log(x.f))[a],
    "wrong": lambda x, a: softmax(x.z + x.v)[a],
    "tanh": lambda x: math.tanh(x.eta / 2),
    "P": lambda x: np.sum(x.t * softmax(x.z)),
    "Q": lambda x: np.sum(x.u * softmax(x.z)),
    "P_hat": lambda x: np.sum(x.t * softmax(x.z + x.v)),
    "Q_hat": lambda x: np.sum(x.u * softmax(x.z + x.v)),
    "first_of_two": lambda x: softmax(np.array([x.z_1, x.z_2]))[0],
    "top": lambda x: (
        softmax(np.append(0, -x.d), temperature=x.T)[0]
        * (1 + np.exp(-x.d / x.T).sum())
        / np.exp(-x.d / x.T).sum()
    ),
    "among_all": lambda x, a: with_rest(x)[a],
    "among_kept": lambda x, a: softmax(x.z, temperature=x.T)[a],
    "kept_mass": lambda x: with_rest(x)[:K].sum(),
    "variation": distance_to_the_kept,
    "alpha": lambda x: x.share,
    "top_mass": mass_from_a_logit_up,
    "raised": raised,
    "top_of_ties": lambda x: top_and_lower(x)[0],
    "low": lambda x, a: top_and_lower(x)[1][a],
    "hot": lambda x, a: softmax(0 * x.z)[a],
    "hot_slope": lambda x, a: softmax_jvp(0 * x.z, x.z)[a],
    "plain_mean": lambda x: np.mean(x.z),
    "J": lambda x, a, b: softmax_jacobian(x.z)[a, b],
    "J_v": lambda x, a: softmax_jvp(x.z, x.v)[a],
    "J_w": lambda x, a: softmax_vjp(x.z, x.w)[a],
    "form_of_v": lambda x: x.v @ softmax_jvp(x.z, x.v),
    "norm2": lambda x: np.linalg.norm(x.v) ** 2,
    "mean_v": lambda x: mean(softmax(x.z), x.v),
    "mean_w": lambda x: mean(softmax(x.z), x.w),
    "mean_z": lambda x: mean(softmax(x.z, temperature=x.T), x.z),
    "var_v": lambda x: variance(softmax(x.z), x.v),
    "var_z": lambda x: variance(softmax(x.z, temperature=x.T), x.z),
    "H": lambda x: entropy(x.z, temperature=x.T),
    "KL": divergence,
    "F": free_energy,
    "F_best": free_energy_at_softmax,
    "L": lambda x: -np.sum(x.target * log_softmax(x.z)),
    "smoothed": lambda x, a, b: (1 - x.share) * (a == b) + x.share / K,
    "lse_scaled": lambda x: logsumexp(x.beta * x.z),
    "loss_scaled": lambda x: -np.sum(x.target * log_softmax(x.beta * x.z)),
    "var_scaled": lambda x: variance(softmax(x.beta * x.z), x.z),
    "mean_qq": lambda x, a, b: float(a == b),
    "mean_kk": lambda x, a, b: float(a == b),
    "var_qk": lambda x: K,
    "mean_xx": lambda x, a, b: mean_of_two(outcomes(x)[0], a, b),
    "mean_yy": lambda x, a, b: mean_of_two(outcomes(x)[1], a, b),
    "variance_xy": lambda x: np.var(np.sum(np.multiply(*outcomes(x)), axis=1)),
    "attends": lambda x, a: softmax(x.kappa / x.rho)[a],
    "attended": lambda x: softmax(x.kappa, temperature=x.rho) @ x.v,
    "undivided": lambda x, a: softmax(x.rho * x.chi)[a],
    "trace": lambda x: np.trace(softmax_jacobian(x.z)),
    "s": lambda x: np.sum(np.exp(x.z - x.m)),
    "s_12": lambda x: x.s_1 * np.exp(x.m_1 - x.m_12) + x.s_2 * np.exp(x.m_2 - x.m_12),
    "s_23": lambda x: x.s_2 * np.exp(x.m_2 - x.m_23) + x.s_3 * np.exp(x.m_3 - x.m_23),
}
"""What softmax_lib, or a line of NumPy, makes of each name that is more than a variable."""


def names_that_stand_for_more():
    for head, entry in ENTRIES.items():
        if head not in ("margin", "margins"):
            value = meaning(Term(head, tuple(INDICES[letter] for letter in "ij"[: entry.indices])))
            if not isinstance(value, Symbol | Indexed | Number):
                yield head


def test_every_name_but_variables_is_compared():
    assert set(names_that_stand_for_more()) == set(COMPUTED)


@pytest.mark.parametrize("head", COMPUTED)
@pytest.mark.parametrize("seed", ROUNDS)
def test_a_name_means_what_is_computed(head, seed):
    values, count = Values(seed), ENTRIES[head].indices
    for chosen in ((1, 2), (2, 2)):
        letters = dict(zip("ij"[:count], chosen, strict=False))
        unfolded = meaning(Term(head, tuple(INDICES[letter] for letter in letters)))
        exact = evaluate(unfolded, values.point(unfolded, **letters))
        assert float(exact) == pytest.approx(COMPUTED[head](values, *letters.values()), rel=1e-12)


def test_the_table_of_symbols_has_a_row_with_words_and_a_unit_for_every_name():
    table = {row.latex: row for row in vocabulary.symbol_table()}
    numbers = [vocabulary.half, vocabulary.quarter]
    assert len(table) == len(ENTRIES) + len(vocabulary._SIGNS) - len(numbers)
    assert all(row.says and not row.says.endswith(".") for row in table.values())
    assert all(row.unit for row in table.values())


CLASHES = {
    "one name twice": ("sigma", r"\varsigma_{#1}", 1),
    "one LaTeX twice": ("other", r"\sigma_{#1}", 1),
    "an index": ("other", "i", 0),
    "a component": ("other", "z_i", 0),
    "a component in braces": ("other", "z_{i}", 0),
    "a component with a space": ("other", "z_{ i}", 0),
    "two indices in the other order": ("other", r"\delta_{#2#1}", 2),
}


@pytest.mark.parametrize(("head", "tex", "indices"), CLASHES.values(), ids=CLASHES.keys())
def test_a_name_that_prints_as_another_is_refused(head, tex, indices):
    before = dict(ENTRIES)
    with pytest.raises(Refused, match=r"would print as|already"):
        vocabulary.enter(head, Entry(tex, lambda *_: S.One, "a clash", indices))
    assert before == ENTRIES


def test_a_margin_means_nothing_outside_a_form():
    with pytest.raises(Refused, match="nowhere else"):
        meaning(vocabulary.margin)


def test_what_a_name_assumes_is_said():
    assuming = {head for head, entry in ENTRIES.items() if entry.assumes}
    of_q_and_k, of_x_and_y = {"mean_qq", "mean_kk", "var_qk"}, {"mean_xx", "mean_yy", "variance_xy"}
    assert assuming == of_q_and_k | of_x_and_y
    assert isinstance(ENTRIES["var_qk"].assumes, Assumption)


def test_operations_are_not_names():
    assert not SIGNATURES.keys() & ENTRIES.keys()


def test_every_name_prints_with_its_letters():
    assert named(ENTRIES["raised"], iter("ab")) == r"\sigma(z + g\,\mathbf{e}_{b})_{a}"
    assert latex(vocabulary.sigma[vocabulary.a]) == r"\sigma_{a}"
