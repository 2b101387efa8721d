"""A bit that rots in the log: what it hit is detected, counted and never served; what stands before and
after it is served, and the log is written on."""

import random
import re
import urllib.request

import pytest

import kinesis
from server import Server
from workload import CALL, identified, make_payload

SHARD = "shardId-000000000000"
COUNT = 300


def filled(server, clean_stop):
    """A stream with COUNT records, its server down; (stream, names, sequence numbers)."""
    server.start()
    client = kinesis.make_client(server.endpoint, **CALL)
    name = kinesis.create_stream(client, kinesis.unique_name("rot"), **kinesis.on_demand())
    names, numbers = [f"rot-{i}" for i in range(COUNT)], []
    for one in names:
        answer = client.put_record(StreamName=name, Data=make_payload(one, 700), PartitionKey="k",
                                   ExplicitHashKey="0")
        numbers.append(answer["SequenceNumber"])
    if clean_stop:
        server.stop()
    else:
        server.kill()
    return name, [n.encode() for n in names], numbers


def flip_a_bit_of(server, payload, choose):
    """In every place of the log where the payload is; how many there are."""
    found = 0
    for path in sorted((server.data / "shard-0" / "log").rglob("*")):
        if not path.is_file():
            continue
        data = path.read_bytes()
        at = data.find(payload)
        while at >= 0:
            found += 1
            where = at + choose.randrange(len(payload))
            with open(path, "r+b") as file:
                file.seek(where)
                file.write(bytes([data[where] ^ 1 << choose.randrange(8)]))
            at = data.find(payload, at + 1)
    return found


def read_past_damage(client, name, numbers):
    """All that can be read, going on after the record at which a read fails."""
    seen, position = {}, kinesis.iterator(client, name, SHARD)
    for _ in range(COUNT + 20):
        try:
            answer = kinesis.get_records(client, position)
        except kinesis.ClientError:
            skipped = max((i for i, n in enumerate(numbers) if n in seen), default=-1) + 1
            position = kinesis.iterator(client, name, SHARD, "AFTER_SEQUENCE_NUMBER",
                                        StartingSequenceNumber=numbers[skipped])
            continue
        for record in identified(answer["Records"]):
            seen[record["SequenceNumber"]] = record["Data"]
        if not answer["Records"] and answer["MillisBehindLatest"] == 0:
            break
        position = answer["NextShardIterator"]
    return seen


def corruption_counted(server):
    """The sum of the series about corruption, as Prometheus would see them."""
    ports = re.findall(r"admin=(\d+)", server.tail(200))
    text = urllib.request.urlopen(f"http://127.0.0.1:{ports[-1]}/metrics", timeout=5).read().decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
               if "corrupt" in line and not line.startswith("#"))


@pytest.mark.parametrize("clean_stop,victim", [(True, COUNT // 2), (False, 0), (False, COUNT - 20)],
                         ids=["after a stop", "the first after a kill", "near the end after a kill"])
def test_a_flipped_bit_costs_its_record_and_is_never_served(clean_stop, victim):
    choose = random.Random(victim)
    server = Server(tls=False)
    try:
        name, names, numbers = filled(server, clean_stop)
        assert flip_a_bit_of(server, make_payload(names[victim].decode(), 700), choose) > 0
        server.start()
        client = kinesis.make_client(server.endpoint, **CALL)
        seen = read_past_damage(client, name, numbers)
        missing = [i for i in range(COUNT) if seen.get(numbers[i]) != names[i]]
        assert set(seen.values()) <= set(names), "something damaged was served"
        # Records are verified by block: those committed together may go together.
        assert victim in missing and missing == list(range(missing[0], missing[-1] + 1))
        assert len(missing) <= 8, f"{len(missing)} records went with one bit"
        assert corruption_counted(server) > 0
        after = client.put_record(StreamName=name, Data=make_payload("after", 700), PartitionKey="k",
                                  ExplicitHashKey="0")
        assert int(after["SequenceNumber"]) > int(numbers[-1])
        read = read_past_damage(client, name, [*numbers, after["SequenceNumber"]])
        assert read[after["SequenceNumber"]] == b"after"
    finally:
        server.remove()
