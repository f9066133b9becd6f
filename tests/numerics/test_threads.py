import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from softmax_lib import _threads, cross_entropy, log_softmax, softmax
from softmax_lib._threads import in_threads, processors


@pytest.fixture
def threads(monkeypatch):
    """Take so many processors to be there, and make threads anew."""

    def choose(count):
        monkeypatch.setattr(_threads, "processors", lambda: count)
        monkeypatch.setattr(_threads, "_pool", None)

    yield choose
    if _threads._pool is not None:
        _threads._pool.shutdown()


def test_there_are_as_many_processors_as_this_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 3, 5}, raising=False)
    assert processors() == 3


@pytest.mark.parametrize(("counted", "expected"), [(7, 7), (None, 1)])
def test_where_nobody_says_which_it_may_use_there_are_all(monkeypatch, counted, expected):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: counted)
    assert processors() == expected


@pytest.mark.parametrize("count", [2, 3])
def test_the_caller_and_threads_of_the_library_work_at_the_same_time(threads, count):
    threads(count)
    all_there, names = threading.Barrier(count), []

    def name(_):
        all_there.wait(timeout=20)
        names.append(threading.current_thread().name)

    in_threads(name, range(count))
    names.remove(threading.current_thread().name)
    assert len(set(names)) == count - 1
    assert all(other.startswith("softmax_lib") for other in names)


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("items", [0, 1, 2, 40])
def test_each_item_is_taken_once(threads, count, items):
    threads(count)
    taken: list[int] = []
    in_threads(taken.append, range(items))
    assert sorted(taken) == list(range(items))


def test_one_item_or_one_processor_starts_no_thread(threads):
    threads(5)
    in_threads(abs, [1])
    assert _threads._pool is None
    threads(1)
    in_threads(abs, [1, 2, 3])
    assert _threads._pool is None


def test_callers_share_the_threads_of_the_library(threads):
    threads(2)
    names, callers = set(), threading.Barrier(3)

    def name(item):
        time.sleep(0.01)
        names.add(threading.current_thread().name)

    def call(_):
        callers.wait(timeout=20)
        in_threads(name, range(4))

    in_threads(name, range(4))
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(call, range(3)))
    assert sum(name.startswith("softmax_lib") for name in names) == 1


def test_a_process_that_was_forked_off_makes_threads_of_its_own(threads):
    threads(2)
    in_threads(abs, [1, 2])
    pool = _threads._pool
    assert pool is not None
    _threads._forget_pool()
    assert _threads._pool is None
    in_threads(abs, [1, 2])
    assert _threads._pool not in (None, pool)
    pool.shutdown()


@pytest.mark.parametrize("where", ["the caller", "another thread"])
def test_an_error_reaches_the_caller_wherever_it_arises_and_the_next_call_works(threads, where):
    threads(2)
    here, both_there = threading.current_thread(), threading.Barrier(2)

    def fail(_):
        both_there.wait(timeout=20)
        if (threading.current_thread() is here) == (where == "the caller"):
            raise MemoryError("of this test")

    with pytest.raises(MemoryError, match="of this test"):
        in_threads(fail, range(2))
    taken: list[int] = []
    in_threads(taken.append, range(4))
    assert sorted(taken) == [0, 1, 2, 3]


def test_after_an_error_nothing_more_is_begun_and_nothing_goes_on(threads):
    threads(2)
    here, begun = threading.current_thread(), []

    def work(item):
        begun.append(item)
        time.sleep(0.01)
        if threading.current_thread() is here:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        in_threads(work, range(1000))
    count = len(begun)
    assert count < 10
    time.sleep(0.05)
    assert len(begun) == count


@pytest.mark.parametrize("late", ["submit", "import"])
def test_where_there_are_no_new_threads_the_caller_does_it_all(threads, monkeypatch, late):
    threads(3)

    def refuse(*_):
        raise RuntimeError("cannot schedule new futures after interpreter shutdown")

    monkeypatch.setattr(ThreadPoolExecutor, "submit" if late == "submit" else "__init__", refuse)
    names = set()
    in_threads(lambda _: names.add(threading.current_thread().name), range(9))
    assert names == {threading.current_thread().name}
    monkeypatch.setattr(_threads, "_pool", None)


@pytest.mark.parametrize("function", [softmax, log_softmax])
def test_calls_from_a_pool_of_ones_own_have_the_same_results(function):
    z = np.random.default_rng(0).normal(size=(600, 400))
    z.setflags(write=False)
    expected = function(z)
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(function, [z] * 12):
            np.testing.assert_array_equal(result, expected)


def test_an_error_in_a_block_of_a_large_call_reaches_the_caller(threads, monkeypatch):
    from softmax_lib import _information

    def fail(rows, *columns):
        raise MemoryError("of this test")

    threads(2)
    monkeypatch.setattr(_information, "_losses", fail)
    z = np.zeros((4000, 500))
    with pytest.raises(MemoryError, match="of this test"):
        cross_entropy(z, np.zeros(4000, int))
    monkeypatch.undo()
    assert cross_entropy(z, np.zeros(4000, int)).shape == (4000,)
