"""The reference, against what rounding to nearest means, by a route of its own."""

import time
from fractions import Fraction

import flint
import mpmath
import numpy as np
import pytest
from logits import FORMATS, hard_logits, hard_temperature
from mpmath import libmp

from softmax_lib import exact, exact_log_softmax, exact_logsumexp, exact_softmax
from softmax_lib._formats import Format

TRIES = 40
# exp(-1500), the smallest term that is looked at, begins with 652 zeros.
LARGEST_GAP = 1500
DIGITS = 80 + 652


def fraction(value):
    """Return a float of any format, or an mpf, as a fraction."""
    if hasattr(value, "_mpf_"):
        return Fraction(*map(int, libmp.to_rational(value._mpf_)))
    return Fraction(*value.astype(np.longdouble).as_integer_ratio())


def textbook(z, temperature=1):
    """Return softmax, log-softmax and log-sum-exp of one slice by their formulas, to 80 digits."""
    with mpmath.workdps(DIGITS):
        x = [mpmath.mpf(fraction(v).numerator) / fraction(v).denominator / temperature for v in z]
        total = mpmath.fsum(mpmath.exp(v - max(x)) for v in x)
        logarithm = max(x) + mpmath.log(total)
        return (
            [mpmath.exp(v - max(x)) / total for v in x],
            [v - logarithm for v in x],
            logarithm,
        )


def is_nearest(rounded, value):
    """Tell whether no neighbour in the format of rounded is closer to value."""
    dtype, value = rounded.dtype, fraction(value)
    if np.isinf(rounded):
        unit = Format.of(dtype)
        return abs(value) >= (2 - Fraction(1, 2**unit.precision)) * 2**unit.largest_exponent
    distance = abs(fraction(rounded) - value)
    neighbours = np.nextafter(rounded, np.array([-np.inf, np.inf], dtype=dtype))
    return all(distance <= abs(fraction(n) - value) for n in neighbours if np.isfinite(n))


def gentle_logits(dtype, rng):
    """Return hard logits of a spread that the textbook's digits can cope with."""
    while True:
        z, temperature = hard_logits(dtype, rng)[:6], hard_temperature(rng)
        if np.ptp(z.astype(np.float64)) / temperature < LARGEST_GAP:
            return z, temperature


@pytest.mark.parametrize("name", FORMATS)
def test_probabilities_are_the_nearest_in_their_format(name):
    rng = np.random.default_rng(30)
    for _ in range(TRIES):
        z, temperature = gentle_logits(FORMATS[name], rng)
        expected, _, _ = textbook(z, temperature)
        computed = exact_softmax(z, temperature=temperature)
        assert all(map(is_nearest, computed, expected)), (z, temperature)


@pytest.mark.parametrize("name", FORMATS)
def test_log_probabilities_are_the_nearest_in_their_format(name):
    rng = np.random.default_rng(31)
    for _ in range(TRIES):
        z, temperature = gentle_logits(FORMATS[name], rng)
        _, expected, _ = textbook(z, temperature)
        computed = exact_log_softmax(z, temperature=temperature)
        assert all(map(is_nearest, computed, expected)), (z, temperature)


@pytest.mark.parametrize("name", FORMATS)
def test_logsumexp_is_the_nearest_in_its_format(name):
    rng = np.random.default_rng(32)
    for _ in range(TRIES):
        z, _ = gentle_logits(FORMATS[name], rng)
        _, _, expected = textbook(z)
        assert is_nearest(exact_logsumexp(z), expected), z


def test_unrounded_values_are_good_to_200_bits():
    rng = np.random.default_rng(33)
    for _ in range(TRIES):
        z, temperature = gentle_logits(np.float64, rng)
        expected = textbook(z, temperature)[:2]
        computed = [
            function(z, temperature=temperature, rounded=False)
            for function in (exact_softmax, exact_log_softmax)
        ]
        for value, reference in zip(np.ravel(computed), np.ravel(expected), strict=True):
            difference = abs(fraction(value) - fraction(reference))
            assert difference <= abs(fraction(reference)) / 2**200, (z, temperature)


# With 20 bits to begin with, all of them cancel.
@pytest.mark.parametrize("bits", [200, 20])
@pytest.mark.parametrize("dtype", [np.float64, np.longdouble])
def test_an_unrounded_logsumexp_next_to_zero_is_as_good_as_any(monkeypatch, bits, dtype):
    monkeypatch.setattr(exact, "_UNROUNDED_BITS", bits)
    z = np.full(2, -np.log(dtype(2)))
    computed, (_, _, reference) = exact_logsumexp(z, rounded=False), textbook(z)
    assert abs(reference) < 1e-16
    assert abs(fraction(computed) - fraction(reference)) <= abs(fraction(reference)) / 2**bits


def test_an_approximation_is_trusted_no_further_than_it_says():
    value = 1 + Fraction(1, 2**53) + Fraction(1, 2**300)  # a little above a tie

    def approximation(bits):
        below = value * (1 - Fraction(9, 10 * 2**bits))
        return libmp.from_rational(below.numerator, below.denominator, 1000)

    output = exact._Rounded(np.dtype(np.float64), Format.of(np.dtype(np.float64)))
    assert output.number(Fraction(0), approximation) == 1 + 2.0**-52


def test_many_terms_do_not_make_an_approximation_worse_than_it_says():
    distribution = exact._distribution(np.linspace(0, 1, 2**16), 1.0)
    rough, fine = (fraction(mpmath.make_mpf(distribution.log1p_of_rest(bits))) for bits in (30, 90))
    assert abs(rough - fine) < fine / 2**30


def test_an_unrounded_probability_beyond_a_huge_gap_is_good_to_200_bits():
    computed = exact_softmax([0.0, -1e30], temperature=3, rounded=False)[1]
    with mpmath.workprec(600):
        assert abs(computed / mpmath.exp(-mpmath.mpf(1e30) / 3) - 1) < mpmath.ldexp(1, -200)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 24])
def test_equal_logits_give_the_rational_one_over_k(name, size):
    computed = exact_softmax(np.full(size, 3, dtype=FORMATS[name]))
    assert all(
        is_nearest(p, mpmath.mp.make_mpf(libmp.from_rational(1, size, 300))) for p in computed
    )


def test_a_gap_halfway_between_two_floats_is_tipped_by_a_tiny_logarithm():
    # The gap is 1024 + 2**-43, halfway between 1024 and its successor, and 1024 is the even one.
    z = np.array([2.0**-43, -1024.0])
    assert exact_log_softmax(z)[1] == np.nextafter(-1024.0, -np.inf)
    # Left alone, nothing is added to the tie.
    assert exact_log_softmax(z, temperature=0.5)[1] == np.nextafter(-2048.0, -np.inf)


def test_what_is_infinitely_far_below_two_others_has_no_part():
    assert exact_softmax([0.0, 1.0, -np.inf])[2] == 0
    assert exact_log_softmax([0.0, 1.0, -np.inf])[2] == -np.inf


def test_the_smallest_subnormal_begins_above_half_of_it():
    # log(2**-1075) is -745.133219101941207...; the rest adds exp(-745), too little to matter.
    z = np.array([[0, -745.1332191019411], [0, -745.1332191019413]])
    np.testing.assert_array_equal(exact_softmax(z)[:, 1], [5e-324, 0.0])


def test_a_log_probability_beyond_the_largest_number_is_infinite():
    z = np.array([65504, -65504], dtype=np.float16)
    np.testing.assert_array_equal(exact_log_softmax(z), [0, -np.inf])


@pytest.mark.parametrize("function", [exact_softmax, exact_log_softmax, exact_logsumexp])
@pytest.mark.parametrize("rounded", [True, False])
@pytest.mark.parametrize(
    "z",
    [
        [1e308, -1e308],
        [1e5, 0.0],
        [0.0, -1e300, 1e-300],
        np.array(["1e4900", "-1e4900"], dtype=np.longdouble),
    ],
    ids=["1e308", "1e5", "1e300 and 1e-300", "longdouble"],
)
def test_huge_spreads_do_not_take_huge_precision(function, rounded, z):
    start = time.perf_counter()
    function(z, rounded=rounded)
    assert time.perf_counter() - start < 5.0


@pytest.mark.parametrize("extra_bits", [-8, 0])
def test_a_first_precision_that_does_not_suffice_is_raised(monkeypatch, extra_bits):
    z = np.random.default_rng(35).normal(size=100) * 10
    functions = exact_softmax, exact_log_softmax, exact_logsumexp
    expected = [function(z) for function in functions]
    monkeypatch.setattr(exact, "_EXTRA_BITS", extra_bits)
    for function, value in zip(functions, expected, strict=True):
        np.testing.assert_array_equal(function(z), value)


def test_the_precision_that_mpmath_is_set_to_neither_matters_nor_changes():
    expected = exact_log_softmax([3.0, 1.0, 0.1], rounded=False)
    with mpmath.workprec(10):
        computed = exact_log_softmax([3.0, 1.0, 0.1], rounded=False)
        assert mpmath.mp.prec == 10
    assert [value._mpf_ for value in computed] == [value._mpf_ for value in expected]


def test_unrounded_values_have_the_shape_of_rounded_ones():
    z = np.random.default_rng(34).normal(size=(2, 3, 2))
    for function in (exact_softmax, exact_log_softmax, exact_logsumexp):
        rounded, unrounded = (function(z, axis=1, rounded=choice) for choice in (True, False))
        assert unrounded.dtype == object
        np.testing.assert_allclose(unrounded.astype(np.float64), rounded, rtol=0, atol=0)


def test_an_unrounded_scalar_is_an_mpf():
    assert isinstance(exact_logsumexp([1.0, 2.0], rounded=False), mpmath.mpf)


def enclosed(value):
    """Return a number, or a fraction, as a ball of Arb's that holds it."""
    exact = value if isinstance(value, Fraction) else fraction(value)
    return flint.arb(flint.fmpq(exact.numerator, exact.denominator))


def is_certainly_nearest(rounded, ball):
    """Tell whether all of a ball is closer to rounded than to its neighbours."""
    lower, upper = (np.nextafter(rounded, rounded.dtype.type(end)) for end in (-np.inf, np.inf))
    halfway = [enclosed((fraction(rounded) + fraction(n)) / 2) for n in (lower, upper)]
    return halfway[0] < ball < halfway[1]


@pytest.mark.parametrize("name", FORMATS)
def test_rounded_values_are_certified_by_the_enclosures_of_ball_arithmetic(name):
    rng = np.random.default_rng(36)
    # Enough for 1 - exp(-1500).
    with flint.ctx.workprec(3000):
        for _ in range(TRIES):
            z, temperature = gentle_logits(FORMATS[name], rng)
            logits = [enclosed(v) for v in z]
            scaled = [logit / enclosed(np.float64(temperature)) for logit in logits]
            total = sum(x.exp() for x in scaled)
            for p, x in zip(exact_softmax(z, temperature=temperature), scaled, strict=True):
                assert is_certainly_nearest(p, x.exp() / total), (z, temperature)
            for p, x in zip(exact_log_softmax(z, temperature=temperature), scaled, strict=True):
                assert is_certainly_nearest(p, x - total.log()), (z, temperature)
            assert is_certainly_nearest(exact_logsumexp(z), sum(x.exp() for x in logits).log()), z


def test_the_log_sum_exp_keeps_its_axis_if_asked():
    z = np.zeros((2, 3))
    assert exact_logsumexp(z, keepdims=True).shape == (2, 1)
    assert exact_logsumexp(z).shape == (2,)


@pytest.mark.parametrize("function", [exact_softmax, exact_log_softmax])
def test_what_is_not_defined_is_nan_unrounded_too(function):
    computed = function([np.nan, 1.0], rounded=False)
    assert all(isinstance(number, mpmath.mpf) and mpmath.isnan(number) for number in computed)
