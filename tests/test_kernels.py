"""Python's, NumPy's and numba's way to the same bits, whatever the layout, batch and threads."""

import hashlib
import math
import subprocess
import sys
import threading
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from logits import FORMATS, hard_logits, hard_temperature

from softmax_lib import (
    _arithmetic,
    _blocks,
    _compiled,
    _kernels,
    _threads,
    log_softmax,
    logsumexp,
    softmax,
)
from softmax_lib._blocks import _blocks as cut

BLOCK = _kernels.BLOCK
FUNCTIONS = [softmax, log_softmax, logsumexp]
# Below, at and above the lengths at which rows are cut, and an exponential is not kept.
LENGTHS = [1, 7, 40, BLOCK, BLOCK + 1, _compiled.BLOCK + 5, _kernels.KEPT + 3]


@pytest.fixture(params=[_kernels, _compiled], ids=["NumPy", "numba"])
def kernels(request, monkeypatch):
    choose(request.param, monkeypatch)
    return request.param


def choose(kernels, monkeypatch):
    monkeypatch.setattr(_blocks, "_loaded", _compiled if kernels is _compiled else None)
    monkeypatch.setattr(_blocks, "_without_numba", -math.inf)


def on_both(monkeypatch, call):
    results = []
    for kernels in (_kernels, _compiled):
        choose(kernels, monkeypatch)
        results.append(call())
    return results


def logits(shape, dtype=np.float64, seed=0):
    z = np.random.default_rng(seed).normal(size=shape) * 9 + 30
    return z.astype(dtype)


@pytest.mark.parametrize(
    ("coefficients", "bits"),
    [(_arithmetic.WIDE, 56), (_arithmetic.NARROW, 45)],
    ids=["wide", "narrow"],
)
def test_the_polynomial_is_the_exponential_to_so_many_bits(coefficients, bits):
    with mpmath.workprec(200):
        half = mpmath.log(2) / 2
        for i in range(-300, 301):
            r = half * i / 300
            quotient = mpmath.polyval([mpmath.mpf(c) for c in reversed(coefficients)], r)
            error = (1 + r + r * r * quotient) / mpmath.exp(r) - 1
            assert abs(error) < mpmath.mpf(2) ** -bits


def test_a_wide_exponential_errs_by_less_than_1_7_units_roundoff():
    rng = np.random.default_rng(20210106)
    # All over the range, and where errors are largest.
    gaps = np.r_[rng.uniform(-745, 0, 2000), rng.uniform(-0.347, -0.25, 2000)]
    tails = rng.uniform(-1, 1, gaps.size) * 2.0**-53 * np.abs(gaps)
    with mpmath.workprec(200):
        for gap, tail in zip(gaps.tolist(), tails.tolist(), strict=True):
            polynomial, exponent = _arithmetic.wide_factors(gap, tail, _arithmetic.ROUNDER)
            computed = mpmath.ldexp(mpmath.mpf(polynomial), int(exponent - _arithmetic.ROUNDER))
            error = computed / mpmath.exp(mpmath.mpf(gap) + tail) - 1
            assert abs(error) < 1.7 * 2.0**-53


def test_the_parts_of_log_two_add_up_to_it():
    with mpmath.workprec(200):
        parts = mpmath.mpf(_arithmetic.LOG2_HIGH) + mpmath.mpf(_arithmetic.LOG2_LOW)
        assert abs(parts - mpmath.log(2)) < mpmath.mpf(2) ** -95
    assert float(_arithmetic.LOG2_HIGH * 2**41).is_integer()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_both_ways_give_the_same_bits_on_hard_logits(function, monkeypatch):
    rng = np.random.default_rng(20210104)
    for name in ["float16", "bfloat16", "float32", "float64"] * 40:
        z, arguments = hard_logits(FORMATS[name], rng), {}
        if function is not logsumexp:
            arguments["temperature"] = hard_temperature(rng)
        by_numpy, by_numba = on_both(monkeypatch, lambda z=z, a=arguments: function(z, **a))
        np.testing.assert_array_equal(by_numpy, by_numba)


@pytest.mark.parametrize(
    ("dtype", "recorded"), [(np.float32, "584260268f2dc80e"), (np.float64, "d6b9c7ee7f20ebf4")]
)
def test_the_bits_are_those_that_were_recorded_on_another_machine(dtype, recorded, kernels):
    # On x86-64 with AVX2. The logits, too, are made of IEEE operations alone.
    steps = np.arange(3 * 70)
    z = (steps * steps % 211 - 105.0).reshape(3, 70).astype(dtype) * np.float32(1.1)
    temperature = np.array([[1.0], [0.7], [3.0]])
    results = softmax(z), softmax(z, temperature=temperature), softmax(z[:, :9].copy())
    digest = hashlib.sha256(
        b"".join(p.astype(p.dtype.newbyteorder("<")).tobytes() for p in results)
    )
    assert digest.hexdigest()[:16] == recorded


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_python_numpy_and_numba_give_the_same_bits_for_a_few_logits(dtype, monkeypatch):
    rng = np.random.default_rng(20210105)
    for _ in range(200):
        z, temperature = hard_logits(np.dtype(dtype), rng)[:24], hard_temperature(rng)
        monkeypatch.setattr(_blocks, "_FEW", 24)
        by_python, by_numba = on_both(
            monkeypatch, lambda z=z, t=temperature: softmax(z, temperature=t)
        )
        monkeypatch.setattr(_blocks, "_FEW", 0)
        by_numpy, _ = on_both(monkeypatch, lambda z=z, t=temperature: softmax(z, temperature=t))
        # An array of temperatures, if only of one, goes the long way.
        by_blocks, _ = on_both(
            monkeypatch, lambda z=z, t=temperature: softmax(z, temperature=np.array(t))
        )
        for other in (by_numba, by_numpy, by_blocks):
            np.testing.assert_array_equal(by_python, other)


@pytest.mark.parametrize(
    "in_floats",
    [lambda *sums: _kernels.in_floats(*map(np.array, sums)), _compiled._in_floats],
    ids=["NumPy", "numba"],
)
@pytest.mark.parametrize("sums", [(2**54 + 1, 0), (2**61 + 2**8 - 1, 5), (3, -(2**40) - 1), (0, 7)])
def test_sums_of_units_are_two_floats_without_a_loss(in_floats, sums):
    high, low = map(Fraction, map(float, in_floats(*sums)))
    units = map(Fraction, (_arithmetic.HIGH_UNIT, _arithmetic.LOW_UNIT))
    assert high + low == sum(unit * number for unit, number in zip(units, sums, strict=True))


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("length", LENGTHS)
def test_both_ways_give_the_same_bits_at_any_length(function, dtype, length, monkeypatch):
    z = logits((3, length), dtype)
    z[1, length // 2] = -np.inf
    by_numpy, by_numba = on_both(monkeypatch, lambda: function(z))
    np.testing.assert_array_equal(by_numpy, by_numba)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("length", [7, BLOCK + 1, _kernels.KEPT + 3])
def test_the_batch_does_not_change_a_bit(function, length, kernels):
    z = logits((5, length))
    # Rows of their own at another temperature, with limits, or left out in part.
    z[2, 1], z[3, :2] = np.inf, -np.inf
    temperature = {} if function is logsumexp else {"temperature": [[1.0], [1.0], [3], [0.3], [0]]}
    batch = function(z, **temperature)
    for i, row in enumerate(z):
        alone = {name: values[i] for name, values in temperature.items()}
        np.testing.assert_array_equal(batch[i], function(row, **alone))


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("shape", [(3000, 64), (3, 3 * BLOCK), (1, 3 * _compiled.BLOCK)])
def test_the_number_of_threads_does_not_change_a_bit(function, shape, kernels, monkeypatch):
    z, results = logits(shape), []
    for count in (1, 2, 3):
        monkeypatch.setattr(_threads, "processors", lambda count=count: count)
        monkeypatch.setattr(_threads, "_pool", None)
        results.append(function(z))
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    "shape", [(300, 200), (2 * BLOCK, 3), (2 * BLOCK, 20), (_kernels.KEPT // 8, 20), (7, 1000)]
)
def test_an_axis_does_not_change_a_bit(function, shape, kernels):
    z = logits(shape)
    z[1:, 1], z[:, 2] = -np.inf, z[:, 2] * 1e20
    across = function(z, axis=0)
    expected = function(np.ascontiguousarray(z.T))
    np.testing.assert_array_equal(across, expected if function is logsumexp else expected.T)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("shape", [(3, 4, 2), (3, 40, 7), (3, 40, 8), (2, 70, 600), (1, 2000, 200)])
def test_columns_have_the_bits_of_rows(shape, temperature, dtype, kernels):
    z = logits(shape, dtype)
    columns = softmax(z, axis=1, temperature=temperature)
    rows = softmax(np.ascontiguousarray(z.swapaxes(1, 2)), temperature=temperature)
    np.testing.assert_array_equal(columns, rows.swapaxes(1, 2))


@pytest.mark.parametrize("limit", [np.inf, np.nan, 1e300])
def test_a_limit_in_one_column_leaves_the_others_alone(limit, kernels):
    z = logits((40, 300))
    z[7, 250] = limit
    expected = softmax(np.ascontiguousarray(z.T)).T
    np.testing.assert_array_equal(softmax(z, axis=0), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("place", [0, 20, 39])
def test_a_nan_of_either_sign_makes_its_row_nan_and_no_other(dtype, sign, place, kernels):
    z = logits((3, 40), dtype)
    z[1, place] = np.copysign(np.nan, sign)
    for results in (softmax(z), softmax(np.ascontiguousarray(z.T), axis=0).T):
        np.testing.assert_array_equal(np.isnan(results).all(axis=-1), [False, True, False])
        assert np.isfinite(results[[0, 2]]).all()


@pytest.mark.parametrize("function", [softmax, log_softmax])
def test_logits_that_change_places_between_the_spans_of_a_row_keep_their_bits(function, kernels):
    z = logits(2 * kernels.BLOCK + 5)
    results = function(z)
    for places in (kernels.BLOCK, 2 * kernels.BLOCK):
        np.testing.assert_array_equal(function(np.roll(z, places)), np.roll(results, places))


@pytest.mark.parametrize("dtype", [np.float16, np.int32, np.float64])
def test_strided_logits_of_other_formats_are_read_in_place(dtype, kernels):
    z = np.round(logits((6, 5, 8))).astype(dtype)
    np.testing.assert_array_equal(
        softmax(z[::-1, :, ::2], axis=1), softmax(z, axis=1)[::-1, :, ::2]
    )


def test_calls_from_many_threads_at_once_give_the_same_bits(kernels):
    z = logits((400, 400))
    expected, barrier = softmax(z), threading.Barrier(4)

    def call(_):
        barrier.wait()
        return [softmax(z) for _ in range(5)]

    with ThreadPoolExecutor(4) as pool:
        for results in pool.map(call, range(4)):
            for result in results:
                np.testing.assert_array_equal(result, expected)


def test_no_warning_escapes_from_a_few_logits_more(kernels):
    with np.errstate(all="raise"):
        assert softmax(np.linspace(-740, 0, 100))[0] > 0


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_warning_escapes_from_a_thread(function, kernels):
    z = logits((1, 5 * _compiled.BLOCK))
    z[0, 3], z[0, -1] = 1e308, -1e308
    with warnings.catch_warnings(), np.errstate(all="warn"):
        warnings.simplefilter("error")
        function(z)


@pytest.mark.parametrize("function", [softmax, log_softmax])
@pytest.mark.parametrize(("shape", "axis"), [((1, 2**22), -1), ((2**16, 64), -1), ((64, 2**16), 0)])
def test_no_array_of_the_size_of_the_input_but_the_output_exists(function, shape, axis, kernels):
    z = logits(shape, np.float32)
    function(z[:, :64], axis=axis)  # compiled, and the threads' scratch arrays made
    tracemalloc.start()
    function(z, axis=axis)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak - z.nbytes < 8e6


@pytest.mark.parametrize("batch", [(1,), (5,), (5, 4), (2, 3, 4), (7, 1, 2)])
@pytest.mark.parametrize("rows", [1, 2, 5, 1000])
def test_a_batch_is_cut_into_blocks_that_make_it_up(batch, rows):
    numbers = np.arange(np.prod(batch)).reshape(batch)
    parts = [numbers[index] for index in cut(batch, rows)]
    assert all(part.size <= rows for part in parts)
    np.testing.assert_array_equal(np.concatenate([p.ravel() for p in parts]), numbers.ravel())


def run(code):
    """Run code in an interpreter of its own, and return what it printed."""
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return finished.stdout.strip()


@pytest.fixture
def nothing_loaded(monkeypatch):
    monkeypatch.setattr(_blocks, "_loaded", None)
    monkeypatch.setattr(_blocks, "_without_numba", 0)


def test_numba_is_loaded_when_so_many_logits_have_been_through(nothing_loaded):
    # Each call counts as some logits more.
    almost = _blocks._COMPILED - 1 - 2 * _blocks._CALL
    assert _blocks._kernels_for(almost) is _kernels
    assert _blocks._kernels_for(0) is _kernels
    assert _blocks._kernels_for(1 - _blocks._CALL) is _compiled
    assert _blocks._loaded is _compiled


def test_where_numba_is_not_installed_it_is_not_loaded(nothing_loaded, monkeypatch):
    monkeypatch.setattr(_blocks, "find_spec", lambda name: None)
    assert _blocks._kernels_for(_blocks._COMPILED) is _kernels


@pytest.mark.parametrize("shape", [(7,), (BLOCK,), (BLOCK + 1,), (3, BLOCK)])
def test_each_call_counts_once(shape, nothing_loaded):
    softmax(np.zeros(shape))
    assert _blocks._without_numba == math.prod(shape) + _blocks._CALL


@pytest.mark.parametrize("function", FUNCTIONS)
def test_sums_of_more_exponentials_than_an_integer_holds_are_sums_of_sums(
    function, kernels, monkeypatch
):
    z = logits((2, 5 * kernels.BLOCK + 3))
    expected = function(z)
    monkeypatch.setattr(_blocks, "LONGEST", 2 * kernels.BLOCK)
    monkeypatch.setattr(_blocks, "KEPT", 2 * kernels.BLOCK)
    np.testing.assert_array_equal(function(z), expected)


def test_numba_is_imported_for_large_inputs_only():
    code = (
        "import sys, numpy as np, softmax_lib\n"
        "softmax_lib.softmax(np.zeros({size})); print('numba' in sys.modules)"
    )
    assert run(code.format(size=2**19)) == "False"
    assert run(code.format(size=_blocks._COMPILED)) == "True"


def test_numba_is_imported_once_many_small_inputs_have_taken_as_long_as_its_import():
    code = (
        "import sys, numpy as np, softmax_lib\n"
        "from softmax_lib import _blocks\n"
        "_blocks._COMPILED = 50 * (1000 + _blocks._CALL)\n"
        "for _ in range({calls}): softmax_lib.softmax(np.zeros(1000))\n"
        "print('numba' in sys.modules)"
    )
    assert run(code.format(calls=49)) == "False"
    assert run(code.format(calls=50)) == "True"


def test_without_numba_numpy_does_it_all():
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "import numpy as np, softmax_lib\n"
        "print(softmax_lib.softmax(np.zeros(2**24))[0] == 2.0**-24)"
    )
    assert run(code) == "True"


def test_a_cache_that_cannot_be_written_is_no_error():
    code = (
        "from numba.core.caching import CacheImpl\n"
        "CacheImpl._locator_classes = []\n"
        "import numpy as np, softmax_lib\n"
        "print(softmax_lib.softmax(np.zeros(2**24))[0] == 2.0**-24)"
    )
    assert run(code) == "True"
