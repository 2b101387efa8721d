"""A stream with a key of its own, from a Secret: nothing of it is in clear text on a disk, and the key is rotated under load."""

import base64
import os
import subprocess

import pytest
from conftest import NAMESPACE
from kubernetes import apply, cluster, condition, get, is_ready, kubectl, wait
from kubernetes import stream as provisioned
from losses_test import SHARDS, map_of, pool_is_whole, shard_pods
from writers import writing


def set_key(name):
    """A new one, in the Secret's entry."""
    key = base64.b64encode(os.urandom(32).hex().encode()).decode()
    apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": {"key": key}}, namespace=NAMESPACE)


@pytest.fixture
def keyed(release):
    """Applies a Stream whose key is in the Secret; both are deleted after the test."""
    made = []

    def make(name, secret):
        made.append((name, secret))
        apply(provisioned(name, streamModeDetails={"streamMode": "PROVISIONED"}, shardCount=SHARDS, deletionPolicy="Delete",
                          encryption={"encryptionType": "KMS", "keySecretRef": {"name": secret, "key": "key"}}), namespace=NAMESPACE)
        return name
    yield make
    for name, secret in made:
        kubectl("delete", "-n", NAMESPACE, f"stream/{name}", f"secret/{secret}", "--ignore-not-found", "--timeout=60s", check=False, seconds=70)


def why_not_ready(name):
    return condition(get("stream", name, NAMESPACE), "Ready")


def disks_with(text):
    """How many of the cluster's volumes have it."""
    folder = f"{cluster('folder').strip()}/volumes"
    found = subprocess.run(["grep", "-rlaF", text, folder], capture_output=True, text=True, timeout=120, check=False)
    return len(found.stdout.split())


def put_and_wait(client, name, text):
    for shard in range(SHARDS):
        client.put_record(StreamName=name, Data=text.encode(), PartitionKey="a", ExplicitHashKey=str((1 << 128) // SHARDS * shard))


def read_texts(client, name):
    texts = []
    for shard in client.list_shards(StreamName=name)["Shards"]:
        iterator = client.get_shard_iterator(StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        texts += [record["Data"].decode() for record in client.get_records(ShardIterator=iterator)["Records"]]
    return texts


def test_records_are_on_no_disk_in_clear_text(keyed, make_stream, client):
    set_key("own-key")
    keyed("keyed", "own-key")
    _, took = wait("the stream being Ready", lambda: is_ready(get("stream", "keyed", NAMESPACE)), 120)
    print(f"Ready {took:.1f} s after kubectl apply")
    make_stream("plain")
    hidden, shown = f"hidden {os.urandom(8).hex()}", f"shown {os.urandom(8).hex()}"
    put_and_wait(client, "keyed", hidden)
    client.put_record(StreamName="plain", Data=shown.encode(), PartitionKey="a")
    assert client.describe_stream(StreamName="keyed")["StreamDescription"]["EncryptionType"] == "KMS"
    assert condition(get("stream", "keyed", NAMESPACE), "EncryptionReady")["reason"] == "OwnKey"
    assert read_texts(client, "keyed") == [hidden] * SHARDS
    wait("what is not encrypted being on a disk", lambda: disks_with(shown) == 1, 30)
    assert disks_with(hidden) == 0


def test_a_secret_that_is_missing_or_no_key_is_named_and_the_stream_comes_once_it_is_mended(keyed, client):
    keyed("keyless", "late-key")
    wait("the stream saying so", lambda: why_not_ready("keyless").get("reason") == "KeySecretNotFound", 30)
    print(why_not_ready("keyless")["message"])
    apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "late-key"}, "stringData": {"key": "short"}}, namespace=NAMESPACE)
    wait("the stream saying so", lambda: why_not_ready("keyless").get("reason") == "KeySecretInvalid", 60)
    print(why_not_ready("keyless")["message"])
    set_key("late-key")
    _, took = wait("the stream being Ready", lambda: is_ready(get("stream", "keyless", NAMESPACE)), 120)
    print(f"Ready {took:.1f} s after the key is there")
    put_and_wait(client, "keyless", "taken")


def test_a_key_is_rotated_while_records_are_written_and_what_is_older_stays_readable(keyed, make_client):
    wait("the pool being whole", pool_is_whole, 120)
    set_key("turning-key")
    keyed("turning", "turning-key")
    wait("the stream being Ready", lambda: is_ready(get("stream", "turning", NAMESPACE)), 120)
    first = map_of("turning")["spec"]["keyId"]
    with writing(make_client, "turning", SHARDS) as writers:
        set_key("turning-key")
        _, took = wait("the map naming the other key", lambda: map_of("turning")["spec"]["keyId"] != first, 60)
        print(f"rotated after {took:.1f} s")
        writers.wait_for_more(100)
        # All keys are needed to come back.
        kubectl("delete", "pod", shard_pods()[0]["metadata"]["name"], "-n", NAMESPACE, "--grace-period=0", "--force", check=False)
        wait("the pool being whole again", pool_is_whole, 120)
    print(f"longest pause {writers.longest_pause():.2f} s")
    assert writers.longest_pause() <= 3
