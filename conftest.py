"""What kind of test each is, how they are spread over the processors, and a summary by kind."""

# ruff: noqa: D103

import gc
import os
import re
from collections import Counter, defaultdict

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    # A worker has a processor of its own; BLAS would make threads for all of them.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# The first that fits.
KINDS = {
    "notebooks": r"book/.*\.ipynb",
    "proofs": r"(tests|softmax_lib)/(proofs|derivations)/",
    "claims": r"(tests|softmax_lib)/(claims|ledger)/",
    "tools": r"tests/(tools/|test_planted_faults)",
    "pages": r"tests/book/|(tests|softmax_lib)/playground/",
    "library": "",
}
MARKERS = {
    "browser": "opens pages in a real browser",
    "build": "builds the site, or a part of it",
    "long": "takes long, and is left to `make test`",
    "mutation": "plants faults, and sees that they are noticed",
    "notebooks": "runs a cell of a chapter, and compares its outputs with the stored ones",
}
BUILDING = {"site", "runnable", "copy", "told"}
MUTATION = r"/test_(planted_faults|trusted_rules|wrong_lines|clauses|falsify|falsehoods)\.py"
LONG = (
    r"tests/(numerics/test_(accuracy|attention|dask|dask_cluster|engine|same_bits)"
    r"|derivations/test_(of_the_book|page|stored|terms)|ledger/test_re|playground/test_\w*numbers"
    r"|proofs/test_identities|test_types)"
)
# What takes long in one piece comes first; pages are visited last, one by one, until every
# processor is done. One builds the site, another the site that runs, while others compute.
ORDER = (
    r"tests/book/test_site",
    r"tests/derivations/test_of_the_book",
    r"tests/numerics/test_attention\.py",
    r"tests/book/test_lite",
    r"book/",
    r"tests/(proofs|derivations|claims|ledger|tools|numerics)/",
    r"(?!tests/book/test_browser\.py::.*\[[\w/-]+\.html\])",
    r"",
)
# Files, mostly: what shares a fixture that takes long stays on one processor.
TOGETHER = (
    r"(tests/derivations/test_)(?:of_the_book|wrong_lines)\.py",
    r"(tests/book/test_browser\.py)::.*\[([\w/-]+\.html)\]",
    r"(tests/book/test_portable\.py)::test_it_runs_alone\w*\[([\w-]+)\]",
    r"([^:]*)",
)


def kind_of(nodeid):
    return next(kind for kind, path in KINDS.items() if re.match(path, nodeid))


def place_of(item):
    return next(place for place, path in enumerate(ORDER) if re.match(path, item.nodeid))


def pytest_configure(config):
    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        is_marked = {
            "browser": "chromium" in fixtures,
            "build": not fixtures.isdisjoint(BUILDING),
            "long": re.match(LONG, item.nodeid),
            "mutation": re.search(MUTATION, item.nodeid),
            "notebooks": kind_of(item.nodeid) == "notebooks",
        }
        for name in MARKERS:
            if is_marked[name]:
                item.add_marker(name)
    items.sort(key=place_of)


def pytest_collection_finish():
    # Tests stay until the end: to search them for garbage takes 7% of the time.
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadScopeScheduling

    class FileByFile(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid):
            matches = (re.match(together, nodeid) for together in TOGETHER)
            return " ".join(next(filter(None, matches)).groups())

    config.option.loadscopereorder = False
    return FileByFile(config, log)


def pytest_terminal_summary(terminalreporter):
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    seconds: Counter[str] = Counter()
    for outcome, reports in terminalreporter.stats.items():
        for report in reports:
            if hasattr(report, "duration"):
                kind = kind_of(report.nodeid)
                seconds[kind] += report.duration
                counts[kind][outcome] += 1
    if not seconds:
        return
    terminalreporter.section("by kind")
    for kind in KINDS:
        if kind in seconds:
            told = [f"{number} {outcome}" for outcome, number in counts[kind].items() if outcome]
            terminalreporter.line(f"{kind:10} {seconds[kind]:6.0f} s  {', '.join(told)}")
