"""PutRecords: limits of a call, limits of a shard, one verdict a record."""

import pytest

import kinesis


def entries(count, size, key="k"):
    return [{"Data": bytes([i % 251]) * size, "PartitionKey": key} for i in range(count)]


def test_past_a_shards_byte_rate_records_fail_one_by_one(impatient, client, stream):
    sent = entries(500, 9_000)
    answer = impatient.put_records(StreamName=stream, Records=sent)
    failed = [r for r in answer["Records"] if "ErrorCode" in r]
    taken = [r for r in answer["Records"] if "SequenceNumber" in r]
    assert len(answer["Records"]) == 500 == len(failed) + len(taken)
    assert answer["FailedRecordCount"] == len(failed) > 0
    assert 0 < len(taken) * 9_000 <= 2 * 2**20
    for record in failed:
        assert record["ErrorCode"] == "ProvisionedThroughputExceededException"
        assert record["ErrorMessage"] == (f"Rate exceeded for shard shardId-000000000000 in stream "
                                          f"{stream} under account 000000000000.")
        assert "SequenceNumber" not in record and "ShardId" not in record
    read = kinesis.read_shard(client, stream, "shardId-000000000000", until=len(taken))
    assert [r["SequenceNumber"] for r in read] == [r["SequenceNumber"] for r in taken]
    accepted = [entry["Data"] for entry, result in zip(sent, answer["Records"])
                if "SequenceNumber" in result]
    assert [r["Data"] for r in read] == accepted


def test_past_a_shards_record_rate_records_fail(impatient, stream):
    taken = throttled = 0
    for _ in range(6):
        answer = impatient.put_records(StreamName=stream, Records=entries(500, 1))
        throttled += answer.get("FailedRecordCount", 0)
        taken += 500 - answer.get("FailedRecordCount", 0)
    assert taken >= 1000 and throttled > 0


def test_past_a_shards_byte_rate_put_record_is_throttled(impatient, stream):
    with pytest.raises(impatient.exceptions.ProvisionedThroughputExceededException) as error:
        for _ in range(20):
            impatient.put_record(StreamName=stream, Data=bytes(1000 * 1000), PartitionKey="k")
    assert "Rate exceeded for shard shardId-000000000000" in kinesis.message_of(error)


def test_a_throttled_shard_does_not_fail_the_records_of_another(impatient, make_stream):
    name = make_stream(2)
    last = str(kinesis.HASH_KEY_END)
    hot = [{**entry, "ExplicitHashKey": "0"} for entry in entries(499, 9_000)]
    cold = {"Data": b"cold", "PartitionKey": "k", "ExplicitHashKey": last}
    answer = impatient.put_records(StreamName=name, Records=[*hot, cold])
    assert answer["FailedRecordCount"] > 0
    assert answer["Records"][-1]["ShardId"] == "shardId-000000000001"


def test_an_on_demand_shard_takes_what_the_machine_gives(impatient, make_stream):
    name = make_stream(**kinesis.on_demand())
    for _ in range(4):
        records = [{**entry, "ExplicitHashKey": "0"} for entry in entries(500, 9_000)]
        assert impatient.put_records(StreamName=name, Records=records)["FailedRecordCount"] == 0


def test_501_records_are_refused(impatient, shared_stream):
    with pytest.raises(impatient.exceptions.ClientError) as error:
        impatient.put_records(StreamName=shared_stream, Records=entries(501, 1))
    assert kinesis.code_of(error) == "ValidationException"
    assert "Member must have length less than or equal to 500" in kinesis.message_of(error)


def test_more_than_ten_mebibytes_in_a_call_are_refused(impatient, make_stream):
    name = make_stream(**kinesis.on_demand())
    big = entries(11, 1000 * 1000)
    with pytest.raises(impatient.exceptions.ClientError) as error:
        impatient.put_records(StreamName=name, Records=big)
    assert kinesis.code_of(error) == "InvalidArgumentException"
    assert impatient.put_records(StreamName=name, Records=big[:10])["FailedRecordCount"] == 0


def test_one_bad_record_refuses_the_whole_call(impatient, stream, client):
    records = [*entries(3, 10), {"Data": b"x", "PartitionKey": "k", "ExplicitHashKey": str(2**128)}]
    with pytest.raises(impatient.exceptions.InvalidArgumentException) as error:
        impatient.put_records(StreamName=stream, Records=records)
    assert "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. " in \
        kinesis.message_of(error)
    assert kinesis.read_shard(client, stream, "shardId-000000000000") == []


def test_reads_of_a_provisioned_shard_are_limited(impatient, shared_stream):
    position = kinesis.iterator(impatient, shared_stream, "shardId-000000000000")
    with pytest.raises(impatient.exceptions.ProvisionedThroughputExceededException):
        for _ in range(30):
            impatient.get_records(ShardIterator=position)
