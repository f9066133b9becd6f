"""True statements with K and all indices symbolic: every one must be proved.

The sum of y, the weights of a cross-entropy, is kept: put 1 for it. A distribution p that is
positive but otherwise arbitrary is written as the softmax of other logits w.
"""

from sympy import IndexedBase, KroneckerDelta, Rational, Sum, Symbol, exp, log

from softmax_lib.proofs import (
    K,
    T,
    c,
    depth,
    differentiate,
    i,
    j,
    k,
    m,
    n,
    softmax,
    total,
    value_at,
    z,
)

beta = Symbol("beta", real=True)
v = IndexedBase("v", real=True)
w = IndexedBase("w", real=True)
y = IndexedBase("y", real=True)
p = IndexedBase("p", positive=True)
delta = KroneckerDelta

Z = total(lambda a: exp(z[a]), n)
mean = total(lambda a: softmax(a) * v[a])


def tempered(a, parameter=1 / T):
    return softmax(a, lambda b: parameter * z[b])


def other(a):
    return softmax(a, lambda b: w[b])


def mean_logit(weight):
    return total(lambda a: weight(a) * z[a], m)


def variance_of_logits(weight):
    return total(lambda a: weight(a) * z[a] ** 2) - mean_logit(weight) ** 2


def entropy(weight, index=k):
    return -total(lambda a: weight(a) * log(weight(a)), index)


def free_energy(weight):
    return total(lambda a: weight(a) * z[a], m) + T * entropy(weight)


def cross_entropy(weight):
    return -total(lambda a: weight(a) * log(softmax(a)))


def jacobian(a, b):
    return softmax(a) * (delta(a, b) - softmax(b))


IDENTITIES = {
    "the outputs sum to one": (total(softmax), 1),
    "a common shift changes nothing": (softmax(i, lambda a: z[a] - c), softmax(i)),
    "a ratio of outputs is the exponential of the gap": (softmax(i) / softmax(j), exp(z[i] - z[j])),
    "an output is the logistic function of its gaps": (
        softmax(i),
        1 / total(lambda a: exp(z[a] - z[i])),
    ),
    "the outputs but one sum to the rest": (
        total(lambda a: (1 - delta(a, i)) * softmax(a)),
        1 - softmax(i),
    ),
    "equal logits give the uniform distribution": (softmax(i, lambda a: 0 * z[a] + c), 1 / K),
    "softmax inverts the logarithm": (
        softmax(i, lambda a: log(p[a]) + c),
        p[i] / total(lambda a: p[a]),
    ),
    "log-softmax is idempotent": (
        log(softmax(i, lambda a: log(tempered(a, 1)))),
        log(softmax(i)),
    ),
    "log-softmax is the logit minus logsumexp": (log(softmax(i)), z[i] - log(Z)),
    "logsumexp moves with a shift": (log(total(lambda a: exp(z[a] + c))), log(Z) + c),
    "depths below the maximum leave a bound": (
        K - total(lambda a: exp(-depth[a])),
        total(lambda a: 1 - exp(-depth[a])),
    ),
    "the Jacobian is diag(s) - s s'": (differentiate(softmax(i), z[j]), jacobian(i, j)),
    "the Jacobian's diagonal is s(1 - s)": (
        differentiate(softmax(i), z[i]),
        softmax(i) * (1 - softmax(i)),
    ),
    "the Jacobian off the diagonal is -s s'": (
        (1 - delta(i, j)) * differentiate(softmax(i), z[j]),
        -(1 - delta(i, j)) * softmax(i) * softmax(j),
    ),
    "the Jacobian is symmetric": (
        differentiate(softmax(i), z[j]),
        differentiate(softmax(j), z[i]),
    ),
    "the Jacobian's rows sum to zero": (Sum(differentiate(softmax(i), z[j]), (j, 1, K)), 0),
    "the Jacobian's columns sum to zero": (Sum(differentiate(softmax(i), z[j]), (i, 1, K)), 0),
    "the Jacobian's trace is one minus the sum of squares": (
        Sum(differentiate(softmax(i), z[i]), (i, 1, K)),
        1 - total(lambda a: softmax(a) ** 2),
    ),
    "J v is s (v - mean)": (
        Sum(differentiate(softmax(i), z[j]) * v[j], (j, 1, K)),
        softmax(i) * (v[i] - mean),
    ),
    "v' J v is the variance": (
        Sum(v[i] * jacobian(i, j) * v[j], (i, 1, K), (j, 1, K)),
        total(lambda a: softmax(a) * (v[a] - mean) ** 2, m),
    ),
    "v' J v is half the sum over pairs": (
        Sum(v[i] * jacobian(i, j) * v[j], (i, 1, K), (j, 1, K)),
        Rational(1, 2) * Sum(softmax(i) * softmax(j) * (v[i] - v[j]) ** 2, (i, 1, K), (j, 1, K)),
    ),
    "a row's absolute sum is 2 s (1 - s)": (
        total(lambda a: (1 - delta(a, i)) * softmax(i) * softmax(a)) + jacobian(i, i),
        2 * softmax(i) * (1 - softmax(i)),
    ),
    "the gradient of logsumexp is softmax": (differentiate(log(Z), z[i]), softmax(i)),
    "the Hessian of logsumexp is the Jacobian": (
        differentiate(differentiate(log(Z), z[i]), z[j]),
        jacobian(i, j),
    ),
    "the cross-entropy's gradient is s (sum of y) - y": (
        differentiate(cross_entropy(lambda a: y[a]), z[j]),
        softmax(j) * total(lambda a: y[a]) - y[j],
    ),
    "the cross-entropy's gradient at class i is s - delta": (
        differentiate(cross_entropy(lambda a: delta(a, i)), z[j]),
        softmax(j) - delta(i, j),
    ),
    "the cross-entropy's gradient at a distribution is s - p": (
        differentiate(cross_entropy(other), z[j]),
        softmax(j) - other(j),
    ),
    "the derivative by the inverse temperature": (
        differentiate(tempered(i, beta), beta),
        tempered(i, beta) * (z[i] - mean_logit(lambda a: tempered(a, beta))),
    ),
    "the derivative by the temperature": (
        differentiate(tempered(i), T),
        -tempered(i) * (z[i] - mean_logit(tempered)) / T**2,
    ),
    "the entropy falls with the inverse temperature": (
        differentiate(entropy(lambda a: tempered(a, beta)), beta),
        -beta * variance_of_logits(lambda a: tempered(a, beta)),
    ),
    "the entropy rises with the temperature": (
        differentiate(entropy(tempered), T),
        variance_of_logits(tempered) / T**3,
    ),
    "at inverse temperature zero the outputs are 1/K": (
        value_at(tempered(i, beta), beta, 0),
        1 / K,
    ),
    "the largest free energy is T log Z": (
        free_energy(tempered),
        T * log(total(lambda a: exp(z[a] / T))),
    ),
    "the gap to the largest free energy is T times KL": (
        free_energy(tempered) - free_energy(other),
        T * total(lambda a: other(a) * log(other(a) / tempered(a))),
    ),
    "a delta is a projection": (delta(i, j) * softmax(i), delta(i, j) * softmax(j)),
    "an inner index may shadow an outer one": (
        Sum(z[i] * Sum(z[i], (i, 1, K)), (i, 1, K)),
        Sum(z[i], (i, 1, K)) ** 2,
    ),
    "deltas compose": (Sum(delta(i, k) * delta(k, j), (k, 1, K)), delta(i, j)),
    "unequal indices have no common neighbour": ((1 - delta(i, j)) * delta(j, k) * delta(i, k), 0),
    "a delta is settled inside exp": (exp(c * delta(i, j)), 1 + delta(i, j) * (exp(c) - 1)),
    "a delta is settled in a denominator": (1 / (1 + delta(i, j)), 1 - delta(i, j) / 2),
}
