"""A row has the same bits in any batch, layout, axis, byte order, and number of threads."""

import functools
import hashlib
import os
import subprocess
import sys
import threading
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from engines import COMPILED, only_compiled

from softmax_lib import (
    OnlineNormalizer,
    _threads,
    cross_entropy,
    entropy,
    log_softmax,
    logsumexp,
    softmax,
    softmax_jacobian,
    softmax_jvp,
)
from softmax_lib._engine import passes
from softmax_lib._slices import _cut


def jvp(z, **arguments):
    return softmax_jvp(z, np.cos(np.nan_to_num(z)), **arguments)


def losses(z, **arguments):
    axis = arguments.get("axis", -1)
    return cross_entropy(z, np.zeros(np.delete(z.shape, axis), int), **arguments)


def weighted_losses(z, **arguments):
    return cross_entropy(z, np.abs(np.sin(np.nan_to_num(z))), **arguments)


def denominators(z, **arguments):
    return OnlineNormalizer.of(z, **arguments).denominator


MAPS = [softmax, log_softmax, jvp]
REDUCTIONS = [logsumexp, entropy, losses, weighted_losses, denominators]
FUNCTIONS = MAPS + REDUCTIONS
# Where a row is cut into pieces, and where a piece is cut into spans.
LONG = passes("d").LONGEST
LENGTHS = [1, 2, 7, 17, 40, 1000, 4096, 4100, 2**14 + 1, LONG, LONG + 3, 2 * LONG + 5]


def logits(shape, dtype=np.float64, seed=0):
    z = np.random.default_rng(seed).normal(size=shape) * 9 + 30
    return z.astype(dtype)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("length", LENGTHS)
def test_the_batch_does_not_change_a_bit(function, length):
    z = logits((5, length))
    # Rows of their own with limits, or far from the others.
    z[1, 0], z[2] = np.inf, z[2] * 1e17
    z[3] = -np.abs(z[3])
    batch = function(z)
    for row, results in zip(z, batch, strict=True):
        np.testing.assert_array_equal(results, function(row))


@pytest.mark.parametrize("function", [softmax, log_softmax, jvp, entropy])
@pytest.mark.parametrize("shape", [(7, 300), (2, 1), (2, LONG + 3)])
def test_a_temperature_of_other_rows_does_not_change_a_bit(function, shape):
    z = logits(shape)
    temperature = np.array([1, 0.3, 1e-300, 1, 0, np.inf, 3.0])[: len(z), None]
    batch = function(z, temperature=temperature)
    for i, row in enumerate(z):
        np.testing.assert_array_equal(batch[i], function(row, temperature=float(temperature[i, 0])))
        np.testing.assert_array_equal(batch[i], function(row, temperature=temperature[i]))


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("length", [5, 70, LONG + 3])
def test_the_layout_does_not_change_a_bit(function, dtype, length):
    z = logits((4, length), dtype)
    expected = function(z)
    wide = np.zeros((4, 2 * length), dtype)
    wide[:, ::2] = z
    unaligned = np.zeros(z.nbytes + 1, np.uint8)[1:].view(dtype).reshape(z.shape)
    unaligned[...] = z
    frozen = z.copy()
    frozen.setflags(write=False)
    layouts = [wide[:, ::2], z[::-1, ::-1].copy()[::-1, ::-1], unaligned, frozen]
    layouts.append(z.astype(z.dtype.newbyteorder()))
    layouts.append(np.asfortranarray(z))
    for other in layouts:
        np.testing.assert_array_equal(function(other), expected)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("shape", [(3, 40), (300, 200), (LONG + 7, 3), (5000, 20)])
def test_the_axis_does_not_change_a_bit(function, shape):
    z = logits(shape)
    z[1:, 1], z[:, 2] = -np.inf, z[:, 2] * 1e20
    across = function(z, axis=0)
    expected = function(np.ascontiguousarray(z.T))
    np.testing.assert_array_equal(across, expected if function in REDUCTIONS else expected.T)


@pytest.mark.parametrize("function", [softmax, log_softmax, logsumexp, entropy])
@pytest.mark.parametrize("shape", [(3, 4, 5), (700, 2, 300)])
def test_several_axes_are_one(function, shape):
    z = logits(shape)
    joined = np.moveaxis(z, 1, 0).reshape(shape[1], -1)
    result, expected = function(z, axis=(0, 2)), function(joined)
    if function in MAPS:
        expected = np.moveaxis(expected.reshape(shape[1], shape[0], shape[2]), 0, 1)
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 4), (4, 3, 2), (2, 1, 5), (2, 0, 3)])
@pytest.mark.parametrize("count", [1, 2, 5, 12, 100])
def test_blocks_take_each_slice_once_and_not_too_many_together(shape, count):
    taken = np.zeros(shape, int)
    for index in _cut(shape, count):
        taken[index] += 1
        assert taken[index].size <= count
    assert (taken == 1).all()


@pytest.mark.parametrize("function", [softmax, log_softmax, logsumexp])
@pytest.mark.parametrize("length", [9, LONG + 5])
def test_leaving_out_nothing_or_minus_infinity_does_not_change_a_bit(function, length):
    z = logits((3, length))
    np.testing.assert_array_equal(function(z, where=np.ones((), bool)), function(z))
    where = np.arange(length) % 3 > 0
    np.testing.assert_array_equal(function(z, where=where), function(np.where(where, z, -np.inf)))


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("shape", [(3000, 64), (5, LONG), (4, 2 * LONG)])
def test_the_number_of_threads_does_not_change_a_bit(function, shape, monkeypatch):
    z, results = logits(shape), []
    for count in (1, 2, 3):
        monkeypatch.setattr(_threads, "processors", lambda count=count: count)
        monkeypatch.setattr(_threads, "_pool", None)
        results.append(function(z))
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_calls_from_many_threads_at_once_give_the_same_bits():
    z = logits((400, 400))
    expected, barrier = softmax(z), threading.Barrier(4)

    def call(_):
        barrier.wait()
        return [softmax(z) for _ in range(5)]

    with ThreadPoolExecutor(4) as pool:
        for results in pool.map(call, range(4)):
            for result in results:
                np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("length", [100, LONG + 100])
def test_no_warning_escapes(function, length):
    z = np.linspace(-740, 0, length).reshape(1, -1).repeat(3, 0)
    z[1, 3], z[1, -1], z[2, 5] = 1e308, -1e308, -np.inf
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        function(z) if function is not jvp else softmax_jvp(z, np.arange(float(length)))


@functools.lru_cache(maxsize=1)
def large_logits(shape):
    return logits(shape, np.float32)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("shape", "axis"), [((2, 2**22), -1), ((2**16, 128), -1), ((128, 2**16), 0)]
)
def test_no_array_of_the_size_of_the_input_but_the_output_exists(function, shape, axis):
    z = large_logits(shape)
    beside = {jvp: 1, weighted_losses: 2}.get(function, 0)  # made here
    function(z[:, :64], axis=axis)  # compiled, and threads started
    tracemalloc.start()
    result = function(z, axis=axis)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak - result.nbytes - beside * z.nbytes < 32e6


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("place", [0, 20, 39])
def test_a_nan_of_either_sign_makes_its_row_nan_and_no_other(dtype, sign, place):
    z = logits((3, 40), dtype)
    z[1, place] = np.copysign(np.nan, sign)
    for results in (softmax(z), softmax(np.ascontiguousarray(z.T), axis=0).T):
        np.testing.assert_array_equal(np.isnan(results).all(axis=-1), [False, True, False])
        assert np.isfinite(results[[0, 2]]).all()


# What every machine computes, from logits that are made of IEEE operations alone.
DIGESTS = {
    "float32": "e796b4ff a6635953 364edf74 8e2192e3 6e271a23 9ffe77ab 98f5f670 5302041f 18d0b31b "
    "dc71b472 b8454026 18647dc5 f54ec42b",
    "float64": "9a6a0180 b01ca954 a8e3e6ca 40fd4c6e fa86cb36 7046bc25 8a7a7a6a 08628a62 3aef8961 "
    "8d275788 66f69713 7f7b2309 7bfebb91",
}


def digest(dtype):
    steps = np.arange(3 * 700)
    z = (steps * steps % 211 - 105.0).reshape(3, 700).astype(dtype) * np.float32(1.1)
    tangent, temperature = z[::-1] % np.float32(7), np.array([[1.0], [0.7], [1e-70]])
    state = OnlineNormalizer.of(z)
    results = [
        softmax(z),
        softmax(z, temperature=temperature),
        softmax(np.tile(z, 300)),
        log_softmax(z),
        log_softmax(z, temperature=temperature),
        logsumexp(z),
        logsumexp(-np.abs(z[:, :9]) - np.float32(2)),
        entropy(z, temperature=temperature),
        cross_entropy(z, [1, 2, 3]),
        cross_entropy(z, np.abs(tangent)),
        softmax_jvp(z, tangent, temperature=temperature),
        softmax_jacobian(z[:, :20]),
        state.merge(OnlineNormalizer.of(z[::-1])).denominator,
    ]
    return [
        hashlib.sha256(p.astype(p.dtype.newbyteorder("<")).tobytes()).hexdigest()[:8]
        for p in map(np.asarray, results)
    ]


@only_compiled
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_bits_are_those_that_were_recorded(dtype):
    assert " ".join(digest(dtype)) == DIGESTS[dtype]


def elsewhere(code, tmp_path, name, features):
    """Run code with kernels compiled afresh for a processor, and return what it printed."""
    environment = {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": features}
    finished = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parent,
        env=os.environ | environment | {"NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    return finished.stdout.strip()


def has_vectors(processor):
    """Tell whether the processor at hand can run what is compiled for another one."""
    return set(PROCESSORS[processor].replace("+", "").split(",")) <= FLAGS


PROCESSORS = {"haswell": "+avx2,+fma", "skylake-avx512": "+avx2,+fma,+avx512f"}
FLAGS = set(Path("/proc/cpuinfo").read_text().split()) if os.path.exists("/proc/cpuinfo") else set()


@only_compiled
@pytest.mark.parametrize("processor", PROCESSORS)
def test_the_bits_are_those_of_other_processors(processor, tmp_path):
    if not has_vectors(processor):
        pytest.skip(f"this processor cannot run what {processor} can")
    code = "from test_same_bits import digest; print(*digest('float32'), *digest('float64'))"
    digests = elsewhere(code, tmp_path, processor, PROCESSORS[processor])
    assert digests == f"{DIGESTS['float32']} {DIGESTS['float64']}"


@only_compiled
def test_the_bits_are_those_of_a_processor_without_vectors_and_fma(tmp_path):
    code = "from test_same_bits import digest; print(*digest('float32'), *digest('float64'))"
    digests = elsewhere(code, tmp_path, "nehalem", "-avx,-fma")
    assert digests == f"{DIGESTS['float32']} {DIGESTS['float64']}"


@only_compiled
def test_the_inner_loops_are_vectors(tmp_path):
    code = (
        "from softmax_lib import _compiled\n"
        "from softmax_lib._engine import passes\n"
        "callable(passes('f').softmax), callable(passes('d').softmax)\n"
        "for code in _compiled.softmax.inspect_asm().values():\n"
        "    lines = code.splitlines()\n"
        "    print(sum('vfmadd' in line and 'pd' in line and 'ymm' in line for line in lines) > 30)"
    )
    assert elsewhere(code, tmp_path, "haswell", PROCESSORS["haswell"]).split() == ["True", "True"]


@only_compiled
def test_states_have_the_same_columns_in_both_engines():
    from softmax_lib import _arrays, _compiled, _limits

    names = "MAXIMUM COUNT BELOW WEIGHTED REST LOGARITHM MEAN REFERENCE STRETCH SCALE TOTAL STATE"
    for name in f"{names} NOTHING APART GAPS VECTORS".split():
        assert getattr(_arrays, name) == getattr(_compiled, name), name
    for name in ("LARGE", "COLD", "HOT"):
        assert getattr(_limits, name) == getattr(_compiled, name), name


def test_the_kernels_stand_in_one_file_whose_changes_numba_sees():
    source = Path(_threads.__file__).with_name("_compiled.py").read_text()
    assert "softmax_lib" not in "".join(
        line for line in source.splitlines() if line.lstrip().startswith(("import", "from"))
    )


@pytest.mark.skipif(COMPILED, reason="compiled sums run in lanes")
def test_numpys_exponential_has_the_same_bits_wherever_a_logit_stands():
    z = logits(1000)
    for start in (1, 3, 8):
        np.testing.assert_array_equal(np.exp(z[start:]), np.exp(z)[start:])
