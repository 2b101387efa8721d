"""ListShards: filters and pages over a stream with a past."""

import time

import pytest

import kinesis


@pytest.fixture(scope="module")
def history(client):
    """A stream of one shard, split at a known time: (name, before, between, after)."""
    name = kinesis.create_stream(client, kinesis.unique_name("history"))
    time.sleep(0.1)
    between = time.time()
    time.sleep(0.1)
    client.split_shard(StreamName=name, ShardToSplit="shardId-000000000000",
                       NewStartingHashKey=str(2**127))
    kinesis.wait_active(client, name)
    yield name, between
    client.delete_stream(StreamName=name)


def ids(client, name, **shard_filter):
    options = {"ShardFilter": shard_filter} if shard_filter else {}
    return [int(s["ShardId"].split("-")[1]) for s in kinesis.list_shards(client, name, **options)]


def test_without_a_filter_every_shard_is_listed(client, history):
    assert ids(client, history[0]) == [0, 1, 2]


def test_at_latest_lists_the_open_shards(client, history):
    assert ids(client, history[0], Type="AT_LATEST") == [1, 2]


def test_at_trim_horizon_lists_the_shards_open_back_then(client, history):
    assert ids(client, history[0], Type="AT_TRIM_HORIZON") == [0]


def test_from_trim_horizon_lists_all_up_to_now(client, history):
    assert ids(client, history[0], Type="FROM_TRIM_HORIZON") == [0, 1, 2]


def test_after_shard_id_lists_the_later_ones(client, history):
    assert ids(client, history[0], Type="AFTER_SHARD_ID", ShardId="shardId-000000000000") == [1, 2]
    assert ids(client, history[0], Type="AFTER_SHARD_ID", ShardId="shardId-000000000002") == []


def test_at_timestamp_lists_what_was_open_then(client, history):
    name, between = history
    assert ids(client, name, Type="AT_TIMESTAMP", Timestamp=between) == [0]
    assert ids(client, name, Type="AT_TIMESTAMP", Timestamp=time.time()) == [1, 2]


def test_from_timestamp_lists_what_was_open_then_or_later(client, history):
    name, between = history
    assert ids(client, name, Type="FROM_TIMESTAMP", Timestamp=between) == [0, 1, 2]
    assert ids(client, name, Type="FROM_TIMESTAMP", Timestamp=time.time()) == [1, 2]


def test_exclusive_start_shard_id_starts_after_it(client, history):
    shards = kinesis.list_shards(client, history[0], ExclusiveStartShardId="shardId-000000000001")
    assert [s["ShardId"] for s in shards] == ["shardId-000000000002"]


def test_a_filter_that_lacks_its_value_is_refused(client, history):
    for kind in ("AT_TIMESTAMP", "FROM_TIMESTAMP", "AFTER_SHARD_ID"):
        with pytest.raises(client.exceptions.ClientError) as error:
            client.list_shards(StreamName=history[0], ShardFilter={"Type": kind})
        assert kinesis.code_of(error) in ("InvalidArgumentException", "ValidationException")


def test_pages_list_each_shard_once(client, make_stream):
    """boto3's paginator sends the name with the token, which AWS refuses; so does it here."""
    answer = client.list_shards(StreamName=make_stream(7), MaxResults=3)
    pages = [answer["Shards"]]
    while "NextToken" in answer:
        answer = client.list_shards(NextToken=answer["NextToken"], MaxResults=3)
        pages.append(answer["Shards"])
    assert [len(page) for page in pages] == [3, 3, 1]
    found = [shard["ShardId"] for page in pages for shard in page]
    assert found == [f"shardId-{i:012d}" for i in range(7)]
