#!/usr/bin/env python3
"""Prints aggregates made by AWS's own Python library: samples/kpl.json.

usage: python generate_kpl_vectors.py > samples/kpl.json   (needs `pip install aws_kinesis_agg`)
"""
import json

from aws_kinesis_agg.aggregator import RecordAggregator

CASES = [
    ("one record", [("key", None, b"data")]),
    ("shared keys", [("a", None, b"1"), ("b", None, b"2"), ("a", None, b"3")]),
    ("hash keys", [("a", "0", b"1"), ("b", "340282366920938463463374607431768211455", b"2"), ("a", "0", b"")]),
    ("bytes of every value", [("k\u00e4se", None, bytes(range(256)))]),
    ("many", [("key-%d" % (i % 7), None, b"x" * i) for i in range(40)]),
]


def main():
    out = []
    for name, records in CASES:
        aggregator = RecordAggregator()
        for key, hash_key, data in records:
            # The library makes up a hash key where none is given; None keeps the field out.
            aggregator.add_user_record(key, data, hash_key)
        _, _, blob = aggregator.clear_and_get().get_contents()
        out.append({"name": name, "hex": bytes(blob).hex(),
                    "records": [{"key": k, "hash_key": h, "data_hex": d.hex()} for k, h, d in records]})
    print(json.dumps(out, indent=1))


if __name__ == "__main__":
    main()
