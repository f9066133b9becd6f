"""How fast and accurate softmax is: this library, its peers and a memory copy, side by side.

Everything is measured in one process, in turns, and the fastest of many turns counts, so that what
else the machine does disturbs all of them alike. `make bench` writes the result to
book/data/benchmark.json.
"""

from __future__ import annotations

import datetime
import json
import math
import platform
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path
from unittest.mock import patch

import numpy as np
import onnxruntime
import scipy.special
import torch
from onnx import helper

import softmax_lib
from softmax_lib import _blocks, _compiled, _threads

SHAPES = [(1, 10), (1024, 64), (4096, 1024), (64, 50257), (8, 2_000_000)]
PROCESSORS = _threads.processors()
DTYPES = ["float32", "float64"]
Call = Callable[[], object]
Setting = Callable[[], AbstractContextManager[None]]


@contextmanager
def own(loaded: object, threads: int) -> Iterator[None]:
    """Compute with what is loaded, or with NumPy, and no more than so many threads."""
    with (
        patch.object(_blocks, "_loaded", loaded),
        patch.object(_blocks, "_without_numba", -math.inf),
        patch.object(_threads, "processors", lambda: min(threads, PROCESSORS)),
    ):
        yield


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Let PyTorch use so many threads."""
    torch.set_num_threads(threads)
    yield


def naive(z: np.ndarray, axis: int) -> np.ndarray:
    """Return the quotient as it is written everywhere."""
    exponentials = np.exp(z - z.max(axis=axis, keepdims=True))
    return exponentials / exponentials.sum(axis=axis, keepdims=True)


def with_onnx(threads: int, z: np.ndarray, axis: int) -> Call:
    """Return the softmax of ONNX Runtime."""
    kind = helper.np_dtype_to_tensor_dtype(z.dtype)
    ends = [helper.make_tensor_value_info(name, kind, z.shape) for name in "zp"]
    node = helper.make_node("Softmax", ["z"], ["p"], axis=axis)
    graph = helper.make_graph([node], "softmax", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return lambda: session.run(None, {"z": z})


def contestants(z: np.ndarray, axis: int) -> dict[str, list[tuple[Setting, Call]]]:
    """Return what is measured; of several thread settings the best one counts."""
    copy, tensor, counts = np.empty_like(z), torch.from_numpy(z), sorted({1, PROCESSORS})

    def call_own() -> object:
        return softmax_lib.softmax(z, axis=axis)

    return {
        "softmax_lib with numba": [(lambda: own(_compiled, PROCESSORS), call_own)],
        "softmax_lib": [(lambda n=n: own(None, n), call_own) for n in counts],
        "softmax_lib, 1 thread": [(lambda: own(None, 1), call_own)],
        "SciPy": [(nullcontext, lambda: scipy.special.softmax(z, axis=axis))],
        "PyTorch": [
            (lambda n=n: torch_threads(n), lambda: torch.softmax(tensor, axis)) for n in counts
        ],
        "ONNX Runtime": [(nullcontext, with_onnx(n, z, axis)) for n in counts],
        "naive NumPy": [(nullcontext, lambda: naive(z, axis))],
        "memory copy": [(nullcontext, lambda: np.copyto(copy, z))],
    }


def best_times(calls: dict[str, list[tuple[Setting, Call]]], seconds: float) -> dict[str, float]:
    """Return the shortest time of a call, over rounds in which all take turns."""
    times: dict[str, float] = {}
    end = None
    while end is None or time.perf_counter() < end:
        for name, several in calls.items():
            for setting, call in several:
                with setting():
                    call()
                    start = time.perf_counter()
                    call()
                    took = time.perf_counter() - start
                    repeats = min(int(0.005 / took), 500)
                    start = time.perf_counter()
                    for _ in range(repeats):
                        call()
                    if repeats:
                        took = (time.perf_counter() - start) / repeats
                times[name] = min(times.get(name, took), took)
        end = end or time.perf_counter() + seconds  # the first round compiles
    return times


def largest_errors() -> dict[str, dict[str, float]]:
    """Return the largest error of each on the same rows of far logits, in ulps, by format."""
    rng = np.random.default_rng(1)
    errors: dict[str, dict[str, float]] = {}
    for dtype, spread in (("float32", 80), ("float64", 700)):
        z = (rng.uniform(-spread, 0, (1000, 10)) + rng.uniform(0, 1, (1000, 1))).astype(dtype)
        exact = softmax_lib.exact_softmax(z, rounded=False)
        errors[dtype] = {}
        for name, ((setting, call), *_) in contestants(z, -1).items():
            if name != "memory copy":
                with setting():
                    result = np.asarray(call()).reshape(z.shape)
                errors[dtype][name] = float(softmax_lib.ulp_error(result, exact).max())
    return errors


def processor() -> str:
    """Return the processor's name."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def geometric_mean(ratios: list[float]) -> float:
    """Return the number whose logarithm is the mean of theirs."""
    return math.exp(math.fsum(map(math.log, ratios)) / len(ratios))


def measure(seconds: float) -> list[dict[str, object]]:
    """Return the times of all on all shapes, and print their ratios as they come."""
    rng = np.random.default_rng(0)
    rows: list[dict[str, object]] = []
    for axis in (-1, 0):
        for dtype in DTYPES:
            for shape in SHAPES:
                lengths = shape if axis == -1 else shape[::-1]
                z = (5 * rng.normal(size=lengths)).astype(dtype)
                times = best_times(contestants(z, axis), seconds)
                rows.append({"dtype": dtype, "shape": lengths, "axis": axis, "seconds": times})
                in_turn = (f"{name} {took / z.size * 1e9:.3g}" for name, took in times.items())
                print(f"{dtype} {lengths} axis {axis}, ns an element: {', '.join(in_turn)}")
    return rows


def print_ratios(rows: list[dict[str, object]]) -> None:
    """Print how many times as fast as each peer the library is: geometric mean, and worst."""
    for axis in (-1, 0):
        times = [row["seconds"] for row in rows if row["axis"] == axis]
        for own in ("softmax_lib with numba", "softmax_lib", "softmax_lib, 1 thread"):
            for peer in ("SciPy", "PyTorch", "ONNX Runtime", "naive NumPy", "memory copy"):
                ratios = [took[peer] / took[own] for took in times]
                mean, worst = geometric_mean(ratios), min(ratios)
                print(f"axis {axis}: {own} / {peer}: {mean:.2f} (worst {worst:.2f})")


def main() -> None:
    """Measure, print, and write book/data/benchmark.json."""
    rows = measure(float(sys.argv[1]) if len(sys.argv) > 1 else 10)
    print_ratios(rows)
    names = ["numpy", "numba", "scipy", "torch", "onnxruntime"]
    result = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "processor": processor(),
        "processors": _threads.processors(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in names},
        "errors": largest_errors(),
        "times": rows,
    }
    path = Path(__file__).parents[1] / "book" / "data" / "benchmark.json"
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
