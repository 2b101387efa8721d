"""A volume that is full, and is then enlarged."""

import os
import time

import botocore.exceptions
import pytest
from bad_input_test import make_pool  # noqa: F401 (a fixture)
from conftest import AUTHENTICATION, NAMESPACE
from kubernetes import apply, cluster, condition, get, kubectl, wait
from kubernetes import stream as on_demand
from losses_test import SHARDS, pool_is_whole, shard_pods
from writers import writing


def volumes():
    """Of the default pool."""
    return get("pvc", namespace=NAMESPACE, **{"millrace.dev/workload": "default"})


def sizes():
    return {volume["metadata"]["name"]: volume["status"]["capacity"]["storage"] for volume in volumes()}


def enlarge(size):
    kubectl("patch", "streampool", "default", "-n", NAMESPACE, "--type=merge", "-p", f'{{"spec":{{"storage":{{"size":"{size}"}}}}}}')


@pytest.fixture
def stream(make_stream):
    make_stream("growing", shards=SHARDS)
    wait("the pool being whole", pool_is_whole, 120)
    return "growing"


def test_volumes_grow_while_records_are_written(stream, make_client):
    before = [(pod["metadata"]["name"], pod["metadata"]["uid"]) for pod in shard_pods()]
    with writing(make_client, stream, SHARDS) as writers:
        enlarge("1536Mi")
        _, took = wait("every volume having grown", lambda: set(sizes().values()) == {"1536Mi"}, 120)
        print(f"grown after {took:.1f} s")
    assert [(pod["metadata"]["name"], pod["metadata"]["uid"]) for pod in shard_pods()] == before, "growing restarted pods"
    assert writers.longest_pause() < 1


def test_a_pool_never_shrinks(stream):
    with pytest.raises(RuntimeError, match="shrink"):
        enlarge("1Gi")


def test_a_failed_expansion_is_told_and_goes_on_once_it_can(stream):
    refusal = f"{cluster('folder').strip()}/volumes/refuse-expansion"
    with open(refusal, "w", encoding="ascii"):
        pass
    try:
        enlarge("1792Mi")
        wait("a condition that says so",
             lambda: condition(get("streampool", "default", NAMESPACE), "StorageResizing").get("reason") == "ExpansionRefused", 60)
        print(condition(get("streampool", "default", NAMESPACE), "StorageResizing")["message"])
    finally:
        os.remove(refusal)
    _, took = wait("every volume having grown", lambda: set(sizes().values()) == {"1792Mi"}, 120, pause=1)
    print(f"grown {took:.0f} s after there was room again")


def test_a_full_volume_throttles_and_goes_on_once_it_is_enlarged(make_pool, make_client):
    make_pool("small", replicas=1, image="localhost/millrace:dev", imagePullPolicy="Never", authentication=AUTHENTICATION)
    apply(on_demand("full", placement={"poolRef": {"name": "small"}}), namespace=NAMESPACE)
    wait("the stream being Ready", lambda: condition(get("stream", "full", NAMESPACE), "Ready").get("status") == "True", 90)
    # Pods of one pool do not send on to another's yet: this one is asked itself.
    address = f"http://{get('pod', 'small-0', NAMESPACE)['status']['podIP']}:4567"
    client = make_client(attempts=1, address=address)
    acknowledged = fill(client, "full")
    print(f"full after {len(acknowledged)} records of {RECORD_BYTES >> 10} KiB")
    kubectl("patch", "streampool", "small", "-n", NAMESPACE, "--type=merge", "-p", '{"spec":{"storage":{"size":"1280Mi"}}}')
    _, took = wait("a record being taken again", lambda: put(client, "full", "after", acknowledged), 60)
    print(f"a record is taken {took:.1f} s after the volume was told to grow")
    assert took <= 30
    assert len(acknowledged) > 100
    assert not acknowledged - read_names(client, "full")
    kubectl("delete", "stream", "full", "-n", NAMESPACE, "--wait=false")


RECORD_BYTES = 512 << 10


def put(client, name, key, acknowledged):
    try:
        client.put_record(StreamName=name, Data=key.encode().ljust(RECORD_BYTES), PartitionKey="a")
        acknowledged.add(key)
        return True
    except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError):
        return False


def fill(client, name):
    """Puts until nothing has been taken for two seconds; gives what was."""
    acknowledged, number, last = set(), 0, time.monotonic()
    while time.monotonic() - last < 2:
        number += 1
        if put(client, name, str(number), acknowledged):
            last = time.monotonic()
        assert number < 10000, "it does not get full"
    return acknowledged


def read_names(client, name):
    names = set()
    for shard in client.list_shards(StreamName=name)["Shards"]:
        iterator = client.get_shard_iterator(StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        behind = 1
        while behind:
            answer = client.get_records(ShardIterator=iterator)
            names.update(record["Data"].rstrip().decode() for record in answer["Records"])
            iterator, behind = answer["NextShardIterator"], answer["MillisBehindLatest"]
    return names
