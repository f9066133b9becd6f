"""What training comes to is what gradient descent with softmax_lib's derivatives comes to."""

import numpy as np
import pytest
from node import run

from softmax_lib import cross_entropy, softmax, softmax_vjp
from softmax_lib.playground._training import LOSSES, POINTS, RATES

SCRIPTS = ("softmax.js", "training.js")
STARTS = {
    "even": np.zeros((3, 3)),
    # Each class in the place of the next one.
    "wrong": 12 * np.array([[0.5 * np.sqrt(3), -0.5, 0], [0, 1, 0], [-0.5 * np.sqrt(3), -0.5, 0]]),
}

DRIVER = """
const questions = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(questions.map(train)));
"""


def by_loss(loss, z, target):
    """Return a loss and its gradient by the logits, from the library."""
    p, truth = softmax(z), np.eye(3)[target]
    if loss == "cross-entropy":
        return cross_entropy(z, target), p - truth
    if loss == "squared-error":
        return ((p - truth) ** 2).sum(), softmax_vjp(z, 2 * (p - truth))
    return cross_entropy(p, target), softmax_vjp(z, softmax(p) - truth)


def slope(weights, points, loss):
    losses, gradients = [], []
    for x, y, target in points:
        inputs = np.array([x, y, 1])
        value, gradient = by_loss(loss, weights @ inputs, target)
        losses.append(value)
        gradients.append(np.outer(gradient, inputs))
    return np.mean(losses), np.mean(gradients, axis=0)


def trained(points, loss, start, rate, steps):
    weights = STARTS[start]
    for _ in range(steps):
        weights = weights - rate * slope(weights, points, loss)[1]
    return weights


def cases():
    rng = np.random.default_rng(60)
    for loss in LOSSES:
        for start in STARTS:
            for rate in RATES:
                count = rng.integers(1, 25)
                places = np.round(rng.uniform(-1, 1, (count, 2)), 2).tolist()
                classes = rng.integers(0, 3, count).tolist()
                points = [(x, y, c) for (x, y), c in zip(places, classes, strict=True)]
                for steps in (0, 1, 37):
                    yield points, loss, start, rate, steps


CASES = list(cases())


@pytest.fixture(scope="module")
def answers():
    names = ("points", "loss", "start", "rate", "steps")
    questions = [dict(zip(names, case, strict=True)) for case in CASES]
    return run(DRIVER, questions, scripts=SCRIPTS)


def test_weights_loss_and_gradient_are_those_of_gradient_descent(answers):
    for case, answer in zip(CASES, answers, strict=True):
        weights = trained(*case)
        loss, gradient = slope(weights, case[0], case[1])
        # Thousands of operations, each off by some units of 1e-16 of numbers up to 50.
        np.testing.assert_allclose(answer["weights"], weights, rtol=0, atol=1e-11)
        np.testing.assert_allclose(answer["loss"], loss, rtol=1e-10, atol=1e-13)
        norm = np.linalg.norm(gradient)
        np.testing.assert_allclose(answer["norm"], norm, rtol=1e-9, atol=1e-13)


def test_shares_and_counts_are_those_of_the_weights(answers):
    for (points, *_, steps), answer in zip(CASES, answers, strict=True):
        inputs = np.array([(x, y, 1) for x, y, _ in points])
        targets = np.array([target for *_, target in points])
        p = softmax(inputs @ np.array(answer["weights"]).T)
        share = p[np.arange(len(points)), targets].mean()
        np.testing.assert_allclose(answer["share"], share, rtol=1e-10)
        first = np.sort(p, axis=-1)[:, -1] > np.sort(p, axis=-1)[:, -2]
        assert answer["count"] == ((p.argmax(axis=-1) == targets) & first).sum()
        assert [step for step, _ in answer["shares"]] == list(range(steps + 1))
        assert answer["shares"][-1][1] == answer["share"]


def test_a_long_curve_has_no_more_than_a_hundred_steps_and_the_last():
    question = {"points": POINTS, "loss": LOSSES[0], "start": "even", "rate": 1, "steps": 250}
    (answer,) = run(DRIVER, [question], scripts=SCRIPTS)
    steps = [step for step, _ in answer["shares"]]
    assert steps == [*range(0, 250, 3), 250]


def test_from_a_wrong_start_only_the_cross_entropy_of_the_logits_learns():
    question = {"points": POINTS, "start": "wrong", "rate": 1, "steps": 100}
    runs = run(DRIVER, [question | {"loss": loss} for loss in LOSSES], scripts=SCRIPTS)
    assert [answer["count"] for answer in runs] == [12, 0, 0]


def test_the_second_softmax_keeps_the_loss_above_what_the_caption_says():
    assert round(float(cross_entropy([1.0, 0.0, 0.0], 0)), 3) == 0.551


def test_a_region_is_where_its_class_has_the_largest_logit():
    rng = np.random.default_rng(61)
    weights = rng.normal(size=(60, 3, 3))
    driver = """
        const all = JSON.parse(require("fs").readFileSync(0, "utf8"));
        console.log(JSON.stringify(all.map((weights) => [0, 1, 2].map((c) => region(weights, c)))));
    """
    x, y = rng.uniform(-1, 1, (2, 500))
    inputs = np.stack([x, y, np.ones_like(x)])
    for row, regions in zip(weights, run(driver, weights.tolist(), scripts=SCRIPTS), strict=True):
        first = (row @ inputs).argmax(axis=0)
        for c, corners in enumerate(regions):
            assert np.array_equal(inside(corners, x, y), first == c)


def inside(corners, x, y):
    """Tell which points lie to the left of all sides of a polygon."""
    result = np.full(x.shape, len(corners) > 2)
    for (a, b), (c, d) in zip(corners, corners[1:] + corners[:1], strict=True):
        result &= (c - a) * (y - b) - (d - b) * (x - a) >= -1e-12
    return result
