"""The scope of a check is read off its cases."""

from fractions import Fraction

import ml_dtypes
import mpmath
import numpy as np
import pytest

from softmax_lib.claims.scope import Quantity, identity, in_order, written_scope


def seen(*values, name="logits"):
    quantity = Quantity(name)
    for value in values:
        quantity.see(value)
    return quantity


def scope(*values, name="logits"):
    return written_scope([seen(*values, name=name)], "")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([np.zeros(2), np.ones(2)], "float64; K = 2; logits from 0 to 1"),
        ([[Fraction(1, 2)], [mpmath.mpf(3), -1]], "K = 1, 2; logits from −1 to 3"),
        ([np.arange(n) for n in range(1, 9)], "K ≤ 8; logits from 0 to 7"),
        ([np.arange(n) for n in (2, 3, 4)], "2 ≤ K ≤ 4; logits from 0 to 3"),
        ([np.arange(n) for n in (2, 3, 10)], "K = 2, 3, 10; logits from 0 to 9"),
        ([np.arange(n) for n in range(1, 40, 5)], "K ≤ 36; logits from 0 to 35"),
        ([np.zeros((3, 10_000))], "float64; K = 10,000; logits from 0 to 0"),
        ([np.float32(2), np.float32(-0.5)], "float32; logits = −0.5, 2"),
        ([0.5, np.inf], "logits = 0.5, ∞"),
        (range(7), "logits from 0 to 6"),
        ([[-1e300], [-1.797e308, 3001]], "K = 1, 2; logits from −1.8·10³⁰⁸ to 3000"),
        ([Fraction(1001, 1000), 2], "logits = 1.001, 2"),
        ([3001, -(2.0**24), 1e16], "logits = −1.678·10⁷, 3001, 10¹⁶"),
        ([0.0001, 100_000, -1.797e308], "logits = −1.797·10³⁰⁸, 0.0001, 100000"),
        ([np.float64, ml_dtypes.bfloat16, np.float16], "float16, bfloat16, float64"),
    ],
)
def test_formats_sizes_and_range_are_written(values, text):
    assert scope(*values) == text


def test_formats_are_those_of_all_quantities_and_words_come_last():
    quantities = [seen(np.zeros(2, np.float32)), seen(1, 2, name="T"), seen(np.zeros(2), name="v")]
    assert written_scope(quantities, "rounded") == (
        "float32, float64; K = 2; logits from 0 to 0; T = 1, 2; v from 0 to 0; rounded"
    )


def test_narrow_formats_come_first():
    names = ["float64", "bfloat16", "longdouble", "float16", "float32", "float128"]
    assert in_order(names)[:4] == ["float16", "bfloat16", "float32", "float64"]


def test_a_quantity_in_json():
    assert seen(np.zeros(2, np.float16), np.full(5, np.inf)).as_json() == {
        "formats": ["float16", "float64"],
        "sizes": [2, 5],
        "range": ["0", "∞"],
    }
    assert seen(np.float16).as_json() == {"formats": ["float16"], "sizes": None, "range": None}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (np.zeros(2), np.zeros(3)),
        (np.zeros(2), np.zeros(2, np.float32)),
        (np.zeros(2), np.array([0.0, -0.0])),
        ([1, 2], [2, 1]),
        ({"a": 1}, {"a": 2}),
        (1, 1.0),
        (min, max),
    ],
    ids=repr,
)
def test_cases_that_differ(first, second):
    assert identity(first) != identity(second)


def test_long_arrays_differ_in_any_place():
    first, second = np.zeros(10_000), np.zeros(10_000)
    second[5000] = 1
    assert identity(first) != identity(second)
    assert identity(first) == identity(np.zeros(10_000))


def longdouble(filling):
    """Return 1, with something in a byte that means nothing."""
    number = np.ones(1, np.longdouble)
    if np.finfo(np.longdouble).nmant == 63:  # of ten bytes, in more
        number.view(np.uint8)[-1] = filling
    return number


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (np.array([Fraction(1, 3)]), np.array([Fraction(2, 6)])),
        (np.array([mpmath.mpf(2)]), np.array([mpmath.mpf(2)])),
        (np.zeros((2, 3))[:, ::2], np.zeros((2, 2))),
        (longdouble(7), longdouble(0)),
    ],
)
def test_cases_that_are_one(first, second):
    assert first is not second
    assert identity(first) == identity(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (np.zeros((1, 2)), np.zeros((2, 1))),
        (np.zeros(2, np.float32), np.zeros(2, np.int32)),
        (np.array([Fraction(1, 3)]), np.array([Fraction(1, 4)])),
        (np.ones(1, np.longdouble), np.nextafter(np.ones(1, np.longdouble), 2)),
    ],
)
def test_arrays_that_differ(first, second):
    assert identity(first) != identity(second)
