"""Enhanced fan-out: registering consumers, and SubscribeToShard as boto3 reads it (HTTP/1.1)."""

import contextlib
import datetime
import threading
import time

import pytest
from botocore.exceptions import EventStreamError

import kinesis

SHARD = "shardId-000000000000"


def register(client, stream, name="reader"):
    arn = kinesis.summary(client, stream)["StreamARN"]
    consumer = client.register_stream_consumer(StreamARN=arn, ConsumerName=name)["Consumer"]
    active = kinesis.eventually(lambda: describe(client, consumer)["ConsumerStatus"] == "ACTIVE",
                                every_s=0)
    assert active
    return consumer["ConsumerARN"]


def describe(client, consumer):
    return client.describe_stream_consumer(ConsumerARN=consumer["ConsumerARN"])["ConsumerDescription"]


def put(client, name, *data):
    return [client.put_record(StreamName=name, Data=d, PartitionKey="k", ExplicitHashKey="0")
            ["SequenceNumber"] for d in data]


@contextlib.contextmanager
def subscription(client, consumer_arn, kind="TRIM_HORIZON", shard=SHARD, **position):
    answer = client.subscribe_to_shard(ConsumerARN=consumer_arn, ShardId=shard,
                                       StartingPosition={"Type": kind, **position})
    try:
        yield (event["SubscribeToShardEvent"] for event in answer["EventStream"])
    finally:
        answer["EventStream"].close()


def take(events, count, timeout_s=15):
    """Records from a subscription until there are `count`."""
    records, end = [], time.monotonic() + timeout_s
    for event in events:
        records += event["Records"]
        if len(records) >= count or time.monotonic() > end:
            return records
    return records


def test_a_consumer_is_registered_described_listed_and_removed(client, stream):
    arn = kinesis.summary(client, stream)["StreamARN"]
    consumer = client.register_stream_consumer(StreamARN=arn, ConsumerName="one")["Consumer"]
    created = int(consumer["ConsumerCreationTimestamp"].timestamp())
    assert consumer["ConsumerARN"] == f"{arn}/consumer/one:{created}"
    assert consumer["ConsumerStatus"] in ("CREATING", "ACTIVE")
    assert kinesis.eventually(lambda: describe(client, consumer)["ConsumerStatus"] == "ACTIVE")
    by_name = client.describe_stream_consumer(StreamARN=arn, ConsumerName="one")
    assert by_name["ConsumerDescription"]["StreamARN"] == arn
    assert [c["ConsumerName"] for c in client.list_stream_consumers(StreamARN=arn)["Consumers"]] == \
        ["one"]
    assert kinesis.summary(client, stream)["ConsumerCount"] == 1
    client.deregister_stream_consumer(ConsumerARN=consumer["ConsumerARN"])
    assert kinesis.eventually(lambda: not client.list_stream_consumers(StreamARN=arn)["Consumers"])
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        describe(client, consumer)


def test_a_consumer_that_is_active_can_subscribe_at_once(impatient, make_stream):
    refused = []
    for name in (make_stream(), make_stream()):
        for i in range(18):
            arn = register(impatient, name, f"c{i}")
            try:
                with subscription(impatient, arn, "LATEST"):
                    pass
            except impatient.exceptions.ResourceNotFoundException as error:
                refused.append(str(error))
    assert refused == []


def test_the_same_name_twice_and_a_twenty_first_consumer_are_refused(client, stream):
    arn = kinesis.summary(client, stream)["StreamARN"]
    for i in range(20):
        register(client, stream, f"c{i}")
    with pytest.raises(client.exceptions.ResourceInUseException):
        client.register_stream_consumer(StreamARN=arn, ConsumerName="c0")
    with pytest.raises(client.exceptions.LimitExceededException):
        client.register_stream_consumer(StreamARN=arn, ConsumerName="c20")
    pages = client.get_paginator("list_stream_consumers").paginate(
        StreamARN=arn, PaginationConfig={"PageSize": 7})
    names = [c["ConsumerName"] for page in pages for c in page["Consumers"]]
    assert sorted(names) == sorted(f"c{i}" for i in range(20))


def test_a_subscription_gives_what_was_there_and_what_comes(client, stream):
    arn = register(client, stream)
    put(client, stream, b"before-1", b"before-2")
    with subscription(client, arn) as events:
        assert [r["Data"] for r in take(events, 2)] == [b"before-1", b"before-2"]
        put(client, stream, b"after")
        record, = take(events, 1)
        assert record["Data"] == b"after" and record["PartitionKey"] == "k"
        age = datetime.datetime.now(datetime.timezone.utc) - record["ApproximateArrivalTimestamp"]
        assert abs(age.total_seconds()) < 60


@pytest.mark.parametrize("kind,expected", [("AT_SEQUENCE_NUMBER", [b"b", b"c"]),
                                           ("AFTER_SEQUENCE_NUMBER", [b"c"])])
def test_a_subscription_starts_at_a_sequence_number(client, stream, kind, expected):
    arn = register(client, stream)
    numbers = put(client, stream, b"a", b"b", b"c")
    with subscription(client, arn, kind, SequenceNumber=numbers[1]) as events:
        assert [r["Data"] for r in take(events, len(expected))] == expected


def test_a_subscription_starts_at_a_time(client, stream):
    arn = register(client, stream)
    put(client, stream, b"old")
    time.sleep(0.05)
    arrived = kinesis.read_shard(client, stream, SHARD)[0]["ApproximateArrivalTimestamp"]
    put(client, stream, b"new")
    then = arrived + datetime.timedelta(milliseconds=10)
    with subscription(client, arn, "AT_TIMESTAMP", Timestamp=then) as events:
        assert [r["Data"] for r in take(events, 1)] == [b"new"]


def test_a_latest_subscription_starts_now(client, stream):
    arn = register(client, stream)
    put(client, stream, b"old")
    with subscription(client, arn, "LATEST") as events:
        put(client, stream, b"new")
        assert [r["Data"] for r in take(events, 1)] == [b"new"]


def test_the_continuation_number_of_an_event_leads_on_without_gap(client, stream):
    arn, other = register(client, stream), register(client, stream, "other")
    put(client, stream, b"1", b"2")
    with subscription(client, arn) as events:
        event = next(event for event in events if event["Records"])
    seen = [r["Data"] for r in event["Records"]]
    put(client, stream, b"3")
    with subscription(client, other, "AFTER_SEQUENCE_NUMBER",
                      SequenceNumber=event["ContinuationSequenceNumber"]) as events:
        seen += [r["Data"] for r in take(events, 3 - len(seen))]
    assert seen == [b"1", b"2", b"3"]


def test_an_idle_subscription_sends_empty_events(client, stream):
    arn = register(client, stream)
    with subscription(client, arn, "LATEST") as events:
        start = time.monotonic()
        idle = [next(events) for _ in range(2)]
        assert time.monotonic() - start < 14
    for event in idle:
        assert event["Records"] == [] and event["MillisBehindLatest"] == 0
        assert event["ContinuationSequenceNumber"].isdigit()


def test_a_second_subscription_within_five_seconds_is_refused_and_later_takes_over(client, stream):
    arn = register(client, stream)
    with subscription(client, arn, "LATEST") as first:
        with pytest.raises(client.exceptions.ResourceInUseException):
            with subscription(client, arn, "LATEST"):
                pass
        time.sleep(5.2)
        with subscription(client, arn, "LATEST") as second:
            put(client, stream, b"x")
            assert [r["Data"] for r in take(second, 1)] == [b"x"]
            with contextlib.suppress(EventStreamError):  # ends by itself, or by ResourceInUse
                end = time.monotonic() + 10
                for event in first:
                    assert event["Records"] == [] and time.monotonic() < end


def test_a_subscription_ends_with_the_shard_and_names_its_children(client, stream):
    arn = register(client, stream)
    put(client, stream, b"last words")
    with subscription(client, arn) as events:
        assert len(take(events, 1)) == 1
        client.split_shard(StreamName=stream, ShardToSplit=SHARD, NewStartingHashKey=str(2**127))
        rest = list(events)
    assert [c["ShardId"] for c in rest[-1]["ChildShards"]] == ["shardId-000000000001",
                                                               "shardId-000000000002"]
    assert all(c["ParentShards"] == [SHARD] for c in rest[-1]["ChildShards"])
    assert not rest[-1].get("ContinuationSequenceNumber")


def test_twenty_consumers_each_get_every_record(client, make_stream):
    name = make_stream(**kinesis.on_demand())
    arns = [register(client, name, f"c{i}") for i in range(20)]
    wide = kinesis.make_client(max_pool_connections=40)
    found, ready = {}, threading.Barrier(21)

    def consume(arn):
        with subscription(wide, arn, "LATEST") as events:
            ready.wait(15)
            found[arn] = [r["Data"] for r in take(events, 50)]

    threads = [threading.Thread(target=consume, args=(arn,)) for arn in arns]
    for thread in threads:
        thread.start()
    ready.wait(15)
    sent = [str(i).encode() for i in range(50)]
    for start in range(0, 50, 10):
        wide.put_records(StreamName=name, Records=[
            {"Data": d, "PartitionKey": "k", "ExplicitHashKey": "0"} for d in sent[start:start + 10]])
    for thread in threads:
        thread.join(20)
    assert len(found) == 20 and all(data == sent for data in found.values())


def test_a_subscription_to_nothing_is_refused(client, stream):
    arn = register(client, stream)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        with subscription(client, arn, shard="shardId-000000000009"):
            pass
    missing = f"{kinesis.summary(client, stream)['StreamARN']}/consumer/nobody:1700000000"
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        with subscription(client, missing):
            pass


@pytest.mark.slow
def test_a_subscription_ends_after_five_minutes(client, stream):
    arn = register(client, stream)
    start = time.monotonic()
    with subscription(client, arn, "LATEST") as events:
        for event in events:
            assert event["Records"] == []
    assert 290 < time.monotonic() - start < 310
