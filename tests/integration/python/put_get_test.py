"""Records in, the same records out: order, iterators, hash keys, times."""

import datetime
import hashlib
import time

import pytest

import kinesis

SHARD = "shardId-000000000000"


def put(client, name, data, key="k", **options):
    return client.put_record(StreamName=name, Data=data, PartitionKey=key, **options)


def data_of(records):
    return [record["Data"] for record in records]


def test_a_record_comes_back_as_it_was_put(client, stream):
    answer = put(client, stream, bytes(range(256)), key="ключ/キー")
    assert answer["ShardId"] == SHARD
    assert answer["EncryptionType"] == "NONE"
    assert answer["SequenceNumber"].isdigit() and len(answer["SequenceNumber"]) == 56
    record, = kinesis.read_shard(client, stream, SHARD)
    assert record["Data"] == bytes(range(256))
    assert record["PartitionKey"] == "ключ/キー"
    assert record["SequenceNumber"] == answer["SequenceNumber"]
    age = datetime.datetime.now(datetime.timezone.utc) - record["ApproximateArrivalTimestamp"]
    assert abs(age.total_seconds()) < 60


def test_an_empty_record_and_a_256_character_key_are_fine(client, stream):
    put(client, stream, b"", key="é" * 256)
    record, = kinesis.read_shard(client, stream, SHARD)
    assert record["Data"] == b"" and record["PartitionKey"] == "é" * 256


def test_records_are_read_in_the_order_of_their_sequence_numbers(client, make_stream):
    name = make_stream(**kinesis.on_demand())
    sent = []
    for i in range(60):
        answer = put(client, name, str(i).encode(), ExplicitHashKey="0")
        sent.append((int(answer["SequenceNumber"]), str(i).encode()))
    assert sent == sorted(sent)
    read = [(int(r["SequenceNumber"]), r["Data"]) for r in kinesis.read_shard(client, name, SHARD)]
    assert read == sent


def test_put_records_keeps_its_order_within_a_shard(client, make_stream):
    name = make_stream(**kinesis.on_demand())
    entries = [{"Data": str(i).encode(), "PartitionKey": f"key-{i}"} for i in range(500)]
    answer = client.put_records(StreamName=name, Records=entries)
    assert answer["FailedRecordCount"] == 0 and len(answer["Records"]) == 500
    sent = {}
    for entry, result in zip(entries, answer["Records"]):
        sent.setdefault(result["ShardId"], []).append((result["SequenceNumber"], entry["Data"]))
    for shard_id, records in kinesis.read_stream(client, name).items():
        read = [(r["SequenceNumber"], r["Data"]) for r in records]
        assert sorted(read, key=lambda r: int(r[0])) == read
        assert sorted(read) == sorted(sent.get(shard_id, []))


def test_the_partition_key_hash_chooses_the_shard(client, make_stream):
    name = make_stream(8)
    shards = kinesis.list_shards(client, name)
    for i in range(40):
        key = f"user-{i}"
        hash_key = int.from_bytes(hashlib.md5(key.encode()).digest(), "big")
        expected, = [s["ShardId"] for s in shards
                     if int(s["HashKeyRange"]["StartingHashKey"]) <= hash_key
                     <= int(s["HashKeyRange"]["EndingHashKey"])]
        assert put(client, name, b"x", key=key)["ShardId"] == expected


def test_an_explicit_hash_key_overrides_the_partition_key(client, make_stream):
    name = make_stream(4)
    for shard in kinesis.list_shards(client, name):
        for edge in ("StartingHashKey", "EndingHashKey"):
            answer = put(client, name, b"x", ExplicitHashKey=shard["HashKeyRange"][edge])
            assert answer["ShardId"] == shard["ShardId"]
    answer = client.put_records(StreamName=name, Records=[
        {"Data": b"x", "PartitionKey": "same", "ExplicitHashKey": s["HashKeyRange"]["StartingHashKey"]}
        for s in kinesis.list_shards(client, name)])
    assert [r["ShardId"] for r in answer["Records"]] == [f"shardId-{i:012d}" for i in range(4)]


def test_sequence_number_for_ordering_gives_a_later_number(client, stream):
    last = put(client, stream, b"0")["SequenceNumber"]
    for i in range(1, 10):
        answer = put(client, stream, str(i).encode(), SequenceNumberForOrdering=last)
        assert int(answer["SequenceNumber"]) > int(last)
        last = answer["SequenceNumber"]


@pytest.fixture(scope="module")
def ten(client):
    """A stream with the records 0 to 9 in two halves a moment apart: name, answers, the moment."""
    name = kinesis.create_stream(client, kinesis.unique_name("ten"), 0,
                                 StreamModeDetails={"StreamMode": "ON_DEMAND"})
    first = [put(client, name, str(i).encode(), ExplicitHashKey="0") for i in range(5)]
    time.sleep(0.05)
    middle = kinesis.read_shard(client, name, SHARD)[-1]["ApproximateArrivalTimestamp"]
    middle += datetime.timedelta(milliseconds=20)
    second = [put(client, name, str(i).encode(), ExplicitHashKey="0") for i in range(5, 10)]
    yield name, first + second, middle
    client.delete_stream(StreamName=name)


def test_trim_horizon_reads_everything(client, ten):
    name, _, _ = ten
    assert data_of(kinesis.read_shard(client, name, SHARD)) == [str(i).encode() for i in range(10)]


@pytest.mark.parametrize("at", [0, 4, 9])
def test_at_sequence_number_starts_with_that_record(client, ten, at):
    name, answers, _ = ten
    records = kinesis.read_shard(client, name, SHARD, "AT_SEQUENCE_NUMBER",
                                 StartingSequenceNumber=answers[at]["SequenceNumber"])
    assert data_of(records) == [str(i).encode() for i in range(at, 10)]


@pytest.mark.parametrize("at", [0, 4, 9])
def test_after_sequence_number_starts_with_the_next_record(client, ten, at):
    name, answers, _ = ten
    records = kinesis.read_shard(client, name, SHARD, "AFTER_SEQUENCE_NUMBER",
                                 StartingSequenceNumber=answers[at]["SequenceNumber"])
    assert data_of(records) == [str(i).encode() for i in range(at + 1, 10)]


def test_the_shards_starting_sequence_number_reads_everything(client, ten):
    name, _, _ = ten
    start = kinesis.list_shards(client, name)[0]["SequenceNumberRange"]["StartingSequenceNumber"]
    for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
        records = kinesis.read_shard(client, name, SHARD, kind, StartingSequenceNumber=start)
        assert len(records) == 10


def test_at_timestamp_starts_with_the_first_record_from_then_on(client, ten):
    name, _, middle = ten
    records = kinesis.read_shard(client, name, SHARD, "AT_TIMESTAMP", Timestamp=middle)
    assert data_of(records) == [str(i).encode() for i in range(5, 10)]
    long_ago = middle - datetime.timedelta(days=3)
    records = kinesis.read_shard(client, name, SHARD, "AT_TIMESTAMP", Timestamp=long_ago)
    assert len(records) == 10
    last = kinesis.read_shard(client, name, SHARD)[-1]["ApproximateArrivalTimestamp"]
    assert kinesis.read_shard(client, name, SHARD, "AT_TIMESTAMP",
                              Timestamp=last + datetime.timedelta(milliseconds=1)) == []


def test_latest_reads_only_what_comes_after_it(client, stream):
    put(client, stream, b"before")
    position = kinesis.iterator(client, stream, SHARD, "LATEST")
    put(client, stream, b"after")
    assert data_of(kinesis.read_from(client, position, until=1)) == [b"after"]


def test_an_iterator_can_be_used_again_and_gives_the_same(client, ten):
    name, _, _ = ten
    position = kinesis.iterator(client, name, SHARD)
    once = kinesis.get_records(client, position, limit=3)
    again = kinesis.get_records(client, position, limit=3)
    assert data_of(once["Records"]) == data_of(again["Records"]) == [b"0", b"1", b"2"]
    following = kinesis.get_records(client, once["NextShardIterator"], limit=3)
    assert data_of(following["Records"]) == [b"3", b"4", b"5"]


def test_millis_behind_latest_falls_to_zero_at_the_tip(client, ten):
    name, _, _ = ten
    first = kinesis.get_records(client, kinesis.iterator(client, name, SHARD), limit=1)
    assert first["MillisBehindLatest"] > 0
    last = kinesis.get_records(client, first["NextShardIterator"])
    tip = kinesis.get_records(client, last["NextShardIterator"])
    assert tip["Records"] == [] and tip["MillisBehindLatest"] == 0 and tip["NextShardIterator"]


def test_get_records_stops_at_ten_mebibytes(client, make_stream):
    name = make_stream(**kinesis.on_demand())
    for _ in range(3):
        answer = client.put_records(StreamName=name, Records=[
            {"Data": bytes(1000 * 1000), "PartitionKey": "k", "ExplicitHashKey": "0"}] * 5)
        assert answer["FailedRecordCount"] == 0
    first = kinesis.get_records(client, kinesis.iterator(client, name, SHARD))
    size = sum(len(r["Data"]) for r in first["Records"])
    assert 0 < size <= 10 * 2**20
    assert len(kinesis.read_shard(client, name, SHARD)) == 15
