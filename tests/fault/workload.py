"""Writers and a reader that go on through crashes, and what must be true when they are done."""

import random
import threading
import time

import kinesis
from ledger import Ledger
from patience import patient

CALL = {"retries": {"mode": "standard", "total_max_attempts": 1}, "connect_timeout": 1,
        "read_timeout": 5}


def make_payload(name, size):
    """`size` bytes that say who they are; a torn or mixed-up record cannot look like another."""
    start = f"{name}:{size}|".encode()
    return (start * (size // len(start) + 1))[:max(size, len(start))]


def identity_of(data):
    """The name in a payload that is whole, else something that no writer ever used."""
    start, bar, _ = data.partition(b"|")
    try:
        name, size = start.decode().rsplit(":", 1)
        if bar and data == make_payload(name, int(size)):
            return name.encode()
    except (ValueError, UnicodeDecodeError):
        pass
    return b"damaged: " + data[:60]


def identified(records):
    return [{"SequenceNumber": r["SequenceNumber"], "Data": identity_of(r["Data"])} for r in records]


class Workload:
    """`single` threads put records one by one under a key each, `batch` threads put many at once. Every
    answer goes into the ledger; failures are counted and not retried."""

    def __init__(self, endpoint, stream, seed, single=3, batch=2, pause_s=0.01):
        self.ledger = Ledger()
        self.stream = stream
        self.failures = {}
        self._client = kinesis.make_client(endpoint, **CALL)
        self._pause_s = pause_s
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(self._put_one, f"s{i}", seed + i))
                         for i in range(single)]
        self._threads += [threading.Thread(target=self._run, args=(self._put_many, f"b{i}", seed - i))
                          for i in range(batch)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        alive = all(thread.is_alive() for thread in self._threads) or self._stop.is_set()
        self._stop.set()
        for thread in self._threads:
            thread.join()
        assert alive, "a writer gave up: a fault of the test"

    def acknowledged(self):
        return self.ledger.counts()[1]

    def goes_on(self, timeout_s):
        """Waits for new acknowledgements; the seconds it took, None if none came in time."""
        before, start = self.acknowledged(), time.monotonic()
        while time.monotonic() - start < patient(timeout_s):
            if self.acknowledged() > before:
                return time.monotonic() - start
            time.sleep(0.01)
        return None

    def _run(self, put, writer, seed):
        choose = random.Random(seed)
        count = 0
        while not self._stop.is_set():
            count += 1
            try:
                put(writer, count, choose)
            except Exception as error:  # whatever a crash looks like from outside
                name = type(error).__name__
                if isinstance(error, kinesis.ClientError):
                    name = kinesis.code_in(error)
                with self._lock:
                    self.failures[name] = self.failures.get(name, 0) + 1
                time.sleep(0.02)
            time.sleep(self._pause_s)

    def _put_one(self, writer, count, choose):
        name = f"{writer}-{count}"
        self.ledger.attempt(name.encode())
        answer = self._client.put_record(StreamName=self.stream, PartitionKey=writer,
                                         Data=make_payload(name, choose.randint(20, 400)))
        self.ledger.acknowledge(writer, name.encode(), answer["ShardId"], answer["SequenceNumber"])

    def _put_many(self, writer, count, choose):
        names = [f"{writer}-{count}-{i}" for i in range(choose.randint(1, 25))]
        for name in names:
            self.ledger.attempt(name.encode())
        answer = self._client.put_records(StreamName=self.stream, Records=[
            {"Data": make_payload(name, choose.choice((30, 200, 1500))), "PartitionKey": name}
            for name in names])
        for name, result in zip(names, answer["Records"]):
            if "SequenceNumber" in result:
                self.ledger.acknowledge(None, name.encode(), result["ShardId"],
                                        result["SequenceNumber"])


class Tail:
    """Reads one shard as it grows, through crashes. What it has read must still be there at the end."""

    def __init__(self, endpoint, stream, shard_id):
        self._client = kinesis.make_client(endpoint, **CALL)
        self.stream, self._shard_id = stream, shard_id
        self.records = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _run(self):
        position = None
        while not self._stop.is_set():
            try:
                if position is None:
                    position = self._start()
                answer = self._client.get_records(ShardIterator=position)
            except Exception:  # the server is away or the iterator is of another life
                position = None
                time.sleep(0.1)
                continue
            self.records += answer["Records"]
            position = answer.get("NextShardIterator")
            if position is None:
                return
            time.sleep(0.02)

    def _start(self):
        if not self.records:
            return kinesis.iterator(self._client, self.stream, self._shard_id)
        return kinesis.iterator(self._client, self.stream, self._shard_id, "AFTER_SEQUENCE_NUMBER",
                                StartingSequenceNumber=self.records[-1]["SequenceNumber"])

    def faults(self, by_shard):
        mine = [(r["SequenceNumber"], identity_of(r["Data"])) for r in self.records]
        whole = [(r["SequenceNumber"], r["Data"]) for r in by_shard[self._shard_id]]
        if whole[:len(mine)] == mine:
            return []
        wrong = next(i for i, pair in enumerate(mine) if i >= len(whole) or whole[i] != pair)
        return [f"{self._shard_id}: a reader saw {mine[wrong]} as record {wrong}, now there is "
                f"{whole[wrong] if wrong < len(whole) else 'nothing'}"]


def read_everything(client, stream):
    """(shards, {shard id: records with their names for data})."""
    shards = kinesis.list_shards(client, stream)
    return shards, {shard["ShardId"]: identified(kinesis.read_shard(client, stream, shard["ShardId"]))
                    for shard in shards}
