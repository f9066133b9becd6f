import os
import threading
import time

import pytest

from softmax_lib import _threads
from softmax_lib._threads import in_threads, processors


@pytest.fixture
def no_pool(monkeypatch):
    monkeypatch.setattr(_threads, "_pool", None)


def test_there_are_as_many_processors_as_this_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 3, 5}, raising=False)
    assert processors() == 3


@pytest.mark.parametrize(("counted", "expected"), [(7, 7), (None, 1)])
def test_where_nobody_says_which_it_may_use_there_are_all(monkeypatch, counted, expected):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: counted)
    assert processors() == expected


@pytest.mark.parametrize("count", [2, 3])
def test_the_caller_and_threads_of_the_library_work_at_the_same_time(monkeypatch, no_pool, count):
    monkeypatch.setattr(_threads, "processors", lambda: count)
    all_there = threading.Barrier(count)

    def name(_):
        all_there.wait(timeout=20)
        return threading.current_thread().name

    own, *others = in_threads(name, range(count))
    assert own == threading.current_thread().name
    assert len(set(others)) == count - 1
    assert all(other.startswith("softmax_lib") for other in others)


def test_callers_share_the_threads_of_the_library(monkeypatch, no_pool):
    monkeypatch.setattr(_threads, "processors", lambda: 2)
    names, callers = set(), threading.Barrier(3)

    def name(item):
        time.sleep(0.01)
        names.add(threading.current_thread().name)

    def call():
        callers.wait(timeout=20)
        in_threads(name, range(4))

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(name.startswith("softmax_lib") for name in names) == 1


def test_a_process_that_was_forked_off_makes_threads_of_its_own(monkeypatch, no_pool):
    monkeypatch.setattr(_threads, "processors", lambda: 2)
    assert in_threads(abs, [-1, -2]) == [1, 2]
    _threads._forget_pool()
    assert in_threads(abs, [-1, -2]) == [1, 2]


def test_results_come_in_the_order_of_the_items(monkeypatch, no_pool):
    monkeypatch.setattr(_threads, "processors", lambda: 3)
    assert in_threads(lambda item: item * item, range(7)) == [0, 1, 4, 9, 16, 25, 36]
