"""See that the tests bite: mutmut changes softmax_lib, one place after another (`make mutants`).

Two things stand around mutmut here. It leaves decorated functions alone, so it is given a copy in
which ``@decorator def f`` reads ``def f``, then ``f = decorator(f)``, which is what the language
makes of it. And a mutant that no test can kill is named, with the reason, in
``equivalent_mutants.toml``; a name that has lost its mutant is an error.
"""

import doctest
import importlib
import inspect
import itertools
import math
import os
import pkgutil
import resource
import shutil
import subprocess
import sys
import time
import tomllib
from collections import Counter, defaultdict
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import hypothesis
import libcst as cst
import pytest
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.state import state
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files
from mutmut.utils.format_utils import orig_function_and_class_names_from_key

import softmax_lib
from softmax_lib._double_word import _constants
from softmax_lib.proofs.evaluation import _points, evaluate
from softmax_lib.proofs.normaliser import _dummy

ROOT = Path(__file__).parents[1]
STAGE = ROOT / "_build" / "mutants"
EQUIVALENT = ROOT / "tools" / "equivalent_mutants.toml"
ASKED = 0.97
KEPT = _constants, _dummy, _points, evaluate
PATIENCE = 5, 60
"""Seconds of tests for one mutant: at first, and for what has survived them."""


class Undecorate(cst.CSTTransformer):  # type: ignore[misc]
    """Turn decorators of functions into assignments."""

    def leave_FunctionDef(self, original_node, updated_node):  # noqa: N802
        if not updated_node.decorators:
            return updated_node
        name = value = updated_node.name
        for decorator in reversed(updated_node.decorators):
            value = cst.Call(decorator.decorator, [cst.Arg(value)])
        assignment = cst.Assign([cst.AssignTarget(name)], value)
        return cst.FlattenSentinel(
            [updated_node.with_changes(decorators=()), cst.SimpleStatementLine([assignment])]
        )


def examples():
    """Yield every docstring's example, as doctest would, but not those of the mutants' copies."""
    for found in pkgutil.walk_packages(softmax_lib.__path__, "softmax_lib."):
        if found.name.endswith("__main__"):
            continue
        module = importlib.import_module(found.name)
        for owner in (module, *filter(inspect.isclass, vars(module).values())):
            for name, thing in list(vars(owner).items()):
                of_this_module = getattr(thing, "__module__", None) == module.__name__
                if of_this_module and "__mutmut" not in name and ">>>" in (thing.__doc__ or ""):
                    yield doctest.DocTestParser().get_doctest(
                        inspect.getdoc(thing) or "", {}, f"{found.name}.{name}", None, None
                    )


@pytest.mark.parametrize("example", list(examples()), ids=lambda example: example.name)
def test_the_docstring_s_example_holds(example):
    assert doctest.DocTestRunner().run(example, out=list[str]().append).failed == 0


def pytest_configure():
    """Have Hypothesis stop at the first failure, and judge each mutant by the same examples."""
    phases = hypothesis.Phase.explicit, hypothesis.Phase.generate
    hypothesis.settings.register_profile("mutants", derandomize=True, phases=phases)
    hypothesis.settings.load_profile("mutants")


def pytest_runtest_setup():
    """Have each test compute what is kept for the process, by which mutmut finds its tests."""
    for kept in KEPT:
        kept.cache_clear()


def pytest_collection_modifyitems(config, items):
    """Let the fastest tests have a go at a mutant, and no more of them than patience allows."""
    seconds = {item: state().duration_by_test.get(item.nodeid, 0) for item in items}
    items.sort(key=seconds.get)
    if config.option.collectonly:
        return
    patience = float(os.environ["PATIENCE"])
    spent = list(itertools.accumulate(seconds[item] for item in items))
    items[:] = [item for item, total in zip(items, spent, strict=True) if total < patience]
    if "__mutmut_" in os.environ["MUTANT_UNDER_TEST"]:
        # mutmut's own limit allows for all tests: too long a wait for what never ends.
        limit = math.ceil(time.process_time() + 3 * min(spent[-1], patience) + 5)
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (min(limit, hard), hard))


def stage():
    """Copy what mutmut works on, without decorators of functions."""
    for folder in ("softmax_lib", "tests", "tools", "book"):
        shutil.rmtree(STAGE / folder, ignore_errors=True)
        if folder != "softmax_lib":  # of which mutmut keeps what it has mutated
            shutil.rmtree(STAGE / "mutants" / folder, ignore_errors=True)
        shutil.copytree(ROOT / folder, STAGE / folder)
    shutil.copy2(ROOT / "pyproject.toml", STAGE)
    for path in (STAGE / "softmax_lib").rglob("*.py"):
        if path.name == "_compiled.py":
            continue
        times = path.stat().st_atime_ns, path.stat().st_mtime_ns
        path.write_text(cst.parse_module(path.read_text()).visit(Undecorate()).code)
        # mutmut mutates a file again when it has become newer.
        os.utime(path, ns=times)


@dataclass(frozen=True)
class Mutant:
    """A mutant that mutmut has tried, or has still to try."""

    data: SourceFileMutationData
    name: str

    @property
    def module(self):
        return self.name.rpartition(".")[0]

    @property
    def verdict(self):
        code = self.data.exit_code_by_key[self.name]
        # What mutmut takes for a timeout is that pytest could not be run, so that no test failed.
        return "not run" if code == 255 else status_by_exit_code[code]

    @property
    def is_killed(self):
        return self.verdict in ("killed", "timeout", "segfault")

    def changed(self, signs="-+"):
        """Return the function, and the lines that were taken away and put in."""
        function, owner = orig_function_and_class_names_from_key(self.name)
        lines = get_diff_for_mutant(self.name, path=self.data.path).splitlines()[2:]
        return (
            ".".join(filter(None, (self.module, owner, function))),
            "\n".join(f"{line[0]} {line[1:].strip()}" for line in lines if line[0] in signs),
        )

    def entries(self, listed):
        """Return what the list says of it: of this very change, or of any to its lines."""
        return {self.changed(), self.changed("-")} & listed

    def is_survivor(self, listed):
        """Tell whether no test has killed it, and the list does not say why none can."""
        return not (
            self.is_killed or (self.verdict in ("survived", "no tests") and self.entries(listed))
        )


def mutants(patterns):
    """Yield the mutants whose names match one of the patterns, or all of them."""
    for path in sorted(walk_mutatable_files()):
        data = SourceFileMutationData(path=path)
        data.load()
        for name in data.exit_code_by_key:
            if not patterns or any(fnmatch(name, pattern) for pattern in patterns):
                yield Mutant(data, name)


def equivalent_changes(patterns):
    """Return the listed changes, each as what `Mutant.changed` returns."""
    listed = tomllib.loads(EQUIVALENT.read_text())["equivalent"]
    return {
        (entry["function"], change.strip())
        for entry in listed
        for change in entry["changes"]
        if not patterns or any(fnmatch(entry["function"], pattern) for pattern in patterns)
    }


def report(patterns, listed):
    """Print survivors and a table; return what is wrong."""
    tried = list(mutants(patterns))
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    unused = set(listed)
    for mutant in tried:
        verdict = mutant.verdict
        if mutant.is_survivor(listed):
            print(f"\n{mutant.name}: {verdict}", *mutant.changed(), sep="\n")
        elif not mutant.is_killed:
            verdict = "equivalent"
            unused -= mutant.entries(listed)
        counts[mutant.module][verdict] += 1
    total: Counter[str] = sum(counts.values(), Counter())
    verdicts = ["killed", *sorted(set(total) - {"killed"})]
    print(f"\n{'module':34}{'mutants':>9}", *(f"{verdict:>12}" for verdict in verdicts))
    for module, row in [*counts.items(), ("all", total)]:
        print(f"{module:34}{row.total():9}", *(f"{row[verdict]:12}" for verdict in verdicts))
    killed = sum(mutant.is_killed for mutant in tried) / (total.total() - total["equivalent"])
    print(f"\n{killed:.2%} killed of those that are not equivalent ({ASKED:.0%} asked for)")
    wrong = [
        f"{EQUIVALENT.name} lists what has not survived:\n{function}\n{change}"
        for function, change in sorted(unused)
    ]
    return wrong if killed >= ASKED else [*wrong, "too few mutants killed: see the survivors above"]


def run_mutmut(patience, names):
    # Nothing but what is asked for: every plugin would be set up anew for each mutant.
    environment = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PATIENCE": str(patience)}
    command = [Path(sys.executable).with_name("mutmut"), "run", *names]
    subprocess.run(command, env=os.environ | environment, check=True)


def main(patterns):
    stage()
    os.chdir(STAGE)
    at_first, then = PATIENCE
    run_mutmut(at_first, patterns)
    listed = equivalent_changes(patterns)
    survivors = [mutant.name for mutant in mutants(patterns) if mutant.is_survivor(listed)]
    if survivors:
        run_mutmut(then, survivors)
    sys.exit("\n\n".join(report(patterns, listed)) or 0)


if __name__ == "__main__":
    main(sys.argv[1:])
