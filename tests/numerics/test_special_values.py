"""The special cases of the docstrings, in their order, for the functions and their references."""

import numpy as np
import pytest

from softmax_lib import (
    exact_log_softmax,
    exact_logsumexp,
    exact_softmax,
    log_softmax,
    logsumexp,
    softmax,
)
from softmax_lib._engine import passes
from softmax_lib._limits import COLD, HOT, LARGE

NAN, INF = np.nan, np.inf

# What is special, logits, other arguments, probabilities, log-sum-exp.
SHARED = [
    ("NaN", [1.0, NAN, INF], {}, [NAN, NAN, NAN], NAN),
    ("one +inf", [0.0, INF, -INF], {}, [0.0, 1.0, 0.0], INF),
    ("one +inf in each row", [[INF, 0.0], [0.0, INF]], {}, [[1.0, 0.0], [0.0, 1.0]], [INF, INF]),
    ("two +inf", [INF, 0.0, INF], {}, [NAN, NAN, NAN], INF),
    ("-inf", [3.0, -INF, 3.0], {}, [0.5, 0.0, 0.5], 3 + np.log(2)),
    ("-inf alone", [-INF, -INF], {}, [NAN, NAN], -INF),
    ("a single -inf", [-INF], {}, [NAN], -INF),
    ("empty", [], {}, [], -INF),
    ("left out", [3.0, NAN, 3.0], {"where": [True, False, True]}, [0.5, 0.0, 0.5], 3 + np.log(2)),
    ("left out in NaN", [NAN, 1.0], {"where": [True, False]}, [NAN, 0.0], NAN),
    ("left out, else -inf", [-INF, 1.0], {"where": [True, False]}, [NAN, 0.0], -INF),
    ("nothing left in", [3.0, NAN, INF], {"where": False}, [0.0, 0.0, 0.0], -INF),
]
AT_A_TEMPERATURE = [
    ("T = 0", [2.0, 1.0, 2.0], {"temperature": 0}, [0.5, 0.0, 0.5]),
    ("T = -0", [2.0, 1.0, 2.0], {"temperature": -0.0}, [0.5, 0.0, 0.5]),
    ("T = inf", [9.0, 1.0, -INF], {"temperature": INF}, [0.5, 0.5, 0.0]),
    (
        "T = inf, left out",
        [9.0, 1.0, 5.0],
        {"temperature": INF, "where": [True, False, True]},
        [0.5, 0.0, 0.5],
    ),
    ("+inf before T = inf", [9.0, INF], {"temperature": INF}, [0.0, 1.0]),
    ("two +inf before T = 0", [INF, INF, 0], {"temperature": 0}, [NAN, NAN, NAN]),
    ("NaN before T = 0", [NAN, 1.0], {"temperature": 0}, [NAN, NAN]),
    ("NaN before T = inf", [NAN, 1.0], {"temperature": INF}, [NAN, NAN]),
    ("-inf alone before T = 0", [-INF, -INF], {"temperature": 0}, [NAN, NAN]),
    ("-inf alone before T = inf", [-INF, -INF], {"temperature": INF}, [NAN, NAN]),
    (
        "a temperature for each row",
        [[2.0, 1.0, 2.0], [2.0, 1.0, -INF], [1.0, INF, 0.0], [5.0, 5.0, -INF]],
        {"temperature": [[0], [INF], [7], [7]]},
        [[0.5, 0.0, 0.5], [0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.5, 0.5, 0.0]],
    ),
]
DISTRIBUTIONS = [row[:4] for row in SHARED] + AT_A_TEMPERATURE
# The logarithm of a probability that is exact here errs by 1 ulp, and so may the function.
FEW_ULPS = 4 * np.finfo(np.float64).eps


def rows(table):
    return [pytest.param(*row, id=name) for name, *row in table]


@pytest.mark.parametrize("dtype", [np.float64, np.longdouble])
@pytest.mark.parametrize("function", [softmax, exact_softmax])
@pytest.mark.parametrize(("z", "arguments", "probabilities"), rows(DISTRIBUTIONS))
def test_special_values_of_softmax(function, z, arguments, probabilities, dtype):
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(function(np.array(z, dtype), **arguments), probabilities)


@pytest.mark.parametrize("dtype", [np.float64, np.longdouble])
@pytest.mark.parametrize("function", [log_softmax, exact_log_softmax])
@pytest.mark.parametrize(("z", "arguments", "probabilities"), rows(DISTRIBUTIONS))
def test_special_values_of_log_softmax(function, z, arguments, probabilities, dtype):
    with np.errstate(all="raise"):
        computed = function(np.array(z, dtype), **arguments)
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(computed, np.log(probabilities), rtol=FEW_ULPS)


@pytest.mark.parametrize("dtype", [np.float64, np.longdouble])
@pytest.mark.parametrize("function", [logsumexp, exact_logsumexp])
@pytest.mark.parametrize(
    ("z", "arguments", "expected"), rows([(*row[:3], row[4]) for row in SHARED])
)
def test_special_values_of_logsumexp(function, z, arguments, expected, dtype):
    with np.errstate(all="raise"):
        np.testing.assert_allclose(
            function(np.array(z, dtype), **arguments), expected, rtol=FEW_ULPS
        )


@pytest.mark.parametrize("others", [[], [1], [-1]])
def test_infinities_in_all_pieces_of_a_long_row_count(others):
    z = np.zeros(passes("d").LONGEST + 1)
    z[[0, *others]] = INF
    expected = np.full(z.size, NAN) if others else np.isposinf(z)
    np.testing.assert_array_equal(softmax(z), expected)


@pytest.mark.parametrize("function", [softmax, log_softmax])
@pytest.mark.parametrize(
    "z",
    [[1.7e308, -1.7e308], [5e-324, 0.0], [0.0, -744.0], [0.0, -1e6], [-0.0, 0.0], [1e308, 1e308]],
)
@pytest.mark.parametrize("temperature", [5e-324, 1e-300, 0.7, 1.0, 3.0, 1e300, 1.7e308])
@pytest.mark.parametrize("dtype", [np.float64, np.longdouble])
def test_extreme_values_and_temperatures_give_their_limits(function, z, temperature, dtype):
    exact = {softmax: exact_softmax, log_softmax: exact_log_softmax}[function]
    z = np.array(z, dtype=dtype)
    with np.errstate(all="raise"):
        computed = function(z, temperature=temperature)
    # Beyond the formats' range, what is left to compare is 0, 1 and infinity, and a few ulps.
    np.testing.assert_allclose(
        computed, exact(z, temperature=temperature), rtol=FEW_ULPS, atol=1e-323
    )


@pytest.mark.parametrize("function", [softmax, log_softmax])
@pytest.mark.parametrize(
    ("z", "temperature"),
    [
        ([COLD / 4, 0.0], COLD),
        ([HOT / 4, 0.0], HOT),
        ([LARGE, LARGE - 64], 1.0),
        ([2.0**40, 0.0], 2.0**40),
    ],
)
def test_at_and_within_the_bounds_of_what_needs_care_rows_are_right(function, z, temperature):
    exact = {softmax: exact_softmax, log_softmax: exact_log_softmax}[function]
    expected = exact(z, temperature=temperature)
    for count in (1, 2):
        computed = function([z] * count, temperature=[[temperature]] * count)
        np.testing.assert_allclose(computed, [expected] * count, rtol=FEW_ULPS)


def test_a_gap_beyond_the_largest_number_is_divided_by_the_temperature_first():
    np.testing.assert_allclose(
        log_softmax([1.7e308, -1.7e308], temperature=4.0), [0.0, -8.5e307], rtol=FEW_ULPS
    )


def test_log_probability_of_certainty_is_positive_zero():
    assert not np.signbit(log_softmax([0.0]))
    assert not np.signbit(exact_log_softmax([0.0]))


def test_gaps_among_huge_logits_are_exact():
    assert log_softmax([2.0**60, 2.0**60 - 256])[1] == -256


@pytest.mark.parametrize(("z", "temperature"), [([1e305, 5e304], 1e305), ([COLD, 0], 1.5 * COLD)])
def test_a_row_beside_an_infinity_is_as_if_it_were_alone(z, temperature):
    beside = softmax([z, [INF, 0.0]], temperature=temperature)
    np.testing.assert_array_equal(beside[0], softmax(z, temperature=temperature))
