"""A point's place, the logits of a place, and the ends of its curve are those of softmax."""

import numpy as np
from node import run

from softmax_lib import softmax

SCRIPTS = ("softmax.js", "simplex.js")
CORNERS = np.array([[8, 84], [92, 84], [50, 84 - 42 * np.sqrt(3)]])


def ask(expression, values):
    """Return what an expression in simplex.js is for each value."""
    driver = (
        'const values = JSON.parse(require("fs").readFileSync(0, "utf8"));'
        f"console.log(JSON.stringify(values.map((value) => {expression})));"
    )
    return run(driver, values, scripts=SCRIPTS)


def random_points():
    return np.random.default_rng(50).dirichlet([0.5, 0.5, 0.5], 300)


def test_the_triangle_has_equal_sides():
    sides = np.linalg.norm(CORNERS - np.roll(CORNERS, 1, axis=0), axis=1)
    np.testing.assert_allclose(sides, 84, rtol=1e-15)


def test_a_point_is_the_mean_of_the_corners_with_its_probabilities_as_weights():
    points = random_points()
    places = [[place["x"], place["y"]] for place in ask("pointOf(value)", points.tolist())]
    np.testing.assert_allclose(places, points @ CORNERS, rtol=1e-14)


def test_a_place_has_the_probabilities_whose_point_it_is():
    points = random_points()
    back = ask("probabilitiesAt(pointOf(value))", points.tolist())
    np.testing.assert_allclose(back, points, atol=1e-14)


def test_a_place_outside_has_probabilities_too():
    outside = [{"x": -20, "y": 200}, {"x": 50, "y": -50}, {"x": 200, "y": 60}]
    probabilities = np.array(ask("probabilitiesAt(value)", outside))
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1, rtol=1e-15)
    assert (probabilities == 0).any(axis=-1).all()


def test_the_logits_of_a_place_have_its_softmax_and_the_mean_that_was_asked_for():
    cases = [
        (softmax([a, b, 0.0], temperature=t).tolist(), t, mean)
        for a in (-1, 0, 0.3, 2)
        for b in (-2, 0, 1)
        for t in (0.3, 1.0, 2.0)
        for mean in (-0.5, 0, 1)
    ]
    logits = ask("logitsOf(...value, 5)", cases)
    for row, (p, temperature, mean) in zip(logits, cases, strict=True):
        centred = temperature * np.log(p)
        # The logits have two digits after the point.
        np.testing.assert_allclose(row, centred - centred.mean() + mean, atol=0.005 + 1e-12)


def test_logits_stay_within_reach_where_a_class_has_nothing():
    (logits,) = ask("logitsOf(value, 1, 0, 5)", [[1, 0, 0]])
    assert logits == [5, -5, -5]


def test_the_leaders_are_what_softmax_keeps_as_the_temperature_falls():
    rows = [[2, 1, 0], [1, 2, 2], [0, 0, 0], [-1, -3, -1]]
    for row, found in zip(rows, ask("leaders(value)", rows), strict=True):
        assert found == np.flatnonzero(softmax(row, temperature=0.0)).tolist()
