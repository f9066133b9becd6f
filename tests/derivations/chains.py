"""A derivation of each kind, for what is asked of how they look and how they are stored."""

from collections.abc import Callable
from functools import cache

from softmax_lib.derivations import Derivation, Given, Unlike
from softmax_lib.derivations.vocabulary import (
    INDEPENDENT,
    K,
    T,
    Z,
    a,
    d_k,
    delta,
    e,
    half,
    i,
    j,
    margin,
    margins,
    mean_kk,
    mean_qq,
    over,
    over_others,
    p,
    partial,
    quarter,
    sigma,
    spread,
    var_qk,
    z,
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
def order():
    return (
        Derivation("order", sigma[i] / sigma[j])
        .then(e(z[i]) / e(z[j]), "$Z$ cancels")
        .then(e(z[i] - z[j]), "divide the exponentials")
        .then(1, z_i_above_z_j, ">", form=e(margin) - 1)
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
def jacobian_max():
    return (
        Derivation("jacobian-max", partial(sigma[i], z[i]))
        .then(sigma[i] * (1 - sigma[i]), jacobian_diagonal())
        .then(quarter - (sigma[i] - half) ** 2, "complete the square")
        .then(quarter, "a square is not negative", "≤", form=(sigma[i] - half) ** 2)
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


CHAINS: dict[str, Callable[[], Derivation]] = {
    chain.__name__: chain
    for chain in list(vars().values())
    if getattr(chain, "__module__", "") == __name__
}
