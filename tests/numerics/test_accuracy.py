"""How many units in the last place the functions lose, against the exact reference."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from engines import COMPILED, only_compiled
from hypothesis import given, settings
from logits import FORMATS, finite_arrays, hard_logits, hard_temperature
from mpmath import libmp

from softmax_lib import (
    OnlineNormalizer,
    exact_log_softmax,
    exact_logsumexp,
    exact_softmax,
    log_softmax,
    logsumexp,
    softmax,
    ulp_error,
)
from softmax_lib._formats import Format

# The contract, searched for: see the docstrings.
FLOAT64_ULPS = 2 if COMPILED else 4
# The largest errors that the search of these tests comes upon are 1.4 and 3.1; in longdouble, 3.4.
FOUND_FLOAT64_ULPS = 1.5 if COMPILED else 3.2
FOUND_LONGDOUBLE_ULPS = 3.5
# One rounding of a float64 result. A gap up to 104 temperatures matters; two roundings of 2**-53 of
# it, and a sum of 256 terms in a lane: this many units of 2**-29 ulps.
ROUNDED_ONCE_ULPS = 0.5 + (2 * 104 + 256) * 2.0**-29
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


# Each of these broke a bound that was stated once.
BROKEN = [
    (log_softmax, [0.0] + [-11.125607693264616] * 39 + [-11.152664369781363] * 10,
     0.015636617616194864),
    (softmax, [0.0, 1.7, -2.3], 1e-310),
    (log_softmax, [1.0, 1.0 + 2.0**-52], 1e-300),
]  # fmt: skip


@pytest.mark.parametrize(("function", "z", "temperature"), BROKEN)
def test_error_stays_within_the_bound_where_it_did_not(function, z, temperature):
    exact = dict(PAIRS)[function](z, temperature=temperature, rounded=False)
    assert np.max(ulp_error(function(z, temperature=temperature), exact)) <= FLOAT64_ULPS


def test_no_number_of_classes_is_too_large_for_the_sums():
    # 72 million terms of 2**-77 each: sums that lose what is below 2**-53 of them were off by 4.24.
    count, gap = 72_000_000, -53.38533290311579
    z = np.full(count + 1, gap)
    z[0] = 0
    with mpmath.workprec(200):
        rest = count * mpmath.exp(gap)
        top, others = 1 / (1 + rest), mpmath.exp(gap) / (1 + rest)
        error = ulp_error(softmax(z)[:2], np.array([top, others], dtype=object))
        assert np.max(error) <= FLOAT64_ULPS
        denominator = OnlineNormalizer.of(z).denominator
        assert abs(mpmath.mpf(float(denominator)) / (1 + rest) - 1) < 3 * mpmath.mpf(2) ** -53


@pytest.mark.parametrize(
    "z", [[-1.3071613311767578, -0.31551527976989746], [np.log(0.5)] * 2, [-20.0] + [-3.0] * 20]
)
def test_logsumexp_in_float32_is_rounded_once_near_zero_too(z):
    z = np.array(z, dtype=np.float32)
    assert ulp_error(logsumexp(z), exact_logsumexp(z, rounded=False)) <= ROUNDED_ONCE_ULPS


def test_logsumexp_of_two_halves_has_digits_although_every_digit_cancels():
    # What float64 cannot hold of log 2, twice over: other libraries return 0.
    assert logsumexp([np.log(0.5)] * 2) == pytest.approx(2.3190468138462996e-17, rel=1e-15, abs=0)


@pytest.mark.parametrize("classes", [2, 3, 10, 1000])
def test_logsumexp_near_zero_has_a_relative_bound(classes):
    rng = np.random.default_rng(classes)
    for _ in range(40):
        z = np.log(rng.dirichlet(np.ones(classes)))
        exact = exact_logsumexp(z, rounded=False)
        # Twice the precision, of a sum that is close to 1.
        relative = 2.0**-101 / abs(float(exact))
        assert abs(float(logsumexp(z) / exact - 1)) <= 4 * 2.0**-53 + relative, z


@pytest.mark.skipif(COMPILED, reason="compiled exponentials are the library's own")
def test_numpys_exponential_errs_by_less_than_three_quarters_of_an_ulp():
    # The hypothesis of all bounds of the engine without numba, on the machine at hand.
    rng = np.random.default_rng(20210106)
    gaps = np.r_[rng.uniform(-745, 600, 20_000), rng.uniform(-1, 0, 20_000), -56.88884361210096]
    computed, wide = np.exp(gaps), np.exp(gaps.astype(np.longdouble))
    assert np.max(ulp_error(computed, wide)) < 0.75


@only_compiled
@pytest.mark.parametrize(("names", "bits"), [("NNNNNNNN", 44), ("WWWWWWWWWWW", 62)])
def test_a_polynomial_is_the_exponential_to_so_many_bits(names, bits):
    from softmax_lib import _compiled

    coefficients = [getattr(_compiled, f"{name}{i}") for i, name in enumerate(names)]
    with mpmath.workprec(200):
        for i in range(-300, 301):
            r = mpmath.log(2) / 2 * i / 300
            quotient = mpmath.polyval([mpmath.mpf(c) for c in reversed(coefficients)], r)
            error = (1 + r + r * r * quotient) / mpmath.exp(r) - 1
            assert abs(error) < mpmath.mpf(2) ** -bits


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
        if own != working:  # rounded once, near 0 too
            bound = Fraction(ROUNDED_ONCE_ULPS) * Fraction(2) ** own.unit(exact)
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
