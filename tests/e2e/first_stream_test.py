"""From helm install to records, by kubectl and by SDK."""

import time

import botocore.exceptions
from conftest import NAMESPACE, RELEASE
from kubernetes import condition, get, kubectl, run, wait


def read_all(client, name, count, seconds=20):
    """Records of every shard from its beginning, once there are as many."""
    end = time.monotonic() + seconds
    shards = [shard["ShardId"] for shard in client.list_shards(StreamName=name)["Shards"]]
    iterators = {shard: client.get_shard_iterator(StreamName=name, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
                 for shard in shards}
    records = {shard: [] for shard in shards}
    while sum(map(len, records.values())) < count and time.monotonic() < end:
        for shard, iterator in iterators.items():
            answer = client.get_records(ShardIterator=iterator)
            records[shard] += answer["Records"]
            iterators[shard] = answer["NextShardIterator"]
        time.sleep(0.05)
    return records


def answers(client):
    try:
        return bool(client.describe_limits())
    except botocore.exceptions.BotoCoreError:
        return False


def test_a_stream_is_ready_in_ten_seconds_and_takes_and_gives_records(make_stream, client):
    took = make_stream("first", shards=3)
    # The nodes learn of a Service's first pods within a second or so.
    _, more = wait("the Service taking calls", lambda: answers(client), 10 - took)
    print(f"Ready {took:.1f} s after kubectl apply, the Service takes calls {more:.1f} s later")
    payloads = {f"record {number}".encode() for number in range(100)}
    entries = [{"Data": payload, "PartitionKey": payload.decode()} for payload in sorted(payloads)]
    assert client.put_records(StreamName="first", Records=entries)["FailedRecordCount"] == 0
    records = read_all(client, "first", 100)
    assert {record["Data"] for shard in records.values() for record in shard} == payloads


def test_a_second_stream_is_ready_at_once(make_stream):
    took = make_stream("second")
    print(f"Ready {took:.2f} s after kubectl apply")
    assert took < 5


def test_a_stream_made_by_sdk_is_a_resource_and_one_deleted_by_kubectl_is_gone_for_the_sdk(client):
    client.create_stream(StreamName="by-sdk", ShardCount=2)
    client.get_waiter("stream_exists").wait(StreamName="by-sdk", WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    assert get("stream", "by-sdk", NAMESPACE)["spec"]["shardCount"] == 2
    assert "by-sdk" in kubectl("get", "streams", "-n", NAMESPACE)
    kubectl("delete", "stream", "by-sdk", "-n", NAMESPACE, "--timeout=30s")
    wait("the stream being gone", lambda: "by-sdk" not in client.list_streams()["StreamNames"], 20)


def test_every_pod_of_the_pool_takes_any_request(make_stream, make_client, nodes):
    make_stream("anywhere", shards=4)
    for number in range(40):
        make_client(nodes[number % len(nodes)]).put_record(StreamName="anywhere", Data=b"%d" % number, PartitionKey=str(number))
    records = read_all(make_client(nodes[-1]), "anywhere", 40)
    assert sorted(int(record["Data"]) for shard in records.values() for record in shard) == list(range(40))


def test_boto3_in_a_pod_writes_and_reads(make_stream, python_in_a_pod):
    make_stream("from-a-pod")
    output = python_in_a_pod("sdk", """
import boto3
client = boto3.client("kinesis")
client.put_record(StreamName="from-a-pod", Data=b"hello", PartitionKey="a")
shard = client.list_shards(StreamName="from-a-pod")["Shards"][0]["ShardId"]
iterator = client.get_shard_iterator(StreamName="from-a-pod", ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
print([record["Data"] for record in client.get_records(ShardIterator=iterator)["Records"]])
""")
    assert "[b'hello']" in output


def test_helm_test_writes_and_reads_a_record(release):
    assert "Phase:          Succeeded" in run("helm", "test", RELEASE, "-n", NAMESPACE, "--timeout=90s", seconds=120).stdout


def test_the_pool_says_that_it_is_well(make_stream):
    make_stream("for-the-pool")
    wait("the pool being Ready", lambda: condition(get("streampool", "default", NAMESPACE), "Ready").get("status") == "True", 60)
    storage = get("streampool", "default", NAMESPACE)["status"]["storage"]
    assert storage["actual"] == storage["requested"]
