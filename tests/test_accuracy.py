"""How many units in the last place the functions lose, against the exact reference."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from logits import FORMATS, finite_arrays, hard_logits, hard_temperature
from mpmath import libmp

from softmax_lib import (
    exact_log_softmax,
    exact_logsumexp,
    exact_softmax,
    log_softmax,
    logsumexp,
    softmax,
    ulp_error,
)
from softmax_lib._formats import Format

# The contract. For softmax: 1.7 units roundoff from an exponential, as many from the sum, and half
# an ulp from the last rounding.
FLOAT64_ULPS = 4
# The largest errors that random searches came upon were 1.4 and 1.6; in longdouble, 2.5.
FOUND_FLOAT64_ULPS = 2.0
FOUND_LONGDOUBLE_ULPS = 3.0
# One rounding of a float64 result. That is computed without the lost part of a gap, which is up to
# 2**-53 of it, and matters up to a gap of 104: this many units of 2**-29 ulps.
ROUNDED_ONCE_ULPS = 0.5 + 200 * 2.0**-29
FOUND_ULPS = dict.fromkeys(FORMATS, ROUNDED_ONCE_ULPS) | {
    "float64": FOUND_FLOAT64_ULPS,
    "longdouble": FOUND_LONGDOUBLE_ULPS,
}
# In units of the last place of max(|max z|, |result|, 1), in the format that is computed in.
LOGSUMEXP_ULPS = 2

PAIRS = [(softmax, exact_softmax), (log_softmax, exact_log_softmax)]
TRIES = 200


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(("function", "exact"), PAIRS)
def test_error_stays_within_the_bound_on_hard_logits(function, exact, name):
    rng = np.random.default_rng(20210101)
    for _ in range(TRIES):
        z, temperature = hard_logits(FORMATS[name], rng), hard_temperature(rng)
        computed = function(z, temperature=temperature)
        errors = ulp_error(computed, exact(z, temperature=temperature, rounded=False))
        assert np.max(errors) <= FOUND_ULPS[name], (z, temperature)


@pytest.mark.parametrize(("function", "exact"), PAIRS)
@settings(max_examples=60, deadline=None)
@given(z=finite_arrays())
def test_error_stays_within_the_bound_on_any_logits(function, exact, z):
    assert np.max(ulp_error(function(z), exact(z, rounded=False))) <= FLOAT64_ULPS


@pytest.mark.parametrize(("function", "exact"), PAIRS)
@pytest.mark.parametrize("spread", [0.1, 30.0])
def test_error_does_not_grow_with_the_number_of_classes(function, exact, spread):
    z = np.round(np.random.default_rng(5).normal(size=100_000) * spread, 2) + 1e6
    assert np.max(ulp_error(function(z), exact(z, rounded=False))) <= FLOAT64_ULPS


# The worst that hill climbing found.
CLIMBED = [
    (softmax, [0.7848784096811864, 1.3684354176394058, -1.2170352545012957, 0.8723862098267581,
               -0.8237208764443835, -1.0143577291709558], 1.0),
    (softmax, [0.40722029916650604, -2.6960610153382603, 5.25393299896906, -4.478677274562878,
               -3.170059499265852, 1.000656589494298], 1.0),
    (softmax, [-11.185527683399528, -1.3338306194899783, -1.787755616688659, 5.892931963221481,
               5.628874290790147, -2.1579271043862622], 7.469665514295876),
    (log_softmax, [263.43669898196754, 275.2984179075487], 9.344931505360032),
    (log_softmax, [-16.33346498808688, 14.068815811697073, -3.6400678409100644],
     2.7273174525790376),
]  # fmt: skip


@pytest.mark.parametrize(("function", "z", "temperature"), CLIMBED)
def test_error_stays_within_the_bound_where_a_climb_ended(function, z, temperature):
    exact = dict(PAIRS)[function](z, temperature=temperature, rounded=False)
    assert np.max(ulp_error(function(z, temperature=temperature), exact)) < FLOAT64_ULPS


@pytest.mark.parametrize(("function", "exact"), PAIRS)
def test_one_huge_and_a_million_tiny(function, exact):
    # All of the tiny ones weigh as much as half an ulp of the huge one.
    z = np.r_[0.0, np.full(2**20, -53 * np.log(2) - 20 * np.log(2))]
    computed = function(z)
    assert np.ptp(computed[1:]) == 0
    assert np.max(ulp_error(computed[:2], exact(z, rounded=False)[:2])) < FLOAT64_ULPS


def test_error_stays_within_the_bound_on_logits_made_for_it():
    # Tens of thousands of terms whose exp errs to one side, and one whose exp errs to the other.
    z = np.r_[0.0, np.full(59_011, -7.584296585401993), -13.133585019905137]
    errors = ulp_error(softmax(z), exact_softmax(z, rounded=False))
    assert np.max(errors) <= FLOAT64_ULPS


@pytest.mark.parametrize("gap", [708.5, 720.3, 740.1, 744.0])
def test_subnormal_probabilities_are_accurate(gap):
    z = np.array([0.1, 0.1 - gap, 0.05])
    probabilities = softmax(z)
    assert 0 < probabilities[1] < 2 * np.finfo(np.float64).tiny
    assert np.max(ulp_error(probabilities, exact_softmax(z, rounded=False))) <= FLOAT64_ULPS


def test_log_probability_of_a_near_certain_class_keeps_its_digits():
    assert log_softmax([20.0, 0.0])[0] == pytest.approx(-2.061153620314381e-09, rel=1e-15, abs=0)


@pytest.mark.parametrize("name", FORMATS)
def test_logsumexp_errs_by_two_units_of_the_largest_quantity(name):
    own = Format.of(FORMATS[name])
    working = own if name == "longdouble" else Format.of(FORMATS["float64"])
    rng = np.random.default_rng(20210102)
    for _ in range(TRIES):
        z = hard_logits(FORMATS[name], rng)
        computed = Fraction(*logsumexp(z).astype(np.longdouble).as_integer_ratio())
        exact = Fraction(*libmp.to_rational(exact_logsumexp(z, rounded=False)._mpf_))
        maximum = Fraction(*np.max(z).astype(np.longdouble).as_integer_ratio())
        largest = max(abs(maximum), abs(exact), Fraction(1))
        bound = LOGSUMEXP_ULPS * Fraction(2) ** working.unit(largest)
        if own != working:  # and rounded
            bound += Fraction(2) ** own.unit(exact) / 2
        assert abs(computed - exact) <= bound, z


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32"])
def test_logsumexp_is_rounded_once_where_it_is_not_close_to_zero(name):
    rng = np.random.default_rng(20210103)
    for _ in range(TRIES):
        z = hard_logits(FORMATS[name], rng)
        z = z - z.max()
        error = ulp_error(logsumexp(z), exact_logsumexp(z, rounded=False))
        assert error <= ROUNDED_ONCE_ULPS, z


@pytest.mark.parametrize(
    ("z", "temperature"), [([5e-324, 0.0], 1.5e-323), ([1.37e-304, 1.3e-304, 0.0], 2.5e-310)]
)
def test_subnormal_gaps_and_temperatures_cost_no_digits(z, temperature):
    computed = softmax(z, temperature=temperature)
    exact = exact_softmax(z, temperature=temperature, rounded=False)
    assert np.max(ulp_error(computed, exact)) <= FLOAT64_ULPS
