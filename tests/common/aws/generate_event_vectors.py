#!/usr/bin/env python3
"""Prints event-stream messages that botocore's parser has read back: samples/event_stream.json.

usage: python generate_event_vectors.py > samples/event_stream.json   (needs `pip install botocore`; made with 1.44.5)
"""
import json
import struct
import zlib

from botocore.eventstream import EventStreamBuffer

MESSAGES = [
    ([(":message-type", "event"), (":event-type", "initial-response"), (":content-type", "application/x-amz-json-1.1")], b"{}"),
    ([(":message-type", "event"), (":event-type", "SubscribeToShardEvent"), (":content-type", "application/json")],
     b'{"Records":[],"ContinuationSequenceNumber":"49","MillisBehindLatest":0}'),
    ([(":message-type", "exception"), (":exception-type", "ResourceInUseException")], b'{"message":"taken over"}'),
    ([(":message-type", "error"), (":error-code", "InternalFailure"), (":error-message", "")], b""),
    ([], bytes(range(256))),
]


def encode(headers, payload):
    block = b"".join(bytes([len(n)]) + n.encode() + b"\x07" + struct.pack(">H", len(v)) + v.encode() for n, v in headers)
    prelude = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + block + payload
    return message + struct.pack(">I", zlib.crc32(message))


def main():
    out = []
    for headers, payload in MESSAGES:
        frame = encode(headers, payload)
        buffer = EventStreamBuffer()
        buffer.add_data(frame)
        event = next(buffer)
        assert event.headers == dict(headers) and event.payload == payload
        out.append({"hex": frame.hex(), "headers": [list(h) for h in headers], "payload_hex": payload.hex()})
    print(json.dumps(out, indent=1))


if __name__ == "__main__":
    main()
