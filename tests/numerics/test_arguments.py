import ml_dtypes
import numpy as np
import pytest
from logits import FORMATS

from softmax_lib import (
    exact_log_softmax,
    exact_logsumexp,
    exact_softmax,
    log_softmax,
    logsumexp,
    naive_softmax,
    softmax,
)

AT_A_TEMPERATURE = [softmax, log_softmax, exact_softmax, exact_log_softmax]
ELEMENTWISE = [*AT_A_TEMPERATURE, naive_softmax]
WITH_WHERE = [*AT_A_TEMPERATURE, logsumexp, exact_logsumexp]
ALL = [*ELEMENTWISE, logsumexp, exact_logsumexp]


@pytest.fixture
def cube():
    return np.random.default_rng(6).normal(size=(3, 4, 5)) * 5


@pytest.mark.parametrize("function", ALL)
@pytest.mark.parametrize("name", FORMATS)
def test_a_floating_format_comes_back_as_it_went_in(function, name):
    assert function(np.zeros((2, 3), dtype=FORMATS[name])).dtype == FORMATS[name]


@pytest.mark.parametrize("function", ALL)
@pytest.mark.parametrize("dtype", [np.bool_, np.int8, np.uint64, np.int64])
def test_bool_and_integers_become_float64(function, dtype):
    z = np.array([1, 0, 1], dtype=dtype)
    assert function(z).dtype == np.float64
    np.testing.assert_array_equal(function(z), function(z.astype(np.float64)))


@pytest.mark.parametrize("function", ALL)
def test_a_foreign_byte_order_is_read_and_comes_back_native(function):
    z = np.array([1.0, 2.0, 4.0], dtype=np.float32)
    computed = function(z.astype(z.dtype.newbyteorder()))
    assert computed.dtype == np.float32
    np.testing.assert_array_equal(computed, function(z))


@pytest.mark.parametrize("function", ALL)
def test_nested_lists_are_taken(function):
    np.testing.assert_array_equal(function([[1, 2], [3, 5]]), function(np.array([[1, 2], [3, 5]])))


@pytest.mark.parametrize("function", ALL)
@pytest.mark.parametrize(
    "z",
    [
        np.array([1j, 2]),
        np.array([1, None]),
        np.array(["1", "2"]),
        np.array(["2020-01-01"], dtype="M8[D]"),
        np.array([1], dtype="m8[s]"),
        np.array([1, 2], dtype=ml_dtypes.float8_e5m2),
    ],
    ids=lambda z: z.dtype.name,
)
def test_what_is_not_real_is_refused_by_its_dtype(function, z):
    with pytest.raises(TypeError, match=rf"z must be real.*{z.dtype}".replace("[", r"\[")):
        function(z)


@pytest.mark.parametrize("function", ALL)
def test_a_masked_array_is_refused_with_the_way_out(function):
    with pytest.raises(TypeError, match=r"z is a masked array, .* what to leave in as where="):
        function(np.ma.array([1.0, 2.0], mask=[True, False]))


@pytest.mark.parametrize("function", WITH_WHERE)
def test_a_masked_where_is_refused_by_its_name(function):
    with pytest.raises(TypeError, match="where is a masked array"):
        function([1.0, 2.0], where=np.ma.array([True, False], mask=[True, False]))


@pytest.mark.parametrize("function", WITH_WHERE)
@pytest.mark.parametrize("axis", [0, (0, 2), (2, 1), None])
def test_what_where_leaves_out_is_left_out_along_any_axes(function, axis, cube):
    keep = cube > -3
    lowered = np.where(keep, cube, -np.inf)
    np.testing.assert_array_equal(
        function(cube, axis=axis, where=keep), function(lowered, axis=axis)
    )


@pytest.mark.parametrize("function", WITH_WHERE)
def test_a_where_that_is_not_boolean_is_refused_by_its_dtype(function):
    with pytest.raises(TypeError, match=r"where must be Boolean, got dtype int64"):
        function([1.0, 2.0], where=[1, 0])


@pytest.mark.parametrize("function", WITH_WHERE)
def test_a_where_that_does_not_broadcast_is_refused_with_both_shapes(function):
    with pytest.raises(ValueError, match=r"where of shape \(3,\) .* z's shape \(2,\)"):
        function([1.0, 2.0], where=[True, False, True])


@pytest.mark.parametrize("function", WITH_WHERE)
def test_a_where_may_not_enlarge_z(function):
    with pytest.raises(ValueError, match=r"where of shape \(2, 1\)"):
        function([1.0, 2.0], where=[[True], [False]])


@pytest.mark.parametrize("function", AT_A_TEMPERATURE)
@pytest.mark.parametrize("temperature", [-1.5, np.nan, -np.inf])
def test_a_negative_or_nan_temperature_is_refused_by_its_value(function, temperature):
    with pytest.raises(ValueError, match=rf"temperature must be at least 0, got {temperature}"):
        function(np.zeros((2, 3)), temperature=[[1.0], [temperature]])


@pytest.mark.parametrize("function", AT_A_TEMPERATURE)
@pytest.mark.parametrize("temperature", [1j, "1", None], ids=repr)
def test_a_temperature_that_is_not_real_is_refused_by_its_dtype(function, temperature):
    dtype = np.asarray(temperature).dtype
    with pytest.raises(TypeError, match=rf"temperature must be real numbers, got dtype {dtype}"):
        function([1.0, 2.0], temperature=temperature)


@pytest.mark.parametrize("function", AT_A_TEMPERATURE)
def test_a_temperature_that_does_not_broadcast_is_refused_with_both_shapes(function):
    with pytest.raises(ValueError, match=r"temperature of shape \(2,\) .* z's shape \(4, 3\)"):
        function(np.zeros((4, 3)), temperature=[1.0, 2.0])


@pytest.mark.parametrize("function", AT_A_TEMPERATURE)
@pytest.mark.parametrize(
    ("axis", "shape"), [(-1, (3,)), (None, (4, 1)), ((0, 1), (4, 1)), (0, (4, 1))]
)
def test_a_temperature_may_not_vary_along_the_softmax_axis(function, axis, shape):
    with pytest.raises(ValueError, match="must be the same along the softmax axis"):
        function(np.zeros((4, 3)), axis=axis, temperature=np.arange(np.prod(shape)).reshape(shape))


@pytest.mark.parametrize("function", [softmax, naive_softmax])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("axis", [0, (0, 2)])
def test_the_result_is_laid_out_in_the_order_of_c(function, dtype, axis):
    z = np.random.default_rng(0).normal(size=(40, 3, 50)).astype(dtype)
    expected = function(z, axis=axis)
    assert expected.flags.c_contiguous
    np.testing.assert_array_equal(function(np.asfortranarray(z), axis=axis), expected)


@pytest.mark.parametrize("function", AT_A_TEMPERATURE)
@pytest.mark.parametrize("temperature", [2.0, 2, 2**60, np.int8(2), np.array(2), [[2]]], ids=repr)
def test_a_temperature_may_be_any_number(function, temperature, cube):
    expected = function(cube[0], temperature=np.asarray(temperature).astype(np.float64))
    for z in (cube[0], cube[0].tolist()):
        np.testing.assert_array_equal(function(z, temperature=temperature), expected)


@pytest.mark.parametrize("shape", [(2, 0), (0, 2), (0,)])
def test_a_temperature_of_an_empty_shape_is_no_error(shape):
    assert softmax(np.zeros(shape), temperature=np.ones(shape)).shape == shape


def test_a_temperature_of_longdouble_logits_keeps_its_digits():
    z, third = np.array([5.0, 0.0], np.longdouble), np.longdouble(1) / 3
    wide, narrow = (softmax(z, temperature=t) for t in (third, np.longdouble(float(third))))
    assert not np.array_equal(wide, narrow)


def test_a_temperature_of_full_shape_may_be_the_same_along_the_softmax_axis():
    z = np.arange(12.0).reshape(4, 3)
    column = np.array([[0.0], [0.5], [2.0], [np.inf]])
    full = np.broadcast_to(column, z.shape)
    np.testing.assert_array_equal(softmax(z, temperature=full), softmax(z, temperature=column))


@pytest.mark.parametrize("function", ALL)
@pytest.mark.parametrize("axis", [2, 3, -3, (0, 2)])
def test_an_axis_out_of_range_is_an_axis_error(function, axis):
    with pytest.raises(np.exceptions.AxisError):
        function(np.zeros((2, 3)), axis=axis)


@pytest.mark.parametrize("function", ALL)
def test_an_axis_given_twice_is_refused(function):
    with pytest.raises(ValueError, match="repeated axis"):
        function(np.zeros((2, 3)), axis=(1, -1))


@pytest.mark.parametrize("function", ALL)
def test_a_scalar_has_no_last_axis(function):
    with pytest.raises(np.exceptions.AxisError):
        function(1.0)


@pytest.mark.parametrize("function", ALL)
@pytest.mark.parametrize("name", FORMATS)
def test_a_0d_input_gives_a_scalar(function, name):
    computed = function(np.array(2, dtype=FORMATS[name]), axis=None)
    assert type(computed) is FORMATS[name].type


@pytest.mark.parametrize(("function", "value"), [(softmax, 1), (log_softmax, 0), (logsumexp, 2)])
def test_a_0d_input_is_a_slice_of_one(function, value):
    assert function(2.0, axis=None) == value


@pytest.mark.parametrize("function", ELEMENTWISE)
@pytest.mark.parametrize("axis", [0, 1, -2])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
def test_an_axis_is_the_last_axis_moved(function, axis, dtype, cube):
    z = cube.astype(dtype) / 3
    expected = np.moveaxis(function(np.moveaxis(z, axis, -1)), -1, axis)
    np.testing.assert_array_equal(function(z, axis=axis), expected)


@pytest.mark.parametrize("function", ELEMENTWISE)
def test_a_tuple_of_axes_is_one_flattened_axis(function, cube):
    expected = function(cube.reshape(3, 20)).reshape(3, 4, 5)
    np.testing.assert_array_equal(function(cube, axis=(1, 2)), expected)


@pytest.mark.parametrize("function", ELEMENTWISE)
def test_no_axis_at_all_means_every_axis_for_none(function, cube):
    expected = function(cube.ravel()).reshape(cube.shape)
    np.testing.assert_array_equal(function(cube, axis=None), expected)


@pytest.mark.parametrize(("function", "value"), [(softmax, 1), (log_softmax, 0)])
def test_an_empty_tuple_of_axes_makes_each_element_a_slice(function, value, cube):
    np.testing.assert_array_equal(function(cube, axis=()), np.full(cube.shape, value))


@pytest.mark.parametrize("function", ELEMENTWISE)
@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 3), (2, 0, 3)])
@pytest.mark.parametrize("axis", [-1, None, 0])
def test_an_empty_input_stays_as_it_is(function, shape, axis):
    computed = function(np.zeros(shape, dtype=np.float32), axis=axis)
    assert computed.shape == shape
    assert computed.dtype == np.float32


@pytest.mark.parametrize("function", ALL)
@pytest.mark.parametrize("axis", [0, -1, (0, 2), None])
@pytest.mark.parametrize(
    "layout",
    [
        lambda z: np.asfortranarray(z),
        lambda z: z[:, ::-1].copy()[:, ::-1],
        lambda z: np.repeat(z, 2, axis=-1)[..., ::2],
        lambda z: np.moveaxis(np.moveaxis(z, 0, -1).copy(), -1, 0),
        lambda z: np.frombuffer(b"x" + z.tobytes(), np.uint8)[1:].view(z.dtype).reshape(z.shape),
    ],
    ids=["Fortran", "negative stride", "sliced", "transposed", "unaligned and read-only"],
)
def test_the_memory_layout_does_not_change_a_bit(function, layout, axis, cube):
    same = layout(cube)
    np.testing.assert_array_equal(same, cube)
    np.testing.assert_array_equal(function(same, axis=axis), function(cube, axis=axis))


@pytest.mark.parametrize("function", ALL)
def test_the_other_slices_do_not_change_a_bit(function, cube):
    one_by_one = [[function(row) for row in rows] for rows in cube]
    np.testing.assert_array_equal(function(cube), one_by_one)


@pytest.mark.parametrize("function", AT_A_TEMPERATURE)
def test_the_arguments_are_never_written_to(function, cube):
    keep, temperature = cube > -3, np.array([[[0.0]], [[1.0]], [[np.inf]]])
    before = cube.copy(), keep.copy(), temperature.copy()
    result = function(cube, where=keep, temperature=temperature)
    assert not any(np.shares_memory(result, given) for given in (cube, keep, temperature))
    for now, then in zip((cube, keep, temperature), before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("function", [*WITH_WHERE, naive_softmax])
def test_results_are_fresh_and_writable(function, cube):
    result = function(cube, axis=())
    assert result.flags.writeable
    assert not np.shares_memory(result, cube)


def test_a_probability_is_rounded_to_bfloat16_once():
    # A little above a tie, which it is once it has been rounded to float32.
    probability = 0.5 + 64 * 2.0**-8 + 2.0**-9 + 2.0**-40
    temperature = 1 / np.log(probability / (1 - probability))
    z = np.array([0, -1], FORMATS["bfloat16"])
    assert softmax(z, temperature=temperature)[0] == 0.5 + 65 * 2.0**-8


def test_float64_is_rounded_to_bfloat16_once():
    # log(1 + 2**-8 + ...) cannot be hit at will, so the rounding itself is looked at: a float64
    # just above a tie of bfloat16 is a tie once it has been rounded to float32.
    from softmax_lib._arguments import rounded

    bfloat16 = FORMATS["bfloat16"]
    above, below = 1 + 2.0**-8 + 2.0**-40, 1 + 3 * 2.0**-8 - 2.0**-40
    ties, beyond = [1 + 2.0**-8, 1 + 3 * 2.0**-8], [np.inf, -np.inf, 3.4e38, 2.0**-134]
    values = np.array([above, -above, below, *ties, *beyond])
    next_to_1 = 1 + 2.0**-7
    expected = [next_to_1, -next_to_1, next_to_1, 1, 1 + 2.0**-6, np.inf, -np.inf, np.inf, 0]
    with np.errstate(over="ignore"):
        computed = rounded(values, bfloat16)
    np.testing.assert_array_equal(computed.astype(np.float64), expected)
    assert np.isnan(rounded(np.array([np.nan]), bfloat16))
