"""Which engine computes, and in what states of a process; each in a process of its own."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = str(Path(__file__).parents[2])
BROKEN = {
    "ImportError": "raise ImportError('numba needs NumPy 2.3 or less')",
    "AttributeError": "raise AttributeError('numba needs NumPy 2.3 or less')",
    "SystemError": "raise SystemError('numba needs NumPy 2.3 or less')",
    "too old": "__version__ = '0.61.2'",
    "no version": "",
}
CALL = "import numpy as np, softmax_lib\nprint(softmax_lib.softmax([3.0]), softmax_lib.engine())\n"
ENGINES = pytest.mark.parametrize("engine", ["compiled", "numpy"])


def run(code, *, path=ROOT, **environment):
    """Run code in an interpreter of its own, and give what came out."""
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=variables(path=path, **environment),
    )


def variables(path=ROOT, **environment):
    inherited = {k: v for k, v in os.environ.items() if k != "SOFTMAX_LIB_ENGINE"}
    return {**inherited, "PYTHONPATH": path, **environment}


def printed(code, **environment):
    finished = run(code, **environment)
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    return finished.stdout.strip()


@pytest.fixture
def broken(tmp_path):
    """Plant a numba that is found first, and does not work."""

    def plant(how):
        (tmp_path / "numba").mkdir()
        (tmp_path / "numba" / "__init__.py").write_text(BROKEN[how], encoding="utf-8")
        return os.pathsep.join([str(tmp_path), ROOT])

    return plant


@pytest.mark.parametrize("how", BROKEN)
def test_with_a_numba_that_does_not_work_numpy_goes_on_and_one_warning_says_why(broken, how):
    finished = run(CALL + CALL, path=broken(how))
    assert finished.stdout == "[1.] numpy\n" * 2
    assert finished.stderr.count("RuntimeWarning: numba is installed but does not work here") == 1
    reason = {"too old": "numba 0.61.2 is too old, 0.64", "no version": "__version__"}
    assert reason.get(how, f"{how}: numba needs NumPy 2.3 or less") in finished.stderr


@pytest.mark.parametrize("how", BROKEN)
def test_a_numba_that_does_not_work_is_an_import_error_if_it_is_asked_for(broken, how):
    code = "import softmax_lib\ntry: softmax_lib.softmax([3.0])\nexcept ImportError as e: print(e)"
    finished = run(code + "\n" + code, path=broken(how), SOFTMAX_LIB_ENGINE="compiled")
    assert finished.stdout.count("the compiled engine needs numba, which does not work here") == 2
    assert "or set SOFTMAX_LIB_ENGINE=numpy" in finished.stdout


def test_a_broken_numba_is_not_touched_where_numpy_is_asked_for(broken):
    path = broken("SystemError")
    assert printed(CALL, path=path, SOFTMAX_LIB_ENGINE="numpy") == "[1.] numpy"


@pytest.mark.parametrize(
    "plant", ["None", "type(sys)('numba')"], ids=["not there", "something else in its place"]
)
def test_without_numba_numpy_computes(plant):
    finished = run(f"import sys; sys.modules['numba'] = {plant}\n{CALL}")
    assert finished.stdout == "[1.] numpy\n"
    assert ("does not work here" in finished.stderr) == (plant != "None")


def test_kernels_are_asked_for_without_numba():
    finished = run(
        f"import sys; sys.modules['numba'] = None\n{CALL}", SOFTMAX_LIB_ENGINE="compiled"
    )
    assert "pip install '.[fast]' in softmax_lib's repository" in finished.stderr


def test_where_numba_must_not_compile_numpy_computes_and_a_warning_says_so():
    finished = run(CALL, NUMBA_DISABLE_JIT="1")
    assert finished.stdout == "[1.] numpy\n"
    assert "NUMBA_DISABLE_JIT is set" in finished.stderr


@pytest.mark.parametrize("value", ["gpu", "Compiled", " numpy"])
def test_an_unknown_engine_in_the_environment_is_refused(value):
    finished = run(CALL, SOFTMAX_LIB_ENGINE=value)
    assert "ValueError: the environment variable SOFTMAX_LIB_ENGINE must be one" in finished.stderr
    assert f"got {value!r}" in finished.stderr


@ENGINES
def test_the_environment_chooses_the_engine(engine):
    assert printed(CALL, SOFTMAX_LIB_ENGINE=engine) == f"[1.] {engine}"


def test_an_empty_variable_is_none():
    assert printed(CALL, SOFTMAX_LIB_ENGINE="") == "[1.] compiled"


@ENGINES
def test_a_call_chooses_the_engine_against_the_environment(engine):
    code = f"import softmax_lib\nsoftmax_lib.engine({engine!r})\n{CALL}"
    assert printed(code, SOFTMAX_LIB_ENGINE="gpu") == f"[1.] {engine}"


def test_another_engine_cannot_be_chosen_later_but_the_same_can():
    code = (
        f"{CALL}softmax_lib.engine('numpy')\n"
        "try: softmax_lib.engine('compiled')\n"
        "except RuntimeError as error: print(error)\n{CALL}"
    ).replace("{CALL}", CALL)
    first, error, last = printed(code, SOFTMAX_LIB_ENGINE="numpy").splitlines()
    assert first == last == "[1.] numpy"
    assert "the engine is numpy already; choose compiled before the first call" in error


@pytest.mark.parametrize("name", ["gpu", "", b"numpy", 1, ["numpy"]], ids=repr)
def test_an_unknown_engine_is_refused_by_its_name(name):
    from softmax_lib import engine

    with pytest.raises(ValueError, match=r"the engine must be one of \('compiled', 'numpy'\), got"):
        engine(name)


def test_importing_the_library_loads_no_engine():
    code = "import sys, softmax_lib; print({'numba', 'concurrent.futures'} & set(sys.modules))"
    assert printed(code) == "set()"


INTERRUPTED = f"""
import signal
{CALL.splitlines()[0]}
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background has it ignored
z = np.zeros((3, 4))
print("ready", flush=True)
try:
    softmax_lib.softmax(z), softmax_lib.softmax(z[:, ::-1], temperature=z + 2)
    import time; time.sleep(30)
except KeyboardInterrupt:
    print("interrupted")
print(softmax_lib.softmax(z)[0, 0], softmax_lib.engine())
"""


def interrupted(delay, cache):
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=variables(NUMBA_CACHE_DIR=str(cache)),
    )
    assert process.stdout.readline() == "ready\n"
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    return output.splitlines(), errors


WORKS_AFTER = (["interrupted", "0.25 compiled"], "")


@pytest.mark.skipif(os.name == "nt", reason="no signals")
@pytest.mark.parametrize("delay", [0.003, 0.4, 1.5])
def test_a_first_call_is_interrupted_and_the_next_one_works(delay, tmp_path):
    assert interrupted(delay, tmp_path) == WORKS_AFTER


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A folder with the kernels that are called here, compiled."""
    cache = tmp_path_factory.mktemp("cache")
    printed(INTERRUPTED.replace("time.sleep(30)", "pass"), NUMBA_CACHE_DIR=str(cache))
    return cache


@pytest.mark.skipif(os.name == "nt", reason="no signals")
@pytest.mark.parametrize("delay", [0.05, 0.1, 0.2, 0.3, 0.4])
def test_a_first_call_from_the_cache_is_interrupted_and_the_next_one_works(delay, filled):
    assert interrupted(delay, filled) == WORKS_AFTER


LARGE = "import os, threading, time, numpy as np, softmax_lib as s\nz = np.zeros((1024, 1024))\n"
SHOW = "print(s.softmax(z)[0, 0], s.log_softmax(z).shape, flush=True)"
SHOWN = f"{2.0**-10} (1024, 1024)"


@ENGINES
@pytest.mark.parametrize("before", ["", "s.softmax(z)"], ids=["first call", "later call"])
@pytest.mark.parametrize("register", ["atexit.register", "threading._register_atexit"])
def test_a_call_at_exit_works(engine, before, register):
    code = f"import atexit\n{LARGE}{before}\n{register}(lambda: {SHOW})"
    assert printed(code, SOFTMAX_LIB_ENGINE=engine) == SHOWN


@ENGINES
@pytest.mark.parametrize("pause", [0.05, 2.0])
def test_a_daemon_thread_that_is_computing_does_not_hold_up_the_exit(engine, pause):
    code = (
        f"{LARGE}def work():\n    while True: s.softmax(z)\n"
        f"threading.Thread(target=work, daemon=True).start(); time.sleep({pause}); print('end')"
    )
    assert printed(code, SOFTMAX_LIB_ENGINE=engine) == "end"


FORK = (
    "process = os.fork()\n"
    f"if process == 0:\n    {SHOW}\n    from softmax_lib._threads import processors\n"
    "    os._exit(threading.active_count() == 1 and processors() > 1)\n"
    "assert os.waitpid(process, 0)[1] == 0\n"
)
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")


@needs_fork
@ENGINES
@pytest.mark.parametrize("before", ["", f"{SHOW}\n"], ids=["first call", "later call"])
def test_a_forked_process_computes_with_threads_of_its_own(engine, before):
    lines = printed(f"{LARGE}{before}{FORK}{SHOW}", SOFTMAX_LIB_ENGINE=engine).splitlines()
    assert set(lines) == {SHOWN}


@needs_fork
def test_a_process_that_is_forked_while_numba_is_loaded_computes_with_numpy():
    code = (
        f"{LARGE}import signal\nthread = threading.Thread(target=s.softmax, args=(z,))\n"
        f"thread.start(); time.sleep(0.1)\nprocess = os.fork()\n"
        f"if process == 0:\n    signal.alarm(20); {SHOW}; print(s.engine(), flush=True)\n"
        f"    os._exit(0)\nprint(os.waitpid(process, 0)[1])\nthread.join(); print(s.engine())"
    )
    finished = run(code)
    assert finished.stdout.splitlines() == [SHOWN, "numpy", "0", "compiled"], finished.stderr
    assert "forked while another thread loaded numba" in finished.stderr


@ENGINES
def test_processes_that_are_spawned_compute(engine, tmp_path):
    script = tmp_path / "spawn.py"
    script.write_text(
        f"import multiprocessing\n{LARGE}"
        "if __name__ == '__main__':\n    s.softmax(z)\n"
        "    with multiprocessing.get_context('spawn').Pool(2) as pool:\n"
        "        results = pool.map(s.softmax, [z] * 3)\n"
        "        print({float(p[0, 0]) for p in results}, pool.apply(s.engine))\n",
        encoding="utf-8",
    )
    finished = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=variables(SOFTMAX_LIB_ENGINE=engine),
    )
    assert finished.stdout == f"{{{2.0**-10}}} {engine}\n", finished.stderr


@ENGINES
def test_many_threads_make_the_first_call_at_once(engine):
    code = (
        f"{LARGE}from concurrent.futures import ThreadPoolExecutor\n"
        "barrier = threading.Barrier(12)\n"
        "def call(i):\n    barrier.wait()\n"
        "    return float((s.softmax, s.log_softmax)[i % 2](z)[0, 0]), s.engine()\n"
        "with ThreadPoolExecutor(12) as pool: print(len(set(pool.map(call, range(12)))))\n"
    )
    assert printed(code, SOFTMAX_LIB_ENGINE=engine) == "2"


def test_the_first_call_is_made_while_a_module_is_imported(tmp_path):
    (tmp_path / "at_import.py").write_text(CALL, encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), ROOT])
    assert printed("import at_import", path=path) == "[1.] compiled"


@pytest.mark.parametrize("where", ["a file", "nowhere"])
def test_a_cache_that_cannot_be_written_is_no_error(where, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    code, environment = CALL, {"NUMBA_CACHE_DIR": str(tmp_path / "file")}
    if where == "nowhere":
        code = f"from numba.core.caching import CacheImpl\nCacheImpl._locator_classes = []\n{CALL}"
    assert printed(code, **environment) == "[1.] compiled"


@pytest.mark.parametrize(
    ("kind", "content"), [("nbi", b"nothing that numba wrote"), ("nbc", b"")], ids=["index", "data"]
)
def test_a_cache_that_cannot_be_read_is_no_error(kind, content, filled, tmp_path):
    cache = shutil.copytree(filled, tmp_path / "cache")
    files = list(cache.rglob(f"*.{kind}"))
    assert files
    for file in files:
        file.write_bytes(content)
    assert printed(CALL, NUMBA_CACHE_DIR=str(cache)) == "[1.] compiled"


def test_kernels_are_compiled_once_a_format_whether_arrays_may_be_written_to_or_not():
    code = (
        f"{LARGE}z = z[:9, :9].copy()\nfor _ in range(2):\n"
        "    s.softmax(z); s.softmax(z[:, ::-1]); s.softmax(z, temperature=z[:, :1] + 2)\n"
        "    s.log_softmax(z); s.softmax_jvp(z, 1.0); s.entropy(z, temperature=2)\n"
        "    z.setflags(write=False)\n"
        "from softmax_lib import _compiled as c\n"
        "print({len(k.signatures) for k in (c.softmax, c.sums, c.log_shares, c.products)})"
    )
    assert printed(code) == "{1}"
