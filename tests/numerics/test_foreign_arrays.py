"""Arrays of other libraries, and NumPy's own of no axis, go in; or the error says what to do."""

import subprocess
import sys

import dask.array as da
import ml_dtypes
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import softmax_lib
from softmax_lib import (
    OnlineNormalizer,
    cross_entropy,
    entropy,
    exact_softmax,
    kl_divergence,
    log_softmax,
    logsumexp,
    min_p,
    naive_softmax,
    sample,
    scaled_dot_product_attention,
    softmax,
    softmax_jacobian,
    softmax_jvp,
    softmax_vjp,
    top_k,
    top_p,
    ulp_error,
)

MATRIX = np.array([[1.0, 2.0, 4.0], [0.5, 0.0, -1.0]])
FUNCTIONS = {
    "softmax": softmax,
    "log_softmax": log_softmax,
    "logsumexp": logsumexp,
    "naive_softmax": naive_softmax,
    "entropy": entropy,
    "exact_softmax": exact_softmax,
    "softmax_jacobian": softmax_jacobian,
    "softmax_jvp": lambda z: softmax_jvp(z, z),
    "softmax_vjp": lambda z: softmax_vjp(MATRIX, z),
    "cross_entropy": lambda z: cross_entropy(z, [0, 1]),
    "kl_divergence": lambda z: kl_divergence(MATRIX, z),
    "top_k": lambda z: top_k(z, k=1),
    "top_p": lambda z: top_p(z, p=0.5),
    "min_p": lambda z: min_p(z, a=0.5),
    "sample": lambda z: sample(z, rng=np.random.default_rng(0)),
    "OnlineNormalizer.of": lambda z: OnlineNormalizer.of(z).denominator,
    "probabilities": OnlineNormalizer.of(MATRIX).probabilities,
    "attention": lambda z: scaled_dot_product_attention(z, MATRIX, MATRIX),
    "ulp_error": lambda z: ulp_error(z, MATRIX),
}
every_function = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)


class Tensor:
    """An array that says how it is to be converted, as PyTorch's do."""

    def __init__(self, error):
        self.error = error

    def __array__(self, dtype=None, copy=None):
        raise self.error("Can't call numpy() on Tensor that requires grad.")


@every_function
@pytest.mark.parametrize(
    "wrapped",
    [
        pd.DataFrame(MATRIX, index=["a", "b"]),
        xr.DataArray(MATRIX, dims=("row", "class")),
        memoryview(MATRIX),
        MATRIX.tolist(),
    ],
    ids=["pandas", "xarray", "buffer", "lists"],
)
def test_arrays_of_other_libraries_are_taken_and_numpy_s_come_back(function, wrapped):
    computed = function(wrapped)
    assert isinstance(computed, np.ndarray)
    np.testing.assert_array_equal(computed, function(MATRIX))


@every_function
@pytest.mark.parametrize(
    "lazy",
    [da.from_array(MATRIX, chunks=1), xr.DataArray(MATRIX).chunk(1)],
    ids=["dask", "xarray"],
)
def test_a_lazy_array_is_refused_and_not_computed(function, lazy):
    with pytest.raises(
        TypeError, match=r"is a lazy \w+.*Array, .*\.compute\(\), .* softmax_lib.dask"
    ):
        function(lazy)


class Query:
    """What is collected when it is asked for, as a LazyFrame of Polars."""

    def collect(self):
        raise AssertionError("must not be computed")


def test_what_can_be_collected_is_lazy_too():
    with pytest.raises(TypeError, match=r"z is a lazy \w+.Query"):
        softmax(Query())


@every_function
@pytest.mark.parametrize("error", [RuntimeError, TypeError])
def test_a_tensor_that_is_no_array_is_refused_with_what_to_call(function, error):
    with pytest.raises(TypeError, match=r"\w+ is a \w+.Tensor .* grad.*; pass .*detach\(\)") as one:
        function(Tensor(error))
    assert isinstance(one.value.__cause__, error)


def test_labels_of_xarray_come_back_by_apply_ufunc():
    z = xr.DataArray(MATRIX, dims=("row", "class"), coords={"class": list("abc")})
    computed = xr.apply_ufunc(softmax, z, input_core_dims=[["class"]], output_core_dims=[["class"]])
    np.testing.assert_array_equal(computed, softmax(MATRIX))
    assert computed.dims == z.dims
    assert computed["class"].values.tolist() == list("abc")


def test_labels_of_pandas_come_back_by_its_constructor():
    z = pd.DataFrame(MATRIX, index=["x", "y"], columns=list("abc"))
    computed = pd.DataFrame(softmax(z), z.index, z.columns)
    np.testing.assert_array_equal(computed.loc["y", "c"], softmax(MATRIX)[1, 2])


@pytest.mark.parametrize("kind", [float, np.float32, np.float64, np.array, ml_dtypes.bfloat16])
def test_a_number_of_any_kind_is_a_number(kind):
    half, two = kind(0.5), kind(2.0)
    z = MATRIX
    for ours, expected in [
        (softmax(z, temperature=half), softmax(z, temperature=0.5)),
        (softmax_jvp(z, two), softmax_jvp(z, 2.0)),
        (
            cross_entropy(z, [0, 1], label_smoothing=half),
            cross_entropy(z, [0, 1], label_smoothing=0.5),
        ),
        (top_p(z, p=half), top_p(z, p=0.5)),
        (min_p(z, a=half), min_p(z, a=0.5)),
        (OnlineNormalizer(two, half).logsumexp(), OnlineNormalizer(2.0, 0.5).logsumexp()),
        (
            scaled_dot_product_attention(z, z, z, scale=half, softcap=two),
            scaled_dot_product_attention(z, z, z, scale=0.5, softcap=2.0),
        ),
        (softmax(two, axis=None), 1),
    ]:
        np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("kind", [np.int8, np.uint64, np.array])
def test_an_integer_of_any_kind_is_one(kind):
    one, z = kind(1), MATRIX
    rng = [np.random.default_rng(0) for _ in range(2)]
    for ours, expected in [
        (softmax(z, axis=one), softmax(z, axis=1)),
        (top_k(z, k=one), top_k(z, k=1)),
        (sample(z, rng=rng[0], size=one), sample(z, rng=rng[1], size=1)),
        (
            scaled_dot_product_attention(z, z, z, block_size=one),
            scaled_dot_product_attention(z, z, z, block_size=1),
        ),
    ]:
        np.testing.assert_array_equal(ours, expected)


def test_tensors_of_pytorch_are_taken():
    torch = pytest.importorskip("torch")
    z = torch.tensor(MATRIX)
    np.testing.assert_array_equal(softmax(z), softmax(MATRIX))
    for tensor in z.clone().requires_grad_(), z.bfloat16():
        with pytest.raises(TypeError, match=r"z is a torch\.Tensor"):
            softmax(tensor)


def test_arrays_of_jax_are_taken():
    jax = pytest.importorskip("jax")
    z = jax.numpy.array(MATRIX, "bfloat16")
    assert softmax(z).dtype == ml_dtypes.bfloat16
    with pytest.raises(TypeError, match="tracing"):
        jax.jit(softmax)(z)


def test_the_version_is_that_of_the_installed_package():
    from importlib.metadata import version

    assert softmax_lib.__version__ == version("softmax-lib")


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [
        ("exact", "mpmath", "exact"),
        ("proofs", "sympy", "proofs"),
        ("derivations", "sympy", "proofs"),
        ("claims", "sympy", "proofs"),
        ("dask", "dask", "dask"),
    ],
)
def test_a_module_without_its_package_names_the_extra(module, package, extra):
    code = f"import sys\nsys.modules[{package!r}] = None\nimport softmax_lib.{module}"
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    message = finished.stderr.splitlines()[-1]
    assert message.startswith("ImportError: ")
    assert f"needs {package}" in message
    assert message.endswith(f"pip install '.[{extra}]' in softmax_lib's repository")
