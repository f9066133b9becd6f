"""Softmax of Dask arrays in other processes: a scheduler on loopback and two workers."""

import os
import signal
import time

import dask.array as da
import numpy as np
import pytest
from distributed import Client, LocalCluster
from logits import FORMATS

from softmax_lib.dask import log_softmax, logsumexp, softmax


def started(workers, threads):
    return LocalCluster(
        n_workers=workers,
        threads_per_worker=threads,
        processes=True,
        memory_limit=None,
        dashboard_address="127.0.0.1:0",  # any free port
    )


@pytest.fixture(scope="module")
def client():
    with started(workers=2, threads=1) as cluster, Client(cluster) as client:
        yield client


def in_this_process(z):
    return z.compute(scheduler="sync")


Z = np.random.default_rng(9).normal(size=(3, 4000)) * 5


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("function", [softmax, log_softmax, logsumexp])
def test_workers_give_the_bits_that_one_process_gives(client, function, name):
    result = function(da.from_array(Z.astype(FORMATS[name]), chunks=(2, 700)), where=Z[0] > -9)
    computed = client.compute(result).result()
    assert computed.dtype == FORMATS[name]
    np.testing.assert_array_equal(computed, in_this_process(result))


def test_arrays_that_workers_hold_are_used_where_they_are(client):
    z = da.from_array(Z, chunks=(3, 500))
    np.testing.assert_array_equal(softmax(client.persist(z)).compute(), in_this_process(softmax(z)))


def test_threads_of_a_worker_load_the_engine_at_once():
    z = softmax(da.from_array(Z, chunks=(1, 200)))
    with started(workers=1, threads=4) as cluster, Client(cluster) as client:
        np.testing.assert_array_equal(client.compute(z).result(), in_this_process(z))


def test_the_error_of_a_chunk_names_it_and_the_cluster_lives(client):
    z = da.from_array(Z, chunks=(1, 2000))
    late = da.from_array(np.array([[1.0], [-1.0], [1.0]]), chunks=1)
    future = client.compute(softmax(z, temperature=late))
    with pytest.raises(ValueError, match="at least 0, got -1") as caught:
        future.result()
    assert caught.value.__notes__ in (["in chunk (1, 0) of z"], ["in chunk (1, 1) of z"])
    np.testing.assert_array_equal(client.compute(softmax(z)).result(), in_this_process(softmax(z)))


def noted(block, folder, block_id):
    """Note that a chunk was asked for; from the fifth one on, wait for a sign."""
    (folder / f"{block_id} {time.monotonic_ns()}").touch()
    while len(list(folder.iterdir())) > 4 and not (folder / "go").exists():
        time.sleep(0.01)
    return block


def test_a_worker_killed_half_way_changes_no_bit(client, tmp_path):
    z = da.from_array(Z, chunks=(3, 500))
    watched = z.map_blocks(noted, tmp_path, meta=np.empty((0, 0)))  # or Dask calls it for its dtype
    future = client.compute(softmax(watched))
    deadline = time.monotonic() + 20
    while len(list(tmp_path.iterdir())) < 5 or not any(client.has_what().values()):
        assert time.monotonic() < deadline, "no worker came half-way"
        time.sleep(0.01)
    address = max(client.has_what().items(), key=lambda item: len(item[1]))[0]
    os.kill(client.run(os.getpid)[address], signal.SIGKILL)
    while address in client.ncores():  # or the other one may wait for it for half a minute
        time.sleep(0.01)
    (tmp_path / "go").touch()
    np.testing.assert_array_equal(future.result(timeout=60), in_this_process(softmax(z)))
    *loads, _ = tmp_path.iterdir()
    assert len(loads) > 2 * z.npartitions  # what that worker held was made again
