"""KPL aggregates are a record like any other: opaque, whole, byte for byte."""

import hashlib

import kinesis


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def aggregate(keys, records):
    """The KPL's format: magic, protobuf AggregatedRecord, MD5 of the protobuf."""
    body = b"".join(field(1, key.encode()) for key in keys)
    body += b"".join(field(3, varint(1 << 3) + varint(index) + field(3, data))
                     for index, data in records)
    return b"\xf3\x89\x9a\xc2" + body + hashlib.md5(body).digest()


def test_an_aggregate_is_stored_as_one_record_and_not_looked_into(client, stream):
    whole = aggregate(["a", "b"], [(i % 2, f"user record {i}".encode()) for i in range(100)])
    torn = whole[:-3] + b"\0\0\0"
    for data in (whole, torn):
        client.put_record(StreamName=stream, Data=data, PartitionKey="a")
    records = kinesis.read_shard(client, stream, "shardId-000000000000")
    assert [r["Data"] for r in records] == [whole, torn]


def test_an_aggregate_is_routed_by_its_outer_key(client, make_stream):
    name = make_stream(4)
    data = aggregate(["elsewhere"], [(0, b"x")])
    answer = client.put_record(StreamName=name, Data=data, PartitionKey="a",
                               ExplicitHashKey=str(kinesis.HASH_KEY_END))
    assert answer["ShardId"] == "shardId-000000000003"
