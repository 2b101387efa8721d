"""A stream against a model of one: random operations, each answer compared with what the model says.
MILLRACE_STEPS (default 150) says how many; MILLRACE_SEED does the same ones again."""

import dataclasses
import hashlib
import os
import random

import kinesis

STEPS = int(os.environ.get("MILLRACE_STEPS", "150"))


@dataclasses.dataclass
class Shard:
    """What a client knows of a shard: its range, its lineage and its records in order."""
    start: int
    end: int
    parents: tuple = ()
    children: tuple = ()
    records: list = dataclasses.field(default_factory=list)  # (sequence number, key, data)

    @property
    def open(self):
        return not self.children


class Model:
    """Drives one stream and remembers it. Each step is a method `do_…`, chosen at random."""

    def __init__(self, client, name, choose):
        self.client, self.name, self.choose = client, name, choose
        self.arn = kinesis.summary(client, name)["StreamARN"]
        self.shards, self.tags, self.arrivals = {}, {}, {}
        self.retention, self.encrypted, self.consumers, self.count = 24, False, {}, 0
        for shard in kinesis.list_shards(client, name):
            self._adopt(shard)

    def _adopt(self, shard):
        parents = tuple(shard[k] for k in ("ParentShardId", "AdjacentParentShardId") if k in shard)
        hashes = shard["HashKeyRange"]
        self.shards[shard["ShardId"]] = Shard(int(hashes["StartingHashKey"]),
                                              int(hashes["EndingHashKey"]), parents)

    def open_ids(self):
        return sorted((i for i, s in self.shards.items() if s.open), key=lambda i: self.shards[i].start)

    def _settle(self):
        kinesis.wait_active(self.client, self.name)

    # Writing

    def _entry(self):
        self.count += 1
        key = f"key-{self.choose.randrange(50)}"
        entry = {"Data": f"{self.count}:".encode() + self.choose.randbytes(self.choose.randrange(300)),
                 "PartitionKey": key}
        hashed = int.from_bytes(hashlib.md5(key.encode()).digest(), "big")
        if self.choose.random() < 0.3:
            edge = self.shards[self.choose.choice(self.open_ids())]
            hashed = self.choose.choice((edge.start, edge.end, self.choose.randrange(2**128)))
            entry["ExplicitHashKey"] = str(hashed)
        return entry, hashed

    def _accept(self, entry, hashed, answer):
        expected, = [i for i in self.open_ids() if self.shards[i].start <= hashed <= self.shards[i].end]
        assert answer["ShardId"] == expected
        sequence = int(answer["SequenceNumber"])
        shard = self.shards[expected]
        below = [r[0] for i in (expected, *shard.parents) for r in self.shards[i].records]
        assert sequence > max(below, default=-1)
        shard.records.append((sequence, entry["PartitionKey"], entry["Data"]))

    def do_put_record(self):
        entry, hashed = self._entry()
        answer = self.client.put_record(StreamName=self.name, **entry)
        assert answer["EncryptionType"] == ("KMS" if self.encrypted else "NONE")
        self._accept(entry, hashed, answer)

    def do_put_records(self):
        entries = [self._entry() for _ in range(self.choose.randint(1, 20))]
        answer = self.client.put_records(StreamName=self.name, Records=[e for e, _ in entries])
        assert answer["FailedRecordCount"] == 0
        by_shard = {}
        for (entry, hashed), result in zip(entries, answer["Records"]):
            by_shard.setdefault(result["ShardId"], []).append((entry, hashed, result))
        for accepted in by_shard.values():  # a call promises no order, the numbers say it
            for entry, hashed, result in sorted(accepted, key=lambda a: int(a[2]["SequenceNumber"])):
                self._accept(entry, hashed, result)

    # Reading

    def do_read(self):
        shard_id = self.choose.choice(sorted(self.shards))
        shard = self.shards[shard_id]
        kind, options, expected = self._start(shard)
        position = kinesis.iterator(self.client, self.name, shard_id, kind, **options)
        limit, read, answer = self.choose.choice((None, 1000, 7)), [], None
        while position:
            answer = kinesis.get_records(self.client, position, limit)
            assert limit is None or len(answer["Records"]) <= limit
            for record in answer["Records"]:
                self._remember(record)
                read.append((int(record["SequenceNumber"]), record["PartitionKey"], record["Data"]))
            position = answer.get("NextShardIterator")
            if position and not answer["Records"] and answer["MillisBehindLatest"] == 0 and shard.open:
                break
        assert read == expected, f"{kind} {options} of {shard_id}"
        children = [child["ShardId"] for child in answer.get("ChildShards", [])]
        assert sorted(children) == ([] if shard.open else sorted(shard.children))

    def _start(self, shard):
        """(iterator type, its options, the records that must follow)."""
        kind = self.choose.choice(("TRIM_HORIZON", "LATEST", "AT_SEQUENCE_NUMBER",
                                   "AFTER_SEQUENCE_NUMBER", "AT_TIMESTAMP"))
        if kind == "LATEST":
            return kind, {}, []
        if kind.endswith("SEQUENCE_NUMBER") and shard.records:
            at = self.choose.randrange(len(shard.records))
            options = {"StartingSequenceNumber": str(shard.records[at][0])}
            return kind, options, shard.records[at + kind.startswith("AFTER"):]
        known = [r[0] for r in shard.records if r[0] in self.arrivals]
        if kind == "AT_TIMESTAMP" and len(known) == len(shard.records) > 0:
            then = self.arrivals[self.choose.choice(known)]
            first = min(i for i, r in enumerate(shard.records) if self.arrivals[r[0]] >= then)
            return kind, {"Timestamp": then}, shard.records[first:]
        return "TRIM_HORIZON", {}, list(shard.records)

    def _remember(self, record):
        arrived = record["ApproximateArrivalTimestamp"]
        assert self.arrivals.setdefault(int(record["SequenceNumber"]), arrived) == arrived

    # Resharding

    def _close(self, parents, children):
        for parent in parents:
            self.shards[parent].children = tuple(children)

    def _new_shards(self):
        listed = {s["ShardId"]: s for s in kinesis.list_shards(self.client, self.name)}
        new = {i: s for i, s in listed.items() if i not in self.shards}
        for shard in new.values():
            self._adopt(shard)
        return sorted(new)

    def do_split(self):
        shard_id = self.choose.choice(self.open_ids())
        shard = self.shards[shard_id]
        if shard.end - shard.start < 4 or len(self.open_ids()) > 8:
            return
        at = self.choose.randrange(shard.start + 2, shard.end)
        self.client.split_shard(StreamName=self.name, ShardToSplit=shard_id, NewStartingHashKey=str(at))
        self._settle()
        left, right = sorted(self._new_shards(), key=lambda i: self.shards[i].start)
        assert (self.shards[left].start, self.shards[left].end) == (shard.start, at - 1)
        assert (self.shards[right].start, self.shards[right].end) == (at, shard.end)
        assert self.shards[left].parents == self.shards[right].parents == (shard_id,)
        self._close([shard_id], [left, right])

    def do_merge(self):
        ids = self.open_ids()
        if len(ids) < 2:
            return
        at = self.choose.randrange(len(ids) - 1)
        pair = ids[at:at + 2]
        self.client.merge_shards(StreamName=self.name, ShardToMerge=pair[0],
                                 AdjacentShardToMerge=pair[1])
        self._settle()
        child, = self._new_shards()
        assert set(self.shards[child].parents) == set(pair)
        assert (self.shards[child].start, self.shards[child].end) == (self.shards[pair[0]].start,
                                                                      self.shards[pair[1]].end)
        self._close(pair, [child])

    def do_update_shard_count(self):
        now = len(self.open_ids())
        target = self.choose.randint((now + 1) // 2, min(now * 2, 8))
        self.client.update_shard_count(StreamName=self.name, TargetShardCount=target,
                                       ScalingType="UNIFORM_SCALING")
        self._settle()
        new = self._new_shards()
        for shard_id in new:
            for parent in self.shards[shard_id].parents:
                self.shards[parent].children += (shard_id,)
        assert len(self.open_ids()) == target
        sizes = [self.shards[i].end - self.shards[i].start for i in self.open_ids()]
        assert target == now or max(sizes) - min(sizes) <= 2 * target

    # Settings

    def do_tags(self):
        key = f"tag-{self.choose.randrange(5)}"
        if self.choose.random() < 0.5:
            self.tags[key] = str(self.choose.randrange(100))
            self.client.add_tags_to_stream(StreamName=self.name, Tags={key: self.tags[key]})
        else:
            self.tags.pop(key, None)
            self.client.remove_tags_from_stream(StreamName=self.name, TagKeys=[key])

    def do_retention(self):
        hours = self.choose.choice([h for h in (24, 48, 100, 8760) if h != self.retention])
        way = "increase" if hours > self.retention else "decrease"
        getattr(self.client, f"{way}_stream_retention_period")(StreamName=self.name,
                                                              RetentionPeriodHours=hours)
        self.retention = hours
        self._settle()

    def do_encryption(self):
        way = "stop" if self.encrypted else "start"
        getattr(self.client, f"{way}_stream_encryption")(StreamName=self.name, EncryptionType="KMS",
                                                        KeyId="alias/aws/kinesis")
        self.encrypted = not self.encrypted
        self._settle()

    def do_consumers(self):
        name = f"consumer-{self.choose.randrange(4)}"
        if name in self.consumers:
            self.client.deregister_stream_consumer(ConsumerARN=self.consumers.pop(name))
        else:
            answer = self.client.register_stream_consumer(StreamARN=self.arn, ConsumerName=name)
            self.consumers[name] = answer["Consumer"]["ConsumerARN"]
        assert kinesis.eventually(self._consumers_agree)

    def _consumers_agree(self):
        listed = self.client.list_stream_consumers(StreamARN=self.arn)["Consumers"]
        return ({c["ConsumerName"]: c["ConsumerARN"] for c in listed
                 if c["ConsumerStatus"] == "ACTIVE"} == self.consumers)

    def do_describe(self):
        summary = kinesis.summary(self.client, self.name)
        assert summary["OpenShardCount"] == len(self.open_ids())
        assert summary["RetentionPeriodHours"] == self.retention
        assert summary["EncryptionType"] == ("KMS" if self.encrypted else "NONE")
        assert summary["ConsumerCount"] == len(self.consumers)
        tags = self.client.list_tags_for_stream(StreamName=self.name)["Tags"]
        assert {t["Key"]: t["Value"] for t in tags} == self.tags
        listed = {s["ShardId"]: kinesis.is_open(s) for s in kinesis.list_shards(self.client, self.name)}
        assert listed == {i: s.open for i, s in self.shards.items()}
        latest = kinesis.list_shards(self.client, self.name, ShardFilter={"Type": "AT_LATEST"})
        assert sorted(s["ShardId"] for s in latest) == sorted(self.open_ids())


WEIGHTS = {"put_record": 30, "put_records": 20, "read": 25, "describe": 8, "split": 4, "merge": 4,
           "update_shard_count": 3, "tags": 3, "retention": 2, "encryption": 2, "consumers": 2}


def test_a_stream_does_what_the_model_does(client, make_stream):
    seed = int(os.environ.get("MILLRACE_SEED", random.randrange(2**31)))
    choose = random.Random(seed)
    model = Model(client, make_stream(2), choose)
    done = []
    try:
        for _ in range(STEPS):
            step, = choose.choices(list(WEIGHTS), list(WEIGHTS.values()))
            done.append(step)
            getattr(model, f"do_{step}")()
        model.do_describe()
        for shard_id, shard in model.shards.items():
            read = kinesis.read_shard(client, model.name, shard_id)
            assert [(int(r["SequenceNumber"]), r["PartitionKey"], r["Data"]) for r in read] == \
                shard.records
    except BaseException:
        print(f"MILLRACE_SEED={seed}, step {len(done)}: … {' '.join(done[-8:])}")
        raise
