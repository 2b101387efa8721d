"""A disk that fails: system calls of the shard process answer EIO (strace injects it). The log is fenced,
nothing is acknowledged on it any more, the process restarts and recovers to the durable prefix."""

import contextlib
import shutil
import signal
import subprocess
import time

import pytest

import kinesis
from server import Server
from workload import CALL, Workload, read_everything

WRITES = "fdatasync,fsync,sync_file_range,pwrite64,pwritev,pwritev2,io_submit"


@contextlib.contextmanager
def injected(pid, calls, what):
    """strace on a process and all its threads, answering `calls` with `what`."""
    strace = subprocess.Popen(["strace", "-f", "-p", str(pid), "-e", f"trace={calls}",
                               "-e", f"inject={calls}:{what}", "-o", "/dev/null"],
                              stderr=subprocess.PIPE, text=True)
    said = strace.stderr.readline()  # "strace: Process 1 attached with 9 threads"
    if "attached" not in said:
        pytest.skip(f"LOUD: strace cannot attach, disk errors are not tested: {said}")
    try:
        yield strace
    finally:
        if strace.poll() is None:
            strace.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            strace.wait(5)
        if strace.poll() is None:
            strace.kill()
        strace.stderr.close()


@pytest.fixture
def server():
    if shutil.which("strace") is None:
        pytest.skip("LOUD: no strace, disk errors are not tested")
    with Server(tls=False) as one:
        yield one


def checked(server, client, workload):
    shards, by_shard = read_everything(client, workload.stream)
    assert workload.ledger.faults(shards, by_shard)[:5] == []


def test_after_a_failed_write_the_process_restarts_and_nothing_acknowledged_is_lost(server):
    client = kinesis.make_client(server.endpoint, **CALL)
    name = kinesis.create_stream(client, kinesis.unique_name("eio"), **kinesis.on_demand())
    with Workload(server.endpoint, name, 1) as workload:
        for _ in range(3):
            assert workload.goes_on(20) is not None, server.tail()
            pid, = server.shard_pids()
            with injected(pid, WRITES, "error=EIO:when=5+") as strace:
                gone = kinesis.eventually(lambda: pid not in server.shard_pids(), 10)  # noqa: B023
                assert gone, f"the process goes on after EIO: {workload.failures}\n{server.tail()}"
                strace.wait(5)
            assert workload.goes_on(20) is not None, server.tail()
    kinesis.wait_active(client, name)
    checked(server, client, workload)
    assert workload.failures, "no write noticed"


def test_while_no_write_can_be_done_none_is_acknowledged(server):
    client = kinesis.make_client(server.endpoint, **CALL)
    name = kinesis.create_stream(client, kinesis.unique_name("eio"), **kinesis.on_demand())
    with Workload(server.endpoint, name, 2) as workload:
        assert workload.goes_on(20) is not None
        pid, = server.shard_pids()
        with injected(pid, WRITES, "error=EIO"):
            time.sleep(0.3)  # what was under way is done
            before = workload.acknowledged()
            while pid in server.shard_pids():
                assert workload.acknowledged() == before, "acknowledged on a disk that takes nothing"
                time.sleep(0.005)
        assert workload.goes_on(20) is not None, server.tail()
    kinesis.wait_active(client, name)
    checked(server, client, workload)


def test_a_slow_disk_is_slow_and_nothing_else(server):
    client = kinesis.make_client(server.endpoint, **CALL)
    name = kinesis.create_stream(client, kinesis.unique_name("slow"), **kinesis.on_demand())
    with Workload(server.endpoint, name, 3) as workload:
        assert workload.goes_on(20) is not None
        pid, = server.shard_pids()
        with injected(pid, WRITES, "delay_enter=100000"):
            time.sleep(3)
            assert pid in server.shard_pids(), server.tail()
            assert workload.goes_on(5) is not None
    assert workload.failures == {}
    checked(server, client, workload)
