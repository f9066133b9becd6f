"""Softmax of Dask arrays; what takes a cluster is in test_dask_cluster.py."""

import itertools

import dask
import dask.array as da
import numpy as np
import pytest
from engines import COMPILED
from logits import FORMATS, hard_logits, hard_temperature

import softmax_lib
from softmax_lib import exact_log_softmax, exact_logsumexp, exact_softmax, ulp_error
from softmax_lib.dask import log_softmax, logsumexp, softmax

NAN, INF = np.nan, np.inf
FLOAT64_ULPS = 2 if COMPILED else 4
# As for one array: see test_accuracy.py.
ULPS = dict.fromkeys(FORMATS, 0.5 + 2e-6) | {"float64": FLOAT64_ULPS, "longdouble": 4.5}

ELEMENTWISE = [(softmax, exact_softmax), (log_softmax, exact_log_softmax)]


@pytest.fixture(autouse=True)
def one_thread():
    with dask.config.set(scheduler="sync"):
        yield


def cuts(length):
    """Return all ways to cut an axis, and two with empty chunks."""
    ways = [
        tuple(np.diff([0, *at, length]).tolist())
        for count in range(length)
        for at in itertools.combinations(range(1, length), count)
    ]
    return [*ways, (0, length), (1, 0, length - 1)]


def cut_at_random(length, rng):
    """Return one way to cut an axis, into two chunks at least if it is longer than 1."""
    at = rng.choice(np.arange(1, length), size=min(length - 1, rng.integers(1, 6)), replace=False)
    return tuple(np.diff([0, *np.sort(at), length]).tolist())


# What is special, logits, temperature, what is left in, probabilities, log-sum-exp at T = 1.
ALL = [True] * 4
SPECIAL = [
    ("NaN", [1, NAN, INF, 0], 1, ALL, [NAN] * 4, NAN),
    ("one +inf", [1, INF, -INF, 2], 1, ALL, [0, 1, 0, 0], INF),
    ("two +inf", [INF, 1, INF, 2], 1, ALL, [NAN] * 4, INF),
    ("-inf", [-INF, 3, -INF, 3], 1, ALL, [0, 0.5, 0, 0.5], 3 + np.log(2)),
    ("-inf alone", [-INF] * 4, 1, ALL, [NAN] * 4, -INF),
    ("a gap that overflows", [-1.7e308, 1.7e308, -1e308, -INF], 1, ALL, [0, 1, 0, 0], 1.7e308),
    ("T = 0", [2, 1, 2, 0], 0, ALL, [0.5, 0, 0.5, 0], None),
    ("T = inf", [2, -INF, 1e300, 0], INF, ALL, [1 / 3, 0, 1 / 3, 1 / 3], None),
    ("one +inf at T = inf", [2, INF, 1, 0], INF, ALL, [0, 1, 0, 0], None),
    ("a NaN left out", [0, NAN, 0, INF], 1, [True, False] * 2, [0.5, 0, 0.5, 0], np.log(2)),
    ("nothing left in", [0, NAN, 0, INF], 1, [False] * 4, [0] * 4, -INF),
    ("-inf alone left in", [-INF, 1, -INF, 1], 1, [True, False] * 2, [NAN, 0, NAN, 0], -INF),
    ("-inf left in beside a number", [-INF, 1, 2, 1], 1, [True, False] * 2, [0, 0, 1, 0], 2),
]


@pytest.mark.parametrize(
    ("z", "temperature", "where", "probabilities"),
    [pytest.param(*row, id=name) for name, *row, _ in SPECIAL],
)
def test_special_values_however_a_slice_is_cut(z, temperature, where, probabilities):
    with np.errstate(divide="ignore"):
        logarithms = np.log(probabilities)
    for chunks in cuts(4):
        given = da.from_array(np.array(z, np.float64), chunks=(chunks,))
        arguments = {"temperature": temperature, "where": np.array(where)}
        computed = softmax(given, **arguments).compute(), log_softmax(given, **arguments).compute()
        np.testing.assert_array_equal(computed[0], probabilities)
        assert ulp_error(computed[1], logarithms).max() <= 1, chunks


@pytest.mark.parametrize(
    ("z", "where", "result"),
    [
        pytest.param(z, where, result, id=name)
        for name, z, temperature, where, _, result in SPECIAL
        if temperature == 1
    ],
)
def test_special_log_sum_exps_however_a_slice_is_cut(z, where, result):
    for chunks in cuts(4):
        given = da.from_array(np.array(z, np.float64), chunks=(chunks,))
        np.testing.assert_array_equal(logsumexp(given, where=np.array(where)).compute(), result)


def test_an_empty_slice_has_the_log_sum_exp_of_minus_infinity():
    empty = da.from_array(np.empty((2, 0)), chunks=(1, (0, 0)))
    np.testing.assert_array_equal(logsumexp(empty).compute(), [-INF, -INF])
    assert softmax(empty).compute().shape == (2, 0)


def test_no_slices_have_no_results():
    none = da.from_array(np.empty((0, 4)), chunks=(1, 3))
    assert softmax(none).compute().shape == (0, 4)
    assert logsumexp(none).compute().shape == (0,)


def test_one_number_is_a_slice():
    number = da.from_array(np.array(3.0))
    assert softmax(number, axis=None).compute() == 1
    assert logsumexp(number, axis=None).compute() == 3


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(("function", "exact"), ELEMENTWISE)
def test_error_stays_within_the_bound_of_one_array(function, exact, name):
    rng = np.random.default_rng(15)
    for _ in range(60):
        z, temperature = hard_logits(FORMATS[name], rng), hard_temperature(rng)
        given = da.from_array(z, chunks=(cut_at_random(z.size, rng),))
        computed = function(given, temperature=temperature).compute()
        errors = ulp_error(computed, exact(z, temperature=temperature, rounded=False))
        assert computed.dtype == z.dtype
        assert errors.max() <= ULPS[name], (z, temperature, given.chunks)


@pytest.mark.parametrize("dtype", [np.float64, np.longdouble])
def test_error_of_log_sum_exp_stays_within_the_bound(dtype):
    rng = np.random.default_rng(15)
    for _ in range(60):
        z = hard_logits(dtype, rng)
        given = da.from_array(z, chunks=(cut_at_random(z.size, rng),))
        computed, exact = logsumexp(given).compute(), exact_logsumexp(z)
        largest = np.maximum(np.maximum(abs(z.max()), abs(exact)), dtype(1))
        assert abs(computed - exact) <= 2 * np.spacing(largest), (z, given.chunks)


LOGITS = np.random.default_rng(3).normal(size=(2, 4, 6)) * 4
CHUNKS = [(1, 3, 4), ((2,), (0, 1, 3), (2, 2, 1, 1)), (2, 4, 6)]
AXES = [0, 1, 2, -1, (1, 2), (2, 0), (-1,), (), None]
KEPT = np.random.default_rng(4).random((4, 6)) < 0.6


def uncut(axis, **arguments):
    """Return what the functions of arrays give, whose tests are elsewhere."""
    return [
        getattr(softmax_lib, name)(LOGITS, axis=axis, **arguments)
        for name in ("softmax", "log_softmax")
    ]


@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("chunks", CHUNKS, ids=["cut", "cut unevenly", "whole"])
@pytest.mark.parametrize("where", [None, KEPT, da.from_array(KEPT, chunks=(3, 5))], ids=type)
def test_along_any_axes_cut_in_any_way(axis, chunks, where):
    z = da.from_array(LOGITS, chunks=chunks)
    expected = uncut(axis, where=None if where is None else KEPT)
    for function, exact in zip((softmax, log_softmax), expected, strict=True):
        result = function(z, axis=axis, where=where)
        assert result.chunks == z.chunks
        assert ulp_error(result.compute(), exact).max() <= 2 * FLOAT64_ULPS


@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("chunks", CHUNKS, ids=["cut", "cut unevenly", "whole"])
@pytest.mark.parametrize("keepdims", [False, True])
def test_log_sum_exp_along_any_axes(axis, chunks, keepdims):
    result = logsumexp(da.from_array(LOGITS, chunks=chunks), axis=axis, keepdims=keepdims)
    expected = softmax_lib.logsumexp(LOGITS, axis=axis, keepdims=keepdims)
    assert result.shape == result.compute().shape == expected.shape
    largest = np.maximum(LOGITS.max(axis=axis, keepdims=keepdims), 1)
    assert np.all(abs(result.compute() - expected) <= (4 + 2) * np.spacing(largest))


TEMPERATURES = np.array([0.0, 0.5, 2.0, INF])[:, None]


@pytest.mark.parametrize(
    "temperature",
    [TEMPERATURES, da.from_array(TEMPERATURES, chunks=2), TEMPERATURES + np.zeros(6)],
    ids=["NumPy", "Dask", "as long as a slice"],
)
def test_each_slice_at_its_own_temperature(temperature):
    z = da.from_array(LOGITS, chunks=(1, 3, 4))
    expected = uncut(-1, temperature=TEMPERATURES)
    for function, exact in zip((softmax, log_softmax), expected, strict=True):
        computed = function(z, temperature=temperature).compute()
        assert ulp_error(computed, exact).max() <= 2 * FLOAT64_ULPS


def test_a_temperature_may_be_a_number_that_is_computed_late():
    z = da.from_array(LOGITS, chunks=3)
    computed = softmax(z, temperature=da.from_array(np.array(0.5))).compute()
    np.testing.assert_array_equal(computed, softmax(z, temperature=0.5).compute())


@pytest.mark.parametrize("chunks", [2, 4], ids=["cut", "whole"])
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("float16", "float16"),
        ("bfloat16", "bfloat16"),
        (">f4", "<f4"),
        ("longdouble", "longdouble"),
        ("int8", "float64"),
        ("bool", "float64"),
    ],
)
def test_formats_come_back(given, expected, chunks):
    given, expected = (np.dtype(FORMATS.get(name, name)) for name in (given, expected))
    z = da.from_array(np.array([0, 1, 1, 0]).astype(given), chunks=chunks)
    for function in (softmax, log_softmax, logsumexp):
        result = function(z)
        assert result.dtype == result._meta.dtype == result.compute().dtype == expected


Z = da.zeros((2, 4), chunks=(1, 2))
UNKNOWN = Z[Z[:, 0] > -1]


@pytest.mark.parametrize("function", [softmax, log_softmax, logsumexp])
@pytest.mark.parametrize(
    ("z", "arguments", "error", "says"),
    [
        (np.zeros(3), {}, TypeError, "z must be a dask.array.Array, got ndarray"),
        (Z.astype(complex), {}, TypeError, "z must be real numbers, got dtype complex128"),
        (Z.astype(object), {}, TypeError, "z must be real numbers, got dtype object"),
        (da.ma.masked_array(Z), {}, TypeError, "z is a masked array"),
        (UNKNOWN, {}, ValueError, r"z has chunks .* call z.compute_chunk_sizes\(\) first"),
        (Z, {"axis": 2}, np.exceptions.AxisError, "axis 2 is out of bounds"),
        (Z, {"axis": 1.5}, TypeError, "axis must be an int, .* got 1.5"),
        (Z, {"where": Z}, TypeError, "where must be Boolean, got dtype float64"),
        (Z, {"where": [1, 0, 0, 0]}, TypeError, "where must be Boolean, got dtype int64"),
        (Z, {"where": Z[:, :3] > 0}, ValueError, r"where of shape \(2, 3\) does not broadcast"),
        (Z, {"where": UNKNOWN > 0}, ValueError, r"call where.compute_chunk_sizes\(\) first"),
    ],
)
def test_wrong_arguments_are_refused_at_once(function, z, arguments, error, says):
    with pytest.raises(error, match=says):
        function(z, **arguments)


@pytest.mark.parametrize("function", [softmax, log_softmax])
@pytest.mark.parametrize(
    ("temperature", "error", "says"),
    [
        (-1.0, ValueError, "temperature must be at least 0, got -1"),
        ([[1.0], [NAN]], ValueError, "temperature must be at least 0, got nan"),
        (np.arange(4.0), ValueError, "temperature must be the same along the softmax axis"),
        (np.ones(3), ValueError, r"temperature of shape \(3,\) does not broadcast"),
        (da.ones(3), ValueError, r"temperature of shape \(3,\) does not broadcast"),
        (da.ones(4) * 1j, TypeError, "temperature must be real numbers, got dtype complex128"),
        (UNKNOWN, ValueError, r"call temperature.compute_chunk_sizes\(\) first"),
    ],
)
def test_wrong_temperatures_are_refused_at_once(function, temperature, error, says):
    with pytest.raises(error, match=says):
        function(Z, temperature=temperature)


def test_keepdims_must_be_boolean():
    with pytest.raises(TypeError, match="keepdims must be True or False, got 2"):
        logsumexp(Z, keepdims=2)


def test_the_error_names_the_chunk_where_a_late_temperature_is_wrong():
    with pytest.raises(ValueError, match="at least 0, got -1") as caught:
        softmax(Z, temperature=da.from_array(np.array([[1.0], [-1.0]]), chunks=1)).compute()
    assert caught.value.__notes__ in (["in chunk (1, 0) of z"], ["in chunk (1, 1) of z"])


@pytest.mark.parametrize("temperature", [[1.0, 2, 2, 2], [1.0, 1, 2, 2]], ids=["within", "across"])
def test_a_late_temperature_that_varies_along_the_slice_is_refused(temperature):
    late = da.from_array(np.array(temperature), chunks=2)
    with pytest.raises(ValueError, match="temperature must be the same along the softmax axis"):
        softmax(Z, temperature=late).compute()


class Source:
    """An array that notes each chunk it is asked for, and each that is stored in it."""

    shape, dtype, ndim = (8,), np.dtype(np.float64), 1

    def __init__(self):
        self.events = []

    def __getitem__(self, index):
        self.events.append("load")
        return np.zeros(8)[index]

    def __setitem__(self, index, values):
        self.events.append("store")


def cut(file, chunks):
    return da.from_array(file, chunks=chunks, meta=np.empty(0))  # or Dask asks for an empty chunk


def events_of(function, chunks):
    file = Source()
    da.store(function(cut(file, chunks)), file, lock=False)
    return file.events


@pytest.mark.parametrize("function", [softmax, log_softmax])
def test_chunks_are_loaded_again_one_by_one_and_not_held(function):
    assert events_of(function, chunks=2) == ["load"] * 4 + ["load", "store"] * 4


def test_what_has_to_be_gone_through_once_is_loaded_once():
    assert events_of(softmax, chunks=8) == ["load", "store"]
    assert events_of(lambda z: logsumexp(z, keepdims=True), chunks=2) == ["load"] * 4 + ["store"]


def test_softmax_and_its_logarithm_load_chunks_together():
    file = Source()
    z = cut(file, chunks=2)
    dask.compute(softmax(z), log_softmax(z))  # type: ignore[attr-defined]
    assert file.events == ["load"] * 8


def test_nothing_is_loaded_until_it_is_computed():
    file = Source()
    z = cut(file, chunks=2)
    for function in (softmax, log_softmax, logsumexp):
        function(z, where=z > 0)
    assert file.events == []


def test_a_source_that_changes_is_noticed():
    class Growing(Source):
        def __getitem__(self, index):
            return super().__getitem__(index) + len(self.events)

    with pytest.raises(ValueError, match="above the state's maximum"):
        softmax(cut(Growing(), chunks=2)).compute()


def test_slices_of_one_chunk_have_the_bits_of_one_array():
    z = np.random.default_rng(1).normal(size=(6, 1000)) * 9
    given = da.from_array(z, chunks=(2, 1000))
    for name, function in {"softmax": softmax, "log_softmax": log_softmax}.items():
        expected = getattr(softmax_lib, name)(z)
        np.testing.assert_array_equal(function(given).compute(), expected)
    np.testing.assert_array_equal(logsumexp(given).compute(), softmax_lib.logsumexp(z))


def test_bits_do_not_depend_on_how_other_axes_are_cut():
    z = np.random.default_rng(1).normal(size=(6, 1000)) * 9
    one, other = (da.from_array(z, chunks=(rows, 170)) for rows in (6, 1))
    for function in (softmax, log_softmax, logsumexp):
        np.testing.assert_array_equal(function(one).compute(), function(other).compute())


def test_threads_of_dask_beside_those_of_the_library_give_the_same_bits():
    z = da.from_array(np.random.default_rng(1).normal(size=(2, 2**20)), chunks=(2, 2**18))
    with dask.config.set(scheduler="threads", num_workers=4):
        threads = softmax(z).compute()
    np.testing.assert_array_equal(threads, softmax(z).compute())


def test_keys_are_those_of_the_arguments():
    one, other = (softmax(da.from_array(LOGITS, chunks=3)) for _ in range(2))
    assert one.name == other.name
    assert dict(one.dask).keys() == dict(other.dask).keys()
    assert one.name != softmax(da.from_array(LOGITS, chunks=3), temperature=2).name


def test_layers_of_the_graph_are_named_after_what_they_are():
    layers = softmax(Z).dask.layers
    names = {name.rpartition("-")[0] for name in layers}
    assert {"softmax-state", "merge", "merge-aggregate", "softmax"} <= names
