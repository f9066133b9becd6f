"""What `where=` leaves out is as if it were not there, in every function that takes logits."""

import ml_dtypes
import numpy as np
import pytest

from softmax_lib import (
    OnlineNormalizer,
    cross_entropy,
    entropy,
    kl_divergence,
    log_softmax,
    logsumexp,
    min_p,
    sample,
    softmax,
    softmax_jacobian,
    softmax_jvp,
    softmax_vjp,
    top_k,
    top_p,
)

NAN, INF = np.nan, np.inf
FORMATS = [np.float16, ml_dtypes.bfloat16, np.float32, np.float64, np.longdouble]
KEEP = np.array([True, False, True, True, False, True])
LEFT_IN = np.flatnonzero(KEEP)
Z = np.array([1.0, 7.0, -2.0, 0.5, 7.0, 1.0])
BESIDE = np.array([0.25, 0.0, 3.0, 1.0, 0.0, 0.5])


def state(z, **arguments):
    one = OnlineNormalizer.of(z, **arguments)
    return np.stack([one.maximum, one.denominator, one.correction], axis=-1)


# Name, function of logits and of what is beside them, what is left out, and what nothing left in
# gives; for results with an entry for each logit, for each pair of them, or for each slice.
EACH = [
    ("softmax", lambda z, x, **rest: softmax(z, **rest), 0),
    ("log_softmax", lambda z, x, **rest: log_softmax(z, **rest), -INF),
    ("softmax_jvp", lambda z, x, **rest: softmax_jvp(z, x, **rest), 0),
    ("softmax_vjp", lambda z, x, **rest: softmax_vjp(z, x, **rest), 0),
    ("top_k", lambda z, x, **rest: top_k(z, k=2, **rest), False),
    ("top_p", lambda z, x, **rest: top_p(z, p=0.6, **rest), False),
    ("min_p", lambda z, x, **rest: min_p(z, a=0.7, **rest), False),
]
SLICE = [
    ("logsumexp", lambda z, x, **rest: logsumexp(z, **rest), -INF),
    ("entropy", lambda z, x, **rest: entropy(z, **rest), 0),
    ("weights", lambda z, x, **rest: cross_entropy(z, x.astype(float), **rest), 0),
    (
        "smoothed",
        lambda z, x, **rest: cross_entropy(z, x.astype(float), label_smoothing=0.3, **rest),
        0,
    ),
    ("kl_divergence", lambda z, x, **rest: kl_divergence(z, x, **rest), 0),
    ("OnlineNormalizer.of", lambda z, x, **rest: state(z, **rest), [-INF, 0, 0]),
]


def named(table):
    return [pytest.param(*row, id=name) for name, *row in table]


def disturbed(z, junk):
    """Return logits with something else where they are left out."""
    result = z.copy()
    result[..., ~KEEP] = junk
    return result


@pytest.mark.parametrize("junk", [7.0, NAN, INF, -INF])
@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize(("function", "left_out"), named(EACH))
def test_the_others_get_what_they_get_alone(function, left_out, dtype, junk):
    z, beside = Z.astype(dtype), BESIDE.astype(dtype)
    with np.errstate(all="raise"):
        whole = function(disturbed(z, junk), disturbed(beside, junk), where=KEEP)
    alone = function(z[KEEP], beside[KEEP])
    np.testing.assert_array_equal(whole[KEEP], alone)
    np.testing.assert_array_equal(whole[~KEEP], left_out)


@pytest.mark.parametrize("junk", [7.0, NAN, INF, -INF])
@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize(("function", "nothing"), named(SLICE))
def test_a_slice_has_the_value_that_it_has_without_what_is_left_out(function, nothing, dtype, junk):
    z, beside = Z.astype(dtype), BESIDE.astype(dtype)
    with np.errstate(all="raise"):
        whole = function(disturbed(z, junk), beside, where=KEEP)
    np.testing.assert_array_equal(whole, function(z[KEEP], beside[KEEP]))


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize(("function", "nothing"), named(EACH + SLICE))
def test_a_slice_with_nothing_left_in_is_an_empty_one_beside_any_other(function, nothing, dtype):
    z, beside = np.array([Z, Z]).astype(dtype), np.zeros((2, 6)).astype(dtype)
    z[1, 3] = NAN
    with np.errstate(all="raise"):
        results = function(z, beside, where=[[True], [False]])
    np.testing.assert_array_equal(results[1], np.broadcast_to(nothing, results[1].shape))
    assert np.isfinite(results[0].astype(float)).all()


@pytest.mark.parametrize("junk", [7.0, NAN, INF, -INF])
@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_the_jacobian_has_no_row_and_no_column_of_what_is_left_out(dtype, junk, temperature):
    z = Z.astype(dtype)
    with np.errstate(all="raise"):
        whole = softmax_jacobian(disturbed(z, junk), where=KEEP, temperature=temperature)
    alone = softmax_jacobian(z[KEEP], temperature=temperature)
    np.testing.assert_array_equal(whole[np.ix_(LEFT_IN, LEFT_IN)], alone)
    np.testing.assert_array_equal(whole[~KEEP], 0)
    np.testing.assert_array_equal(whole[:, ~KEEP], 0)


def test_what_is_left_out_beside_a_nan_still_has_no_gradient():
    z = np.array([NAN, 1.0, 2.0])
    keep = [True, True, False]
    jacobian = softmax_jacobian(z, where=keep)
    assert np.isnan(jacobian[:2, :2]).all()
    np.testing.assert_array_equal(jacobian[2], 0)
    np.testing.assert_array_equal(softmax_jvp(z, 1.0, where=keep), [NAN, NAN, 0])


def test_a_long_row_in_pieces_is_cut_as_any_other():
    rng = np.random.default_rng(4)
    z, keep = rng.normal(size=300_000), rng.random(300_000) < 0.7
    beside = rng.random(300_000) * keep
    for name, function, *_ in SLICE:
        whole, alone = function(z, beside, where=keep), function(z[keep], beside[keep])
        # Other pieces have other sums; a maximum and what is not small is to agree.
        np.testing.assert_allclose(
            np.ravel(whole)[:2], np.ravel(alone)[:2], rtol=20 * 2.0**-52, err_msg=name
        )


@pytest.mark.parametrize("axis", [0, 2, (0, 2), (2, 0), None])
def test_where_goes_with_the_logits_along_any_axes(axis):
    rng = np.random.default_rng(5)
    z, beside, keep = rng.normal(size=(3, 4, 5)), rng.random((3, 4, 5)), rng.random((3, 4, 5)) < 0.6
    for name, function, *_ in EACH + SLICE[1:2] + SLICE[4:5]:
        lowered, zeros = np.where(keep, z, -INF), np.where(keep, beside, 0)
        expected = function(lowered, zeros, axis=axis)
        computed = function(np.where(keep, z, NAN), beside, axis=axis, where=keep)
        if name in ("top_k", "top_p", "min_p"):
            expected &= keep
        if name == "kl_divergence":
            expected = kl_divergence(lowered, np.where(keep, beside, -INF), axis=axis)
        np.testing.assert_array_equal(computed, expected, err_msg=name)


def test_what_is_left_out_is_never_drawn():
    rng = np.random.default_rng(6)
    drawn = sample(disturbed(Z, NAN), where=KEEP, rng=rng, size=1000)
    assert set(drawn.tolist()) == set(LEFT_IN)


def test_draws_are_those_of_logits_of_minus_infinity():
    lowered = np.where(KEEP, Z, -INF)
    for size, replace in ((50, True), (4, False)):
        first, second = (
            sample(z, rng=np.random.default_rng(7), size=size, replace=replace, **rest)
            for z, rest in ((lowered, {}), (disturbed(Z, INF), {"where": KEEP}))
        )
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("z", "keep", "reason"),
    [
        ([1.0, NAN], [False, True], "a NaN where it is left in"),
        ([INF, INF, 1.0], [True, True, False], r"more than one \+inf where it is left in"),
        ([1.0, -INF], [False, True], "nothing above -inf where it is left in"),
        ([1.0, 2.0], False, "nothing above -inf where it is left in"),
    ],
)
def test_a_row_that_has_no_distribution_where_it_is_left_in_is_refused(z, keep, reason):
    with pytest.raises(ValueError, match=f"z is no distribution .* it has {reason}"):
        sample(z, where=keep, rng=np.random.default_rng(0))


# Target, what is left in, loss: of [0, log 3], for a class that is left out.
TARGETS = [
    ("an index left out", 1, [True, False], INF),
    ("an index left in", 0, [True, False], 0),
    ("an index, and nothing left in", 1, [False, False], INF),
    ("weight left out", [0.5, 0.5], [True, False], INF),
    ("no weight left out", [1.0, 0.0], [True, False], 0),
    ("weight, and nothing left in", [0.0, 1.0], [False, False], INF),
    ("no weight, and nothing left in", [0.0, 0.0], [False, False], 0),
]


@pytest.mark.parametrize(("target", "keep", "loss"), named(TARGETS))
@pytest.mark.parametrize("junk", [np.log(3), NAN, INF])
def test_a_target_that_is_left_out_has_no_probability(target, keep, loss, junk):
    z = np.where(keep, [0.0, np.log(3)], junk)
    with np.errstate(all="raise"):
        assert cross_entropy(z, target, where=keep) == loss


@pytest.mark.parametrize("target", [1, [0.0, 1.0, 0.0]])
def test_a_nan_beside_a_target_that_is_left_out_makes_the_loss_nan(target):
    assert np.isnan(cross_entropy([NAN, 1.0, 2.0], target, where=[True, False, True]))


def test_a_huge_tangent_that_is_left_out_costs_the_others_no_digit():
    z, keep = np.array([0.0, 1.0, 2.0]), [True, True, False]
    computed = softmax_jvp(z, [1e-300, 3e-300, 1e300], where=keep)[:2]
    np.testing.assert_array_equal(computed, softmax_jvp(z[:2], [1e-300, 3e-300]))
    assert (computed != 0).all()
