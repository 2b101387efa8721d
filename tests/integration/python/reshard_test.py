"""Split, merge and UpdateShardCount: the shard map, lineage, and no loss while writers go on."""

import threading
import time

import pytest

import kinesis
from ledger import Ledger

HALF = str(2**127)


def shard(number):
    return f"shardId-{number:012d}"


def split(client, name, shard_id, at=HALF):
    client.split_shard(StreamName=name, ShardToSplit=shard_id, NewStartingHashKey=at)
    kinesis.wait_active(client, name)


def merge(client, name, left, right):
    client.merge_shards(StreamName=name, ShardToMerge=left, AdjacentShardToMerge=right)
    kinesis.wait_active(client, name)


def test_a_split_closes_the_parent_and_opens_two_children(client, stream):
    split(client, stream, shard(0))
    parent, left, right = kinesis.list_shards(client, stream)
    assert not kinesis.is_open(parent)
    assert [left["ShardId"], right["ShardId"]] == [shard(1), shard(2)]
    assert left["HashKeyRange"] == {"StartingHashKey": "0", "EndingHashKey": str(2**127 - 1)}
    assert right["HashKeyRange"] == {"StartingHashKey": HALF, "EndingHashKey": str(2**128 - 1)}
    ending = int(parent["SequenceNumberRange"]["EndingSequenceNumber"])
    for child in (left, right):
        assert child["ParentShardId"] == shard(0) and "AdjacentParentShardId" not in child
        assert int(child["SequenceNumberRange"]["StartingSequenceNumber"]) > ending
    assert kinesis.summary(client, stream)["OpenShardCount"] == 2


def test_a_merge_names_both_parents(client, make_stream):
    name = make_stream(2)
    merge(client, name, shard(0), shard(1))
    *parents, child = kinesis.list_shards(client, name)
    assert not any(kinesis.is_open(parent) for parent in parents)
    assert (child["ParentShardId"], child["AdjacentParentShardId"]) == (shard(0), shard(1))
    assert child["HashKeyRange"] == {"StartingHashKey": "0", "EndingHashKey": str(2**128 - 1)}


def test_a_closed_shard_is_read_to_its_end_and_names_its_children(client, stream):
    for i in range(5):
        client.put_record(StreamName=stream, Data=str(i).encode(), PartitionKey="k")
    split(client, stream, shard(0))
    position, read, last = kinesis.iterator(client, stream, shard(0)), [], None
    while position:
        last = kinesis.get_records(client, position)
        read += [record["Data"] for record in last["Records"]]
        position = last.get("NextShardIterator")
    assert read == [b"0", b"1", b"2", b"3", b"4"]
    assert [child["ShardId"] for child in last["ChildShards"]] == [shard(1), shard(2)]
    for child in last["ChildShards"]:
        assert child["ParentShards"] == [shard(0)]
        assert set(child["HashKeyRange"]) == {"StartingHashKey", "EndingHashKey"}


def test_an_open_shard_names_no_children(client, stream):
    answer = kinesis.get_records(client, kinesis.iterator(client, stream, shard(0)))
    assert answer["NextShardIterator"] and not answer.get("ChildShards")


def test_records_sort_after_a_split_and_go_to_the_child_of_their_hash(client, stream):
    before = client.put_record(StreamName=stream, Data=b"a", PartitionKey="k", ExplicitHashKey="0")
    split(client, stream, shard(0))
    after = client.put_record(StreamName=stream, Data=b"b", PartitionKey="k", ExplicitHashKey="0")
    assert (before["ShardId"], after["ShardId"]) == (shard(0), shard(1))
    assert int(after["SequenceNumber"]) > int(before["SequenceNumber"])


@pytest.mark.parametrize("start,target", [(2, 4), (4, 2), (3, 5), (5, 3), (4, 4)])
def test_update_shard_count_reaches_its_target(client, make_stream, start, target):
    name = make_stream(start)
    answer = client.update_shard_count(StreamName=name, TargetShardCount=target,
                                       ScalingType="UNIFORM_SCALING")
    assert (answer["CurrentShardCount"], answer["TargetShardCount"]) == (start, target)
    kinesis.wait_active(client, name)
    shards = kinesis.open_shards(client, name)
    assert len(shards) == target and kinesis.covers_hash_space(shards)


@pytest.mark.parametrize("target,exception", [(9, "InvalidArgumentException|LimitExceededException"),
                                              (1, "InvalidArgumentException|LimitExceededException")])
def test_update_shard_count_beyond_double_or_half_is_refused(client, make_stream, target, exception):
    name = make_stream(4)
    with pytest.raises(client.exceptions.ClientError) as error:
        client.update_shard_count(StreamName=name, TargetShardCount=target,
                                  ScalingType="UNIFORM_SCALING")
    assert kinesis.code_of(error) in exception.split("|")


def test_shards_that_are_not_neighbours_do_not_merge(client, make_stream):
    name = make_stream(3)
    with pytest.raises(client.exceptions.InvalidArgumentException) as error:
        client.merge_shards(StreamName=name, ShardToMerge=shard(0), AdjacentShardToMerge=shard(2))
    assert "are not an adjacent pair of shards eligible for merging" in kinesis.message_of(error)


@pytest.mark.parametrize("at", ["0", "1", str(2**128 - 1)])
def test_a_split_at_the_edge_of_the_range_is_refused(client, shared_stream, at):
    with pytest.raises(client.exceptions.InvalidArgumentException) as error:
        client.split_shard(StreamName=shared_stream, ShardToSplit=shard(0), NewStartingHashKey=at)
    assert kinesis.message_of(error).startswith(
        f"NewStartingHashKey {at} used in SplitShard() on shard {shard(0)} in stream {shared_stream}")


def test_an_on_demand_stream_cannot_be_split_by_hand(client, make_stream):
    name = make_stream(**kinesis.on_demand())
    with pytest.raises(client.exceptions.ClientError) as error:
        client.split_shard(StreamName=name, ShardToSplit=shard(0), NewStartingHashKey="1000")
    assert kinesis.code_of(error) in ("ValidationException", "InvalidArgumentException")


class Writers:
    """Threads that put, one record after another and one key each, until stopped."""

    def __init__(self, client, name, count=6):
        self.client, self.name, self.ledger = client, name, Ledger()
        self.errors, self._stop = [], threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(i,)) for i in range(count)]
        for thread in self._threads:
            thread.start()

    def _run(self, number):
        count = 0
        while not self._stop.is_set():
            count += 1
            payload = b"%d:%d" % (number, count)
            self.ledger.attempt(payload)
            try:
                answer = self.client.put_record(StreamName=self.name, Data=payload,
                                                PartitionKey=f"writer-{number}")
            except Exception as error:  # kept for the test to judge
                self.errors.append(repr(error))
                time.sleep(0.05)
                continue
            self.ledger.acknowledge(number, payload, answer["ShardId"], answer["SequenceNumber"])
            time.sleep(0.005)

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()


def test_resharding_under_load_loses_doubles_and_reorders_nothing(client, impatient, make_stream):
    name = make_stream(2)
    writers = Writers(impatient, name)
    try:
        split(client, name, shard(0), at=str(2**126))
        split(client, name, shard(1), at=str(2**127 + 2**126))
        assert kinesis.covers_hash_space(kinesis.open_shards(client, name))
        merge(client, name, *[s["ShardId"] for s in kinesis.open_shards(client, name)[:2]])
        for target in (6, 3, 4):
            client.update_shard_count(StreamName=name, TargetShardCount=target,
                                      ScalingType="UNIFORM_SCALING")
            kinesis.wait_active(client, name)
            time.sleep(0.2)
    finally:
        writers.stop()
    attempted, acknowledged = writers.ledger.counts()
    shards = kinesis.list_shards(client, name)
    assert len(kinesis.open_shards(client, name)) == 4
    assert writers.ledger.faults(shards, kinesis.read_stream(client, name)) == []
    assert acknowledged > 100
    assert attempted - acknowledged <= attempted // 50, writers.errors[:5]
