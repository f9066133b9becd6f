from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from logits import FORMATS

from softmax_lib._formats import Format

FLOAT64 = Format.of(FORMATS["float64"])


@pytest.mark.parametrize(
    ("name", "precision", "smallest", "largest", "subnormal"),
    [
        ("float16", 11, -14, 15, -24),
        ("bfloat16", 8, -126, 127, -133),
        ("float32", 24, -126, 127, -149),
        ("float64", 53, -1022, 1023, -1074),
    ],
)
def test_a_format_has_the_parameters_of_its_standard(name, precision, smallest, largest, subnormal):
    assert Format.of(FORMATS[name]) == Format(precision, smallest, largest)
    assert Format.of(FORMATS[name]).smallest_unit == subnormal


@pytest.mark.parametrize("exponent", [-3, 0, 5])
def test_a_unit_in_the_last_place_doubles_at_a_power_of_two(exponent):
    power = Fraction(2) ** exponent
    units = [FLOAT64.unit(power * (1 + Fraction(side, 2**60))) for side in (-1, 0, 1)]
    assert units == [exponent - 53, exponent - 52, exponent - 52]


@pytest.mark.parametrize("name", ["float16", "float32"])
@settings(max_examples=300, deadline=None)
@given(value=st.floats(allow_nan=False, allow_infinity=False))
@example(65520.0)
@example(65519.99)
@example(2.0**-25)
@example(1 + 2.0**-11)
@example(1 + 3 * 2.0**-11)
@example(0.0)
def test_rounding_agrees_with_the_cast_of_numpy(name, value):
    with np.errstate(all="ignore"):
        expected = np.float64(value).astype(FORMATS[name])
    nearest = Format.of(FORMATS[name]).round(Fraction(value))
    if nearest is None:
        assert np.isinf(expected)
    else:
        assert Fraction(nearest[0]) * Fraction(2) ** nearest[1] == Fraction(float(expected))


@settings(max_examples=300, deadline=None)
@given(numerator=st.integers(-(2**90), 2**90), denominator=st.integers(1, 2**1100))
@example(1, 2**1075)
@example(3, 2**1075)
@example(2**1024 - 2**970, 1)
@example(2**1024 - 2**970 - 1, 1)
def test_rounding_agrees_with_the_division_of_python_integers(numerator, denominator):
    nearest = FLOAT64.round(Fraction(numerator, denominator))
    try:
        expected = numerator / denominator
    except OverflowError:
        assert nearest is None
    else:
        assert nearest is not None
        assert Fraction(nearest[0]) * Fraction(2) ** nearest[1] == Fraction(expected)


def test_a_number_has_one_rounding_from_either_side():
    below, above = (FLOAT64.round(1 + Fraction(side, 2**80)) for side in (-1, 1))
    assert below == above


def test_a_wider_format_holds_a_narrower_one_and_not_the_reverse():
    half, brain, single, double, _ = map(Format.of, FORMATS.values())
    assert single.holds(half)
    assert single.holds(brain)
    assert double.holds(single)
    assert double.holds(double)
    assert not half.holds(brain)
    assert not brain.holds(half)
    assert not single.holds(double)
