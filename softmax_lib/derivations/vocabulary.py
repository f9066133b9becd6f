r"""The vocabulary: the one place that makes names, each with its LaTeX, its meaning and its words.

It is closed. One LaTeX has one meaning: a name that would print as another one does is refused. A
meaning is made of components, symbols, sums, exponentials and logarithms only.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

from sympy import Expr, IndexedBase, KroneckerDelta, Rational, Symbol, exp, log

from softmax_lib import proofs
from softmax_lib.proofs import Refused, differentiate, value_at

from .terms import ENTRIES, FRACTION, LETTERS, MUL, POWER, Assumption, Entry, Term, lift, summed
from .terms import named as named_entry

_PRINTED: dict[str, str] = {letter: f"the index {letter}" for letter in LETTERS}


@dataclass(frozen=True)
class Name:
    """A name with indices: ``sigma[i]`` and ``delta[i, j]`` are terms."""

    head: str

    def __getitem__(self, indices: Term | tuple[Term, ...]) -> Term:
        return Term(self.head, indices if isinstance(indices, tuple) else (indices,))


def enter(head: str, entry: Entry) -> None:
    """Take a name into the vocabulary.

    Raises
    ------
    Refused
        The name is taken, or one of its printed forms is that of another name or an index.
    """
    if head in ENTRIES:
        raise Refused(f"{head!r} is in the vocabulary already")
    forms = {
        # d_k and d_{k} look the same.
        re.sub(r"\{(\w)\}", r"\1", named_entry(entry, iter(letters)).replace(" ", ""))
        for letters in product(LETTERS, repeat=entry.indices)
    }
    for form in sorted(forms & _PRINTED.keys()):
        raise Refused(f"{head!r} would print as {form}, which is {_PRINTED[form]}")
    _PRINTED.update(dict.fromkeys(forms, repr(head)))
    ENTRIES[head] = entry


def _term(head: str, latex: str, stands_for: Expr, says: str, **kind: Any) -> Term:
    enter(head, Entry(latex, lambda: stands_for, says, **kind))
    return Term(head)


def _name(
    head: str, latex: str, stands_for: Callable[..., Expr], says: str, indices: int = 1, **kind: Any
) -> Name:
    enter(head, Entry(latex, stands_for, says, indices, **kind))
    return Name(head)


def _real(head: str, latex: str, says: str, **kind: Any) -> Term:
    return _term(head, latex, Symbol(head, real=True), says, **kind)


def _softmax(a: Expr, logit: Callable[[Expr], Expr] = lambda b: proofs.z[b]) -> Expr:
    return exp(logit(a)) / summed(lambda b: exp(logit(b)))


def _tempered(a: Expr) -> Expr:
    return _softmax(a, lambda b: proofs.z[b] / proofs.T)


def _mean(weight: Callable[[Expr], Expr], of: IndexedBase) -> Expr:
    return summed(lambda a: weight(a) * of[a])


def _variance(weight: Callable[[Expr], Expr], of: IndexedBase) -> Expr:
    return summed(lambda a: weight(a) * (of[a] - _mean(weight, of)) ** 2)


def _jacobian(a: Expr, b: Expr) -> Expr:
    return differentiate(_softmax(a), proofs.z[b])


def _q(a: Expr) -> Expr:
    return ENTRIES["q"].meaning(a)


# The units that differ from 1.

LOGIT, PER_LOGIT = "the unit of $z$", "1 per unit of $z$"
NAT, OF_V = "nat", "that of $v$"

# Indices, numbers and variables.

a, b, i, j, n = (Term("index", (letter,)) for letter in LETTERS)

half = _term("half", r"\tfrac12", Rational(1, 2), "one half", tightness=FRACTION)
quarter = _term("quarter", r"\tfrac14", Rational(1, 4), "one quarter", tightness=FRACTION)

K = _term("K", "K", proofs.K, "how many logits there are, at least 1")
T = _term("T", "T", proofs.T, "the temperature, above 0", unit=LOGIT, claim="temperature")
c = _term(
    "c", "c", proofs.c, "a number added to every logit or taken off it", unit=LOGIT, claim="shift"
)
x = _real("x", "x", "a real number")

z = _name(
    "z",
    "z_{#1}",
    lambda a: proofs.z[a],
    "a logit, any real number; in attention a score",
    unit="nat (at $T = 1$)",
)
_v, _w = (IndexedBase(letter, real=True) for letter in "vw")
v = _name(
    "v", "v_{#1}", lambda a: _v[a], "a component of any real vector v", unit="as the text says"
)
w = _name(
    "w", "w_{#1}", lambda a: _w[a], "a component of any real vector w", unit="as the text says"
)
_r = IndexedBase("r", positive=True)
r = _name("r", "r_{#1}", lambda a: _r[a], "any positive number, one for each logit")
_d = proofs.depth
depth = _name(
    "depth", "d_{#1}", lambda a: _d[a], "how far a logit lies below another, at least 0", unit=LOGIT
)
_f = IndexedBase("f", positive=True)
f = _name(
    "f",
    "f_{#1}",
    lambda a: _f[a],
    "the positive factor by which an exponential is off",
    claim="rounding",
)
least = _term(
    "l", "l", Symbol("l", positive=True), "a positive number, the least factor", claim="rounding"
)
_A = Symbol("A", nonnegative=True)
# Every number from 0 to below 1 is of this form.
A = _term(
    "A", "A", _A / (1 + _A), "a bound on relative errors, at least 0 and below 1", claim="rounding"
)
g = _term("g", "g", proofs.gap, "a gap between two logits, above 0", unit=LOGIT)
spread = _term(
    "spread",
    r"\delta",
    Symbol("delta", nonnegative=True),
    "the spread of the logits, the largest minus the smallest, at least 0",
    unit=LOGIT,
    claim="dispersion",
)
ties = _term(
    "M", "M", Symbol("M", positive=True), "how many logits share the top, above 0", claim="t-zero"
)
beta = _real(
    "beta",
    r"\beta",
    "a real number that scales every logit, as the inverse temperature 1/T does",
    unit=PER_LOGIT,
    claim="only-exponentials",
)
tau = _real("tau", r"\tau", "a real number taken off every logit", unit=LOGIT, claim="sparsemax")
_s = IndexedBase("s", nonnegative=True)
cut = _name(
    "cut",
    "s_{#1}",
    lambda a: _s[a],
    "what is cut off below 0, at least 0",
    unit=LOGIT,
    claim="sparsemax",
)

_y = IndexedBase("y", real=True)
y = _name(
    "y",
    "y_{#1}",
    # Every row with this sum is of this form: take the row itself for the components below.
    lambda a: _y[a] + (1 - summed(lambda b: _y[b])) / proofs.K,
    "a weight of the target: real numbers that sum to 1",
    claim="cross-entropy",
)
q = _name(
    "q",
    "q_{#1}",
    lambda a: _r[a] / summed(lambda b: _r[b]),
    "a probability: positive, sum 1",
    claim="gibbs",
)
delta = _name(
    "delta", r"\delta_{#1#2}", KroneckerDelta, "1 if the two indices are equal, else 0", indices=2
)

# Softmax.

sigma = _name("sigma", r"\sigma_{#1}", _softmax, "an output of the softmax of z", claim="formula")
p = _name("p", "p_{#1}", _tempered, "an output of the softmax of z/T", claim="temperature")
Z = _term("Z", "Z", summed(lambda a: exp(proofs.z[a])), "the sum of the exponentials of z")
_Z_T = summed(lambda a: exp(proofs.z[a] / proofs.T))
Z_T = _term("Z_T", "Z_T", _Z_T, "the sum of the exponentials of z/T")
lse = _term(
    "lse",
    r"\operatorname{lse}(z)",
    log(summed(lambda a: exp(proofs.z[a]))),
    "the logarithm of the sum of the exponentials of z",
    unit=NAT,
    claim="lse",
)
lse_tempered = _term(
    "lse_tempered",
    r"\operatorname{lse}(z/T)",
    log(_Z_T),
    "the logarithm of the sum of the exponentials of z/T",
    unit=NAT,
)
lse_shifted = _term(
    "lse_shifted",
    r"\operatorname{lse}(z + c\mathbf{1})",
    log(summed(lambda a: exp(proofs.z[a] + proofs.c))),
    "the logarithm of the sum of the exponentials of z with c added to every logit",
    unit=NAT,
)
shifted = _name(
    "shifted",
    r"\sigma(z + c\mathbf{1})_{#1}",
    lambda a: _softmax(a, lambda b: proofs.z[b] + proofs.c),
    "an output of the softmax of z with c added to every logit",
    claim="shift",
)
of_logarithms = _name(
    "of_logarithms",
    r"\sigma(\log r + c\mathbf{1})_{#1}",
    lambda a: _softmax(a, lambda b: log(_r[b]) + proofs.c),
    "an output of the softmax of the logarithms of r with c added",
    claim="inverse",
)
of_equals = _name(
    "of_equals",
    r"\sigma(c\mathbf{1})_{#1}",
    lambda a: _softmax(a, lambda b: 0 * proofs.z[b] + proofs.c),
    "an output of the softmax of equal logits",
)
taught = _name(
    "taught",
    r"\sigma(w)_{#1}",
    lambda a: _softmax(a, lambda b: _w[b]),
    "an output of the softmax of w",
)
of_q = _name(
    "of_q",
    r"\sigma(q)_{#1}",
    lambda a: _softmax(a, lambda b: _q(b)),
    "an output of the softmax of the probabilities q",
    claim="inverse",
)
of_log_outputs = _name(
    "of_log_outputs",
    r"\sigma(\log \sigma(z))_{#1}",
    lambda a: _softmax(a, lambda b: log(_softmax(b))),
    "an output of the softmax of the logarithms of the softmax of z",
    claim="inverse",
)
scaled = _name(
    "scaled",
    r"\sigma(\beta z)_{#1}",
    lambda a: _softmax(a, lambda b: Symbol("beta", real=True) * proofs.z[b]),
    "an output of the softmax of beta times z",
    claim="only-exponentials",
)
scaled_shifted = _name(
    "scaled_shifted",
    r"\sigma(\beta (z + c\mathbf{1}))_{#1}",
    lambda a: _softmax(a, lambda b: Symbol("beta", real=True) * (proofs.z[b] + proofs.c)),
    "an output of the softmax of beta times z with c added to every logit",
    claim="only-exponentials",
)
rounded = _name(
    "rounded",
    r"\hat\sigma_{#1}",
    lambda a: exp(proofs.z[a]) * _f[a] / summed(lambda b: exp(proofs.z[b]) * _f[b]),
    "an output computed from exponentials that are off by the factors f",
    claim="rounding",
)
first_of_two = _term(
    "first_of_two",
    r"\sigma(z_1, z_2)_1",
    exp(Symbol("z_1", real=True)) / (exp(Symbol("z_1", real=True)) + exp(Symbol("z_2", real=True))),
    "the first output of the softmax of two logits",
    claim="sigmoid",
)
z_1, z_2 = (_real(f"z_{n}", f"z_{n}", "one of two logits", unit=LOGIT) for n in (1, 2))
top = _term(
    "top",
    r"p_{\max}",
    1 / summed(lambda a: exp(-_d[a] / proofs.T)),
    "the largest output at temperature T, of logits that lie d below the largest",
    claim="t-monotone",
)


def _raised(a: Expr, by: Expr) -> Expr:
    def term(b: Expr) -> Expr:
        return exp(proofs.z[b]) * (1 + KroneckerDelta(b, by) * (exp(proofs.gap) - 1))

    return term(a) / summed(term)


raised = _name(
    "raised",
    r"\sigma(z + g\,\mathbf{e}_{#2})_{#1}",
    _raised,
    "an output of the softmax of z after one logit was raised by g",
    indices=2,
    claim="attention-couples",
)

# Wrong logits.

eta = _term(
    "eta",
    r"\eta",
    Symbol("eta", nonnegative=True),
    "how far errors of logits lie from a number c at most, half of what they lie apart",
    unit=LOGIT,
    claim="wrong-logits",
)
tanh = _term(
    "tanh",
    r"\tanh(\eta/2)",
    (exp(Symbol("eta", nonnegative=True)) - 1) / (exp(Symbol("eta", nonnegative=True)) + 1),
    "the hyperbolic tangent of half of eta",
    claim="wrong-logits",
)


def _wrong(a: Expr) -> Expr:
    return _softmax(a, lambda b: proofs.z[b] + _v[b])


wrong = _name(
    "wrong",
    r"\sigma(z + v)_{#1}",
    _wrong,
    "an output of the softmax of logits that are off by the errors v",
    claim="wrong-logits",
)
_t, _u = (IndexedBase(letter, nonnegative=True) for letter in "tu")
_IN_A_SET = "a number for each class, at least 0: 1 in a set of classes and 0 outside, say"
inside = _name("t", "t_{#1}", lambda a: _t[a], _IN_A_SET, claim="wrong-logits")
within = _name("u", "u_{#1}", lambda a: _u[a], _IN_A_SET, claim="wrong-logits")


def _of_the_set(member: IndexedBase, output: Callable[[Expr], Expr]) -> Expr:
    return summed(lambda a: member[a] * output(a))


P, Q = (
    _term(
        head,
        head,
        _of_the_set(member, _softmax),
        f"the sum of the outputs times {member.name}: the probability of a set of classes, say",
        claim="wrong-logits",
    )
    for head, member in (("P", _t), ("Q", _u))
)
P_hat, Q_hat = (
    _term(
        f"{head}_hat",
        rf"\hat {head}",
        _of_the_set(member, _wrong),
        f"what {head} becomes if the logits are off by the errors v",
        claim="wrong-logits",
    )
    for head, member in (("P", _t), ("Q", _u))
)

# Ends of the temperature.

others = _term("N", "N", proofs.K, "how many logits lie below the top, at least 1", claim="t-zero")


def _top_of_ties() -> Expr:
    lower = summed(lambda a: exp(-(proofs.gap + _d[a]) / proofs.T))
    return 1 / (ENTRIES["M"].meaning() + lower)


top_of_ties = _term(
    "top_of_ties",
    r"p_{\mathrm{top}}",
    _top_of_ties(),
    "an output at temperature T that M logits share, of which all others lie g + d below",
    claim="t-zero",
)
low = _name(
    "low",
    r"p_{\mathrm{low},#1}",
    lambda a: exp(-(proofs.gap + _d[a]) / proofs.T) * _top_of_ties(),
    "the output at temperature T of a logit that lies g + d below M others",
    claim="t-zero",
)


def _warm(a: Expr) -> Expr:
    return _softmax(a, lambda b: Symbol("beta", real=True) * proofs.z[b])


hot = _name(
    "hot",
    r"\sigma(\beta z)_{#1}\big|_{\beta = 0}",
    lambda a: value_at(_warm(a), Symbol("beta", real=True), 0),
    "the value of an output of the softmax of beta times z at beta = 0",
    claim="t-infinity",
)
hot_slope = _name(
    "hot_slope",
    r"\frac{d}{d \beta} \sigma(\beta z)_{#1}\big|_{\beta = 0}",
    lambda a: value_at(
        differentiate(_warm(a), Symbol("beta", real=True)), Symbol("beta", real=True), 0
    ),
    "the derivative of an output of the softmax of beta times z, by beta, at beta = 0",
    unit=LOGIT,
    claim="t-infinity",
)
plain_mean = _term(
    "plain_mean",
    r"\bar z",
    summed(lambda a: proofs.z[a]) / proofs.K,
    "the mean of the logits",
    unit=LOGIT,
    claim="t-infinity",
)

# What is kept, and what is left out.

rest = _term(
    "rest",
    "R",
    Symbol("R", nonnegative=True),
    "the sum of the exponentials of z/T over the classes left out, at least 0",
    claim="restriction",
)
_whole = _Z_T + Symbol("R", nonnegative=True)
among_all = _name(
    "among_all",
    "P_{#1}",
    lambda a: exp(proofs.z[a] / proofs.T) / _whole,
    "the output at temperature T of a class that is kept, among all classes",
    claim="restriction",
)
among_kept = _name(
    "among_kept",
    r"P_{#1 \mid S}",
    _tempered,
    "the output at temperature T of a class that is kept, among those that are",
    claim="restriction",
)
kept_mass = _term(
    "kept_mass",
    "P(S)",
    _Z_T / _whole,
    "the sum of the outputs, among all classes, of those that are kept",
    claim="restriction",
)
variation = _term(
    "variation",
    r"\operatorname{TV}",
    (
        summed(lambda a: _tempered(a) - exp(proofs.z[a] / proofs.T) / _whole)
        + Symbol("R", nonnegative=True) / _whole
    )
    / 2,
    "half of what the kept classes gain plus what the others lose: the total variation",
    claim="restriction",
)
alpha = _term(
    "alpha",
    r"\alpha",
    # Every number above 0 and up to 1 is of this form.
    exp(-Symbol("lambda", nonnegative=True)),
    "a share, above 0 and at most 1: that of the largest output for min-p, that of label smoothing",
    claim="min-p",
)
_h = IndexedBase("h", nonnegative=True)
height = _name(
    "height",
    "h_{#1}",
    lambda a: _h[a],
    "how far a logit lies above another, at least 0",
    unit=LOGIT,
    claim="nucleus",
)
_weight_kept, _weight_left = (IndexedBase(name, nonnegative=True) for name in ("xi", "theta"))
is_kept = _name(
    "is_kept",
    r"\chi_{#1}",
    lambda a: _weight_kept[a],
    "1 if a class is kept, else 0; any number that is at least 0",
    claim="nucleus",
)
is_left = _name(
    "is_left",
    r"\bar\chi_{#1}",
    lambda a: _weight_left[a],
    "1 if a class is left out, else 0; any number that is at least 0",
    claim="nucleus",
)


def _top_mass() -> Expr:
    head = 1 + summed(lambda a: _weight_kept[a] * exp(_h[a] / proofs.T))
    return head / (head + summed(lambda a: _weight_left[a] * exp(-_d[a] / proofs.T)))


top_mass = _term(
    "top_mass",
    r"P_{\mathrm{top}}",
    _top_mass(),
    "the outputs at temperature T of the classes from a logit upwards, summed",
    claim="nucleus",
)

# The online softmax.

m, m_1, m_2, m_3, m_12, m_23 = (
    _real(
        head,
        head.replace("12", "{12}").replace("23", "{23}"),
        "the maximum of a piece of a row",
        unit=LOGIT,
        claim="online",
    )
    for head in ("m", "m_1", "m_2", "m_3", "m_12", "m_23")
)
s_1, s_2, s_3 = (
    _real(f"s_{n}", f"s_{n}", "the sum of a piece of a row, scaled by its maximum", claim="online")
    for n in (1, 2, 3)
)
c_1, c_2 = (
    _real(
        f"c_{n}",
        f"c_{n}",
        "a number taken off every logit of a piece of a row",
        unit=LOGIT,
        claim="any-reference",
    )
    for n in (1, 2)
)


def _merged(first: int, second: int) -> Expr:
    def scaled(piece: int) -> Expr:
        maximum, both = (Symbol(f"m_{n}", real=True) for n in (piece, f"{first}{second}"))
        return Symbol(f"s_{piece}", real=True) * exp(maximum - both)

    return scaled(first) + scaled(second)


s_12, s_23 = (
    _term(
        f"s_{n}{n + 1}",
        f"s_{{{n}{n + 1}}}",
        _merged(n, n + 1),
        "the sum of two merged pieces of a row, scaled by their maximum",
        claim="online",
    )
    for n in (1, 2)
)
s = _term(
    "s",
    "s",
    summed(lambda a: exp(proofs.z[a] - Symbol("m", real=True))),
    "the sum of a row, scaled by m",
    claim="online",
)

# The Jacobian.

J = _name(
    "J",
    "J_{#1#2}",
    _jacobian,
    "the derivative of an output by a logit",
    indices=2,
    unit=PER_LOGIT,
    claim="jacobian-structure",
)
J_v = _name(
    "J_v",
    "(Jv)_{#1}",
    lambda a: summed(lambda b: _jacobian(a, b) * _v[b]),
    "a component of the Jacobian times v",
    unit=f"{OF_V}, {PER_LOGIT}",
)
J_w = _name(
    "J_w",
    r"(J^\top w)_{#1}",
    lambda a: summed(lambda b: _jacobian(b, a) * _w[b]),
    "a component of the transposed Jacobian times w",
    unit="that of $w$, 1 per unit of $z$",
)
trace = _term(
    "trace",
    r"\operatorname{tr} J",
    summed(lambda a: _jacobian(a, a)),
    "the trace of the Jacobian",
    tightness=MUL,
    unit=PER_LOGIT,
)
form_of_v = _term(
    "form_of_v",
    r"v^\top J v",
    summed(lambda a: summed(lambda b: _v[a] * _jacobian(a, b) * _v[b])),
    "the quadratic form of the Jacobian",
    unit="the square of that of $v$, 1 per unit of $z$",
    claim="jacobian-structure",
)
norm2 = _term(
    "norm2",
    r"\|v\|^2",
    summed(lambda a: _v[a] ** 2),
    "the squared Euclidean length of v",
    tightness=POWER,
    unit="the square of that of $v$",
)

# Means, entropy and divergence.

mean_v = _term(
    "mean_v",
    r"\mathbb{E}_\sigma[v]",
    _mean(_softmax, _v),
    "the mean of v weighted by the outputs",
    unit=OF_V,
)
mean_w = _term(
    "mean_w",
    r"\mathbb{E}_\sigma[w]",
    _mean(_softmax, _w),
    "the mean of w weighted by the outputs",
    unit="that of $w$",
)
mean_z = _term(
    "mean_z",
    r"\mathbb{E}_p[z]",
    _mean(_tempered, proofs.z),
    "the mean logit with the weights p",
    unit=LOGIT,
    claim="t-monotone",
)
var_v = _term(
    "var_v",
    r"\operatorname{Var}_\sigma(v)",
    _variance(_softmax, _v),
    "the variance of v weighted by the outputs",
    unit="the square of that of $v$",
    claim="jacobian-structure",
)
var_z = _term(
    "var_z",
    r"\operatorname{Var}_p(z)",
    _variance(_tempered, proofs.z),
    "the variance of the logits with the weights p",
    unit="the square of that of $z$",
    claim="t-monotone",
)
H = _term(
    "H",
    "H",
    -summed(lambda a: _tempered(a) * log(_tempered(a))),
    "the entropy of p",
    unit=NAT,
    claim="t-monotone",
)


KL = _term(
    "KL",
    r"\operatorname{KL}(q\,\|\,p)",
    summed(lambda a: _q(a) * log(_q(a) / _tempered(a))),
    "the divergence of q from p",
    unit=NAT,
    claim="gibbs",
)
F = _term(
    "F",
    "F(q)",
    summed(lambda a: _q(a) * proofs.z[a]) - proofs.T * summed(lambda a: _q(a) * log(_q(a))),
    "the mean logit under q plus T times the entropy of q",
    unit=LOGIT,
    claim="gibbs",
)
F_best = _term(
    "F_best",
    "F(p)",
    summed(lambda a: _tempered(a) * proofs.z[a])
    - proofs.T * summed(lambda a: _tempered(a) * log(_tempered(a))),
    "the mean logit under p plus T times the entropy of p",
    unit=LOGIT,
    claim="gibbs",
)
L = _term(
    "L",
    "L",
    -summed(lambda a: ENTRIES["y"].meaning(a) * log(_softmax(a))),
    "the cross-entropy of softmax for the target y",
    unit=NAT,
    claim="cross-entropy",
)

# Training.

smoothed = _name(
    "smoothed",
    r"\tilde\delta_{#1#2}",
    lambda a, b: (
        (1 - ENTRIES["alpha"].meaning()) * KroneckerDelta(a, b)
        + ENTRIES["alpha"].meaning() / proofs.K
    ),
    "the weight of a class in the smoothed target, if the second index is right",
    indices=2,
    claim="smoothed-optimum",
)
_beta = Symbol("beta", real=True)
lse_scaled = _term(
    "lse_scaled",
    r"\operatorname{lse}(\beta z)",
    log(summed(lambda a: exp(_beta * proofs.z[a]))),
    "the logarithm of the sum of the exponentials of beta times z",
    unit=NAT,
    claim="calibration",
)
loss_scaled = _term(
    "loss_scaled",
    r"L(\beta)",
    log(summed(lambda a: exp(_beta * proofs.z[a])))
    - _beta * summed(lambda a: ENTRIES["y"].meaning(a) * proofs.z[a]),
    "the cross-entropy of the softmax of beta times z for the target y",
    unit=NAT,
    claim="calibration",
)
var_scaled = _term(
    "var_scaled",
    r"\operatorname{Var}_{\sigma(\beta z)}(z)",
    _variance(lambda a: _softmax(a, lambda b: _beta * proofs.z[b]), proofs.z),
    "the variance of the logits weighted by the softmax of beta times z",
    unit="the square of that of $z$",
    claim="calibration",
)

# Attention.

_root = Symbol("rho", positive=True)
root = _term(
    "root",
    r"\sqrt{d_k}",
    _root,
    "the square root of the number of components of a key",
    claim="scale",
)
_qk, _x = IndexedBase("kappa", real=True), IndexedBase("chi", real=True)
raw_score = _name(
    "raw_score",
    r"q \cdot k_{#1}",
    lambda a: _qk[a],
    "the dot product of a query and a key",
    tightness=MUL,
    claim="scale",
)


def _attends(a: Expr) -> Expr:
    return _softmax(a, lambda b: _qk[b] / _root)


attends = _name(
    "attends", "w(q)_{#1}", _attends, "the weight that the query q gives to a key", claim="scale"
)
attended = _term(
    "attended",
    "o(q)",
    summed(lambda a: _attends(a) * _v[a]),
    "a component of the output of attention for the query q, v being that of the values",
    unit=OF_V,
    claim="scale",
)
scaled_score = _name(
    "scaled_score",
    "x_{#1}",
    lambda a: _x[a],
    "a score divided by the root of d_k",
    unit=LOGIT,
    claim="attention-saturates",
)
undivided = _name(
    "undivided",
    r"\sigma(\sqrt{d_k}\,x)_{#1}",
    lambda a: _softmax(a, lambda b: _root * _x[b]),
    "an attention weight without the division",
    claim="attention-saturates",
)

# Chance.

INDEPENDENT = Assumption("independent components of mean 0 and variance 1")
mean_qq = _name(
    "mean_qq",
    r"\mathbb{E}[q_{#1} q_{#2}]",
    KroneckerDelta,
    "the mean of the product of two components of a query",
    indices=2,
    assumes=INDEPENDENT,
)
mean_kk = _name(
    "mean_kk",
    r"\mathbb{E}[k_{#1} k_{#2}]",
    KroneckerDelta,
    "the mean of the product of two components of a key",
    indices=2,
    assumes=INDEPENDENT,
)
var_qk = _term(
    "var_qk",
    r"\operatorname{Var}(q \cdot k)",
    summed(lambda a: summed(lambda b: KroneckerDelta(a, b) ** 2)),
    "the variance of the product of a query and a key",
    assumes=INDEPENDENT,
    claim="variance",
)
COMPONENTS = Assumption("independent components")
_mu, _nu = IndexedBase("mu", real=True), IndexedBase("nu", real=True)
_phi, _psi = (IndexedBase(name, nonnegative=True) for name in ("phi", "psi"))
mean_x = _name("mean_x", r"\mu_{#1}", lambda a: _mu[a], "the mean of X_i")
mean_y = _name("mean_y", r"\nu_{#1}", lambda a: _nu[a], "the mean of Y_i")
variance_x = _name(
    "variance_x",
    r"\operatorname{Var}(X_{#1})",
    lambda a: _phi[a],
    "the variance of X_i, at least 0",
)
variance_y = _name(
    "variance_y",
    r"\operatorname{Var}(Y_{#1})",
    lambda a: _psi[a],
    "the variance of Y_i, at least 0",
)


def _mean_xx(a: Expr, b: Expr) -> Expr:
    return _mu[a] * _mu[b] + KroneckerDelta(a, b) * _phi[a]


def _mean_yy(a: Expr, b: Expr) -> Expr:
    return _nu[a] * _nu[b] + KroneckerDelta(a, b) * _psi[a]


mean_xx = _name(
    "mean_xx",
    r"\mathbb{E}[X_{#1} X_{#2}]",
    _mean_xx,
    "the mean of the product of two components of X",
    indices=2,
    assumes=COMPONENTS,
)
mean_yy = _name(
    "mean_yy",
    r"\mathbb{E}[Y_{#1} Y_{#2}]",
    _mean_yy,
    "the mean of the product of two components of Y",
    indices=2,
    assumes=COMPONENTS,
)
variance_xy = _term(
    "variance_xy",
    r"\operatorname{Var}(X \cdot Y)",
    summed(lambda a: summed(lambda b: _mean_xx(a, b) * _mean_yy(a, b)))
    - summed(lambda a: _mu[a] * _nu[a]) ** 2,
    "the variance of the product of the random vectors X and Y",
    assumes=COMPONENTS,
    claim="variance",
)
d_k = _term("d_k", "d_k", proofs.K, "the number of components of a key", claim="scale")

# Operations.


def e(exponent: object) -> Term:
    """Return the exponential of a term."""
    return Term("exp", (lift(exponent),))


def ln(argument: object) -> Term:
    """Return the natural logarithm of a term."""
    return Term("log", (lift(argument),))


def over(index: Term, body: object) -> Term:
    """Return the sum of a term over an index."""
    return Term("sum", (index, lift(body)))


def over_others(index: Term, other: Term, body: object) -> Term:
    """Return the sum of a term over an index that is not another one."""
    return Term("others", (index, other, lift(body)))


def partial(body: object, variable: Term) -> Term:
    """Return the partial derivative of a term by a variable."""
    return Term("partial", (lift(body), variable))


def derivative(body: object, variable: Term) -> Term:
    """Return the derivative of a term by a variable."""
    return Term("d", (lift(body), variable))


# Inside a form: by how much a hypothesis holds, one or one for each index.


def _outside(*_: Expr) -> Expr:
    raise Refused("a margin stands in the form of a step under a hypothesis, and nowhere else")


enter(
    "margin",
    Entry(r"\varepsilon", _outside, "by how much a hypothesis holds", unit="that of its sides"),
)
enter(
    "margins",
    Entry(
        r"\varepsilon_{#1}",
        _outside,
        "by how much it holds for an index",
        1,
        unit="that of its sides",
    ),
)
margin, margins = Term("margin"), Name("margins")


_SIGNS = (
    (", ".join(LETTERS), "indices from 1 to K; the one below a sum is summed over", "1"),
    (r"e^{x}", "the exponential", "1"),
    (r"\log x", "the natural logarithm", NAT),
    (r"\sum_{i}", "the sum over i from 1 to K", "that of its terms"),
    (r"\sum_{i \ne j}", "the sum over the indices i that are not j", "that of its terms"),
    (r"\frac{\partial}{\partial z_{i}}", "the partial derivative by a logit", PER_LOGIT),
    (r"\frac{d}{d T}", "the derivative by the temperature", PER_LOGIT),
)


class Row(NamedTuple):
    """A symbol as the glossary shows it."""

    latex: str
    says: str
    unit: str
    claim: str = ""


def symbol_table() -> Iterator[Row]:
    """Yield a row for every operation and name; a number needs none.

    Examples
    --------
    >>> from softmax_lib.derivations.vocabulary import symbol_table
    >>> {row.latex: row.says for row in symbol_table()}["K"]
    'how many logits there are, at least 1'
    """
    yield from (Row(*sign) for sign in _SIGNS)
    for entry in ENTRIES.values():
        if not entry.latex.startswith(r"\tfrac"):
            latex = named_entry(entry, iter("ij"[: entry.indices]))
            yield Row(latex, entry.says, entry.unit, entry.claim)
