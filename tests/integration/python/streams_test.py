"""The life of a stream: create, describe, list, change its mode, delete."""

import pytest

import kinesis

FAST = {"Delay": 1, "MaxAttempts": 20}


def test_a_created_stream_becomes_active_and_the_waiter_sees_it(client):
    name = kinesis.unique_name()
    client.create_stream(StreamName=name, ShardCount=2)
    client.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig=FAST)
    description = client.describe_stream(StreamName=name)["StreamDescription"]
    assert description["StreamStatus"] == "ACTIVE"
    assert description["StreamName"] == name
    assert description["StreamModeDetails"] == {"StreamMode": "PROVISIONED"}
    assert description["RetentionPeriodHours"] == 24
    assert description["EncryptionType"] == "NONE"
    assert description["HasMoreShards"] is False
    assert description["EnhancedMonitoring"] == [{"ShardLevelMetrics": []}]
    assert description["StreamCreationTimestamp"].year >= 2025
    client.delete_stream(StreamName=name)
    client.get_waiter("stream_not_exists").wait(StreamName=name, WaiterConfig=FAST)


def test_the_summary_counts_shards_and_consumers(client, make_stream):
    name = make_stream(3)
    summary = kinesis.summary(client, name)
    assert summary["OpenShardCount"] == 3
    assert summary["ConsumerCount"] == 0
    assert summary["StreamARN"] == f"arn:aws:kinesis:us-east-1:000000000000:stream/{name}"


@pytest.mark.parametrize("count", [1, 2, 3, 7, 16])
def test_the_shards_of_a_new_stream_partition_the_hash_space_evenly(client, make_stream, count):
    shards = kinesis.list_shards(client, make_stream(count))
    assert [shard["ShardId"] for shard in shards] == [f"shardId-{i:012d}" for i in range(count)]
    assert kinesis.covers_hash_space(shards)
    sizes = [int(s["HashKeyRange"]["EndingHashKey"]) - int(s["HashKeyRange"]["StartingHashKey"])
             for s in shards]
    assert max(sizes) - min(sizes) <= count


def test_an_on_demand_stream_starts_with_four_shards(client, make_stream):
    name = make_stream(**kinesis.on_demand())
    summary = kinesis.summary(client, name)
    assert summary["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}
    assert summary["OpenShardCount"] == 4


def test_the_mode_changes_both_ways_and_keeps_the_shards(client, make_stream):
    name = make_stream(2)
    arn = kinesis.summary(client, name)["StreamARN"]
    for mode in ("ON_DEMAND", "PROVISIONED"):
        client.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": mode})
        kinesis.wait_active(client, name)
        summary = kinesis.summary(client, name)
        assert summary["StreamModeDetails"] == {"StreamMode": mode}
        assert summary["OpenShardCount"] == 2


def test_a_stream_is_found_by_its_arn_alone(client, stream):
    arn = kinesis.summary(client, stream)["StreamARN"]
    assert client.describe_stream(StreamARN=arn)["StreamDescription"]["StreamName"] == stream
    put = client.put_record(StreamARN=arn, Data=b"by arn", PartitionKey="k")
    assert put["ShardId"] == "shardId-000000000000"
    assert [r["Data"] for r in kinesis.read_shard(client, stream, put["ShardId"])] == [b"by arn"]


def test_describe_stream_pages_through_the_shards(client, make_stream):
    name = make_stream(5)
    first = client.describe_stream(StreamName=name, Limit=2)["StreamDescription"]
    assert [len(first["Shards"]), first["HasMoreShards"]] == [2, True]
    rest = client.describe_stream(StreamName=name, Limit=10,
                                  ExclusiveStartShardId=first["Shards"][-1]["ShardId"])
    rest = rest["StreamDescription"]
    assert [len(rest["Shards"]), rest["HasMoreShards"]] == [3, False]
    pages = client.get_paginator("describe_stream").paginate(StreamName=name,
                                                             PaginationConfig={"PageSize": 2})
    ids = [shard["ShardId"] for page in pages for shard in page["StreamDescription"]["Shards"]]
    assert ids == [f"shardId-{i:012d}" for i in range(5)]


def test_list_streams_shows_names_in_order_and_summaries(client, make_stream):
    mine = sorted(make_stream() for _ in range(3))
    names, summaries = [], {}
    for page in client.get_paginator("list_streams").paginate(PaginationConfig={"PageSize": 2}):
        names += page["StreamNames"]
        summaries |= {s["StreamName"]: s for s in page["StreamSummaries"]}
    assert names == sorted(names)
    assert [name for name in names if name in mine] == mine
    assert summaries[mine[0]]["StreamStatus"] == "ACTIVE"
    assert summaries[mine[0]]["StreamModeDetails"] == {"StreamMode": "PROVISIONED"}
    after = client.list_streams(ExclusiveStartStreamName=mine[1])["StreamNames"]
    assert mine[2] in after and mine[1] not in after


def test_a_name_is_free_again_after_delete_and_the_new_stream_is_empty(client, make_stream):
    name = make_stream()
    client.put_record(StreamName=name, Data=b"old", PartitionKey="k")
    client.delete_stream(StreamName=name)
    kinesis.wait_gone(client, name)
    kinesis.create_stream(client, name)
    assert kinesis.read_shard(client, name, "shardId-000000000000") == []
    client.put_record(StreamName=name, Data=b"new", PartitionKey="k")
    records = kinesis.read_shard(client, name, "shardId-000000000000")
    assert [r["Data"] for r in records] == [b"new"]


def test_creating_a_stream_twice_is_refused(client, stream):
    with pytest.raises(client.exceptions.ResourceInUseException) as error:
        client.create_stream(StreamName=stream, ShardCount=1)
    assert kinesis.message_of(error) == f"Stream {stream} under account 000000000000 already exists."


def test_a_stream_with_consumers_is_deleted_only_when_told_so(client, stream):
    arn = kinesis.summary(client, stream)["StreamARN"]
    client.register_stream_consumer(StreamARN=arn, ConsumerName="reader")
    with pytest.raises(client.exceptions.ResourceInUseException):
        client.delete_stream(StreamName=stream)
    kinesis.wait_active(client, stream)
    client.delete_stream(StreamName=stream, EnforceConsumerDeletion=True)
    kinesis.wait_gone(client, stream)


def test_every_region_is_accepted(client, stream):
    elsewhere = kinesis.boto3.session.Session(region_name="eu-central-7").client("kinesis")
    name = kinesis.unique_name()
    elsewhere.create_stream(StreamName=name, ShardCount=1)
    kinesis.wait_active(elsewhere, name)
    elsewhere.delete_stream(StreamName=name)


def test_record_distribution_is_described(client, make_stream):
    name = make_stream(**kinesis.on_demand())
    arn = kinesis.summary(client, name)["StreamARN"]
    client.update_stream_record_distribution_strategy(StreamARN=arn, RecordDistributionStrategy="AUTO")
    kinesis.wait_active(client, name)
    assert kinesis.summary(client, name)["RecordDistributionStrategy"] == "AUTO"
