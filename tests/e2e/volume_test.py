"""A pod and its claim are deleted: what was on the volume is missed and never passed over, comes back with the volume, or
is given up by a person."""

import json

import pytest
from conftest import NAMESPACE, NODES
from kubernetes import condition, get, kubectl, wait
from losses_test import PAUSE_MAX_S, SHARDS, pool_is_whole, shard_pods
from writers import Writers

pytestmark = pytest.mark.skipif(NODES < 2, reason="needs another pod to go on")


@pytest.fixture
def stream(make_stream):
    make_stream("volumes", shards=SHARDS)
    wait("the pool being whole", pool_is_whole, 120)
    return "volumes"


def degraded(stream):
    return condition(get("stream", stream, NAMESPACE), "Degraded")


def await_reason(stream, reason, seconds=60):
    wait(f"Degraded with reason {reason}", lambda: degraded(stream).get("reason") == reason, seconds)


def patch(kind, name, change, *where):
    kubectl("patch", kind, name, *where, "--type=merge", "-p", json.dumps(change))


def volume_of(claim):
    """None while the claim is away or not bound."""
    return (get("pvc", claim, NAMESPACE) or {"spec": {}})["spec"].get("volumeName")


def lose_volume(pod):
    """Deletes claim and pod; the volume itself is kept. Its name."""
    claim = f"data-{pod}"
    volume = volume_of(claim)
    patch("pv", volume, {"spec": {"persistentVolumeReclaimPolicy": "Retain"}})
    kubectl("delete", "pvc", claim, "-n", NAMESPACE, "--wait=false")
    kubectl("delete", "pod", pod, "-n", NAMESPACE, "--grace-period=0", "--force")
    wait("another volume", lambda: volume_of(claim) not in (None, volume), 60)
    return volume


def put_back(pod, volume):
    """What docs/streampool.md says: the next claim of that name gets the old volume."""
    claim = f"data-{pod}"
    patch("pv", volume, {"spec": {"claimRef": {"uid": None, "resourceVersion": None}}})
    kubectl("delete", "pvc", claim, "-n", NAMESPACE, "--wait=false")
    kubectl("delete", "pod", pod, "-n", NAMESPACE, "--grace-period=0", "--force")
    wait("the old volume", lambda: volume_of(claim) == volume, 60)
    wait("the pool being whole", pool_is_whole, 120)


def passed_over(writers):
    """Acknowledged records that a reader who read on behind them was not given."""
    client = writers.make_client(writers.nodes[0], attempts=10, seconds=10)
    faults = []
    for shard in client.list_shards(StreamName=writers.stream)["Shards"]:
        read = {int(record["SequenceNumber"]) for record in writers._read(client, shard["ShardId"])}
        last = max(read, default=-1)
        faults += [payload for sequence, payload in writers.ledger.by_shard().get(shard["ShardId"], [])
                   if sequence <= last and sequence not in read]
    return faults


def test_a_lost_volume_hides_nothing_and_all_is_read_when_it_is_back(stream, make_client):
    with Writers(make_client, stream, SHARDS) as writers:
        writers.wait_for_more(100)
        victim = shard_pods()[0]["metadata"]["name"]
        volume = lose_volume(victim)
        writers.wait_for_more(100)
        await_reason(stream, "ExtentsMissing")
        message = degraded(stream)["message"]
        assert victim in message and "millrace.dev/accept-loss-of=" in message
        wait("the pool saying so", lambda: condition(get("streampool", "default", NAMESPACE), "Degraded").get("reason") == "VolumeReplaced", 60)
    print(f"longest pause {writers.longest_pause():.2f} s: {message}")
    assert writers.longest_pause() <= PAUSE_MAX_S
    faults = passed_over(writers)
    assert not faults, f"{len(faults)} acknowledged records were passed over: {faults[:5]}"
    put_back(victim, volume)
    await_reason(stream, "NoDataLost", 120)
    count, faults = writers.check()
    assert not faults, f"{count} read: {faults[:10]}"


def test_a_loss_that_is_accepted_is_told_and_readers_go_on(stream, make_client):
    with Writers(make_client, stream, SHARDS) as writers:
        writers.wait_for_more(50)
        victim = shard_pods()[0]["metadata"]["name"]
        lose_volume(victim)
        await_reason(stream, "ExtentsMissing")
        volumes = degraded(stream)["message"].rsplit("=", 1)[1]
        kubectl("annotate", "stream", stream, "-n", NAMESPACE, f"millrace.dev/accept-loss-of={volumes}")
        await_reason(stream, "LossAccepted")
        writers.wait_for_more(50)
    client = make_client(attempts=10, seconds=10)
    for shard in client.list_shards(StreamName=stream)["Shards"]:
        newest, _ = writers.ledger.by_shard()[shard["ShardId"]][-1]
        read = [int(record["SequenceNumber"]) for record in writers._read(client, shard["ShardId"])]
        assert read and read[-1] >= newest, "a reader does not get past the loss"
    events = [event["reason"] for event in get("events", namespace=NAMESPACE)]
    assert "LossAccepted" in events
