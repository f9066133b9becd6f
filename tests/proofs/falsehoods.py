"""What the book proves, with a sign, an index or a number changed: every one must be refused."""

from sympy import IndexedBase, KroneckerDelta, Rational, Sum, Symbol, exp, log, symbols

from softmax_lib.proofs import (
    K,
    T,
    c,
    define,
    depth,
    differentiate,
    gap,
    i,
    j,
    k,
    m,
    n,
    prove_equal,
    prove_equal_up_to,
    prove_nonnegative,
    prove_positive,
    prove_positive_given,
    softmax,
    total,
    value_at,
    z,
)

beta, x, tau = symbols("beta x tau", real=True)
root = Symbol("r", positive=True)
ties = Symbol("M", positive=True)
spread = Symbol("delta", nonnegative=True)
rest, heat_of_share = symbols("R lambda", nonnegative=True)
v, y = IndexedBase("v", real=True), IndexedBase("y", real=True)
score, value = IndexedBase("s", real=True), IndexedBase("x", real=True)
mean_q, mean_k = IndexedBase("mu", real=True), IndexedBase("nu", real=True)
variance_q, variance_k = IndexedBase("v", nonnegative=True), IndexedBase("w", nonnegative=True)
p = IndexedBase("p", positive=True)
maxima, sums = symbols("m_1:4", real=True), symbols("s_1:4", nonnegative=True)
states = list(zip(maxima, sums, strict=True))
outer, inner = symbols("M A", real=True)
kept, cut = IndexedBase("p", nonnegative=True), IndexedBase("s", nonnegative=True)
rival, slack = IndexedBase("q", nonnegative=True), IndexedBase("s", nonnegative=True)


def over_pairs(term):
    return Sum(term, (i, 1, K), (j, 1, K))


def over_the_others(term):
    return total(lambda a: (1 - KroneckerDelta(a, i)) * term(a))


def jacobian(a, b):
    return softmax(a) * (KroneckerDelta(a, b) - softmax(b))


def perturbed(a):
    return exp(z[a]) * p[a] / total(lambda b: exp(z[b]) * p[b])


def wrong(a):
    return softmax(a, lambda b: z[b] + v[b])


def partial(a, b):
    return differentiate(softmax(a), z[b])


def tempered(a):
    return softmax(a, lambda b: z[b] / T)


def scaled(a):
    return softmax(a, lambda b: beta * z[b])


def unscaled(a):
    return softmax(a, lambda b: root * z[b])


def entropy(weight):
    return -total(lambda a: weight(a) * log(weight(a)), k)


def free_energy(weight):
    return total(lambda a: weight(a) * z[a], m) + T * entropy(weight)


def normalised(a):
    return p[a] / total(lambda b: p[b], n)


def raised(a):
    def term(b):
        return exp(z[b]) * (1 + KroneckerDelta(b, j) * (exp(gap) - 1))

    return term(a) / total(term, n)


expected_logit = total(lambda a: tempered(a) * z[a], m)
variance = total(lambda a: tempered(a) * (z[a] - expected_logit) ** 2)
others_at_the_top = total(lambda a: exp(-(gap + depth[a]) / T))
top = 1 / (ties + others_at_the_top)
least_top = 1 / (ties + K * exp(-gap / T))
rate = total(lambda a: exp(z[a] / T), n)
race = exp(z[i] / T - x) * exp(-total(lambda a: exp(z[a] / T - x)))
among_all = exp(z[i] / T) / (rate + rest)
head = 1 + total(lambda a: kept[a] * exp(slack[a] / T))
tail = total(lambda a: rival[a] * exp(-depth[a] / T))
lse = log(total(lambda a: exp(z[a]), n))
divergence = total(lambda a: normalised(a) * log(normalised(a) / tempered(a)))
squared_error = total(lambda a: (softmax(a) - KroneckerDelta(a, i)) ** 2)
lse_scaled = log(total(lambda a: exp(beta * z[a])))
smoothing = 1 / (1 + Symbol("alpha", nonnegative=True))
mean_score = total(lambda a: softmax(a) * v[a])
quadratic_form = over_pairs(v[i] * jacobian(i, j) * v[j])
second_moment = over_pairs(
    (mean_q[i] * mean_q[j] + variance_q[i] * KroneckerDelta(i, j))
    * (mean_k[i] * mean_k[j] + variance_k[i] * KroneckerDelta(i, j))
)
mean_product = total(lambda a: mean_q[a] * mean_k[a], m)


def room_below_a_half(sign):
    off_diagonal = (1 - KroneckerDelta(i, j)) * softmax(i) * softmax(j)
    return (
        total(lambda a: (1 - 2 * softmax(a)) ** 2 * v[a] ** 2) / 2
        + over_pairs(off_diagonal * (v[i] + sign * v[j]) ** 2) / 2
    )


def cross_entropy(weight):
    return -total(lambda a: weight(a) * log(softmax(a)))


def square_distance(first, second):
    return total(lambda a: (first(a) - second(a)) ** 2)


def merged(first, second, maximum):
    return maximum, sum(s * exp(m - maximum) for m, s in (first, second))


def state_of_piece(choice, maximum):
    return maximum, total(lambda a: choice(a) * exp(z[a] - maximum))


def projection(sign):
    def shifted(a):
        return kept[a] + tau - cut[a]

    surplus = square_distance(lambda a: rival[a], shifted) - square_distance(
        lambda a: kept[a], shifted
    )
    sums = total(lambda a: rival[a]) - total(lambda a: kept[a])
    return prove_equal(
        surplus,
        square_distance(lambda a: rival[a], lambda a: kept[a])
        + sign * 2 * total(lambda a: rival[a] * cut[a])
        - 2 * total(lambda a: kept[a] * cut[a])
        - 2 * tau * sums,
    )


def threshold_rule(of_simplex, of_next):
    """With 1 and 1 the rule of sparsemax, for three logits or fewer."""

    def equations(size):
        logits = symbols(f"z1:{size + 1}", real=True)
        for count in range(1, size + 1):
            threshold = (sum(logits[:count]) - of_simplex) / Rational(count)
            yield sum(logit - threshold for logit in logits[:count]), Rational(1)
            if count < size:
                tested = 1 + (count + of_next) * logits[count] - sum(logits[: count + 1])
                yield count * (threshold - logits[count]), -tested
        rivals = symbols(f"q1:{size + 1}", real=True)
        gaps = [rival - logit for rival, logit in zip(rivals, logits, strict=True)]
        yield (
            sum(x**2 for x in gaps) - size * threshold**2,
            sum((x + threshold) ** 2 for x in gaps) - 2 * threshold * (sum(rivals) - of_simplex),
        )

    return equations


FALSEHOODS = {
    "formula": {
        "the sum of logits below the line": lambda: define(
            "s", exp(z[i]) / total(lambda a: z[a], n)
        ),
    },
    "sum-one": {
        "the sum is K": lambda: prove_equal(total(softmax), K),
        "two indices": lambda: prove_equal(total(softmax), softmax(i) + softmax(j)),
    },
    "range": {
        "below 1 for every K": lambda: prove_positive(1 - softmax(i)),
        "the rest is another one": lambda: prove_equal(1 - softmax(i), softmax(j)),
    },
    "order": {
        "the other way round": lambda: prove_positive_given(
            softmax(i) - softmax(j), z[j] - z[i], softmax(j) * (exp(gap) - 1)
        ),
        "the ratio upside down": lambda: prove_equal(softmax(i), exp(z[j] - z[i]) * softmax(j)),
    },
    "shift": {
        "of one logit": lambda: prove_equal(
            softmax(i, lambda a: z[a] + c * KroneckerDelta(a, j)), softmax(i)
        ),
        "a factor": lambda: prove_equal(softmax(i, lambda a: c * z[a]), softmax(i)),
    },
    "max-shift": {
        "heights": lambda: prove_nonnegative(1 - exp(depth[i])),
        "the sum is below K": lambda: prove_positive(K - total(lambda a: exp(-depth[a]))),
    },
    "wrong-logits": {
        "the share of the spread": lambda: prove_nonnegative((exp(c) - 1) / (exp(c) + 1)),
        "half the exponent": lambda: prove_equal(
            wrong(i) / softmax(i), exp(v[i] / 2) / total(lambda a: softmax(a) * exp(v[a]))
        ),
        "a sum of logits": lambda: prove_equal(
            wrong(i), softmax(i) * exp(v[i]) / total(lambda a: exp(v[a]))
        ),
    },
    "flipped-argmax": {
        "the sign of the raise": lambda: prove_equal(raised(j), raised(i) * exp(z[j] - gap - z[i])),
        "another error": lambda: prove_equal(wrong(i), wrong(j) * exp(z[i] + v[j] - (z[j] + v[j]))),
    },
    "temperature": {
        "1 taken from the sum": lambda: define(
            "s", exp(z[i] / T) / (total(lambda a: exp(z[a] / T), n) - 1)
        ),
    },
    "t-powers": {
        "multiplied by T": lambda: prove_equal(tempered(i), exp((z[i] - z[j]) * T) * tempered(j)),
        "the sign of the gap": lambda: prove_equal(
            tempered(i), exp((z[j] - z[i]) / T) * tempered(j)
        ),
        "the power T": lambda: prove_equal(softmax(i, lambda a: log(softmax(a)) * T), tempered(i)),
        "odds to the power T": lambda: prove_equal(
            exp((log(softmax(i)) - log(softmax(j))) * T) * tempered(j), tempered(i)
        ),
        "a form without T": lambda: prove_positive_given(
            tempered(i) - tempered(j), z[i] - z[j], tempered(j) * (exp(gap) - 1)
        ),
    },
    "t-zero": {
        "more than an equal share": lambda: prove_nonnegative(top - 1 / ties),
        "at most 1/(M + 1)": lambda: prove_nonnegative(1 / (ties + 1) - top),
        "the sign of the exponent": lambda: prove_equal(
            top - least_top,
            top * least_top * exp(gap / T) * total(lambda a: 1 - exp(-depth[a] / T)),
        ),
        "twice the gap": lambda: prove_nonnegative(
            exp(-2 * gap / T) / ties - exp(-(gap + depth[i]) / T) * top
        ),
    },
    "t-infinity": {
        "1/(K + 1)": lambda: prove_equal(value_at(scaled(i), beta, 0), 1 / (K + 1)),
        "no mean": lambda: prove_equal(value_at(differentiate(scaled(i), beta), beta, 0), z[i] / K),
        "another index": lambda: prove_equal(
            value_at(differentiate(scaled(i), beta), beta, 0),
            (z[j] - total(lambda a: z[a], m) / K) / K,
        ),
    },
    "t-monotone": {
        "a square of T": lambda: prove_equal(differentiate(entropy(tempered), T), variance / T**2),
        "the sign": lambda: prove_equal(differentiate(entropy(tempered), T), -variance / T**3),
        "the top rises": lambda: prove_nonnegative(
            differentiate(1 / total(lambda a: exp(-depth[a] / T)), T)
        ),
    },
    "gumbel-max": {
        "the sign of the noise": lambda: prove_equal(
            differentiate(tempered(i) * exp(-rate * exp(x)), x), race
        ),
        "another index": lambda: prove_equal(
            differentiate(tempered(j) * exp(-rate * exp(-x)), x), race
        ),
        "no temperature": lambda: prove_equal(
            differentiate(softmax(i) * exp(-rate * exp(-x)), x), race
        ),
    },
    "restriction": {
        "not divided": lambda: prove_equal(tempered(i), among_all),
        "divided by what was cut off": lambda: prove_equal(
            tempered(i), among_all * (rate + 2 * rest) / (rate + rest)
        ),
        "both gain and loss": lambda: prove_equal(
            total(lambda a: tempered(a) - exp(z[a] / T) / (rate + rest)) + rest / (rate + rest),
            rest / (rate + rest),
        ),
        "the kept lose": lambda: prove_nonnegative(among_all - tempered(i)),
    },
    "top-k-commutes": {
        "the other way round": lambda: prove_positive_given(
            tempered(i) - tempered(j), z[j] - z[i], tempered(j) * (exp(gap / T) - 1)
        ),
    },
    "min-p": {
        "a threshold without T": lambda: prove_positive_given(
            tempered(i) - exp(-heat_of_share) * tempered(j),
            z[i] - z[j] + heat_of_share,
            exp(-heat_of_share) * tempered(j) * (exp(gap / T) - 1),
        ),
        "the threshold rises": lambda: prove_nonnegative(
            differentiate(z[j] - T * heat_of_share, T)
        ),
    },
    "nucleus": {
        "the nucleus gains": lambda: prove_nonnegative(differentiate(head / (head + tail), T)),
        "what lies below counts as above": lambda: prove_nonnegative(
            -differentiate(head / (head + total(lambda a: rival[a] * exp(depth[a] / T))), T)
        ),
    },
    "jacobian-diagonal": {
        "a plus": lambda: prove_equal(partial(i, i), softmax(i) * (1 + softmax(i))),
        "another index": lambda: prove_equal(partial(i, i), softmax(i) * (1 - softmax(j))),
    },
    "jacobian-off-diagonal": {
        "the sign": lambda: prove_equal(
            (1 - KroneckerDelta(i, j)) * partial(i, j),
            (1 - KroneckerDelta(i, j)) * softmax(i) * softmax(j),
        ),
        "what is true for two logits": lambda: prove_equal(
            (1 - KroneckerDelta(i, j)) * partial(i, j),
            -(1 - KroneckerDelta(i, j)) * softmax(i) * (1 - softmax(i)),
        ),
    },
    "jacobian-dense": {
        "the sign": lambda: prove_positive(-softmax(i) * softmax(j)),
        "a diagonal without K ≥ 2": lambda: prove_positive(softmax(i) * (1 - softmax(i))),
    },
    "jacobian-structure": {
        "antisymmetric": lambda: prove_equal(partial(i, j), -partial(j, i)),
        "rows that sum to the output": lambda: prove_equal(
            total(lambda a: jacobian(i, a), m), softmax(i)
        ),
        "the mean is added": lambda: prove_equal(
            quadratic_form, total(lambda a: softmax(a) * (v[a] + mean_score) ** 2, m)
        ),
        "every pair twice": lambda: prove_equal(
            quadratic_form, over_pairs(softmax(i) * softmax(j) * (v[i] - v[j]) ** 2)
        ),
    },
    "jacobian-max": {
        "at a third": lambda: prove_equal(
            Rational(1, 4) - partial(i, i), (softmax(i) - Rational(1, 3)) ** 2
        ),
        "a fifth": lambda: prove_nonnegative(Rational(1, 5) - softmax(i) * (1 - softmax(i))),
    },
    "half-lipschitz": {
        "a third": lambda: prove_equal(
            total(lambda a: v[a] ** 2) / 3 - quadratic_form, room_below_a_half(1)
        ),
        "differences for sums": lambda: prove_equal(
            total(lambda a: v[a] ** 2) / 2 - quadratic_form, room_below_a_half(-1)
        ),
        "no temperature": lambda: prove_equal(
            differentiate(tempered(i), z[j]),
            tempered(i) * (KroneckerDelta(i, j) - tempered(j)),
        ),
    },
    "saturation": {
        "the rest with one too many": lambda: prove_equal(
            partial(i, i) - partial(j, j),
            (softmax(i) - softmax(j)) * over_the_others(softmax),
        ),
        "the sign of the gaps": lambda: prove_equal(
            softmax(i) * (1 - softmax(i)),
            softmax(i) ** 2 * over_the_others(lambda a: exp(z[i] - z[a])),
        ),
    },
    "cross-entropy": {
        "weights that sum to anything": lambda: prove_equal(
            differentiate(cross_entropy(lambda a: y[a]), z[j]), softmax(j) - y[j]
        ),
        "another index": lambda: prove_equal(
            differentiate(cross_entropy(lambda a: KroneckerDelta(a, i)), z[j]),
            softmax(i) - KroneckerDelta(i, j),
        ),
    },
    "squared-error": {
        "the push of cross-entropy": lambda: prove_equal(
            -differentiate(squared_error, z[i]), 1 - softmax(i)
        ),
        "half the bound": lambda: prove_nonnegative(
            2 * softmax(i) * (1 - softmax(i)) ** 2 + differentiate(squared_error, z[i])
        ),
    },
    "softmax-twice": {
        "a loss of 0": lambda: prove_nonnegative(softmax(i) - 1 / (1 + (K - 1) * exp(-1))),
        "all the classes": lambda: prove_equal(
            1 / (1 + over_the_others(lambda a: exp(-1))), 1 / (1 + K * exp(-1))
        ),
    },
    "loss-floor": {
        "above the entropy": lambda: prove_nonnegative(
            entropy(normalised) + total(lambda a: normalised(a) * log(softmax(a)))
        ),
        "not normalised": lambda: prove_equal(
            -total(lambda a: normalised(a) * log(softmax(a, lambda b: log(p[b]) + c))),
            -total(lambda a: normalised(a) * log(p[a])),
        ),
    },
    "smoothed-optimum": {
        "no class more": lambda: prove_equal(
            1 + (1 - smoothing) / smoothing,
            (1 - smoothing + smoothing / K) / (smoothing / K),
        ),
        "a target that is not a distribution": lambda: prove_equal(
            total(lambda a: KroneckerDelta(a, i) + smoothing / K), 1
        ),
    },
    "calibration": {
        "the variance at temperature 1": lambda: prove_equal(
            differentiate(differentiate(lse_scaled, beta), beta),
            total(lambda a: softmax(a) * z[a] ** 2) - total(lambda a: softmax(a) * z[a]) ** 2,
        ),
        "a second moment": lambda: prove_equal(
            differentiate(differentiate(lse_scaled, beta), beta),
            total(lambda a: scaled(a) * z[a] ** 2),
        ),
    },
    "scale": {
        "scores for weights": lambda: define(
            "o", total(lambda a: score[a] * value[a]) / total(lambda a: score[a])
        ),
    },
    "variance": {
        "no product of variances": lambda: prove_equal(
            second_moment - mean_product**2,
            total(lambda a: mean_k[a] ** 2 * variance_q[a] + mean_q[a] ** 2 * variance_k[a]),
        ),
        "the mean is not subtracted": lambda: prove_equal(
            second_moment,
            total(
                lambda a: (
                    mean_k[a] ** 2 * variance_q[a]
                    + mean_q[a] ** 2 * variance_k[a]
                    + variance_q[a] * variance_k[a]
                )
            ),
        ),
        "all components are one": lambda: prove_equal(over_pairs(KroneckerDelta(i, j)), K**2),
        "divided by d, not by its root": lambda: prove_equal(
            over_pairs(KroneckerDelta(i, j) / K**2), 1
        ),
    },
    "attention-saturates": {
        "the sign of the gaps": lambda: prove_equal(
            1 - unscaled(i),
            unscaled(i) * over_the_others(lambda a: exp(root * (z[i] - z[a]))),
        ),
        "n keys, not n - 1": lambda: prove_equal(
            K * exp(-root * gap) - over_the_others(lambda a: exp(-root * (gap + depth[a]))),
            over_the_others(lambda a: exp(-root * gap) * (1 - exp(-root * depth[a]))),
        ),
        "half the trace": lambda: prove_equal(
            (1 - softmax(i)) - total(lambda a: jacobian(a, a)),
            (1 - softmax(i)) ** 2 + over_the_others(lambda a: softmax(a) ** 2),
        ),
    },
    "attention-couples": {
        "the weight before": lambda: prove_equal(
            (1 - KroneckerDelta(i, j)) * (softmax(i) - raised(i)),
            (1 - KroneckerDelta(i, j)) * softmax(i) * softmax(j) * (1 - exp(-gap)),
        ),
        "the raised key too": lambda: prove_equal(
            softmax(i) - raised(i), softmax(i) * raised(j) * (1 - exp(-gap))
        ),
        "the sign": lambda: prove_positive(softmax(i) * raised(j) * (exp(-gap) - 1)),
    },
    "rounding": {
        "a denominator that is not averaged": lambda: prove_equal(
            perturbed(i) / softmax(i), p[i] / total(lambda a: p[a]) * K
        ),
        "the exact output in the place of the factor": lambda: prove_equal(
            perturbed(i) / softmax(i), p[i] * softmax(i) / total(lambda a: softmax(a) * p[a])
        ),
        "an average above the least": lambda: prove_equal(
            total(lambda a: softmax(a) * (gap + slack[a])) - gap,
            total(lambda a: softmax(a) * (gap + slack[a])),
        ),
    },
    "dispersion": {
        "the sign of the spread": lambda: prove_equal(
            tempered(i) - exp(-spread / T) / K,
            tempered(i) / K * total(lambda a: 1 - exp(-(spread + z[a] - z[i]) / T)),
        ),
        "an upper bound without K": lambda: prove_equal(
            exp(spread / T) - tempered(i),
            tempered(i) / K * total(lambda a: exp((spread + z[a] - z[i]) / T) - 1),
        ),
        "below the lower bound": lambda: prove_nonnegative(
            tempered(i) / K * total(lambda a: exp(-slack[a] / T) - 1)
        ),
    },
    "online": {
        "the maxima are added too": lambda: prove_equal(
            exp(outer) * merged(states[0], states[1], outer)[1],
            exp(maxima[0] + maxima[1]) * (sums[0] + sums[1]),
        ),
        "the inner maximum is left": lambda: prove_equal(
            merged(merged(states[0], states[1], inner), states[2], outer)[1],
            merged(states[0], merged(states[1], states[2], inner), inner)[1],
        ),
        "sums that are not rescaled": lambda: prove_equal(
            exp(outer) * (sums[0] + sums[1]),
            sums[0] * exp(maxima[0]) + sums[1] * exp(maxima[1]),
        ),
        "a low score as the identity": lambda: prove_equal(
            exp(outer) * merged(states[0], (maxima[1], 1), outer)[1], sums[0] * exp(maxima[0])
        ),
        "a start with the other's maximum": lambda: prove_equal(
            state_of_piece(lambda a: KroneckerDelta(a, i), z[j])[1], 1
        ),
        "pieces that are multiplied": lambda: prove_equal(
            merged(
                state_of_piece(lambda a: v[a], inner),
                state_of_piece(lambda a: y[a], inner),
                outer,
            )[1],
            state_of_piece(lambda a: v[a] * y[a], outer)[1],
        ),
        "a denominator of another maximum": lambda: prove_equal(
            exp(z[i] - inner) / state_of_piece(lambda _: 1, outer)[1], softmax(i)
        ),
        "a logarithm without the maximum": lambda: prove_equal(
            log(state_of_piece(lambda _: 1, outer)[1]), lse
        ),
    },
    "any-reference": {
        "a denominator of another reference": lambda: prove_equal(
            exp(z[i] - c) / total(lambda a: exp(z[a] - outer)), softmax(i)
        ),
        "the reference taken off once more": lambda: prove_equal(
            log(total(lambda a: exp(z[a] - c))) - c, lse
        ),
        "references that are not left": lambda: prove_equal(
            merged((maxima[0], sums[0]), (maxima[1], sums[1]), c)[1], sums[0] + sums[1]
        ),
        "a sum without its top": lambda: prove_nonnegative(
            total(lambda a: exp(z[a] - c)) - 2 * exp(z[i] - c)
        ),
    },
    "chunks": {
        "a state of one piece alone": lambda: prove_equal(
            softmax(i) * state_of_piece(lambda a: v[a], inner)[1], exp(z[i] - inner)
        ),
        "pieces with a score in common": lambda: prove_equal(
            softmax(i)
            * merged(
                state_of_piece(lambda a: v[a], inner), state_of_piece(lambda a: 1, inner), outer
            )[1],
            exp(z[i] - outer),
        ),
        "a second pass from the piece's own maximum": lambda: prove_equal(
            softmax(i) * state_of_piece(lambda _: 1, outer)[1], exp(z[i] - inner)
        ),
    },
    "lse": {
        "the sign of the gaps": lambda: prove_equal(
            lse - z[i], log(1 + over_the_others(lambda a: exp(z[i] - z[a])))
        ),
        "a half for the one": lambda: prove_nonnegative(
            log(Rational(1, 2) + over_the_others(lambda a: exp(z[a] - z[i])))
        ),
        "invariant under a shift": lambda: prove_equal(log(total(lambda a: exp(z[a] + c))), lse),
        "another index": lambda: prove_equal(differentiate(lse, z[i]), softmax(j)),
        "a Hessian with a plus": lambda: prove_equal(
            differentiate(differentiate(lse, z[i]), z[j]),
            softmax(i) * (KroneckerDelta(i, j) + softmax(j)),
        ),
    },
    "gibbs": {
        "a loss without T": lambda: prove_equal(
            free_energy(tempered) - free_energy(normalised), divergence
        ),
        "the divergence the other way round": lambda: prove_equal(
            free_energy(tempered) - free_energy(normalised),
            T * total(lambda a: tempered(a) * log(tempered(a) / normalised(a))),
        ),
        "a maximum without T": lambda: prove_equal(
            free_energy(tempered), log(total(lambda a: exp(z[a] / T)))
        ),
    },
    "sigmoid": {
        "the sign of the gap": lambda: prove_equal(
            softmax(i), 1 / (1 + over_the_others(lambda a: exp(z[i] - z[a])))
        ),
    },
    "inverse": {
        "not normalised": lambda: prove_equal(softmax(i, lambda a: log(p[a]) + c), p[i]),
        "twice the logarithm": lambda: prove_equal(
            log(softmax(i, lambda a: 2 * log(softmax(a)))), log(softmax(i))
        ),
        "softmax is idempotent in its ratios": lambda: prove_equal(
            softmax(i, lambda a: p[a]), p[i] / p[j] * softmax(j, lambda a: p[a])
        ),
    },
    "only-exponentials": {
        "beta dropped": lambda: prove_equal(1 / total(lambda a: exp(z[a] - z[i])), scaled(i)),
        "squared logits": lambda: prove_equal(
            softmax(i, lambda a: beta * (z[a] + c) ** 2),
            softmax(i, lambda a: beta * z[a] ** 2),
        ),
    },
    "sparsemax": {
        "the sign of what is cut": lambda: projection(sign=-1),
        "a threshold with + 1": lambda: prove_equal_up_to(3, threshold_rule(-1, 1)),
        "the test with k for k + 1": lambda: prove_equal_up_to(3, threshold_rule(1, 0)),
    },
    "why-softmax": {
        "above the mean weight": lambda: prove_positive(softmax(i) - 1 / K),
        "more of the one, more of the other": lambda: prove_equal(
            (1 - KroneckerDelta(i, j)) * differentiate(softmax(i), z[j]),
            (1 - KroneckerDelta(i, j)) * softmax(i) * softmax(j),
        ),
    },
}
