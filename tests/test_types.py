"""What type checkers say about a user's script."""

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1]
SCRIPT = """\
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import assert_type

import softmax_lib as sl

single = np.zeros((2, 3), np.float32)
double: NDArray[np.float64] = np.zeros(3)
half = np.zeros(3, np.float16)
whole = np.arange(3)
random = np.random.default_rng(0)
assert_type(sl.softmax(single, axis=0, temperature=2.0), NDArray[np.float32])
assert_type(sl.log_softmax(half, where=[True, False, True]), NDArray[np.float16])
assert_type(sl.naive_softmax(half), NDArray[np.float16])
assert_type(sl.softmax([1.0, 2.0]), NDArray[np.float64])
assert_type(sl.softmax([[1, 2], [3, 4]]), NDArray[np.float64])
assert_type(sl.softmax(whole), NDArray[np.float64])
assert_type(sl.softmax(1.0, axis=None), np.floating[Any] | NDArray[np.floating[Any]])
assert_type(sl.logsumexp(single), np.float32 | NDArray[np.float32])
assert_type(sl.entropy(double), np.float64 | NDArray[np.float64])
assert_type(sl.cross_entropy(single, [0, 1], label_smoothing=0.1), np.float32 | NDArray[np.float32])
assert_type(sl.kl_divergence(double, double), np.float64 | NDArray[np.float64])
assert_type(sl.softmax_jacobian(single), NDArray[np.float32])
assert_type(sl.softmax_jvp(single, 1.0), NDArray[np.float32])
assert_type(sl.softmax_vjp(whole, whole), NDArray[np.float64])
assert_type(sl.top_k(single, k=2), np.bool | NDArray[np.bool])
assert_type(sl.sample(single, rng=random, replace=False), np.intp | NDArray[np.intp])
assert_type(sl.scaled_dot_product_attention(single, single, single), NDArray[np.float32])
assert_type(
    sl.scaled_dot_product_attention(single, single, single, return_weights=True, softcap=3.0),
    tuple[NDArray[np.float32], NDArray[np.float32]],
)
state = sl.OnlineNormalizer.of(single).merge(sl.OnlineNormalizer(-np.inf, 0.0))
assert_type(state, sl.OnlineNormalizer)
assert_type(state.probabilities(single), np.floating[Any] | NDArray[np.floating[Any]])
assert_type(sl.__version__, str)
sl.softmax(single, 0)  # error
sl.softmax(single, axis="0")  # error
sl.softmax(single, temperatur=1.0)  # error
sl.cross_entropy(single)  # error
sl.top_p(single)  # error
"""
EXPECTED = {n for n, line in enumerate(SCRIPT.splitlines(), 1) if line.endswith("# error")}


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT, encoding="utf-8")
    # As where the library is installed, what stands in its files is not reported.
    (tmp_path / "mypy.ini").write_text("[mypy]\nfollow_imports = silent\n", encoding="utf-8")
    return path


def run(module, *arguments, folder):
    # Type checkers do not see what an editable installation does.
    found = {"MYPYPATH": str(PACKAGE)}
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        capture_output=True, text=True, check=False, cwd=folder, timeout=300,
        env=os.environ | found,
    ).stdout  # fmt: skip


def test_mypy_knows_the_formats_of_results_and_refuses_wrong_arguments(script):
    output = run("mypy", "--strict", "--cache-dir=cache", script.name, folder=script.parent)
    assert {
        int(n) for n in re.findall(r"^script.py:(\d+): error", output, re.MULTILINE)
    } == EXPECTED


@pytest.mark.skipif(not find_spec("basedpyright"), reason="basedpyright is not installed")
def test_pyright_knows_the_formats_of_results_and_refuses_wrong_arguments(script):
    settings = {"extraPaths": [str(PACKAGE)], "typeCheckingMode": "standard"}
    (script.parent / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    here = f"--pythonpath={sys.executable}"
    output = run("basedpyright", "--outputjson", here, script.name, folder=script.parent)
    errors = json.loads(output)["generalDiagnostics"]
    lines = {one["range"]["start"]["line"] + 1 for one in errors if one["severity"] == "error"}
    assert lines == EXPECTED
