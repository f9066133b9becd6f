"""How fast softmax_lib is, and how much memory it takes, beside its peers (`make bench`).

Each engine is measured in a process of its own, which SOFTMAX_LIB_ENGINE sets. There its peers take
turns with it, each after a call of the same shape, and the shortest time of many turns counts:
what else the machine does disturbs all of them alike. Ratios are of times in one process.

GOALS says what is measured and how fast it should be. A complete run writes
book/data/benchmark.json:

    date, processor, processors, python, versions
    errors   {dtype: {name: largest error of softmax in ulps, on the same rows of far logits}}
    times    [{engine, function, dtype, shape, axis, seconds: {name: shortest time of a call}}]
    memory   [{engine, function, dtype, shape, axis, bytes: peak beyond in- and output}]
    starts   [{engine, seconds: {import numpy, import softmax_lib, first call}}], in fresh processes
    goals    the table that is printed at the end

A name is "softmax_lib, compiled", "softmax_lib, numpy", "SciPy", "PyTorch" or "ONNX Runtime" (at
their better number of threads), "memory copy" (by one thread) or "own softmax". What SciPy does not
have is put together from its softmax, log_softmax, logsumexp and entr, see `scipy_call`.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import softmax_lib

ENGINES = ("compiled", "numpy")
PROCESSORS = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
Call = Callable[[], Any]
Row = dict[str, Any]
Bounds = tuple[float | None, float | None]  # for the geometric mean, and for the worst case


class Case(NamedTuple):
    """A function of softmax_lib, and the array that it is called with."""

    function: str
    dtype: str
    shape: tuple[int, ...]
    axis: int = -1

    @classmethod
    def of(cls, row: Row) -> Case:
        return cls(row["function"], row["dtype"], tuple(row["shape"]), row["axis"])

    def __str__(self) -> str:
        return f"{self.function} {self.dtype} {self.shape} axis {self.axis}"


class Goal(NamedTuple):
    """How softmax_lib should compare with a peer: in speed, at least; in time, at most."""

    title: str
    peer: str
    quantity: str
    bounds: dict[str, Bounds]
    cases: list[Case]


BOTH = ["float32", "float64"]
LAST = [(1, 10), (1024, 64), (4096, 1024), (64, 50257), (8, 2_000_000)]
FIRST = [shape[::-1] for shape in LAST[1:]]
LOGARITHMS, PRODUCTS = ["log_softmax", "logsumexp"], ["softmax_jvp", "softmax_vjp"]
ATTENTION = ["scaled_dot_product_attention", "scaled_dot_product_attention causal"]
OTHERS = [*LOGARITHMS, "entropy", "cross_entropy", *PRODUCTS, "softmax_jacobian"]
OTHERS += ["OnlineNormalizer.of", "sample", ATTENTION[0]]
FREE = (None, None)
SCIPY, TORCH = ("SciPy", (2.5, None), (0.7, None)), ("PyTorch", (0.8, None), FREE)
ONNX = ("ONNX Runtime", FREE, FREE)
GOALS = [
    Goal(title, peer, quantity, {"compiled": compiled, "numpy": numpy},
         [Case(f, dtype, shape, axis) for f in functions for dtype in dtypes for shape in shapes])  # type: ignore[attr-defined]
    for title, functions, dtypes, shapes, axis, quantity, peers in [
        ("softmax, last axis", ["softmax"], BOTH, LAST, -1, "speed",
         [("SciPy", (3.5, 2.2), (0.9, 0.4)), ("PyTorch", (1.05, 0.5), FREE), ONNX]),
        ("softmax, first axis", ["softmax"], BOTH, FIRST, 0, "speed",
         [("SciPy", (2, None), (0.4, None)), ("PyTorch", (1, None), FREE), ONNX]),
        ("log_softmax", LOGARITHMS[:1], BOTH, LAST, -1, "speed", [SCIPY, TORCH]),
        ("logsumexp", LOGARITHMS[1:], BOTH, LAST, -1, "speed", [SCIPY, TORCH]),
        ("cross_entropy", ["cross_entropy"], BOTH[:1], [(64, 50257)], -1, "time",
         [("PyTorch", (None, 3), (None, 10))]),
        ("entropy, products", ["entropy", *PRODUCTS], BOTH[:1], [(512, 50257)], -1, "time",
         [("own softmax", (None, 5), (None, 10))]),
        ("attention", ATTENTION, BOTH[:1], [(1, 8, 1024, 64)], -1, "time",
         [("PyTorch", (None, 2), (None, 3))]),
        ("ten logits, softmax", ["softmax"], BOTH, [(10,)], -1, "time",
         [("SciPy", (None, 0.25), (None, 2.3))]),
        ("ten logits, others", OTHERS, BOTH, [(10,)], -1, "time",
         [("SciPy", (None, 1), (None, 2.3))]),
        ("large float64 rows", ["softmax"], BOTH[1:], LAST[3:], -1, "time",
         [("memory copy", (None, 2.5), FREE)]),
    ]
    for peer, compiled, numpy in peers  # type: ignore[attr-defined]
]  # fmt: skip
CASES = list(dict.fromkeys(case for goal in GOALS for case in goal.cases))

LARGE: list[tuple[tuple[int, ...], int]] = [((2, 2**24), -1), ((2**10, 2**15), 0), ((2**24, 2), 0)]
LARGE_OF: dict[str, list[tuple[tuple[int, ...], int]]] = {
    name: [((1, 8, 2048, 64), -1)] for name in ATTENTION
}
LARGE_OF |= {"sample": LARGE[:1], "softmax_jacobian": [((5792,), -1)]}
FUNCTIONS = ["softmax", *OTHERS, ATTENTION[1]]
MEMORY = [Case(f, "float32", *large) for f in FUNCTIONS for large in LARGE_OF.get(f, LARGE)]
START = """
from time import perf_counter as now
times = [now()]; import numpy
times += [now()]; import softmax_lib
z = numpy.ones(10, "float32")
times += [now()]; softmax_lib.softmax(z)
times += [now()]; print([after - before for before, after in zip(times, times[1:])])
"""


def arguments(case: Case) -> list[Any]:
    """Return what the function is called with: logits and more; or queries, keys and values."""
    rng, attends = np.random.default_rng(0), case.function in ATTENTION
    shape = (10, 64) if attends and case.shape == (10,) else case.shape  # one query, ten keys
    normal: Call = partial(rng.standard_normal, shape, dtype=np.dtype(case.dtype))
    z = normal()
    if attends:
        return [z[:1], other := normal(), other]
    z *= 5
    if case.function == "cross_entropy":
        return [z, rng.integers(shape[case.axis], size=z.max(axis=case.axis).shape)]
    return [z, normal()] if case.function in PRODUCTS else [z]


def own_call(case: Case, given: list[np.ndarray]) -> Call:
    """Return a call of softmax_lib's function."""
    name, *causal = case.function.split()
    options: dict[str, Row] = {ATTENTION[0]: {"is_causal": bool(causal)}, "softmax_jacobian": {}}
    options["sample"] = {"rng": np.random.default_rng(0)}
    return partial(attrgetter(name)(softmax_lib), *given, **options.get(name, {"axis": case.axis}))


def torch_call(case: Case, given: list[np.ndarray]) -> Call:
    """Return a call of PyTorch's function of the same name."""
    import torch

    name, *causal = case.function.split()
    options: dict[str, Row] = {
        ATTENTION[0]: {"is_causal": bool(causal)},
        "cross_entropy": {"reduction": "none"},
    }
    function = torch.logsumexp if name == "logsumexp" else getattr(torch.nn.functional, name)
    return partial(function, *map(torch.as_tensor, given), **options.get(name, {"dim": case.axis}))


def onnx_call(case: Case, z: np.ndarray, threads: int) -> Call:
    """Return a call of ONNX Runtime's softmax."""
    import onnxruntime
    from onnx import helper

    kind = helper.np_dtype_to_tensor_dtype(z.dtype)
    ends = [helper.make_tensor_value_info(name, kind, z.shape) for name in "zp"]
    node = helper.make_node("Softmax", ["z"], ["p"], axis=case.axis)
    graph = helper.make_graph([node], "softmax", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return lambda: session.run(None, {"z": z})


def scipy_call(case: Case, given: list[np.ndarray]) -> Call:
    """Return a call of SciPy's function, or of the usual lines around SciPy's functions."""
    from scipy.special import entr, log_softmax, logsumexp, softmax

    axis, z, other, rng = case.axis, given[0], given[-1], np.random.default_rng(0)
    return {
        "softmax": lambda: softmax(z, axis),
        "log_softmax": lambda: log_softmax(z, axis),
        "logsumexp": lambda: logsumexp(z, axis),
        "entropy": lambda: entr(softmax(z)).sum(),
        "cross_entropy": lambda: -log_softmax(z)[other],
        **dict.fromkeys(PRODUCTS, lambda: (p := softmax(z)) * (other - p @ other)),
        "softmax_jacobian": lambda: np.diag(p := softmax(z)) - np.outer(p, p),
        "OnlineNormalizer.of": lambda: logsumexp(z, axis),
        "sample": lambda: rng.choice(z.size, p=softmax(z)),
        ATTENTION[0]: lambda: softmax(z @ other.T / z.shape[-1] ** 0.5, -1) @ other,
    }[case.function]


def contestants(case: Case, given: list[np.ndarray]) -> Iterator[tuple[str, int, Call]]:
    """Yield name, number of threads and call of all that take turns."""
    peers = {goal.peer for goal in GOALS if case in goal.cases}
    threads = PROCESSORS if case.function in ATTENTION else 1  # those of BLAS
    yield f"softmax_lib, {softmax_lib.engine()}", threads, own_call(case, given)
    if "SciPy" in peers:
        yield "SciPy", 1, scipy_call(case, given)
    if "own softmax" in peers:
        yield "own softmax", 1, own_call(case._replace(function="softmax"), given[:1])
    for threads in sorted({1, PROCESSORS}):
        if "PyTorch" in peers:
            yield "PyTorch", threads, torch_call(case, given)
        if "ONNX Runtime" in peers:
            yield "ONNX Runtime", threads, onnx_call(case, given[0], threads)
    if case.function == "softmax":
        yield "memory copy", 1, partial(np.copyto, np.empty_like(given[0]), given[0])


def best_times(calls: list[tuple[str, int, Call]], seconds: float) -> dict[str, float]:
    """Return the shortest time of each call, over rounds in which all take turns."""
    import torch

    times: dict[str, float] = {}
    end = None
    while end is None or time.perf_counter() < end:
        for name, threads, call in calls:
            torch.set_num_threads(threads)
            call()
            start = time.perf_counter()
            call()
            took = time.perf_counter() - start
            if repeats := min(int(0.003 / took), 1000):
                start = time.perf_counter()
                for _ in range(repeats):
                    call()
                took = (time.perf_counter() - start) / repeats
            times[name] = min(times.get(name, took), took)
            if threads > 1:
                time.sleep(0.03)  # the others wait busily for a while
        end = end or time.perf_counter() + seconds  # the first round compiles
    return times


def measure_times(pattern: str, seconds: float) -> Iterator[Row]:
    """Yield the times of all cases, then the largest errors of softmax."""
    engine = softmax_lib.engine()
    for case in CASES:
        if re.search(pattern, f"{engine} {case}"):
            times = best_times(list(contestants(case, arguments(case))), seconds)
            yield {"engine": engine, **case._asdict(), "seconds": times}
    rng = np.random.default_rng(1)
    rows = {"float32": 80, "float64": 700} if re.search(pattern, f"{engine} errors") else {}
    for dtype, spread in rows.items():
        z = (rng.uniform(-spread, 0, (1000, 10)) + rng.uniform(0, 1, (1000, 1))).astype(dtype)
        exact = softmax_lib.exact_softmax(z, rounded=False)
        calls = {name: call for name, _, call in contestants(Case("softmax", dtype, LAST[0]), [z])}
        del calls["memory copy"]
        results = {name: np.asarray(call()).reshape(z.shape) for name, call in calls.items()}
        errors = {n: float(softmax_lib.ulp_error(p, exact).max()) for n, p in results.items()}
        yield {"dtype": dtype, "errors": errors}


def peak_memory(case: Case) -> int:
    """Return the most bytes beyond in- and output: as Python traces them or as pages of memory.

    What compiled kernels take by themselves is not traced. The process's largest number of pages
    never falls, so each case needs a new process. Attention's float64 copies are not counted.
    """
    small = case._replace(shape=tuple(min(length, 256) for length in case.shape))
    own_call(small, arguments(small))()  # loads or compiles
    given = arguments(case)
    call = own_call(case, given)
    pages = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    result = call()
    traced = tracemalloc.get_traced_memory()[1]
    pages = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - pages
    parts = [result.maximum, result.denominator] if "Online" in case.function else [result]
    output = sum(np.asarray(part).nbytes for part in parts)
    copies = 2 * sum(part.nbytes for part in given) if case.function in ATTENTION else 0
    return max(traced, pages * (1 if sys.platform == "darwin" else 1024)) - output - copies


def lines(engine: str, *command: str) -> Iterator[Any]:
    """Yield what a new Python process with this engine prints, line by line."""
    environment, command = os.environ | {"SOFTMAX_LIB_ENGINE": engine}, (sys.executable, *command)
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        yield from map(json.loads, process.stdout or [])
    if process.returncode:
        raise SystemExit(f"failed with {engine}: {command}")


def measure(engine: str, only: str, seconds: float, result: Row) -> None:
    """Add an engine's rows to the result, and print each as it comes."""
    for row in lines(engine, __file__, "--run=times", f"--only={only}", f"--seconds={seconds}"):
        if "errors" in row:
            result["errors"].setdefault(row["dtype"], {}).update(row["errors"])
            continue
        result["times"].append(row)
        (_, own), *peers = row["seconds"].items()
        ratios = ", ".join(f"{name} {took / own:.2f}" for name, took in peers)
        print(f"{engine} {Case.of(row)}: {own * 1e6:.4g} µs; times that: {ratios}", flush=True)
    for index, case in enumerate(MEMORY):
        if re.search(only, f"{engine} memory {case}"):
            (taken,) = lines(engine, __file__, f"--run={index}")
            result["memory"].append({"engine": engine, **case._asdict(), "bytes": taken})
            print(f"{engine} memory {case}: {taken / 1e6:.1f} MB", flush=True)
    if re.search(only, f"{engine} starts"):
        several = [next(lines(engine, "-P", "-c", START)) for _ in range(5)]
        numpy, library, call = (min(took) for took in zip(*several, strict=True))
        took = {"import numpy": numpy, "import softmax_lib": library, "first call": call}
        result["starts"].append({"engine": engine, "seconds": took})
        print(f"{engine} starts: {took}", flush=True)


def comparisons(result: Row, engine: str) -> Iterator[tuple[str, str, str, Bounds, Row]]:
    """Yield title, peer, quantity, bounds, and what was found for each case, as far as measured."""
    own = f"softmax_lib, {engine}"
    times = {Case.of(r): r["seconds"] for r in result["times"] if r["engine"] == engine}
    for title, peer, quantity, bounds, cases in GOALS:
        power = 1 if quantity == "speed" else -1
        done = [case for case in cases if case in times]
        found = {str(case): (times[case][peer] / times[case][own]) ** power for case in done}
        yield title, peer, quantity, bounds[engine], found
    rows = [row for row in result["memory"] if row["engine"] == engine]
    taken = {str(Case.of(row)): max(row["bytes"], 1) / 1e6 for row in rows}
    yield "memory", "", "MB", (None, 32), taken
    for row in result["starts"]:
        if row["engine"] == engine:
            numpy, library, call = row["seconds"].values()
            yield "import", "NumPy", "time", FREE, {"import softmax_lib": 1 + library / numpy}
            limit = 0.5 if engine == "compiled" else None
            yield "first call", "", "s", (None, limit), {"softmax": call}


def verdicts(result: Row) -> Iterator[Row]:
    """Yield the lines of the table of goals, and print them."""
    for engine in ENGINES:
        for title, peer, quantity, bounds, found in comparisons(result, engine):
            if not found:
                continue
            sign, relation = (-1, "≥") if quantity == "speed" else (1, "≤")
            mean = statistics.geometric_mean(found.values())
            where = (max if sign > 0 else min)(found, key=found.__getitem__)
            pairs = list(zip((mean, found[where]), bounds, strict=True))
            met = [sign * value <= sign * bound for value, bound in pairs if bound is not None]
            verdict = ("met" if all(met) else "missed") if met else ""
            ends = [f"{x:8.2f} {f'({relation} {b})' if b else '':8}" for x, b in pairs]
            print(f"{verdict:7}{engine:9}{title:20}{peer:13}{quantity:6}mean{ends[0]}", end="")
            print(f"worst{ends[1]} {where}")
            line: Row = {"verdict": verdict, "engine": engine, "goal": title, "peer": peer}
            line |= {"quantity": quantity, "mean": mean, "worst": found[where], "where": where}
            yield line | {"bounds": bounds}


def processor() -> str:
    """Return the processor's name."""
    path = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*: (.*)", path.read_text() if path.exists() else "", re.M)
    return names[0] if names else platform.processor()


def main() -> None:
    """Measure, print, and write book/data/benchmark.json if nothing has been left out."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=1.5, help="for each measurement (1.5)")
    pattern = "a regular expression ('compiled softmax float32', 'memory'); writes no file"
    parser.add_argument("--only", default="", metavar="PATTERN", help=pattern)
    parser.add_argument("--run", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        if softmax_lib.engine() != os.environ["SOFTMAX_LIB_ENGINE"]:
            raise SystemExit(f"the engine is {softmax_lib.engine()}")
        if options.run != "times":
            print(peak_memory(MEMORY[int(options.run)]))
            return
        for row in measure_times(options.only, options.seconds):
            print(json.dumps(row), flush=True)
        return
    result: Row = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "processor": processor(),
        "processors": PROCESSORS,
        "python": platform.python_version(),
        "versions": {n: version(n) for n in ("numpy", "numba", "scipy", "torch", "onnxruntime")},
        "errors": {}, "times": [], "memory": [], "starts": [],
    }  # fmt: skip
    for engine in ENGINES:
        measure(engine, options.only, options.seconds, result)
    result["goals"] = list(verdicts(result))
    if not options.only:
        path = Path(__file__).parents[1] / "book" / "data" / "benchmark.json"
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
