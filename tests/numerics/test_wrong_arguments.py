"""Each argument of each public function, wrong values of it, and the error that they should give.

Attention has its own in test_attention.py.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any, cast

import ml_dtypes
import numpy as np
import pytest

from softmax_lib import (
    OnlineNormalizer,
    cross_entropy,
    entropy,
    exact_log_softmax,
    exact_logsumexp,
    exact_softmax,
    kl_divergence,
    log_softmax,
    logsumexp,
    min_p,
    naive_softmax,
    sample,
    softmax,
    softmax_jacobian,
    softmax_jvp,
    softmax_vjp,
    top_k,
    top_p,
    ulp_error,
)


def jvp(z, **others):
    return softmax_jvp(z, 1.0, **others)


def vjp(z, **others):
    return softmax_vjp(z, 1.0, **others)


def weighted(z, **others):
    return cross_entropy(z, 0.5, **others)


def drawn(z, rng=None, **others):
    return sample(z, rng=np.random.default_rng(0), **others)


def divergence(z, **others):
    return kl_divergence(z, 1.0, **others)


def largest(z, **others):
    return top_k(z, k=2, **others)


def nucleus(z, **others):
    return top_p(z, p=0.4, **others)


def near(z, **others):
    return min_p(z, a=0.8, **others)


def value_of(result):
    return result.denominator if isinstance(result, OnlineNormalizer) else result


def as_maximum(maximum):
    return OnlineNormalizer(maximum, 1.0)


def as_denominator(denominator):
    return OnlineNormalizer(1.0, denominator)


of = OnlineNormalizer.of
Z = np.arange(12.0).reshape(3, 4) / 7
ROW = np.arange(4.0)
STATE = OnlineNormalizer(1.0, 2.0)

EXACT = [exact_softmax, exact_log_softmax, exact_logsumexp]
AT_AN_AXIS = [
    softmax, log_softmax, logsumexp, *EXACT, entropy, jvp, vjp, weighted, of, divergence,
    largest, nucleus, near, naive_softmax,
]  # fmt: skip
WITH_WHERE = [*AT_AN_AXIS[:-1], softmax_jacobian, drawn]
OF_LOGITS = [*AT_AN_AXIS, softmax_jacobian, drawn]
AT_A_TEMPERATURE = [
    softmax, log_softmax, exact_softmax, exact_log_softmax, entropy, softmax_jacobian, jvp, vjp,
    drawn, of, divergence, nucleus, near,
]  # fmt: skip

MASKED = np.ma.array([1.0, 2.0], mask=[True, False])
BECAUSE_MASKED = "is a masked array, whose mask would be lost; pass its data"
RAGGED = [[1.0, 2.0], [3.0]]
# What no array of real numbers is made of.
NOT_REAL = [
    ([1j, 2.0], TypeError, "must be real numbers, got dtype complex128"),
    (["1", "2"], TypeError, "must be real numbers, got dtype <U1"),
    ("warm", TypeError, "must be real numbers, got dtype <U4"),
    (b"12", TypeError, r"must be real numbers, got dtype \|S2"),
    (np.array(["a"], np.dtypes.StringDType()), TypeError, "must be real numbers, got dtype String"),
    (np.array(["2020"], "M8[Y]"), TypeError, r"must be real numbers, got dtype datetime64\[Y\]"),
    (np.array([1], "m8[s]"), TypeError, r"must be real numbers, got dtype timedelta64\[s\]"),
    (np.zeros(2, [("a", float)]), TypeError, r"got dtype \[\('a', '<f8'\)\]$"),
    (np.zeros(2, "V4"), TypeError, r"must be real numbers, got dtype \|V4$"),
    (None, TypeError, "got dtype object with an element of type NoneType$"),
    ([1.0, None], TypeError, "got dtype object with an element of type NoneType$"),
    ({1.0}, TypeError, "got dtype object with an element of type set$"),
    ({1: 2.0}, TypeError, "got dtype object with an element of type dict$"),
    ((i for i in "ab"), TypeError, "got dtype object with an element of type generator$"),
    (np.array([], object), TypeError, "must be real numbers, got dtype object$"),
    ([Fraction(1, 2), Decimal(1)], TypeError, "of type Decimal and Fraction; convert them"),
    (Fraction(1, 2), TypeError, r"type Fraction; convert them: np.array\(NAME, dtype=np.float64\)"),
    (Decimal(1), TypeError, r"type Decimal; convert them: np.array\(NAME, dtype=np.float64\)"),
    ([10**30, 1], TypeError, r"of type int; convert them: np.array\(NAME, dtype=np.float64\)"),
    (10**400, TypeError, "got dtype object with elements of type int"),
    *(
        (np.ones(2, dtype), TypeError, rf"got dtype {dtype.__name__}, .*NAME.astype\(np.float32\)")
        for dtype in (ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2, ml_dtypes.float8_e8m0fnu,
                      ml_dtypes.float4_e2m1fn, ml_dtypes.int4, ml_dtypes.uint2)
    ),
    (RAGGED, ValueError, "does not make an array: .*inhomogeneous"),
    (MASKED, TypeError, BECAUSE_MASKED),
]  # fmt: skip
AXES = [
    *(
        (axis, TypeError, f"be an int, a tuple of int or None, got {re.escape(repr(axis))}")
        for axis in (
            1.0, True, np.True_, np.array(True), [0, 1], [0], "0", b"0", {0}, 1j, slice(0, 1), ...,
            range(2), (0, 1.0), (True, 0), ("0",), ((0,),), (None,), np.float64(0), np.array([0]),
        )
    ),
    *((axis, np.exceptions.AxisError, "axis .* is out of bounds for array of dimension 2")
      for axis in (2, -3, (0, 2), 10**30, -(10**30))),
    ((0, 0), ValueError, r"repeated axis in \(0, 0\)"),
    ((0, -2), ValueError, r"repeated axis in \(0, -2\)"),
]  # fmt: skip
TEMPERATURES = [
    *NOT_REAL,
    *(
        (value, ValueError, f"at least 0, got {value}")
        for value in (-1.0, np.nan, -np.inf, -1e-300)
    ),
    (-1, ValueError, "at least 0, got -1.0"),
    ([[1.0], [-2.0], [1.0]], ValueError, "at least 0, got -2.0"),
    ([1.0, 2.0, 3.0], ValueError, r"of shape \(3,\) does not broadcast to z's shape \(3, 4\)"),
    (np.ones((2, 3, 4)), ValueError, r"of shape \(2, 3, 4\) does not broadcast"),
    (ROW, ValueError, "must be the same along the softmax axis; its shape is"),
]
NOT_BOOLEAN = [
    *((values, TypeError, "must be Boolean, got dtype " + re.escape(str(np.asarray(values).dtype)))
      for values in ([0, 1, 1, 0], 1, 1.0, np.ones(4), "yes", b"yes", [None] * 4, {True})),
    ([True, False], ValueError, r"of shape \(2,\) does not broadcast to z's shape \(3, 4\)"),
    (np.ones((2, 3, 4), bool), ValueError, r"of shape \(2, 3, 4\) does not broadcast"),
    ([True, [False]], ValueError, "does not make an array"),
    (np.ma.array([True] * 4), TypeError, BECAUSE_MASKED),
]  # fmt: skip
NOT_TRUE_OR_FALSE = [
    (value, TypeError, f"must be True or False, got {re.escape(repr(value))}")
    for value in (1, 0, 1.0, "yes", "", None, [], [True], np.array([True]), np.int64(1))
]
COUNTS = [
    *((value, TypeError, f"must be an integer, got {re.escape(repr(value))}")
      for value in (1.0, "1", None, True, np.True_, [1], (1,), 1j, b"1", np.float64(1))),
    *((value, ValueError, f"must be at least 1, got {value}") for value in (0, -1, -(10**30))),
]  # fmt: skip
SHARES = [
    *NOT_REAL,
    *((value, TypeError, "must be a number, got " + re.escape(repr(value)))
      for value in ([0.5], [], True, np.False_, np.ones((1, 1)))),
    *((value, ValueError, f"must be from 0 to 1, got {value}")
      for value in (-0.1, 1.5, np.nan, np.inf, -np.inf, 2, -1)),
]  # fmt: skip
VECTORS = [
    *NOT_REAL,
    ([1.0, 2.0], ValueError, r"of shape \(2,\) does not broadcast to z's shape \(3, 4\)"),
    (np.ones((2, 3, 4)), ValueError, r"of shape \(2, 3, 4\) does not broadcast"),
]
RANDOM = [
    (rng, TypeError, f"must be a numpy.random.Generator, such as .*, got {type(rng).__name__}")
    for rng in (42, None, "seed", np.random, np.random.RandomState(0), np.random.PCG64(0))
]
SIZES = [
    *((size, TypeError, f"must be an int or a tuple of int, got {re.escape(repr(size))}")
      for size in (1.5, "3", True, np.True_, [1, 2], {2}, (1, 2.0), (True,), np.float64(2), b"3",
                   np.array([2, 3]), range(2))),
    *((size, ValueError, f"must not be negative, got {re.escape(repr(size))}")
      for size in (-1, (-1,), (2, -3))),
    (10**30, ValueError, "dimension"),
    ((1,) * 64, ValueError, "64, found 65"),
]  # fmt: skip
TARGETS = [
    *((value, TypeError, r"must be class indices \(integers\) or weights \(floating\), got dtype")
      for value in ("a", None, 1j, True, [True] * 3, Fraction(1), {1}, 10**30, ml_dtypes.int4(1),
                    np.array(["2020"], "M8[Y]"))),
    ([0, 1, 4], ValueError, "class indices in target must be at least 0 and below K = 4, got 4"),
    ([0, -1, 3], ValueError, "class indices in target must be at least 0 and below K = 4, got -1"),
    ([0, 1], ValueError, r"without axis, \(3,\), got shape \(2,\); weights must be floating"),
    (0, ValueError, r"z's shape without axis, \(3,\), got shape \(\)"),
    ([0.0, 1.0, 2.0], ValueError, r"looks like class indices, .*: pass target.astype\(int"),
    ([0.5, 1.0, 2.0], ValueError, r"of shape \(3,\) does not broadcast to z's shape \(3, 4\)"),
    ([0.0, np.nan, 1.0, 1.0], ValueError, "weights in target must be finite .*, got nan"),
    ([0.0, -1.0, 1.0, 1.0], ValueError, "weights in target must be finite .*, got -1.0"),
    ([0.0, np.inf, 1.0, 1.0], ValueError, "weights in target must be finite .*, got inf"),
    (RAGGED, ValueError, "does not make an array"),
    (np.ma.array([0, 1, 2]), TypeError, BECAUSE_MASKED),
]  # fmt: skip
OTHERS = [
    (other, TypeError, f"merge takes an OnlineNormalizer, got {type(other).__name__}")
    for other in (1.0, None, "a", [0.0], (1.0, 2.0), OnlineNormalizer)
] + [(OnlineNormalizer([1.0, 2.0, 3.0], [1.0] * 3), ValueError, r"\(2,\) and \(3,\) do not broad")]
DENOMINATORS = [
    *((item, error, text) for item, error, text in NOT_REAL),
    *((value, ValueError, f"must be finite and at least 0, got {value}")
      for value in (-1.0, np.inf, -np.inf)),
]  # fmt: skip

WRONG: list[tuple[Any, str, Callable, Any]] = [
    (function, "z", lambda function, value: function(value), NOT_REAL) for function in OF_LOGITS
] + [
    (function, name, lambda function, value, name=name: function(Z, **{name: value}), wrong)
    for functions, name, wrong in cast(list[tuple[list, str, list]], [
        (AT_AN_AXIS, "axis", AXES),
        (AT_A_TEMPERATURE, "temperature", TEMPERATURES),
        (WITH_WHERE, "where", NOT_BOOLEAN),
        ([logsumexp, exact_logsumexp], "keepdims", NOT_TRUE_OR_FALSE),
        (EXACT, "rounded", NOT_TRUE_OR_FALSE),
        ([drawn], "replace", NOT_TRUE_OR_FALSE),
        ([weighted], "label_smoothing", SHARES),
        ([sample], "rng", RANDOM),
        ([drawn], "size", SIZES),
    ])
    for function in functions
] + [
    (top_p, "p", lambda function, value: function(Z, p=value), SHARES),
    (min_p, "a", lambda function, value: function(Z, a=value), SHARES),
    (top_k, "k", lambda function, value: function(Z, k=value), COUNTS),
    (kl_divergence, "w", lambda function, value: function(Z, value), VECTORS),
    (softmax_jvp, "tangent", lambda function, value: function(Z, value), VECTORS),
    (softmax_vjp, "cotangent", lambda function, value: function(Z, value), VECTORS),
    (cross_entropy, "target", lambda function, value: function(Z, value), TARGETS),
    (as_maximum, "maximum", lambda function, value: function(value), NOT_REAL),
    (as_denominator, "denominator", lambda function, value: function(value), DENOMINATORS),
    (OnlineNormalizer([1.0, 2.0], [1.0, 1.0]).merge, "", lambda f, value: f(value), OTHERS),
    (ulp_error, "computed", lambda f, value: f(value, 1.0), [
        (MASKED, TypeError, BECAUSE_MASKED),
        (RAGGED, ValueError, "does not make an array"),
        ([1, 2], TypeError, "must be floating, got dtype int64"),
        ("a", TypeError, "must be floating, got dtype <U1"),
        (Fraction(1), TypeError, "must be floating, got dtype object"),
    ]),
    (ulp_error, "exact", lambda f, value: f(1.0, value), [
        (MASKED, TypeError, BECAUSE_MASKED),
        (RAGGED, ValueError, "does not make an array"),
        (np.float32(1), TypeError, "must be of a format that holds float64, got dtype float32"),
        (["a"], TypeError, "must be of a format that holds float64, got dtype <U1"),
        ([None], TypeError, "must hold mpmath.mpf or fractions, got NoneType"),
    ]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("function", "name", "call", "value", "error", "text"),
    [
        pytest.param(
            function, name, call, value, error, text,
            id=f"{function.__name__}-{name}-{type(value).__name__}-{i}",
        )
        for function, name, call, wrong in WRONG
        for i, (value, error, text) in enumerate(wrong)
    ],
)  # fmt: skip
def test_a_wrong_argument_is_named_with_its_value_and_what_to_do(
    function, name, call, value, error, text
):
    with pytest.raises(error) as caught:
        call(function, value)
    message = str(caught.value)
    assert re.search(text.replace("NAME", name), message), message
    assert name in message or "out of bounds" in message or "dimension" in message


@pytest.mark.parametrize("axis", [0, 1])
def test_floating_labels_of_square_logits_are_told_from_weights(axis):
    with pytest.raises(ValueError, match=r"looks like class indices, .*; weights .*broadcast_to"):
        cross_entropy(np.eye(3), [0.0, 1.0, 2.0], axis=axis)


def test_one_hot_weights_for_all_slices_are_no_labels():
    one_hot = cross_entropy(np.eye(3), [0.0, 1.0, 0.0])
    np.testing.assert_allclose(one_hot, cross_entropy(np.eye(3), [1, 1, 1]), rtol=1e-15)


def test_the_shapes_of_a_state_must_be_the_same():
    with pytest.raises(ValueError, match=r"maximum of shape \(2,\) and denominator of shape \(\)"):
        OnlineNormalizer([1.0, 2.0], 1.0)


@pytest.mark.parametrize("function", AT_AN_AXIS)
@pytest.mark.parametrize("axis", [np.int64(0), np.uint8(0), np.array(0), (np.int8(0),), -2])
def test_an_integer_of_numpy_is_an_axis(function, axis):
    computed, expected = function(Z, axis=axis), function(Z, axis=0)
    np.testing.assert_array_equal(value_of(computed), value_of(expected))


@pytest.mark.parametrize("function", AT_A_TEMPERATURE)
@pytest.mark.parametrize(
    "temperature",
    [
        2, np.float32(2), np.float64(2), np.int8(2), np.array(2), np.array(2.0, np.float16), [2.0],
        np.longdouble(2), ml_dtypes.bfloat16(2), [[2], [2], [2]], np.full((3, 4), 2.0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_number_of_any_kind_is_a_temperature(function, temperature, dtype):
    z = Z.astype(dtype)
    expected = value_of(function(z, temperature=2.0))
    np.testing.assert_array_equal(value_of(function(z, temperature=temperature)), expected)


@pytest.mark.parametrize("function", WITH_WHERE)
@pytest.mark.parametrize("where", [True, np.True_, np.array(True), [True] * 4, [[True]] * 3])
def test_a_bool_of_any_kind_says_what_to_leave_in(function, where):
    np.testing.assert_array_equal(value_of(function(Z, where=where)), value_of(function(Z)))


@pytest.mark.parametrize("function", [logsumexp, exact_logsumexp])
@pytest.mark.parametrize("kind", [bool, np.bool_, np.array])
def test_a_bool_of_any_kind_says_whether_axes_stay(function, kind):
    assert function(Z, keepdims=kind(True)).shape == (3, 1)
    assert function(Z, keepdims=kind(False)).shape == (3,)


@pytest.mark.parametrize("size", [2, np.int64(2), np.array(2), (2,), (np.uint8(2),)])
def test_an_integer_of_numpy_is_a_size(size):
    assert drawn(Z, size=size).shape == (2, 3)


MANY_AXES = [33, 64]


def with_axes(count, dtype):
    """Return 2 by 3 logits, with axes of length 1 in between, not contiguous."""
    z = np.arange(6.0).reshape(3, *(1,) * (count - 2), 2).astype(dtype)
    return z.swapaxes(0, -1)[::-1]


@pytest.mark.parametrize("dtype", [np.float32, np.longdouble])
@pytest.mark.parametrize("count", MANY_AXES)
@pytest.mark.parametrize("axis", [-1, 0, 20, (0, -1), None, ()], ids=str)
@pytest.mark.parametrize(
    "function",
    [
        *AT_AN_AXIS,
        lambda z, axis: softmax(z, axis=axis, temperature=np.full(z.shape, 2.0)),
        lambda z, axis: softmax(z, axis=axis, where=z > 1),
        lambda z, axis: logsumexp(z, axis=axis, where=z > 1, keepdims=True),
    ],
    ids=lambda function: function.__name__,
)
def test_as_many_axes_as_numpy_has_are_taken(function, axis, count, dtype):
    z = with_axes(count, dtype)
    if count == 64 and axis == () and function in (naive_softmax, *EXACT):
        with pytest.raises(ValueError, match="64"):
            function(z, axis=axis)
        return
    few = {-1: 1, 0: 0, None: None, (): (), (0, -1): (0, 1), 20: ()}[axis]
    computed, expected = function(z, axis=axis), function(z.reshape(2, 3), axis=few)
    computed, expected = value_of(computed), value_of(expected)
    np.testing.assert_array_equal(np.ravel(computed), np.ravel(expected))


@pytest.mark.parametrize("count", MANY_AXES)
def test_as_many_axes_are_taken_by_the_others_as_well(count):
    z = with_axes(count, np.float64)
    few = z.reshape(2, 3)
    labels = np.ones(z.shape[:-1], int)
    losses = cross_entropy(z, labels)
    np.testing.assert_array_equal(losses.ravel(), cross_entropy(few, [1, 1]))
    losses = cross_entropy(z, np.ones(z.shape[1:], int), axis=0)
    np.testing.assert_array_equal(losses.ravel(), cross_entropy(few, [1, 1, 1], axis=0))
    assert drawn(z).shape == z.shape[:-1]
    assert drawn(z, size=(2,)).shape == (2, *z.shape[:-1])
    assert of(z).merge(of(z)).logsumexp().shape == z.shape[:-1]
    np.testing.assert_array_equal(ulp_error(z, z), np.zeros(z.shape))
    assert softmax_jacobian(z[0]).shape == (*z.shape[1:], 3)


def test_a_jacobian_has_an_axis_more_than_its_logits():
    with pytest.raises(ValueError, match="z has 64 axes, and its Jacobian would have one more"):
        softmax_jacobian(with_axes(64, np.float64))
    with pytest.raises(ValueError, match="z has 64 axes"):
        softmax_jacobian(np.zeros((1,) * 63 + (0,)))
