import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from logits import FORMATS, finite_arrays

from softmax_lib import _sampling, sample, softmax

NAN, INF = np.nan, np.inf

# With a right sampler, a goodness-of-fit test fails for one seed in 100 000. The seeds are fixed,
# so a failure after a change of the code is a fault of the code, not bad luck.
LEVEL = 1e-5
DRAWS = 200_000
# Of a count, by which it may miss its expectation: the normal distribution's answer to LEVEL.
STANDARD_DEVIATIONS = 4.5
LOGITS = np.array([1.0, -0.5, 3.0, 2.5, 0.0])

# What is special, logits, temperature, the classes that are drawn from evenly.
ROWS_WITH_A_DISTRIBUTION = [
    ("one +inf", [0.0, INF, -INF], 1.0, [1]),
    ("-inf", [3.0, -INF, 3.0], 1.0, [0, 2]),
    ("T = 0", [2.0, 1.0, 2.0, -INF], 0.0, [0, 2]),
    ("T = 0 without a tie", [2.0, 1.0], 0.0, [0]),
    ("T = inf", [9.0, 1.0, -INF, -1e308], INF, [0, 1, 3]),
    ("+inf before T = 0", [0.0, INF], 0.0, [1]),
    ("+inf before T = inf", [0.0, INF], INF, [1]),
    ("a single class", [-7.0], 1.0, [0]),
    ("a gap beyond the largest number", [1.7e308, -1.7e308], 1e300, [0]),
    ("a quotient beyond the largest number", [1e308, 1e308], 1e-300, [0, 1]),
]
ROWS_WITHOUT_A_DISTRIBUTION = [
    ("NaN", [1.0, NAN, INF, INF], "a NaN"),
    ("two +inf", [INF, 0.0, INF], "more than one [+]inf"),
    ("-inf alone", [-INF, -INF], "nothing above -inf"),
    ("a single -inf", [-INF], "nothing above -inf"),
    ("empty", [], "nothing above -inf"),
]


def seeded(seed=0):
    return np.random.default_rng(seed)


def first_output(bits):
    """Return a generator whose next 64 random bits are given."""
    generator = np.random.SFC64(0)
    state = generator.state
    # SFC64 puts out the sum of its first, its second and its last word.
    state["state"]["state"] = np.array([0, 0, 1, bits], dtype=np.uint64)
    generator.state = state
    return np.random.Generator(generator)


def p_value(draws, probabilities):
    """Return the p-value of Pearson's chi-square test of goodness of fit."""
    counts = np.bincount(draws, minlength=len(probabilities))
    return scipy.stats.chisquare(counts, np.asarray(probabilities) * draws.size).pvalue


@pytest.mark.parametrize("temperature", [0.3, 0.7, 1.0, 1.2, 5.0])
def test_frequencies_fit_the_softmax(temperature):
    draws = sample(LOGITS, temperature=temperature, rng=seeded(), size=DRAWS)
    assert p_value(draws, softmax(LOGITS, temperature=temperature)) > LEVEL


@pytest.mark.parametrize("temperature", [0.3, 0.7, 1.0, 1.2])
def test_frequencies_do_not_fit_a_temperature_that_is_off_by_5_percent(temperature):
    draws = sample(LOGITS, temperature=1.05 * temperature, rng=seeded(), size=DRAWS)
    assert p_value(draws, softmax(LOGITS, temperature=temperature)) < LEVEL


def test_frequencies_fit_for_many_classes():
    z = np.random.default_rng(1).normal(size=1000)
    assert p_value(sample(z, rng=seeded(), size=DRAWS), softmax(z)) > LEVEL


def test_frequencies_fit_for_a_class_of_small_probability():
    draws = sample([0.0, -9.0], rng=seeded(), size=10 * DRAWS)
    assert p_value(draws, softmax([0.0, -9.0])) > LEVEL


def test_each_row_is_drawn_at_its_own_temperature():
    temperatures = np.array([0.5, 1.0, 2.0])
    z = np.tile(LOGITS, (3, 1))
    draws = sample(z, temperature=temperatures[:, None], rng=seeded(), size=DRAWS)
    for column, temperature in zip(draws.T, temperatures, strict=True):
        assert p_value(column, softmax(LOGITS, temperature=temperature)) > LEVEL


def test_rows_are_drawn_independently_of_each_other():
    first, second = np.asarray(sample(np.tile(LOGITS, (2, 1)), rng=seeded(), size=DRAWS)).T
    joint = np.outer(softmax(LOGITS), softmax(LOGITS)).ravel()
    assert p_value(first * LOGITS.size + second, joint) > LEVEL


def test_draws_are_independent_of_each_other():
    first, second = np.asarray(sample(LOGITS, rng=seeded(), size=(2, DRAWS)))
    joint = np.outer(softmax(LOGITS), softmax(LOGITS)).ravel()
    assert p_value(first * LOGITS.size + second, joint) > LEVEL


def test_the_same_seed_gives_the_same_draws():
    z = np.random.default_rng(2).normal(size=(3, 50))
    one, two = (sample(z, rng=seeded(7), size=20) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_another_seed_gives_other_draws():
    z = np.zeros(50)
    assert np.any(sample(z, rng=seeded(7), size=20) != sample(z, rng=seeded(8), size=20))


def test_a_generator_moves_on():
    rng = seeded()
    assert np.any(sample(np.zeros(50), rng=rng, size=20) != sample(np.zeros(50), rng=rng, size=20))


@pytest.mark.parametrize("block", [1, 7, 64, 1000])
def test_the_draws_do_not_depend_on_the_block(monkeypatch, block):
    z = np.random.default_rng(3).normal(size=(3, 2, 7))
    z[0, :, :3] = z[1, :, 4:] = -INF
    in_one_block = sample(z, rng=seeded(), size=(5, 4))
    monkeypatch.setattr(_sampling, "_BLOCK", block)
    np.testing.assert_array_equal(sample(z, rng=seeded(), size=(5, 4)), in_one_block)


@pytest.mark.parametrize(("block", "most"), [(64, 63), (3, 3)], ids=["rows", "parts of a row"])
def test_no_more_noise_than_a_block_is_held(monkeypatch, block, most):
    sizes = []

    class Recorder(np.random.Generator):
        def gumbel(self, size):  # type: ignore[override]
            sizes.append(int(np.prod(size)))
            return super().gumbel(size=size)

    monkeypatch.setattr(_sampling, "_BLOCK", block)
    drawn = sample(np.zeros((3, 7)), rng=Recorder(np.random.PCG64(0)), size=100)
    monkeypatch.undo()
    np.testing.assert_array_equal(drawn, sample(np.zeros((3, 7)), rng=seeded(0), size=100))
    assert max(sizes) == most
    assert sum(sizes) == 3 * 7 * 100


@settings(max_examples=60, deadline=None)
@given(z=finite_arrays(), shift=st.integers(-100, 100), seed=st.integers(0, 2**32))
def test_the_draws_do_not_change_by_a_common_shift_that_is_exact(z, shift, seed):
    z = np.round(z)
    drawn = sample(z, rng=seeded(seed), size=5)
    np.testing.assert_array_equal(sample(z + shift, rng=seeded(seed), size=5), drawn)


@settings(max_examples=60, deadline=None)
@given(z=finite_arrays(), seed=st.integers(0, 2**32))
def test_at_temperature_zero_a_maximum_is_drawn(z, seed):
    drawn = sample(z, temperature=0, rng=seeded(seed))
    chosen = np.take_along_axis(z, np.expand_dims(drawn, -1), axis=-1)[..., 0]
    np.testing.assert_array_equal(chosen, z.max(axis=-1))


@pytest.mark.parametrize(
    ("z", "temperature", "classes"),
    [pytest.param(*row, id=name) for name, *row in ROWS_WITH_A_DISTRIBUTION],
)
def test_special_values_are_drawn_evenly_from(z, temperature, classes):
    with np.errstate(all="raise"):
        draws = sample(z, temperature=temperature, rng=seeded(), size=DRAWS)
    expected = DRAWS * np.isin(np.arange(len(z)), classes) / len(classes)
    counts = np.bincount(draws, minlength=len(z))
    assert np.all(np.abs(counts - expected) <= STANDARD_DEVIATIONS * np.sqrt(expected))


@pytest.mark.parametrize(
    ("z", "reason"), [pytest.param(*row, id=name) for name, *row in ROWS_WITHOUT_A_DISTRIBUTION]
)
@pytest.mark.parametrize("temperature", [0.0, 1.0, INF])
def test_a_row_without_a_distribution_is_refused_with_the_reason(z, reason, temperature):
    with pytest.raises(ValueError, match=f"^z is no distribution to draw from: it has {reason}$"):
        sample(z, temperature=temperature, rng=seeded())


def test_a_row_without_a_distribution_is_refused_by_its_index():
    z = np.zeros((2, 3, 4))
    z[1, 2, 0] = NAN
    with pytest.raises(ValueError, match=r"z\[1, 2\] is no distribution .* NaN"):
        sample(z, rng=seeded())


def test_every_row_may_have_one_infinite_logit():
    np.testing.assert_array_equal(sample([[INF, 0.0], [0.0, INF]], rng=seeded()), [0, 1])


def test_where_nothing_is_drawn_nothing_is_refused():
    assert sample([NAN], rng=seeded(), size=0).shape == (0,)
    assert sample(np.zeros((0, 3)), rng=seeded(), size=2).shape == (2, 0)


def test_random_bits_of_zero_do_not_draw_what_is_impossible():
    # Exponential noise is then 0 and its logarithm infinite, as much so as the logit.
    assert first_output(0).standard_exponential() == 0
    assert sample([-INF, 0.0], rng=first_output(0)) == 1


@pytest.mark.parametrize(("bits", "noise"), [(2**11, 36.74), (2**64 - 1, -3.61)])
def test_the_noise_lies_between_the_bounds_of_the_docstring(bits, noise):
    # The first 53 bits make the uniform, and NumPy takes another one if they are all 0.
    assert first_output(bits).gumbel() == pytest.approx(noise, abs=0.01)


def test_rounded_probabilities_need_not_sum_to_one():
    z = np.random.default_rng(4).normal(size=1000).astype(np.float16)
    with pytest.raises(ValueError, match="do not sum to 1"):
        seeded().choice(z.size, p=softmax(z).astype(np.float64))
    assert 0 <= sample(z, rng=seeded()) < z.size


@pytest.mark.parametrize("name", FORMATS)
def test_the_draws_depend_on_the_values_and_not_on_the_format(name):
    z = np.array([0.5, 2.0, 1.0, -3.0])
    drawn = sample(z.astype(FORMATS[name]), temperature=0.7, rng=seeded(), size=DRAWS)
    np.testing.assert_array_equal(drawn, sample(z, temperature=0.7, rng=seeded(), size=DRAWS))


def test_the_draws_depend_on_all_digits_of_longdouble_logits():
    unit = 2.0**-58
    z = 1 + LOGITS.astype(np.longdouble) * unit
    drawn = sample(z, temperature=unit, rng=seeded(), size=DRAWS)
    np.testing.assert_array_equal(drawn, sample(LOGITS, rng=seeded(), size=DRAWS))
    assert sample(z, temperature=0, rng=seeded()) == LOGITS.argmax()


@pytest.mark.parametrize(
    ("size", "shape"), [(None, ()), (3, (3,)), (np.int64(3), (3,)), ((), ()), ((2, 3), (2, 3))]
)
@pytest.mark.parametrize("batch", [(), (4,), (2, 1)])
def test_the_shape_is_size_and_then_the_rows(size, shape, batch):
    drawn = sample(np.zeros((*batch, 5)), rng=seeded(), size=size)
    assert drawn.shape == shape + batch
    assert drawn.dtype == np.intp


def test_a_single_draw_is_a_scalar():
    assert isinstance(sample([1.0, 2.0], rng=seeded()), np.intp)


def test_the_arguments_are_never_written_to():
    z, temperature = np.array([[1.0, 2.0], [INF, 0.0]]), np.array([[0.0], [2.0]])
    before = z.copy(), temperature.copy()
    sample(z, temperature=temperature, rng=seeded(), size=3)
    np.testing.assert_array_equal(z, before[0])
    np.testing.assert_array_equal(temperature, before[1])


@pytest.mark.parametrize(
    "rng",
    [0, None, np.random.RandomState(0), np.random],
    ids=["a seed", "None", "a legacy RandomState", "the module"],
)
def test_what_is_not_a_generator_is_refused_with_what_to_pass(rng):
    with pytest.raises(TypeError, match=r"np\.random\.default_rng\(seed\), got"):
        sample([1.0, 2.0], rng=rng)


@pytest.mark.parametrize("size", [1.5, (2.0,), "3"])
def test_a_size_that_is_not_an_integer_is_refused(size):
    with pytest.raises(TypeError, match="size must be an int or a tuple of int, got"):
        sample([1.0, 2.0], rng=seeded(), size=size)


def test_a_negative_size_is_refused():
    with pytest.raises(ValueError, match="size must not be negative, got -1"):
        sample([1.0, 2.0], rng=seeded(), size=-1)


@pytest.mark.parametrize("temperature", [-1.5, NAN])
def test_a_negative_or_nan_temperature_is_refused_by_its_value(temperature):
    with pytest.raises(ValueError, match=f"temperature must be at least 0, got {temperature}"):
        sample([1.0, 2.0], temperature=temperature, rng=seeded())


@pytest.mark.parametrize("z", [[1j, 2], ["1", "2"], [None, 1]], ids=repr)
def test_what_is_not_real_is_refused_by_its_dtype(z):
    dtype = str(np.asarray(z).dtype)
    with pytest.raises(TypeError, match=f"z must be real numbers, got dtype {dtype}"):
        sample(z, rng=seeded())


def test_a_scalar_has_no_last_axis():
    with pytest.raises(np.exceptions.AxisError):
        sample(1.0, rng=seeded())


@pytest.mark.parametrize("kind", [bool, np.int8, np.uint16, np.int64])
def test_logits_may_be_whole_numbers(kind):
    logits = np.array([1, 1, 0], dtype=kind)
    drawn = sample(logits, rng=seeded(), size=50)
    np.testing.assert_array_equal(drawn, sample(logits.astype(float), rng=seeded(), size=50))


def distinct(z, size, seed=0, **arguments):
    return sample(z, rng=seeded(seed), size=size, replace=False, **arguments)


def test_without_replacement_no_class_is_drawn_twice_from_a_row():
    drawn = distinct(np.zeros((50, 20)), (3, 4))
    assert drawn.shape == (3, 4, 50)
    assert all(len(set(row)) == 12 for row in drawn.reshape(12, 50).T.tolist())


def test_all_classes_make_a_permutation():
    np.testing.assert_array_equal(np.sort(distinct(LOGITS, 5)), np.arange(5))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_each_draw_has_the_softmax_of_the_classes_that_are_left(temperature):
    # The probability of an ordered pair is p_i p_j / (1 - p_i).
    p = softmax(LOGITS, temperature=temperature)
    pairs = np.array([(i, j) for i in range(5) for j in range(5) if i != j])
    expected = p[pairs[:, 0]] * p[pairs[:, 1]] / (1 - p[pairs[:, 0]])
    rows = np.broadcast_to(LOGITS, (DRAWS, 5))
    first, second = distinct(rows, 2, temperature=temperature)
    numbers = np.full((5, 5), -1)
    numbers[tuple(pairs.T)] = np.arange(20)
    assert p_value(numbers[first, second], expected) > LEVEL


def test_the_order_of_drawing_matters():
    rows = np.broadcast_to(LOGITS, (DRAWS, 5))
    _, second = distinct(rows, 2)
    assert p_value(second, softmax(LOGITS)) < LEVEL


def test_one_draw_without_replacement_is_one_with():
    for seed in range(20):
        first = sample(LOGITS, rng=seeded(seed))
        assert first == distinct(LOGITS, None, seed) == distinct(LOGITS, 1, seed)[0]


@pytest.mark.parametrize("block", [1, 7, 64])
def test_draws_without_replacement_do_not_depend_on_the_block(monkeypatch, block):
    z = seeded(1).normal(size=(4, 30))
    expected = distinct(z, 6, 2)
    monkeypatch.setattr(_sampling, "_BLOCK", 30 * block if block < 64 else 2**18)
    np.testing.assert_array_equal(distinct(z, 6, 2), expected)


def test_a_row_of_many_classes_is_drawn_from_part_by_part(monkeypatch):
    monkeypatch.setattr(_sampling, "_BLOCK", 8)
    z = np.array([0.0] * 10 + [60.0] + [0.0] * 10 + [50.0, 0.0])
    drawn = distinct(z, 4)
    np.testing.assert_array_equal(drawn[:2], [10, 21])
    assert len(set(drawn.tolist())) == 4


@pytest.mark.parametrize(
    ("z", "temperature", "count"),
    [
        ([0.0, 1.0, -INF], 1.0, 2),
        ([0.0, INF, 3.0], 1.0, 1),
        ([2.0, 2.0, 1.0], 0.0, 2),
        ([2.0, 2.0, -INF], INF, 2),
        ([0.0, -1e308], 1e-300, 1),
    ],
)
def test_more_classes_than_have_a_probability_are_refused_with_their_number(z, temperature, count):
    assert len(set(distinct(z, count, temperature=temperature).tolist())) == count
    rows = [np.zeros(len(z)), z] if temperature else [np.full(len(z), z[0]), z]
    message = rf"size asks for {count + 1} classes .* z\[1\] has {count} with a probability"
    with pytest.raises(ValueError, match=message):
        distinct(rows, count + 1, temperature=temperature)


def test_a_class_of_the_smallest_probability_is_drawn_in_the_end():
    assert distinct([0.0, -5000.0, -9000.0], 3).tolist() == [0, 1, 2]


@pytest.mark.parametrize("size", [0, (2, 0)])
def test_no_draws_without_replacement_are_an_empty_result(size):
    assert distinct([1.0, NAN], size).shape == np.empty(size).shape


@pytest.mark.parametrize("replace", [0, None, "no"], ids=repr)
def test_a_replace_that_is_no_bool_is_refused(replace):
    with pytest.raises(TypeError, match="replace must be True or False, got"):
        sample([1.0], rng=seeded(), replace=replace)


def test_a_row_alone_with_too_few_classes_is_refused_without_an_index():
    with pytest.raises(ValueError, match="and z has 2 with a probability above 0"):
        distinct([0.0, 1.0, -INF], 3)
