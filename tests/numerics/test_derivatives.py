import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logits import FORMATS, finite_arrays, hard_logits, hard_temperature
from mpmath import libmp

from softmax_lib import (
    exact_softmax,
    softmax,
    softmax_jacobian,
    softmax_jvp,
    softmax_vjp,
    ulp_error,
)
from softmax_lib._engine import passes
from softmax_lib._formats import Format

NAN, INF = np.nan, np.inf
PRODUCTS = [softmax_jvp, softmax_vjp]
ALL = [lambda z, **arguments: softmax_jacobian(z, **arguments)] + [
    lambda z, product=product, **arguments: product(z, np.ones(np.shape(z)), **arguments)
    for product in PRODUCTS
]

# The largest errors that random searches came upon were 4.0 ulps and 3.5 units.
FOUND_ULPS = 5.0
FOUND_UNITS = 5.0
# One rounding of a float64 result, which is off by that many units of 2**-29 ulps.
ROUNDED_ONCE_ULPS = 0.5 + FOUND_ULPS * 2.0**-29
# What is proved, in units of the roundoff: NumPy's exp errs by 0.65 ulp.
UNITS = 10
EPS = np.finfo(np.float64).eps
# A sum of 5 products, each of factors that err by a few units.
SUM_RTOL = 40 * EPS
# The complex step is exact to rounding; exp of at most 10 errs by 10 units, in each factor.
COMPLEX_STEP_RTOL = 100 * EPS
TRIES = 150
DIGITS = 60

any_slices = settings(max_examples=60, deadline=None)
vectors = finite_arrays(bound=1e3)


def exact(values):
    """Return an array of mpmath numbers, equal to the floats."""
    numbers = np.frompyfunc(lambda x: mpmath.mp.make_mpf(libmp.from_rational(*x, 400)), 1, 1)
    ratios = [value.as_integer_ratio() for value in values.astype(np.longdouble).flat]
    pairs = np.empty(len(ratios), dtype=object)
    pairs[:] = ratios
    return numbers(pairs).reshape(values.shape)


def smallest_normal(dtype):
    """Return the smallest normal number of the format that is computed in."""
    working = np.dtype(np.longdouble if dtype.char == "g" else np.float64)
    return mpmath.ldexp(1, Format.of(working).smallest_exponent)


def exact_jacobian(z, temperature):
    """Return the Jacobian of one slice, and which entries are made of normal numbers alone."""
    probabilities = exact_softmax(z, temperature=temperature, rounded=False)
    complements = np.array(
        [sum(np.delete(probabilities, i), mpmath.mpf(0)) for i in range(z.size)], dtype=object
    )
    factors = np.tile(-probabilities, (z.size, 1))
    np.fill_diagonal(factors, complements)
    smallest = smallest_normal(z.dtype)
    normal = (probabilities >= smallest)[:, None] & (np.abs(factors) >= smallest)
    return probabilities[:, None] * factors / mpmath.mpf(temperature), normal


def hard_tangent(size, dtype, rng):
    """Return tangents of many scales, with a large common part half of the time."""
    tangent = rng.normal(size=size) * 10 ** rng.uniform(-3, 3, size=size)
    return (tangent + rng.choice([0, 1e6])).astype(dtype)


@pytest.mark.parametrize("name", FORMATS)
def test_an_entry_of_the_jacobian_errs_by_a_few_ulps_on_hard_logits(name):
    rng = np.random.default_rng(20240201)
    bound = FOUND_ULPS if name in ("float64", "longdouble") else ROUNDED_ONCE_ULPS
    with mpmath.workdps(DIGITS):
        for _ in range(TRIES):
            z, temperature = hard_logits(FORMATS[name], rng)[:8], hard_temperature(rng)
            entries, normal = exact_jacobian(z, temperature)
            errors = ulp_error(softmax_jacobian(z, temperature=temperature), entries)
            assert np.max(errors[normal], initial=0) <= bound, (z, temperature)


@pytest.mark.parametrize("name", ["float64", "longdouble"])
def test_a_product_errs_as_little_as_the_probabilities_in_it_on_hard_logits(name):
    rng = np.random.default_rng(20240202)
    roundoff = np.finfo(FORMATS[name]).eps / 2
    smallest = smallest_normal(FORMATS[name])
    with mpmath.workdps(4 * DIGITS):
        for _ in range(TRIES):
            z, temperature = hard_logits(FORMATS[name], rng)[:8], hard_temperature(rng)
            tangent = hard_tangent(z.size, FORMATS[name], rng)
            computed = exact(softmax_jvp(z, tangent, temperature=temperature))
            probabilities = exact_softmax(z, temperature=temperature, rounded=False)
            if np.min(probabilities) < smallest:
                continue
            differences = np.subtract.outer(*[exact(tangent)] * 2)
            scale = probabilities / mpmath.mpf(temperature)
            unit = scale * (np.abs(differences) @ probabilities) * float(roundoff)
            errors = np.abs(computed - scale * (differences @ probabilities))
            assert np.all(errors <= FOUND_UNITS * unit), (z, tangent, temperature)


def test_a_product_is_accurate_beside_one_huge_tangent_among_many_classes():
    z = np.random.default_rng(1).normal(size=1000)
    tangent = np.random.default_rng(2).normal(size=1000)
    tangent[np.argmax(z)] = 1e10
    with mpmath.workdps(DIGITS):
        probabilities, exact_tangent = exact_softmax(z, rounded=False), exact(tangent)
        errors = np.abs(
            exact(softmax_jvp(z, tangent))
            - probabilities * (exact_tangent - exact_tangent @ probabilities)
        )
        for i in (0, int(np.argmax(z))):
            unit = probabilities[i] * (np.abs(exact_tangent[i] - exact_tangent) @ probabilities)
            assert errors[i] <= UNITS * EPS / 2 * unit


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32"])
def test_a_product_in_a_narrow_format_is_the_float64_product_rounded_once(name):
    rng = np.random.default_rng(3)
    for _ in range(TRIES):
        z = hard_logits(FORMATS[name], rng)
        tangent = rng.normal(size=z.size)
        wide = softmax_jvp(z.astype(np.float64), tangent)
        np.testing.assert_array_less(ulp_error(softmax_jvp(z, tangent), wide), 0.5 + EPS)


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize(
    ("z", "tangent", "temperature"),
    [
        ([0.0, -700.0], [1e300, 1e300 * (1 + 2.0**-52)], 1.0),
        ([0.0, -700e-300], [1.0, 1 + 2.0**-52], 1e-300),
    ],
    ids=["huge tangents", "a tiny temperature"],
)
def test_a_product_with_the_smallest_probabilities_keeps_its_digits(
    product, z, tangent, temperature
):
    z, tangent = np.array(z), np.array(tangent)
    p = exact_softmax(z, temperature=temperature, rounded=False)
    difference = exact(tangent)[1] - exact(tangent)[0]
    expected = p[0] * p[1] * difference / mpmath.mpf(temperature)
    computed = product(z, tangent, temperature=temperature)
    assert computed[0] == -computed[1]
    # The two of them have one and the same size, and the unit is that of either.
    assert abs(exact(computed)[1] - expected) <= UNITS * EPS / 2 * abs(expected)


def test_constant_tangents_but_one_huge_one_are_accurate_among_many_classes():
    z = np.random.default_rng(5).normal(size=1000)
    tangent = np.full(1000, 0.1)
    tangent[z.argmax()] = 1e10
    p, v = exact_softmax(z, rounded=False), exact(tangent)
    with mpmath.workdps(DIGITS):
        mean = mpmath.fsum(p * v)
        errors = abs(exact(softmax_jvp(z, tangent)) - p * (v - mean))
        spread = p * np.array([mpmath.fsum(p * abs(v - value)) for value in v])
    assert np.all(errors <= UNITS * EPS / 2 * spread)


def test_a_longdouble_tangent_keeps_its_digits():
    z = np.array([1.0, 0.0], dtype=np.longdouble)
    third = np.longdouble(1) / 3
    wide, narrow = (softmax_jvp(z, [third, 0]), softmax_jvp(z, [float(third), 0]))
    assert not np.array_equal(wide, narrow)


@pytest.mark.parametrize("name", ["int8", "uint8", "float16"])
def test_differences_of_narrow_tangents_do_not_overflow(name):
    tangent = np.array([0, 100, 127] if name == "uint8" else [-100, 100, 127])
    if name == "float16":
        tangent *= 500
    narrow = tangent.astype(name)
    z = [0.3, 0.1, -2.0]
    np.testing.assert_array_equal(softmax_jvp(z, narrow), softmax_jvp(z, narrow.astype(float)))


def test_the_layout_of_a_tangent_does_not_change_a_bit():
    z, tangent = np.random.default_rng(6).normal(size=(2, 50, 100))
    for function in (softmax_jvp, softmax_vjp):
        expected = function(z, tangent, axis=0)
        for other in (np.asfortranarray(tangent), np.repeat(tangent, 2, axis=1)[:, ::2]):
            np.testing.assert_array_equal(function(z, other, axis=0), expected)


def test_the_gradient_of_a_near_certain_class_keeps_its_digits():
    expected = 3.720075976020836e-44  # exp(-100); 1 - p rounds to 0
    np.testing.assert_allclose(
        softmax_jacobian([100.0, 0.0])[0, 0], expected, rtol=FOUND_ULPS * EPS
    )


def test_a_product_keeps_its_digits_where_the_tangents_share_a_large_part():
    expected = 3.720075976020836e-44
    computed = softmax_jvp([100.0, 0.0], [2.0**52 + 1, 2.0**52])
    np.testing.assert_allclose(computed, [expected, -expected], rtol=UNITS * EPS)


@any_slices
@given(z=finite_arrays(bound=5))
def test_the_jacobian_is_the_complex_step_derivative_of_the_textbook_quotient(z):
    step = 1e-200
    steps = z[..., None, :] + 1j * step * np.eye(z.shape[-1])  # (..., j, i)
    exponentials = np.exp(steps)
    derivative = np.imag(exponentials / exponentials.sum(axis=-1, keepdims=True)) / step
    # Where 1 - p is small, the quotient's derivative cancels.
    np.testing.assert_allclose(
        softmax_jacobian(z), np.swapaxes(derivative, -1, -2), atol=COMPLEX_STEP_RTOL, rtol=0
    )


@any_slices
@given(data=st.data(), temperature=st.floats(1e-2, 1e2))
def test_a_product_is_that_of_the_jacobian(data, temperature):
    z = data.draw(vectors)
    tangent = np.random.default_rng(4).normal(size=z.shape)
    jacobian = softmax_jacobian(z, temperature=temperature)
    products = jacobian * tangent[..., None, :]
    np.testing.assert_array_less(
        np.abs(softmax_jvp(z, tangent, temperature=temperature) - products.sum(axis=-1)),
        SUM_RTOL * np.abs(products).sum(axis=-1) + np.finfo(np.float64).tiny,
    )


@any_slices
@given(z=vectors)
def test_vjp_is_the_adjoint_of_jvp(z):
    rng = np.random.default_rng(5)
    tangent, cotangent = rng.normal(size=z.shape), rng.normal(size=z.shape)
    forward = np.sum(cotangent * softmax_jvp(z, tangent), axis=-1)
    backward = np.sum(softmax_vjp(z, cotangent) * tangent, axis=-1)
    scale = np.sum(np.abs(cotangent) * np.abs(softmax_jvp(z, tangent)), axis=-1) + np.sum(
        softmax(z) * np.abs(tangent) * np.abs(cotangent), axis=-1
    )
    assert np.all(np.abs(forward - backward) <= SUM_RTOL * scale)


@any_slices
@given(z=vectors)
def test_the_jacobian_is_symmetric_to_the_bit(z):
    jacobian = softmax_jacobian(z)
    np.testing.assert_array_equal(jacobian, np.swapaxes(jacobian, -1, -2))


@any_slices
@given(z=vectors, constant=st.floats(-1e6, 1e6))
def test_a_tangent_that_is_the_same_for_all_changes_nothing(z, constant):
    np.testing.assert_array_equal(softmax_jvp(z, constant), np.zeros(z.shape))


@any_slices
@given(z=vectors)
def test_the_jacobian_stretches_by_at_most_one_half(z):
    assert np.max(np.linalg.norm(softmax_jacobian(z), ord=2, axis=(-2, -1))) <= 0.5 + SUM_RTOL


def test_a_product_needs_no_square_array():
    z = np.linspace(0, 1, 300_000)  # whose Jacobian takes 720 GB
    assert abs(softmax_jvp(z, z).sum()) <= z.size * EPS


JACOBIANS = [
    ("NaN", [1.0, NAN, INF], 1, NAN),
    ("one +inf", [0.0, INF, -INF], 1, 0),
    ("two +inf", [INF, 0.0, INF], 1, NAN),
    ("-inf", [0.0, -INF, 0.0], 1, [[0.25, 0, -0.25], [0, 0, 0], [-0.25, 0, 0.25]]),
    ("-inf alone", [-INF, -INF], 1, NAN),
    ("a single -inf", [-INF], 1, NAN),
    ("empty", [], 1, 0),
    ("one element", [7.0], 1, 0),
    ("one element, T = 0", [7.0], 0, 0),
    ("T = 0", [2.0, 1.0, 2.0], 0, [[INF, 0, -INF], [0, 0, 0], [-INF, 0, INF]]),
    ("T = -0", [2.0, 1.0, 2.0], -0.0, [[INF, 0, -INF], [0, 0, 0], [-INF, 0, INF]]),
    ("T = 0, no tie", [2.0, 1.0, 1.0], 0, 0),
    ("T = inf", [9.0, 1.0, -INF], INF, 0),
    ("+inf before T = 0", [9.0, INF], 0, 0),
    ("two +inf before T = inf", [INF, INF], INF, NAN),
    ("NaN before T = 0", [NAN, 1.0], 0, NAN),
    ("-inf alone before T = inf", [-INF, -INF], INF, NAN),
]


@pytest.mark.parametrize(
    ("z", "temperature", "expected"), [pytest.param(*row, id=name) for name, *row in JACOBIANS]
)
def test_special_values_of_the_jacobian(z, temperature, expected):
    with np.errstate(all="raise"):
        computed = softmax_jacobian(z, temperature=temperature)
    np.testing.assert_array_equal(computed, np.broadcast_to(expected, (len(z), len(z))))


# What is special, logits, tangent, T, product.
PRODUCT_VALUES = [
    ("NaN", [1.0, NAN, INF], [1.0, 2.0, 3.0], 1, [NAN, NAN, NAN]),
    ("one +inf", [0.0, INF, -INF], [1.0, 2.0, 3.0], 1, [0, 0, 0]),
    ("two +inf", [INF, 0.0, INF], [1.0, 2.0, 3.0], 1, [NAN, NAN, NAN]),
    ("-inf", [0.0, -INF, 0.0], [1.0, 7.0, 3.0], 1, [-0.5, 0, 0.5]),
    ("NaN beside -inf", [0.0, -INF, 0.0], [1.0, NAN, 3.0], 1, [-0.5, 0, 0.5]),
    ("inf beside -inf", [0.0, -INF, 0.0], [1.0, INF, 3.0], 1, [-0.5, 0, 0.5]),
    ("inf beside +inf", [0.0, INF], [INF, 1.0], 1, [0, 0]),
    ("inf beside underflow", [0.0, -800.0], [1.0, INF], 1, [0, 0]),
    ("inf below the maximum at T = 0", [1.0, 0.0], [1.0, INF], 0, [0, 0]),
    ("-inf alone", [-INF, -INF], [1.0, 2.0], 1, [NAN, NAN]),
    ("a single -inf", [-INF], [1.0], 1, [NAN]),
    ("empty", [], [], 1, []),
    ("one element", [7.0], [3.0], 1, [0]),
    ("T = 0", [2.0, 1.0, 2.0, 2.0], [3.0, 9.0, 2.0, 1.0], 0, [INF, 0, 0, -INF]),
    ("T = -0", [2.0, 1.0, 2.0, 2.0], [3.0, 9.0, 2.0, 1.0], -0.0, [INF, 0, 0, -INF]),
    ("T = 0, no tie", [2.0, 1.0, 1.0], [3.0, 2.0, 1.0], 0, [0, 0, 0]),
    ("T = inf", [9.0, 1.0, -INF], [3.0, 2.0, 1.0], INF, [0, 0, 0]),
    ("+inf before T = 0", [9.0, INF], [3.0, 2.0], 0, [0, 0]),
    ("two +inf before T = inf", [INF, INF], [3.0, 2.0], INF, [NAN, NAN]),
    ("NaN before T = 0", [NAN, 1.0], [3.0, 2.0], 0, [NAN, NAN]),
    ("-inf alone before T = inf", [-INF, -INF], [3.0, 2.0], INF, [NAN, NAN]),
    ("NaN tangent", [0.0, 0.0, -INF], [NAN, 2.0, 1.0], 1, [NAN, NAN, NAN]),
    ("infinite tangent", [0.0, 0.0, -INF], [1.0, -INF, 1.0], 1, [NAN, NAN, NAN]),
    ("infinite tangent before T = inf", [0.0, 0.0], [1.0, INF], INF, [NAN, NAN]),
]


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize(
    ("z", "tangent", "temperature", "expected"),
    [pytest.param(*row, id=name) for name, *row in PRODUCT_VALUES],
)
def test_special_values_of_a_product(product, z, tangent, temperature, expected):
    with np.errstate(all="raise"):
        computed = product(z, tangent, temperature=temperature)
    np.testing.assert_array_equal(computed, expected)


@pytest.mark.parametrize("z", [[0.0, -2000.0, -INF], [0.0, INF]])
@pytest.mark.parametrize("temperature", [1.0, INF])
def test_no_zero_of_the_jacobian_is_negative(z, temperature):
    jacobian = softmax_jacobian(z, temperature=temperature)
    assert not np.signbit(jacobian[jacobian == 0]).any()


@pytest.mark.parametrize("product", PRODUCTS)
def test_no_zero_of_a_product_is_negative(product):
    computed = product([0.0, 1.0, -2000.0, -INF], [3.0, 2.0, 1.0, 1.0])
    np.testing.assert_array_equal(np.signbit(computed), [False, True, False, False])


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("place", [0, -1])
def test_what_does_not_count_in_another_piece_of_a_long_row_does_not_count(product, place):
    z, vector, expected = np.full((3, passes("d").LONGEST + 1), [[-INF], [INF], [0.0]])
    z[[place, 1]], vector[[place, 1]], expected[[place, 1]] = 0, [3.0, 1.0], [0.5, -0.5]
    np.testing.assert_array_equal(product(z, vector), expected)


def test_nothing_overflows_before_the_result_does():
    # 1e308 - -1e308 lies beyond the largest number.
    computed = softmax_jvp([0.0, 0.0], [1e308, -1e308], temperature=4.0)
    np.testing.assert_allclose(computed, [1.25e307, -1.25e307], rtol=UNITS * EPS)


def test_nothing_underflows_before_the_result_does():
    # A product of two is about 1e-347, and 1e-47 after the division by T.
    z, temperature = np.array([0.0, -400.0, -400.0]), 1e-300
    computed = softmax_jacobian(z * temperature, temperature=temperature)[1, 2]
    with mpmath.workdps(DIGITS):
        entries, _ = exact_jacobian(z * temperature, temperature)
    assert ulp_error(computed, entries[1, 2]) <= FOUND_ULPS


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("dtype", [np.float64, np.longdouble])
@pytest.mark.parametrize("part_of_range", [-0.98, -0.7, -0.1, 0.1, 0.7, 0.98])
def test_a_power_of_two_as_temperature_divides_a_product(product, dtype, part_of_range):
    temperature = np.ldexp(dtype(1), int(part_of_range * np.finfo(dtype).maxexp))
    z, vector = np.array([[0, 1, 3], [2, 1, 0.5]], dtype), np.array([1, 0, 5], dtype)
    computed = product(z * temperature, vector, temperature=temperature)
    np.testing.assert_array_equal(computed * temperature, product(z, vector))


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("dtype", [np.float64, np.longdouble])
@pytest.mark.parametrize("part_of_range", [-0.98, -0.7, -0.1, 0.1, 0.7, 0.98])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_power_of_two_as_a_vector_s_factor_is_one_of_the_product(
    product, dtype, part_of_range, sign
):
    factor = sign * np.ldexp(dtype(1), int(part_of_range * np.finfo(dtype).maxexp))
    z, vector = np.array([[0, 1, 3], [2, 1, 0.5]], dtype), np.array([1, 0, 5], dtype)
    np.testing.assert_array_equal(product(z, vector * factor), product(z, vector) * factor)


@pytest.mark.parametrize("product", PRODUCTS)
def test_what_does_not_count_in_a_vector_costs_no_digit_of_the_others(product):
    temperature = 2.0**-40
    z = np.array([0.0, -11.0, -INF]) * temperature
    vectors = np.array(
        [[1e295, -1.5e295, INF], [-1e-307, 3e-307, -INF], [2.0, 5.0, NAN], [-1e295, -2e295, INF]]
    )
    alone = [product(z, [*vector[:2], 0.0], temperature=temperature) for vector in vectors]
    rows = np.array([z] * len(vectors))
    np.testing.assert_array_equal(product(rows, vectors, temperature=temperature), alone)


@pytest.mark.parametrize("function", ALL)
@pytest.mark.parametrize("name", FORMATS)
def test_a_floating_format_comes_back_as_it_went_in(function, name):
    assert function(np.zeros((2, 3), dtype=FORMATS[name])).dtype == FORMATS[name]


@pytest.mark.parametrize("function", ALL)
def test_integers_become_float64(function):
    assert function([[1, 2, 3]]).dtype == np.float64


@pytest.mark.parametrize("shape", [(3,), (2, 3), (4, 2, 3), (0, 3), (2, 0), (0,)])
def test_the_jacobian_has_one_matrix_for_each_slice(shape):
    assert softmax_jacobian(np.zeros(shape)).shape == (*shape, shape[-1])


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("shape", [(3,), (2, 3), (0, 3), (2, 0), (0,)])
def test_a_product_has_the_shape_of_z(product, shape):
    assert product(np.zeros(shape), 1.0).shape == shape


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("axis", [0, (0, 2), (2, 1), None])
def test_a_product_along_axes_is_that_of_the_flattened_slices(product, axis):
    rng = np.random.default_rng(6)
    z, tangent = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3, 4))
    axes = (0, 1, 2) if axis is None else np.atleast_1d(axis)
    last = tuple(range(-len(axes), 0))
    moved = [np.moveaxis(a, axes, last) for a in (z, tangent)]
    shape = moved[0].shape
    flat = [a.reshape(*shape[: 3 - len(axes)], -1) for a in moved]
    expected = np.moveaxis(product(*flat).reshape(shape), last, axes)
    np.testing.assert_array_equal(product(z, tangent, axis=axis), expected)


def test_each_row_may_have_its_own_temperature():
    rng = np.random.default_rng(7)
    z, tangent = rng.normal(size=(4, 5)), rng.normal(size=(4, 5))
    temperatures = np.array([0.0, 0.5, 3.0, np.inf])
    by_row = [
        (softmax_jacobian(row, temperature=t), softmax_jvp(row, direction, temperature=t))
        for row, direction, t in zip(z, tangent, temperatures, strict=True)
    ]
    column = temperatures[:, None]
    jacobians, products = zip(*by_row, strict=True)
    np.testing.assert_array_equal(softmax_jacobian(z, temperature=column), jacobians)
    np.testing.assert_array_equal(softmax_jvp(z, tangent, temperature=column), products)


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_tangent_broadcasts_to_the_shape_of_z(product):
    z = np.random.default_rng(8).normal(size=(2, 3, 4))
    tangent = np.arange(3.0)[:, None]
    np.testing.assert_array_equal(
        product(z, tangent, axis=1), product(z, np.broadcast_to(tangent, z.shape), axis=1)
    )


@pytest.mark.parametrize(
    ("product", "name"), [(softmax_jvp, "tangent"), (softmax_vjp, "cotangent")]
)
def test_a_tangent_that_does_not_broadcast_is_refused_with_both_shapes(product, name):
    with pytest.raises(ValueError, match=rf"^{name} of shape \(2, 3\) .* z's shape \(3,\)"):
        product(np.zeros(3), np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("product", "name"), [(softmax_jvp, "tangent"), (softmax_vjp, "cotangent")]
)
@pytest.mark.parametrize("dtype", ["complex128", "object", "U1"])
def test_a_tangent_that_is_not_real_is_refused_by_its_dtype(product, name, dtype):
    tangent = np.zeros(3, dtype=dtype)
    with pytest.raises(
        TypeError, match=rf"^{name} must be real numbers, got dtype {tangent.dtype}"
    ):
        product(np.zeros(3), tangent)


@pytest.mark.parametrize("function", ALL)
def test_logits_that_are_not_real_are_refused_by_their_dtype(function):
    with pytest.raises(TypeError, match="z must be real numbers, got dtype complex128"):
        function(np.array([1j, 2]))


def test_the_jacobian_of_a_scalar_is_refused():
    with pytest.raises(np.exceptions.AxisError):
        softmax_jacobian(1.0)


def test_inputs_are_left_as_they_were_and_their_layout_does_not_matter():
    rng = np.random.default_rng(9)
    z, tangent = rng.normal(size=(5, 8)), rng.normal(size=(5, 8))
    strided_z, strided_tangent = (np.asfortranarray(a)[:, ::-1] for a in (z, tangent))
    for array in (strided_z, strided_tangent):
        array.flags.writeable = False
    np.testing.assert_array_equal(
        softmax_jvp(strided_z, strided_tangent), softmax_jvp(z[:, ::-1], tangent[:, ::-1].copy())
    )
    np.testing.assert_array_equal(strided_z, z[:, ::-1])
    np.testing.assert_array_equal(strided_tangent, tangent[:, ::-1])


@pytest.mark.parametrize("function", [softmax_jvp, softmax_vjp])
def test_a_row_s_product_does_not_depend_on_its_batch(function):
    z = [[0.0, 50.0, 10.0], [50.0, 0.0, 10.0]]
    vectors = [[1e308, -1e308, 0.0], [1e-280, 3e-280, 2e-280]]
    alone = [function(*row) for row in zip(z, vectors, strict=True)]
    np.testing.assert_array_equal(function(z, vectors), alone)
