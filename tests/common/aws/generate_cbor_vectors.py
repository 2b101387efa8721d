#!/usr/bin/env python3
"""Prints CBOR bodies with what they say: samples/cbor.json.

Definite items come from cbor2, an encoder that is not ours. Indefinite ones are what the AWS SDK for Java
sends: its Jackson generator opens every map with BF and every list with 9F, since it does not know their size.
In `value` a blob is {"$blob": hex} and a timestamp {"$ms": number}.

usage: python generate_cbor_vectors.py > samples/cbor.json   (needs `pip install cbor2`)
"""
import json

import cbor2


def head(major, argument):
    return cbor2.dumps(argument)[:1] if major == 0 else bytes([cbor2.dumps(argument)[0] | major << 5]) + cbor2.dumps(argument)[1:]


def java(value):
    """As software.amazon.awssdk.protocols.cbor writes it."""
    if isinstance(value, dict) and "$blob" in value:
        data = bytes.fromhex(value["$blob"])
        return head(2, len(data)) + data
    if isinstance(value, dict) and "$ms" in value:
        return b"\xc1\x1b" + value["$ms"].to_bytes(8, "big")
    if isinstance(value, dict):
        return b"\xbf" + b"".join(java(k) + java(v) for k, v in value.items()) + b"\xff"
    if isinstance(value, list):
        return b"\x9f" + b"".join(java(v) for v in value) + b"\xff"
    return cbor2.dumps(value)


def definite(value):
    if isinstance(value, dict) and "$blob" in value:
        return bytes.fromhex(value["$blob"])
    if isinstance(value, dict) and "$ms" in value:
        return cbor2.CBORTag(1, value["$ms"])
    if isinstance(value, dict):
        return {k: definite(v) for k, v in value.items()}
    if isinstance(value, list):
        return [definite(v) for v in value]
    return value


BODIES = {
    "ListStreams": {},
    "PutRecord": {"StreamName": "orders", "Data": {"$blob": "00ff7f80"}, "PartitionKey": "käse-1"},
    "PutRecords": {"Records": [{"Data": {"$blob": "61" * 300}, "PartitionKey": "k%d" % i} for i in range(3)],
                   "StreamARN": "arn:aws:kinesis:us-east-1:000000000000:stream/orders"},
    "GetShardIterator": {"StreamName": "orders", "ShardId": "shardId-000000000000",
                         "ShardIteratorType": "AT_TIMESTAMP", "Timestamp": {"$ms": 1795262400123}},
    "numbers": {"a": [0, 23, 24, 255, 256, 65535, 65536, 4294967295, 4294967296, 9223372036854775807],
                "b": [-1, -24, -25, -256, -257, -9223372036854775808], "c": [0.0, 1.5, -2.25, 1e300, 3.141592653589793]},
    "plain": {"t": True, "f": False, "n": None, "s": "", "nested": [[[]], {"x": {}}]},
}

# Forms that no encoder above writes, by hand.
FORMS = [
    ("half precision", "f93e00", 1.5),
    ("single precision", "fa47c35000", 100000.0),
    ("smallest half", "f90001", 5.960464477539063e-08),
    ("undefined", "f7", None),
    ("text in chunks", "7f6161626263ff", "abc"),
    ("bytes in chunks", "5f4101420203ff", {"$blob": "010203"}),
    ("no chunks", "7fff", ""),
    ("head longer than needed", "1b0000000000000005", 5),
    ("tag 0", "c074323032362d31312d32315431323a30303a30305a", "2026-11-21T12:00:00Z"),
    ("tag 1 on a double", "c1fb427a1fdfa4600000", {"$ms": 1795262400000}),
    ("bignum", "c243010000", 65536),
    ("negative bignum", "c340", -1),
    ("bignum past 64 bits", "c249010000000000000000", 18446744073709551616.0),
    ("unsigned past 63 bits", "1bffffffffffffffff", 18446744073709551615.0),
]


def main():
    vectors = []
    for name, value in BODIES.items():
        vectors.append({"name": name, "hex": cbor2.dumps(definite(value)).hex(), "value": value, "ours": True})
        vectors.append({"name": name + " of the Java SDK", "hex": java(value).hex(), "value": value, "ours": False})
    for name, form, value in FORMS:
        vectors.append({"name": name, "hex": form, "value": value, "ours": False})
    print(json.dumps(vectors, indent=1))


if __name__ == "__main__":
    main()
