"""The CBOR body that the Java SDK, the KCL and Flink speak, on the wire: blobs are byte strings, times are
tag 1 with milliseconds, errors are CBOR, too; and the two bodies meet in one stream."""

import time

import pytest

import cbor
import kinesis
import wire

SHARD = "shardId-000000000000"


def call(endpoint, operation, document, indefinite=False):
    """(status, answer) of a CBOR request."""
    body = cbor.encode(document, indefinite)
    status, answer = wire.exchange(endpoint, wire.request(operation, body, content_type=wire.CBOR))
    return status, cbor.decode(answer) if answer else None


@pytest.mark.parametrize("indefinite", [False, True], ids=["definite", "indefinite"])
def test_records_put_in_cbor_are_read_in_cbor_and_in_json(endpoint, client, stream, indefinite):
    data = bytes(range(256))
    status, put = call(endpoint, "PutRecord", {"StreamName": stream, "Data": data, "PartitionKey": "k"},
                       indefinite)
    assert status == 200 and put["ShardId"] == SHARD
    status, many = call(endpoint, "PutRecords", {"StreamName": stream, "Records": [
        {"Data": bytes([i]), "PartitionKey": "k"} for i in range(3)]}, indefinite)
    assert status == 200 and many["FailedRecordCount"] == 0 and len(many["Records"]) == 3
    _, position = call(endpoint, "GetShardIterator", {"StreamName": stream, "ShardId": SHARD,
                                                      "ShardIteratorType": "TRIM_HORIZON"}, indefinite)
    status, answer = call(endpoint, "GetRecords", {"ShardIterator": position["ShardIterator"]})
    assert status == 200
    assert [r["Data"] for r in answer["Records"]] == [data, b"\0", b"\1", b"\2"]
    arrived = answer["Records"][0]["ApproximateArrivalTimestamp"]
    assert arrived.tag == 1 and isinstance(arrived.value, int)
    assert abs(arrived.value - time.time() * 1000) < 60_000
    assert [r["Data"] for r in kinesis.read_shard(client, stream, SHARD)] == [data, b"\0", b"\1", b"\2"]


def test_a_time_in_a_request_is_milliseconds(endpoint, client, stream):
    client.put_record(StreamName=stream, Data=b"old", PartitionKey="k")
    time.sleep(0.05)
    then = int(time.time() * 1000)
    client.put_record(StreamName=stream, Data=b"new", PartitionKey="k")
    _, position = call(endpoint, "GetShardIterator", {
        "StreamName": stream, "ShardId": SHARD, "ShardIteratorType": "AT_TIMESTAMP",
        "Timestamp": cbor.Tagged(1, then - 20)})
    _, answer = call(endpoint, "GetRecords", position)
    assert [r["Data"] for r in answer["Records"]] == [b"new"]


def test_a_description_has_its_times_tagged(endpoint, stream):
    status, answer = call(endpoint, "DescribeStreamSummary", {"StreamName": stream})
    created = answer["StreamDescriptionSummary"]["StreamCreationTimestamp"]
    assert status == 200 and created.tag == 1 and abs(created.value - time.time() * 1000) < 60_000


@pytest.mark.parametrize("operation,document,kind", [
    ("DescribeStream", {"StreamName": "cbor-missing"}, "ResourceNotFoundException"),
    ("PutRecord", {"StreamName": "cbor-missing", "Data": b"", "PartitionKey": "k"},
     "ResourceNotFoundException"),
    ("ListStreams", {"Limit": "three"}, "SerializationException"),
    ("CreateStream", {"StreamName": "not a name", "ShardCount": 1}, "ValidationException"),
    ("Frobnicate", {}, "UnknownOperationException"),
])
def test_an_error_is_cbor_too(endpoint, operation, document, kind):
    status, answer = call(endpoint, operation, document)
    assert status == 400 and answer["__type"].split("#")[-1] == kind


def test_put_records_of_the_largest_size_in_cbor(endpoint, client, make_stream):
    name = make_stream(**kinesis.on_demand())
    records = [{"Data": bytes([i % 256]) * 20_000, "PartitionKey": f"key-{i}"} for i in range(500)]
    status, answer = call(endpoint, "PutRecords", {"StreamName": name, "Records": records})
    assert status == 200 and answer["FailedRecordCount"] == 0
    read = [r for records in kinesis.read_stream(client, name).values() for r in records]
    assert sorted(r["Data"] for r in read) == sorted(r["Data"] for r in records)
