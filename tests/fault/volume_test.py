"""Volumes that are lost, replaced and put back. Whatever becomes of them, a reader passes no record that was
acknowledged, unless a person has given it up; and no sequence number is given twice. MILLRACE_SEED makes a run the
same again."""

import json
import os
import random
import shutil
import time
import urllib.request

import kinesis
from patience import patient
from peers_test import AnyPod, AnyTail, PeersWorkload, Subscriber, check
from pods import Operator, Pods
from server import Server
from workload import CALL, Workload, identified, identity_of

SEED = int(os.environ.get("MILLRACE_SEED", str(random.randrange(2**31))))
STREAM = "orders"
SHARDS = 6
GOES_ON_S = 3.0
IDLE_ANSWERS = 12
READ_S = 3.0


def read_on(client, stream, shard_id, position=None):
    """Records until so many answers in a row have none: to the tip, or to where it waits. Behind writers that go on
    there may be no such answers: then it is some time."""
    position = position or kinesis.iterator(client, stream, shard_id)
    records, idle, end = [], 0, time.monotonic() + patient(READ_S)
    while position and idle < IDLE_ANSWERS and time.monotonic() < end:
        answer = client.get_records(ShardIterator=position)
        records += answer["Records"]
        position = answer.get("NextShardIterator")
        idle = 0 if answer["Records"] else idle + 1
        time.sleep(0 if answer["Records"] else 0.02)
    return records


def passed(ledger, by_shard, excused=lambda shard_id, sequence: False):
    """Acknowledged records that a reader who is behind them was not given, and numbers given twice."""
    faults = []
    for shard_id, records in ledger.by_shard().items():
        seen = {int(r["SequenceNumber"]): identity_of(r["Data"]) for r in by_shard.get(shard_id, [])}
        last = max(seen, default=-1)
        faults += [f"{shard_id}: passed {payload!r} at {sequence}" for sequence, payload in records
                   if sequence <= last and sequence not in seen and not excused(shard_id, sequence)]
        faults += [f"{shard_id}: {sequence} is {seen[sequence]!r}, was acknowledged as {payload!r}"
                   for sequence, payload in records if sequence in seen and seen[sequence] != payload]
    return faults


def epoch_of(sequence):
    return int(sequence) >> 148 & (1 << 36) - 1


def read_all_on(pods, operator):
    client = AnyPod(pods.endpoints(), SEED, retries={"mode": "standard", "max_attempts": 5})
    return {shard_id: read_on(client, STREAM, shard_id) for shard_id in operator.shard_ids()}


def lose_and_go_on(pods, operator, workload, name):
    """A pod dies, and its volume with it; the heads go elsewhere; it comes back on another volume. The folder."""
    pods.kill(name)
    kept = pods.lose_volume(name)
    operator.empty(name, [other for other in pods.names if other != name])
    pods.start(name)
    operator.note_volumes()
    operator.note_ends()
    assert workload.goes_on(GOES_ON_S) is not None, f"seed {SEED}: writes stopped when {name} lost its volume"
    return kept


def test_a_lost_volume_hides_no_record_and_put_back_nothing_was_lost():
    with Pods() as pods:
        operator = Operator(pods, STREAM, SHARDS, SEED)
        operator.await_applied(pods.names)
        choose = random.Random(SEED)
        shard_ids = operator.shard_ids()
        with AnyTail(pods, shard_ids[0], SEED) as tail, AnyTail(pods, shard_ids[1], SEED) as other, \
                Subscriber(pods.endpoint("shard-2"), operator.consumer_arn, shard_ids[2]) as subscriber, \
                PeersWorkload(pods, SEED, single=4, batch=3) as workload:
            time.sleep(0.7)
            name = choose.choice(pods.names)
            kept = lose_and_go_on(pods, operator, workload, name)
            time.sleep(0.7)
            assert operator.missing(name), "the pod does not say that it lacks anything"
            by_shard = read_all_on(pods, operator)
            lost_shards = {f"shardId-{shard:012d}" for shard, _ in operator.missing(name)}
            faults = passed(workload.ledger, by_shard)
            assert not faults, f"seed {SEED}: {faults[:5]} ({len(faults)} in all)"
            for shard_id in lost_shards:
                read = {int(r["SequenceNumber"]) for r in by_shard[shard_id]}
                acknowledged = workload.ledger.by_shard()[shard_id]
                assert any(sequence not in read for sequence, _ in acknowledged), "nobody waits: nothing was lost?"
            pods.kill(name)
            pods.give_back(name, kept)
            pods.start(name)
            operator.note_volumes()
            assert not operator.missing(name)
            operator.move({shard: name for shard in choose.sample(range(SHARDS), 2)})
            assert workload.goes_on(GOES_ON_S) is not None
            time.sleep(0.3)
            workload.stop()
        check(pods, operator, workload, [tail, other], [subscriber])


def test_a_pod_that_is_back_on_another_volume_before_anybody_moves_its_heads_takes_no_write_twice():
    with Pods() as pods:
        operator = Operator(pods, STREAM, SHARDS, SEED)
        operator.await_applied(pods.names)
        with PeersWorkload(pods, SEED, single=4, batch=3) as workload:
            time.sleep(0.7)
            name = random.Random(SEED).choice(pods.names)
            pods.kill(name)
            kept = pods.lose_volume(name)
            pods.start(name)  # with the map that still has its heads
            time.sleep(0.5)
            heads = {(shard["index"], shard["extents"][-1]["epoch"]) for shard in operator.map["shards"]
                     if shard["extents"][-1]["owner"] == name}
            assert heads and heads <= set(operator.missing(name))
            operator.note_volumes()
            operator.move({shard: name for shard, _ in heads})  # the same pod, another volume
            assert workload.goes_on(GOES_ON_S) is not None
            time.sleep(0.5)
            workload.stop()
        faults = passed(workload.ledger, read_all_on(pods, operator))
        assert not faults, f"seed {SEED}: {faults[:5]} ({len(faults)} in all)"
        # The one volume back, the other away: what is on that one is missing now.
        second = pods.folder / "second"
        pods.kill(name)
        shutil.move(pods.folder / name, second)
        pods.give_back(name, kept)
        pods.start(name)
        operator.note_ends()
        assert not heads & set(operator.missing(name)) and operator.missing(name)
        faults = passed(workload.ledger, read_all_on(pods, operator))
        assert not faults, f"seed {SEED}: {faults[:5]} ({len(faults)} in all)"


def test_a_loss_that_is_given_up_is_passed_and_is_all_that_is_passed():
    with Pods() as pods:
        operator = Operator(pods, STREAM, SHARDS, SEED)
        operator.await_applied(pods.names)
        with PeersWorkload(pods, SEED, single=4, batch=3) as workload:
            time.sleep(0.7)
            name = random.Random(SEED).choice(pods.names)
            lose_and_go_on(pods, operator, workload, name)
            time.sleep(0.5)
            lost = operator.give_up(name)
            assert lost
            operator.await_applied(pods.names)
            time.sleep(0.3)
            workload.stop()
        assert not operator.missing(name)
        operator.note_ends()
        operator.await_applied(pods.names)
        by_shard = read_all_on(pods, operator)

        def given_up(shard_id, sequence):
            return (int(shard_id[-12:]), epoch_of(sequence)) in lost

        faults = passed(workload.ledger, by_shard, given_up)
        assert not faults, f"seed {SEED}: {faults[:5]} ({len(faults)} in all)"
        for shard_id, records in workload.ledger.by_shard().items():
            read = {int(r["SequenceNumber"]) for r in by_shard[shard_id]}
            unread = [s for s, _ in records if s not in read and not given_up(shard_id, s)]
            assert not unread, f"{shard_id}: {len(unread)} acknowledged records are behind the loss, unread"


# ---- one machine, with the operator that it has there


def stream_resource(server):
    url = f"{server.endpoint}/apis/millrace.dev/v1alpha1/namespaces/default/streams/{STREAM}"
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


def annotate(server, value):
    resource = stream_resource(server)
    resource["metadata"].setdefault("annotations", {})["millrace.dev/accept-loss-of"] = value
    url = f"{server.endpoint}/apis/millrace.dev/v1alpha1/namespaces/default/streams/{STREAM}"
    request = urllib.request.Request(url, json.dumps(resource).encode(), {"Content-Type": "application/json"},
                                     method="PUT")
    urllib.request.urlopen(request, timeout=5).close()


def degraded(server):
    conditions = stream_resource(server)["status"]["conditions"]
    return next(c for c in conditions if c["type"] == "Degraded")


def await_reason(server, reason):
    assert kinesis.eventually(lambda: degraded(server)["reason"] == reason, 10), degraded(server)


def test_on_one_machine_a_log_that_is_gone_while_the_store_is_kept_is_missed_until_it_is_given_up():
    with Server() as server:
        client = kinesis.make_client(server.endpoint, **CALL)
        kinesis.create_stream(client, STREAM, **kinesis.on_demand())
        with Workload(server.endpoint, STREAM, SEED) as workload:
            time.sleep(0.7)
            workload.stop()
        server.stop()
        log = server.data / "shard-0"
        log.rename(server.data / "kept")
        server.start()
        await_reason(server, "ExtentsMissing")
        put = client.put_record(StreamName=STREAM, PartitionKey="a", Data=b"after")
        shard_ids = [shard["ShardId"] for shard in kinesis.list_shards(client, STREAM)]
        for shard_id in shard_ids:
            assert not read_on(client, STREAM, shard_id), "something behind the loss was read"
        # The old log back: all of it is read, and what was written meanwhile is missed instead.
        server.stop()
        log.rename(server.data / "second")
        (server.data / "kept").rename(log)
        server.start()
        by_shard = {shard_id: identified(read_on(client, STREAM, shard_id)) for shard_id in shard_ids}
        shards = [{"ShardId": shard_id} for shard_id in shard_ids]
        assert not workload.ledger.faults(shards, by_shard)
        await_reason(server, "ExtentsMissing")
        message = degraded(server)["message"]
        again = client.put_record(StreamName=STREAM, PartitionKey="a", Data=b"again|")
        assert epoch_of(again["SequenceNumber"]) > epoch_of(put["SequenceNumber"])
        annotate(server, message.rsplit("=", 1)[1])
        await_reason(server, "LossAccepted")
        assert "millrace.dev/accept-loss-of" not in stream_resource(server)["metadata"].get("annotations", {})
        after = read_on(client, STREAM, again["ShardId"])
        assert after[-1]["Data"] == b"again|" and after[-1]["SequenceNumber"] == again["SequenceNumber"]
        assert workload.ledger.faults(shards, by_shard) == []
