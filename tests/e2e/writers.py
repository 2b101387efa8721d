"""Writers that go on through faults, and the ledger of what they were told."""

import contextlib
import threading
import time

import botocore.exceptions
from ledger import Ledger

# The whole hash range; each writer keeps to the middle of one shard's part of it.
HASH_SPACE = 1 << 128


class Writers:
    """One thread a shard, each put by itself and never retried by the SDK, so that the ledger holds. Use as a context; then
    ask `longest_pause` and `check`. `make_client(attempts=..., seconds=...)` gives boto3 clients."""

    def __init__(self, make_client, stream, shards, nodes=("n1",), per_second=50):
        self.make_client, self.stream, self.shards, self.nodes = make_client, stream, shards, nodes
        self.pause = 1 / per_second
        self.ledger = Ledger()
        self.acknowledged = {shard: [] for shard in range(shards)}  # times
        self.refused = {}                                           # words -> how often
        self._stop = threading.Event()
        self._lock = threading.Lock()

    def __enter__(self):
        self.begin = time.monotonic()
        self._threads = [threading.Thread(target=self._write, args=(shard,), daemon=True) for shard in range(self.shards)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
        self.end = time.monotonic()

    def _write(self, shard):
        client = self.make_client(self.nodes[shard % len(self.nodes)], attempts=1, seconds=1.5)  # what waits on a node that is cut off waits so long
        key = str(HASH_SPACE * (2 * shard + 1) // (2 * self.shards))
        number = 0
        while not self._stop.is_set():
            payload = b"%d/%d" % (shard, number)
            number += 1
            self.ledger.attempt(payload)
            try:
                answer = client.put_record(StreamName=self.stream, Data=payload, PartitionKey=f"w{shard}", ExplicitHashKey=key)
                self.ledger.acknowledge(f"w{shard}", payload, answer["ShardId"], answer["SequenceNumber"])
                self.acknowledged[shard].append(time.monotonic())
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
                with self._lock:
                    words = str(error)[:120]
                    self.refused[words] = self.refused.get(words, 0) + 1
            time.sleep(self.pause)

    def wait_for_more(self, count=20, seconds=60):
        """Returns once every shard has taken so many more records."""
        before = {shard: len(times) for shard, times in self.acknowledged.items()}
        end = time.monotonic() + seconds
        while any(len(self.acknowledged[shard]) < before[shard] + count for shard in before):
            assert time.monotonic() < end, f"no more than {self.counts()}; refused: {self.refused}"
            time.sleep(0.05)

    def counts(self):
        return {shard: len(times) for shard, times in self.acknowledged.items()}

    def longest_pause(self):
        """Of any shard, between two acknowledgements, in seconds; also when none came at the end."""
        return self._longest_pause()[0]

    def describe_longest_pause(self):
        """With the shard, and the time of day at its begin, for the logs of that moment."""
        seconds, shard, begin = self._longest_pause()
        at = time.strftime("%H:%M:%S", time.gmtime(time.time() - (time.monotonic() - begin)))
        return f"longest pause {seconds:.2f} s (shard {shard}, {at})"

    def _longest_pause(self):
        pauses = [(0, 0, self.begin)]
        for shard, times in self.acknowledged.items():
            moments = [*times, getattr(self, "end", time.monotonic())]
            pauses += [(after - before, shard, before) for before, after in zip(moments, moments[1:])]
        return max(pauses)

    def check(self, seconds=60):
        """Reads everything and returns (records read, what does not hold)."""
        client = self.make_client(self.nodes[0], attempts=10, seconds=10)
        shards = client.list_shards(StreamName=self.stream)["Shards"]
        wanted = self.ledger.counts()[1]
        end = time.monotonic() + seconds
        by_shard = {}
        while True:
            by_shard = {shard["ShardId"]: self._read(client, shard["ShardId"]) for shard in shards}
            count = sum(map(len, by_shard.values()))
            if count >= wanted or time.monotonic() > end:
                return count, self.ledger.faults(shards, by_shard)
            time.sleep(1)

    def _read(self, client, shard_id):
        iterator = client.get_shard_iterator(StreamName=self.stream, ShardId=shard_id, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        records = []
        empty = 0
        while iterator and empty < 3:
            answer = client.get_records(ShardIterator=iterator, Limit=10000)
            records += answer["Records"]
            empty = 0 if answer["Records"] else empty + 1
            iterator = answer.get("NextShardIterator")
        return records


@contextlib.contextmanager
def writing(make_client, stream, shards, **how):
    """Writers that are under way inside, and whose ledger holds afterwards."""
    writers = Writers(make_client, stream, shards, **how)
    with writers:
        writers.wait_for_more()
        if writers.refused:  # by what was done to the cluster before
            print(f"refused until all wrote: {writers.refused}")
            writers.refused = {}
        yield writers
        writers.wait_for_more()
    count, faults = writers.check()
    attempted, acknowledged = writers.ledger.counts()
    print(f"{attempted} attempted, {acknowledged} acknowledged, {count} read, {writers.describe_longest_pause()}, "
          f"refused: {writers.refused or 'none'}")
    assert not faults, "\n".join(faults[:20])
