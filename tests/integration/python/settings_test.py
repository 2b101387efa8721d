"""What is set on a stream: retention, tags, encryption, monitoring, policy, record size."""

import json

import pytest

import kinesis

SHARD = "shardId-000000000000"


def arn_of(client, name):
    return kinesis.summary(client, name)["StreamARN"]


def refused(client, call, *codes, **arguments):
    with pytest.raises(client.exceptions.ClientError) as error:
        getattr(client, call)(**arguments)
    assert kinesis.code_of(error) in codes, kinesis.message_of(error)
    return kinesis.message_of(error)


def test_retention_goes_up_and_down(client, stream):
    for call, hours in (("increase", 48), ("increase", 8760), ("decrease", 24)):
        getattr(client, f"{call}_stream_retention_period")(StreamName=stream,
                                                           RetentionPeriodHours=hours)
        kinesis.wait_active(client, stream)
        assert kinesis.summary(client, stream)["RetentionPeriodHours"] == hours


def test_retention_outside_its_bounds_is_refused(client, shared_stream):
    short = refused(client, "decrease_stream_retention_period", "InvalidArgumentException",
                    StreamName=shared_stream, RetentionPeriodHours=23)
    assert short == ("Minimum allowed retention period is 24 hours. "
                     "Requested retention period (23 hours) is too short.")
    long = refused(client, "increase_stream_retention_period", "InvalidArgumentException",
                   StreamName=shared_stream, RetentionPeriodHours=8761)
    assert long == ("Maximum allowed retention period is 8760 hours. "
                    "Requested retention period (8761 hours) is too long.")
    wrong_way = refused(client, "decrease_stream_retention_period", "InvalidArgumentException",
                        StreamName=shared_stream, RetentionPeriodHours=48)
    assert wrong_way == (f"Requested retention period (48 hours) for stream {shared_stream} can not be "
                         "longer than existing retention period (24 hours). "
                         "Use IncreaseRetentionPeriod API.")


def stream_tags(client, name):
    return {t["Key"]: t["Value"] for t in client.list_tags_for_stream(StreamName=name)["Tags"]}


def resource_tags(client, arn):
    return {t["Key"]: t["Value"] for t in client.list_tags_for_resource(ResourceARN=arn)["Tags"]}


def test_both_ways_to_tag_a_stream_are_one(client, make_stream):
    name = make_stream(Tags={"made": "with"})
    arn = arn_of(client, name)
    assert stream_tags(client, name) == {"made": "with"}
    client.add_tags_to_stream(StreamName=name, Tags={"a": "1", "b": "2"})
    client.tag_resource(ResourceARN=arn, Tags={"b": "two", "c": ""})
    expected = {"made": "with", "a": "1", "b": "two", "c": ""}
    assert stream_tags(client, name) == expected == resource_tags(client, arn)
    client.remove_tags_from_stream(StreamName=name, TagKeys=["a", "never was"])
    client.untag_resource(ResourceARN=arn, TagKeys=["c"])
    assert stream_tags(client, name) == {"made": "with", "b": "two"} == resource_tags(client, arn)


def test_tags_are_listed_in_pages(client, make_stream):
    name = make_stream(Tags={f"key-{i}": str(i) for i in range(5)})
    first = client.list_tags_for_stream(StreamName=name, Limit=2)
    assert [t["Key"] for t in first["Tags"]] == ["key-0", "key-1"] and first["HasMoreTags"]
    rest = client.list_tags_for_stream(StreamName=name, ExclusiveStartTagKey="key-1")
    assert [t["Key"] for t in rest["Tags"]] == ["key-2", "key-3", "key-4"]
    assert rest["HasMoreTags"] is False


def test_a_fifty_first_tag_is_refused(client, stream):
    client.add_tags_to_stream(StreamName=stream, Tags={f"key-{i}": "" for i in range(50)})
    refused(client, "add_tags_to_stream", "InvalidArgumentException", "LimitExceededException",
            StreamName=stream, Tags={"one more": ""})
    assert len(stream_tags(client, stream)) == 50


def test_a_consumer_has_tags_of_its_own(client, stream):
    consumer = client.register_stream_consumer(StreamARN=arn_of(client, stream), ConsumerName="c",
                                               Tags={"team": "blue"})["Consumer"]
    assert resource_tags(client, consumer["ConsumerARN"]) == {"team": "blue"}
    client.tag_resource(ResourceARN=consumer["ConsumerARN"], Tags={"team": "red"})
    assert resource_tags(client, consumer["ConsumerARN"]) == {"team": "red"}
    assert stream_tags(client, stream) == {}


def test_encryption_starts_and_stops_and_old_records_stay_readable(client, stream):
    def put(data):
        return client.put_record(StreamName=stream, Data=data, PartitionKey="k")["EncryptionType"]

    assert put(b"clear") == "NONE"
    client.start_stream_encryption(StreamName=stream, EncryptionType="KMS", KeyId="alias/aws/kinesis")
    kinesis.wait_active(client, stream)
    summary = kinesis.summary(client, stream)
    assert (summary["EncryptionType"], summary["KeyId"]) == ("KMS", "alias/aws/kinesis")
    assert put(b"secret") == "KMS"
    client.stop_stream_encryption(StreamName=stream, EncryptionType="KMS", KeyId="alias/aws/kinesis")
    kinesis.wait_active(client, stream)
    assert kinesis.summary(client, stream)["EncryptionType"] == "NONE"
    assert put(b"clear again") == "NONE"
    records = kinesis.read_shard(client, stream, SHARD)
    assert [(r["Data"], r["EncryptionType"]) for r in records] == [
        (b"clear", "NONE"), (b"secret", "KMS"), (b"clear again", "NONE")]


def test_enhanced_monitoring_answers_with_before_and_after(client, stream):
    answer = client.enable_enhanced_monitoring(
        StreamName=stream, ShardLevelMetrics=["IncomingBytes", "OutgoingRecords"])
    assert answer["CurrentShardLevelMetrics"] == []
    assert sorted(answer["DesiredShardLevelMetrics"]) == ["IncomingBytes", "OutgoingRecords"]
    kinesis.wait_active(client, stream)
    answer = client.disable_enhanced_monitoring(StreamName=stream, ShardLevelMetrics=["IncomingBytes"])
    assert sorted(answer["CurrentShardLevelMetrics"]) == ["IncomingBytes", "OutgoingRecords"]
    assert answer["DesiredShardLevelMetrics"] == ["OutgoingRecords"]
    kinesis.wait_active(client, stream)
    assert kinesis.summary(client, stream)["EnhancedMonitoring"] == [
        {"ShardLevelMetrics": ["OutgoingRecords"]}]
    client.enable_enhanced_monitoring(StreamName=stream, ShardLevelMetrics=["ALL"])
    kinesis.wait_active(client, stream)
    metrics, = kinesis.summary(client, stream)["EnhancedMonitoring"]
    assert len(metrics["ShardLevelMetrics"]) == 7 and "ALL" not in metrics["ShardLevelMetrics"]


def test_a_resource_policy_is_stored_returned_and_removed(client, stream):
    arn = arn_of(client, stream)
    policy = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
         "Action": ["kinesis:PutRecord"], "Resource": arn}]})
    refused(client, "get_resource_policy", "ResourceNotFoundException", ResourceARN=arn)
    client.put_resource_policy(ResourceARN=arn, Policy=policy)
    assert json.loads(client.get_resource_policy(ResourceARN=arn)["Policy"]) == json.loads(policy)
    client.delete_resource_policy(ResourceARN=arn)
    refused(client, "get_resource_policy", "ResourceNotFoundException", ResourceARN=arn)


def test_a_record_above_one_mebibyte_needs_a_larger_maximum(client, make_stream):
    name = make_stream(**kinesis.on_demand())
    assert kinesis.summary(client, name)["MaxRecordSizeInKiB"] == 1024
    whole = 2**20 - 1  # the key counts, too
    client.put_record(StreamName=name, Data=bytes(whole), PartitionKey="k", ExplicitHashKey="0")
    refused(client, "put_record", "InvalidArgumentException", "ValidationException",
            StreamName=name, Data=bytes(whole + 1), PartitionKey="k")
    client.update_max_record_size(StreamARN=arn_of(client, name), MaxRecordSizeInKiB=10240)
    kinesis.wait_active(client, name)
    assert kinesis.summary(client, name)["MaxRecordSizeInKiB"] == 10240
    large = bytes(range(256)) * (9 * 2**12)
    client.put_record(StreamName=name, Data=large, PartitionKey="k", ExplicitHashKey="0")
    sizes = [len(r["Data"]) for r in kinesis.read_shard(client, name, SHARD)]
    assert sizes == [whole, len(large)]
    assert kinesis.read_shard(client, name, SHARD)[-1]["Data"] == large


@pytest.mark.parametrize("size", [1023, 10241])
def test_a_maximum_record_size_outside_its_bounds_is_refused(careless, client, shared_stream, size):
    refused(careless, "update_max_record_size", "ValidationException",
            StreamARN=arn_of(client, shared_stream), MaxRecordSizeInKiB=size)
