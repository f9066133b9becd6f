"""Derivations of nearly all claims of the book, each in a function, so that one can fail alone."""

from collections.abc import Callable
from functools import cache

from softmax_lib.derivations import Derivation, Given, Unlike
from softmax_lib.derivations.terms import lift
from softmax_lib.derivations.vocabulary import (
    INDEPENDENT,
    KL,
    Z_T,
    F,
    H,
    K,
    L,
    T,
    Z,
    a,
    c,
    d_k,
    delta,
    depth,
    derivative,
    e,
    f,
    first_of_two,
    form_of_v,
    g,
    half,
    i,
    j,
    least,
    ln,
    lse,
    lse_below,
    lse_tempered,
    m,
    m_1,
    m_2,
    m_3,
    m_12,
    m_23,
    margin,
    margins,
    mean_kk,
    mean_qq,
    mean_v,
    mean_z,
    most,
    norm2,
    of_logarithms,
    over,
    over_others,
    p,
    partial,
    q,
    quarter,
    r,
    raised,
    rounded,
    s_1,
    s_2,
    s_3,
    shifted,
    sigma,
    sigmoid,
    spread,
    ties,
    top,
    v,
    var_qk,
    var_v,
    var_z,
    wins,
    x,
    y,
    z,
    z_1,
    z_2,
)

z_i_above_z_j = Given(z[i], ">", z[j])


@cache
def sum_one():
    return (
        Derivation("sum-one", over(i, sigma[i]))
        .then(over(i, e(z[i]) / Z), "by definition")
        .then(over(i, e(z[i])) / Z, "$Z$ does not depend on $i$")
        .then(Z / Z, "definition of $Z$")
        .then(1, "cancel")
    )


@cache
def shift():
    return (
        Derivation("shift", shifted[i])
        .then(e(z[i] + c) / over(a, e(z[a] + c)), "by definition")
        .then(
            (e(c) * e(z[i])) / (e(c) * over(a, e(z[a]))),
            "the exponential of a sum is a product, and the sum is linear",
        )
        .then(e(z[i]) / Z, "cancel")
        .then(sigma[i], "by definition")
    )


@cache
def order():
    return (
        Derivation("order", sigma[i] / sigma[j])
        .then(e(z[i]) / e(z[j]), "$Z$ cancels")
        .then(e(z[i] - z[j]), "divide the exponentials")
        .then(1, z_i_above_z_j, ">", form=e(margin) - 1)
    )


@cache
def t_powers():
    return (
        Derivation("t-powers", p[i] / p[j])
        .then(e((z[i] - z[j]) / T), "$Z_T$ cancels")
        .then(e(ln(sigma[i] / sigma[j]) / T), "order")
        .then((sigma[i] / sigma[j]) ** (1 / T), "definition of the power")
    )


@cache
def jacobian():
    return (
        Derivation("jacobian", partial(sigma[i], z[j]))
        .then((partial(e(z[i]), z[j]) * Z - e(z[i]) * partial(Z, z[j])) / Z**2, "quotient rule")
        .then(
            (delta[i, j] * e(z[i]) * Z - e(z[i]) * e(z[j])) / Z**2,
            "of the exponentials only that of $z_j$ changes",
        )
        .then(e(z[i]) / Z * (delta[i, j] - e(z[j]) / Z), "take out a factor")
        .then(sigma[i] * (delta[i, j] - sigma[j]), "by definition")
    )


@cache
def jacobian_diagonal():
    return (
        Derivation("jacobian-diagonal", partial(sigma[i], z[i]))
        .then((e(z[i]) * Z - e(z[i]) * e(z[i])) / Z**2, "quotient rule")
        .then(e(z[i]) / Z * (1 - e(z[i]) / Z), "take out a factor")
        .then(sigma[i] * (1 - sigma[i]), "by definition")
    )


@cache
def jacobian_off_diagonal():
    return (
        Derivation("jacobian-off-diagonal", partial(sigma[i], z[j]), Unlike(i, j))
        .then((0 * Z - e(z[i]) * e(z[j])) / Z**2, "quotient rule")
        .then(-(e(z[i]) / Z) * (e(z[j]) / Z), "split the fraction")
        .then(-sigma[i] * sigma[j], "by definition")
    )


@cache
def jacobian_max():
    return (
        Derivation("jacobian-max", partial(sigma[i], z[i]))
        .then(sigma[i] * (1 - sigma[i]), jacobian_diagonal())
        .then(quarter - (sigma[i] - half) ** 2, "complete the square")
        .then(quarter, "a square is not negative", "≤", form=(sigma[i] - half) ** 2)
    )


@cache
def rows():
    return (
        Derivation("rows", over(j, partial(sigma[i], z[j])))
        .then(over(j, sigma[i] * (delta[i, j] - sigma[j])), "the Jacobian")
        .then(sigma[i] * (over(j, delta[i, j]) - over(j, sigma[j])), "the sum is linear")
        .then(sigma[i] * (lift(1) - 1), "one $j$ is $i$; the outputs sum to 1")
        .then(0, "arithmetic")
    )


@cache
def variance_form():
    return (
        Derivation("variance-form", form_of_v)
        .then(over(i, over(j, v[i] * sigma[i] * (delta[i, j] - sigma[j]) * v[j])), "the Jacobian")
        .then(over(i, sigma[i] * v[i] ** 2) - mean_v**2, "the delta sifts; the rest is a product")
        .then(over(i, sigma[i] * (v[i] - mean_v) ** 2), "the outputs sum to 1")
        .then(var_v, "by definition")
    )


@cache
def pairs():
    return (
        Derivation("pairs", var_v)
        .then(
            half * over(i, over(j, sigma[i] * sigma[j] * (v[i] - v[j]) ** 2)),
            "multiply out; the outputs sum to 1",
        )
        .then(0, "squares with positive weights", "≥")
    )


@cache
def half_lipschitz():
    return (
        Derivation("half-lipschitz", half * norm2 - form_of_v)
        .then(half * norm2 - over(i, sigma[i] * v[i] ** 2) + mean_v**2, variance_form())
        .then(
            half * over(i, (1 - 2 * sigma[i]) ** 2 * v[i] ** 2)
            + half * over(i, over_others(j, i, sigma[i] * sigma[j] * (v[i] + v[j]) ** 2)),
            "complete the squares",
        )
        .then(0, "squares with weights that are not negative", "≥")
    )


@cache
def lse_gradient():
    return (
        Derivation("lse-gradient", partial(lse, z[i]))
        .then(1 / Z * partial(Z, z[i]), "chain rule")
        .then(e(z[i]) / Z, "only one term has $z_i$")
        .then(sigma[i], "by definition")
    )


@cache
def lse_hessian():
    return (
        Derivation("lse-hessian", partial(partial(lse, z[i]), z[j]))
        .then(partial(sigma[i], z[j]), lse_gradient())
        .then(sigma[i] * (delta[i, j] - sigma[j]), jacobian())
    )


@cache
def gibbs():
    entropy = T * over(a, q[a] * ln(q[a]))
    return (
        Derivation("gibbs", F)
        .then(over(a, q[a] * z[a]) - entropy, "by definition")
        .then(
            over(a, q[a] * (T * ln(p[a]) + T * lse_tempered)) - entropy,
            "a logit is $T$ times the logarithm of its output, and a constant",
        )
        .then(
            T * lse_tempered - T * over(a, q[a] * (ln(q[a]) - ln(p[a]))),
            "the probabilities sum to 1",
        )
        .then(T * lse_tempered - T * KL, "by definition")
    )


@cache
def divergence():
    return (
        Derivation("kl", KL)
        .then(over(a, q[a] * (p[a] / q[a] - 1 - ln(p[a] / q[a]))), "both sum to 1")
        .then(0, "a logarithm is at most its argument minus 1", "≥")
    )


@cache
def cross_entropy():
    return (
        Derivation("cross-entropy", partial(L, z[j]))
        .then(-over(a, y[a] * partial(ln(sigma[a]), z[j])), "$y$ is constant")
        .then(-over(a, y[a] * (delta[a, j] - sigma[j])), "the Jacobian, divided by $\\sigma_a$")
        .then(-y[j] + sigma[j] * over(a, y[a]), "the delta sifts")
        .then(sigma[j] - y[j], "the weights sum to 1")
    )


@cache
def entropy_slope():
    slope = derivative(p[a], T)
    return (
        Derivation("entropy-slope", derivative(H, T))
        .then(-over(a, slope * (ln(p[a]) + 1)), "product rule")
        .then(-over(a, slope * ln(p[a])), "the outputs sum to 1, a constant")
        .then(-over(a, slope * (z[a] / T)), "so does any constant beside the logarithm")
        .then(over(a, p[a] * (z[a] - mean_z) / T**2 * (z[a] / T)), "quotient rule")
        .then(1 / T**3 * over(a, p[a] * (z[a] - mean_z) * z[a]), "the sum is linear")
        .then(1 / T**3 * over(a, p[a] * (z[a] - mean_z) ** 2), "the mean deviation is 0")
        .then(var_z / T**3, "by definition")
        .then(0, "a variance", "≥")
    )


@cache
def online():
    first = s_1 * e(m_1 - m_12) + s_2 * e(m_2 - m_12)
    last = s_2 * e(m_2 - m_23) + s_3 * e(m_3 - m_23)
    return (
        Derivation("online", first * e(m_12 - m) + s_3 * e(m_3 - m))
        .then(s_1 * e(m_1 - m) + s_2 * e(m_2 - m) + s_3 * e(m_3 - m), "$m_{12}$ cancels")
        .then(s_1 * e(m_1 - m) + last * e(m_23 - m), "put $m_{23}$ in")
    )


@cache
def variance():
    return (
        Derivation("variance", var_qk)
        .then(over(i, over(j, mean_qq[i, j] * mean_kk[i, j])), INDEPENDENT)
        .then(over(i, over(j, delta[i, j] * delta[i, j])), INDEPENDENT)
        .then(over(i, 1), "the delta sifts")
        .then(d_k, "one for each component")
    )


@cache
def dispersion_low():
    return (
        Derivation("dispersion-low", p[i])
        .then(1 / over(a, e((z[a] - z[i]) / T)), "divide by the numerator")
        .then(
            1 / over(a, e(spread / T)),
            Given(z[a] - z[i], "≤", spread, every=a),
            "≥",
            form=p[i] * (1 / K) * over(a, 1 - e(-margins[a] / T)),
        )
        .then(1 / K * e(-spread / T), "$K$ equal terms")
    )


@cache
def dispersion_up():
    return (
        Derivation("dispersion-up", p[i])
        .then(1 / over(a, e((z[a] - z[i]) / T)), "divide by the numerator")
        .then(
            1 / over(a, e(-spread / T)),
            Given(z[a] - z[i], "≥", -spread, every=a),
            "≤",
            form=p[i] * (1 / K) * over(a, e(margins[a] / T) - 1),
        )
        .then(1 / K * e(spread / T), "$K$ equal terms")
    )


@cache
def inverse():
    return (
        Derivation("inverse", of_logarithms[i])
        .then(e(ln(r[i]) + c) / over(a, e(ln(r[a]) + c)), "by definition")
        .then((e(c) * r[i]) / (e(c) * over(a, r[a])), "the exponential undoes the logarithm")
        .then(r[i] / over(a, r[a]), "cancel")
    )


@cache
def logistic():
    return (
        Derivation("sigmoid", first_of_two)
        .then(e(z_1) / (e(z_1) + e(z_2)), "by definition")
        .then(1 / (1 + e(z_2) / e(z_1)), "divide by the numerator")
        .then(1 / (1 + e(-(z_1 - z_2))), "divide the exponentials")
        .then(sigmoid, "by definition")
    )


@cache
def rounding():
    return (
        Derivation("rounding", rounded[i] / sigma[i])
        .then((e(z[i]) * f[i]) / over(a, e(z[a]) * f[a]) * (Z / e(z[i])), "by definition")
        .then(f[i] / over(a, sigma[a] * f[a]), "divide by $Z$")
        .then(
            f[i] / over(a, sigma[a] * least),
            Given(f[a], "≥", least, every=a),
            "≤",
            form=f[i] / (over(a, sigma[a] * f[a]) * least) * over(a, sigma[a] * margins[a]),
        )
        .then(f[i] / least, "the outputs sum to 1")
        .then(most / least, Given(f[a], "≤", most, every=a), "≤", form=margins[i] / least)
    )


@cache
def range_():
    return (
        Derivation("range", 1 - sigma[i])
        .then(over(a, sigma[a]) - sigma[i], sum_one())
        .then(over_others(a, i, sigma[a]), "take $i$ out")
        .then(0, "positive terms", "≥")
    )


@cache
def below_one():
    rest = over_others(a, i, sigma[a])
    return (
        Derivation("below-one", 1 - sigma[i], Unlike(i, j))
        .then(rest, range_())
        .then(
            0,
            "positive terms, that of $j$ among them",
            ">",
            form=sigma[j] + over_others(a, i, (1 - delta[a, j]) * sigma[a]),
        )
    )


@cache
def given_back():
    return (
        Derivation("given-back", 1 / sigma[i])
        .then(Z / e(z[i]), "by definition")
        .then(over(a, e(z[a] - z[i])), "the sum is linear")
    )


@cache
def lse_upper():
    total = over(a, e(-depth[a]))
    return (
        Derivation("lse-upper", lse_below)
        .then(m + ln(total), "take the exponential of $m$ out")
        .then(
            m + ln(K),
            "each exponential is at most 1",
            "≤",
            form=ln(1 + over(a, 1 - e(-depth[a])) / total),
        )
    )


@cache
def lse_lower():
    return (
        Derivation("lse-lower", lse - z[i])
        .then(ln(1 + over_others(a, i, e(z[a] - z[i]))), "take the exponential of $z_i$ out")
        .then(0, "positive terms", "≥")
    )


@cache
def jacobian_t():
    return (
        Derivation("jacobian-t", partial(p[i], z[j]))
        .then(
            (delta[i, j] * e(z[i] / T) * Z_T - e(z[i] / T) * e(z[j] / T)) / (T * Z_T**2),
            "quotient rule",
        )
        .then(1 / T * (p[i] * (delta[i, j] - p[j])), "by definition")
    )


@cache
def saturation():
    return (
        Derivation("saturation", 2 * over(i, sigma[i] * (1 - sigma[i]) * v[i] ** 2) - form_of_v)
        .then(
            half * over(i, over_others(j, i, sigma[i] * sigma[j] * (v[i] + v[j]) ** 2)),
            "complete the squares",
        )
        .then(0, "squares with weights that are not negative", "≥")
    )


@cache
def jvp():
    return (
        Derivation("jvp", over(j, partial(sigma[i], z[j]) * v[j]))
        .then(over(j, sigma[i] * (delta[i, j] - sigma[j]) * v[j]), jacobian())
        .then(
            sigma[i] * (over(j, delta[i, j] * v[j]) - over(j, sigma[j] * v[j])),
            "the sum is linear",
        )
        .then(sigma[i] * (v[i] - mean_v), "the delta sifts")
    )


@cache
def t_monotone():
    total = over(a, e(-depth[a] / T))
    return (
        Derivation("t-monotone", -derivative(top, T))
        .then(1 / (T**2 * total**2) * over(a, depth[a] * e(-depth[a] / T)), "quotient rule")
        .then(0, "no term is negative", "≥")
    )


@cache
def t_zero():
    others = over(a, e(-(g + depth[a]) / T))
    return (
        Derivation("t-zero", 1 / (ties + others))
        .then(
            1 / (ties + over(a, e(-g / T))),
            "each exponential is at most that of the gap",
            "≥",
            form=over(a, e(-g / T) * (1 - e(-depth[a] / T)))
            / ((ties + others) * (ties + K * e(-g / T))),
        )
        .then(1 / (ties + K * e(-g / T)), "$K$ equal terms")
    )


@cache
def gumbel():
    return (
        Derivation("gumbel-max", derivative(wins[i], x))
        .then(p[i] * e(-Z_T * e(-x)) * Z_T * e(-x), "chain rule")
        .then(e(z[i] / T - x) * e(-over(a, e(z[a] / T - x))), "the product of $p_i$ and $Z_T$")
    )


@cache
def couples():
    more = Z + e(z[j]) * (e(g) - 1)
    return (
        Derivation("attention-couples", sigma[i] - raised[i, j], Unlike(i, j))
        .then(e(z[i]) / Z - e(z[i]) / more, "only $z_j$ rises, by $g$")
        .then((e(z[i]) * e(z[j]) * (e(g) - 1)) / (Z * more), "common denominator")
        .then(sigma[i] * raised[j, j] * (1 - e(-g)), "by definition")
        .then(0, "$g$ is positive", ">", form=sigma[i] * raised[j, j] * (1 - e(-g)))
    )


CHAINS: dict[str, Callable[[], Derivation]] = {
    chain.__name__: chain
    for chain in list(vars().values())
    if getattr(chain, "__module__", "") == __name__
}
