"""kill -9 at random points: of the shard process, of the supervisor, of all. Every acknowledged record is
read back once, in order. MILLRACE_KILLS says how often (default 20), MILLRACE_VICTIMS what, MILLRACE_SEED
makes it the same again."""

import contextlib
import os
import random
import statistics
import threading
import time

import pytest

import kinesis
from patience import patient
from server import Server, can_connect
from workload import CALL, Tail, Workload, read_everything

KILLS = int(os.environ.get("MILLRACE_KILLS", "20"))
# What to kill, and how often of ten.
VICTIMS = {"shard": 6, "all": 3, "supervisor": 1}
VICTIMS = {name: weight for name, weight in VICTIMS.items()
           if name in os.environ.get("MILLRACE_VICTIMS", "shard all supervisor").split()}
KILLS_A_STREAM = 20
COMES_BACK_S = 20


def kill(server, choose):
    """Kills something and has it back; what was killed."""
    what, = choose.choices(list(VICTIMS), list(VICTIMS.values()))
    if what == "shard":
        assert server.kill_shards(), f"no shard process: {server.descendants()}"
        return what
    if what == "all":
        server.kill()
    else:
        server.kill_supervisor()
    server.start()
    return what


@contextlib.contextmanager
def resharding(endpoint, stream, choose):
    """Asks for another number of shards now and then; refusals are part of the game."""
    client = kinesis.make_client(endpoint, **CALL)
    stopped = threading.Event()

    def run():
        while not stopped.wait(choose.uniform(0.2, 0.8)):
            with contextlib.suppress(Exception):
                client.update_shard_count(StreamName=stream, TargetShardCount=choose.randint(2, 4),
                                          ScalingType="UNIFORM_SCALING")

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def check(server, client, workloads, tails=()):
    for workload in workloads:
        kinesis.wait_active(client, workload.stream, timeout_s=COMES_BACK_S)
        shards, by_shard = read_everything(client, workload.stream)
        assert workload.ledger.faults(shards, by_shard)[:5] == []
        assert kinesis.covers_hash_space(kinesis.open_shards(client, workload.stream))
        for tail in tails:
            if tail.stream == workload.stream:
                assert tail.faults(by_shard) == []


def one_round(server, choose, kills):
    """Kills under load, then checks; {what was killed: seconds until writes went on}."""
    client = kinesis.make_client(server.endpoint)
    steady = kinesis.create_stream(client, kinesis.unique_name("steady"), **kinesis.on_demand())
    moving = kinesis.create_stream(client, kinesis.unique_name("moving"), 2)
    seed, times = choose.randrange(2**31), {}
    with (Workload(server.endpoint, steady, seed) as first,
          Workload(server.endpoint, moving, seed + 100, single=2, batch=1, pause_s=0.03) as second,
          Tail(server.endpoint, steady, "shardId-000000000000") as tail,
          resharding(server.endpoint, moving, choose)):
        for number in range(kills):
            assert first.goes_on(COMES_BACK_S) is not None, server.tail()
            time.sleep(choose.uniform(0.1, 1.0))
            start = time.monotonic()
            what = kill(server, choose)
            for workload in (first, second):
                assert workload.goes_on(COMES_BACK_S) is not None, (
                    f"kill {number} ({what}): no writes after {COMES_BACK_S} s: "
                    f"{workload.failures}\n{server.tail()}")
            times.setdefault(what, []).append(time.monotonic() - start)
    check(server, client, (first, second), (tail,))
    attempted, acknowledged = first.ledger.counts()
    print(f"{attempted} records attempted, {acknowledged} acknowledged, {len(tail.records)} tailed")
    return times, (first, second), client


def test_no_acknowledged_record_is_lost_by_a_kill():
    seed = int(os.environ.get("MILLRACE_SEED", random.randrange(2**31)))
    print(f"MILLRACE_SEED={seed}")
    choose, left, times = random.Random(seed), KILLS, {}
    with Server(tls=False) as server:
        while left > 0:
            here = min(left, KILLS_A_STREAM)
            found, workloads, client = one_round(server, choose, here)
            for what, seconds in found.items():
                times.setdefault(what, []).extend(seconds)
            left -= here
            if left > 0:
                for workload in workloads:
                    client.delete_stream(StreamName=workload.stream)
        server.stop()
        server.start()
        check(server, client, workloads)
    for what, seconds in times.items():
        print(f"{what}: {len(seconds)} kills, writes went on after "
              f"{statistics.median(seconds):.2f} s (median), {max(seconds):.2f} s (worst)")


def test_a_supervisor_killed_alone_is_started_again_at_once():
    with Server(tls=False) as server:
        client = kinesis.make_client(server.endpoint)
        name = kinesis.create_stream(client, kinesis.unique_name("orphan"), **kinesis.on_demand())
        with Workload(server.endpoint, name, 1) as workload:
            for _ in range(2):
                assert workload.goes_on(COMES_BACK_S) is not None
                server.kill_supervisor()
                server.start()
                assert workload.goes_on(COMES_BACK_S) is not None, server.tail()
        shards, by_shard = read_everything(client, name)
        assert workload.ledger.faults(shards, by_shard)[:5] == []


def test_ready_means_that_every_port_is_open():
    for _ in range(3):
        server = Server()
        try:
            server.start(connectable=False)
            assert [can_connect(server.host, port) for port in server.ports()] == [True, True]
            server.stop()
        finally:
            server.remove()


def test_a_clean_stop_is_quick_and_keeps_everything():
    with Server(tls=False) as server:
        client = kinesis.make_client(server.endpoint)
        name = kinesis.create_stream(client, kinesis.unique_name("clean"), **kinesis.on_demand())
        with Workload(server.endpoint, name, 1) as workload:
            assert workload.goes_on(10) is not None
            time.sleep(0.5)
            start = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - start < patient(10)
        server.start()
        shards, by_shard = read_everything(client, name)
        assert workload.ledger.faults(shards, by_shard)[:5] == []


def test_streams_and_their_settings_survive_a_kill():
    with Server(tls=False) as server:
        client = kinesis.make_client(server.endpoint)
        name = kinesis.create_stream(client, kinesis.unique_name("kept"), 2, Tags={"a": "b"})
        client.increase_stream_retention_period(StreamName=name, RetentionPeriodHours=72)
        server.kill()
        server.start()
        summary = kinesis.summary(client, name)
        assert summary["RetentionPeriodHours"] == 72 and summary["OpenShardCount"] == 2
        tags = client.list_tags_for_stream(StreamName=name)["Tags"]
        assert tags == [{"Key": "a", "Value": "b"}]


@pytest.mark.parametrize("moment_s", [0.0, 0.02, 0.1])
def test_a_kill_while_a_stream_is_made_leaves_it_whole_or_absent(moment_s):
    with Server(tls=False) as server:
        client = kinesis.make_client(server.endpoint, **CALL)
        name = kinesis.unique_name("half")
        maker = threading.Thread(target=_create_quietly, args=(client, name))
        maker.start()
        time.sleep(moment_s)
        server.kill()
        maker.join()
        server.start()
        try:
            kinesis.wait_active(client, name)
        except client.exceptions.ResourceNotFoundException:
            kinesis.create_stream(client, name, 4)
        assert client.put_record(StreamName=name, Data=b"x", PartitionKey="k")["SequenceNumber"]
        assert kinesis.covers_hash_space(kinesis.open_shards(client, name))


def _create_quietly(client, name):
    with contextlib.suppress(Exception):
        client.create_stream(StreamName=name, ShardCount=4)
