"""The attention playground's numbers are softmax_lib's, to the digits that are shown."""

from itertools import product

import numpy as np
from node import read, run, shown

from softmax_lib import scaled_dot_product_attention, softmax_jacobian
from softmax_lib.playground import AttentionPlayground

SCRIPTS = ("softmax.js", "random.js", "attention.js")
WIDTHS = [2**exponent for exponent in range(10)]
SEEDS = [0, 1, 2, 3, 1000, 2**31 - 1, 2**31, 2**32 - 1]
MASKS = {
    "none": np.ones((8, 8), bool),
    "causal": np.tri(8, dtype=bool),
    "earlier": np.tri(8, k=-1, dtype=bool),
    "others": ~np.eye(8, dtype=bool),
}
STATES = [
    *product(SEEDS, WIDTHS, [True, False], ["none"], [8]),
    *product(SEEDS[:3], WIDTHS, [True, False], MASKS, [2, 5, 8]),
]

DRIVER = """
const answers = JSON.parse(require("fs").readFileSync(0, "utf8")).map((state) => {
  const [seed, d_k, scaled, mask, count] = state;
  const rows = attention({ seed, d_k, scaled, mask, count });
  const written = (name) => rows.map((row) => show(row[name], 3));
  const percents = rows.map((row) => row.weights.map((weight) => Math.round(100 * weight)));
  const means = ["top", "norm"].map((name) => show(mean(rows.map((row) => row[name])), 3));
  const allowed = rows.map((row) => row.allowed);
  return { percents, allowed, top: written("top"), norm: written("norm"), means };
});
console.log(JSON.stringify(answers));
"""
DRAW = """
const seeds = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(seeds.map((seed) => draw(seed))));
"""


def expected(seed, width, scaled, mask, count):
    """Return weights, their maxima and the norms of their Jacobians, by the library."""
    playground = AttentionPlayground(width, seed=seed, words=["word"] * count)
    queries, keys = playground.queries_and_keys()
    scale = None if scaled else 1.0
    allowed = MASKS[mask][:count, :count]
    weights = scaled_dot_product_attention(queries, keys, np.eye(count), scale=scale, mask=allowed)
    scores = queries @ keys.T / (np.sqrt(width) if scaled else 1)
    jacobians = [softmax_jacobian(row[left]) for row, left in zip(scores, allowed, strict=True)]
    norms = np.array([np.linalg.norm(J) if J.size else np.nan for J in jacobians])
    tops = np.where(allowed.any(axis=-1), weights.max(axis=-1), np.nan)
    return weights, allowed, tops, norms


def test_weights_top_weights_and_norms_are_the_library_s():
    for state, answer in zip(STATES, run(DRIVER, STATES, scripts=SCRIPTS), strict=True):
        weights, allowed, tops, norms = expected(*state)
        assert np.array_equal(answer["percents"], np.round(100 * weights)), state
        assert answer["allowed"] == [np.flatnonzero(row).tolist() for row in allowed], state
        assert [read(text) for text in answer["top"]] == [shown(top, 3) for top in tops], state
        assert [read(text) for text in answer["norm"]] == [shown(norm, 3) for norm in norms], state
        means = [shown(np.nanmean(values), 3) for values in (tops, norms)]
        assert [read(text) for text in answer["means"]] == means, state


def test_queries_and_keys_are_drawn_as_in_python():
    for seed, drawn in zip(SEEDS, run(DRAW, SEEDS, scripts=SCRIPTS), strict=True):
        ours = AttentionPlayground(512, seed=seed).queries_and_keys()
        theirs = (drawn["queries"], drawn["keys"])
        # Logarithm, cosine and the product are good to an ulp or so; near its zeros the cosine
        # has the absolute accuracy of its argument, 2⁻⁵¹, times a first factor below 7.
        np.testing.assert_allclose(theirs, ours, rtol=1e-15, atol=7 * 2.0**-51)


def test_a_smaller_width_takes_the_first_components_of_a_larger_one():
    widest = AttentionPlayground(512).queries_and_keys()
    for width in WIDTHS:
        narrower = AttentionPlayground(width).queries_and_keys()
        assert np.array_equal(narrower, np.array(widest)[..., :width])


def test_components_have_mean_0_and_variance_1_and_do_not_repeat():
    drawn = np.array([AttentionPlayground(512, seed=s).queries_and_keys() for s in range(100)])
    # The standard errors of both, for normal numbers; four of them are exceeded by chance
    # once in 16,000 seeds.
    assert abs(drawn.mean()) < 4 / np.sqrt(drawn.size)
    assert abs(drawn.var() - 1) < 4 * np.sqrt(2 / drawn.size)
    # Of 2^32 uniform numbers the pairs of two normal ones hardly ever coincide.
    assert len(np.unique(drawn)) > 0.999 * drawn.size


def test_the_variance_of_a_score_is_the_width():
    drawn = [AttentionPlayground(512, seed=s).queries_and_keys() for s in range(400)]
    for width in WIDTHS:
        scores = np.array([q[:, :width] @ k[:, :width].T for q, k in drawn])
        # Each seed has one sum of squares, independent of the others.
        squares = (scores**2).mean(axis=(-2, -1)) / width
        assert abs(squares.mean() - 1) < 4 * squares.std() / np.sqrt(len(squares))
