"""Hostile HTTP/1.1: slow, oversize, smuggled and malformed requests. Each gets its status or loses its
connection, memory stays bounded, and a well-behaved client beside them notices nothing."""

import contextlib
import re
import selectors
import socket
import time

import pytest

import kinesis
import wire
from patience import patient

pytestmark = pytest.mark.usefixtures("neighbour", "bounded")

MEBIBYTE = 2**20


def dropped_within(socks, drip, limit_s, every_s=1.0):
    """Sends drip() on each socket now and then; the seconds after which each was closed, None for
    those still open at the limit."""
    start, closed = time.monotonic(), {}
    selector = selectors.DefaultSelector()
    for sock in socks:
        sock.setblocking(False)
        selector.register(sock, selectors.EVENT_READ)
    next_drip = start + every_s
    while len(closed) < len(socks) and time.monotonic() - start < limit_s:
        for key, _ in selector.select(timeout=0.2):
            gone = True
            with contextlib.suppress(OSError):
                gone = not key.fileobj.recv(65536)
            if gone:
                closed[key.fileobj] = time.monotonic() - start
                selector.unregister(key.fileobj)
        if drip and time.monotonic() >= next_drip:
            next_drip += every_s
            for sock in socks:
                if sock not in closed:
                    with contextlib.suppress(OSError):
                        sock.send(drip)
    return [closed.get(sock) for sock in socks]


def open_all(target, count, first):
    socks = [wire.connect(target.endpoint) for _ in range(count)]
    for sock in socks:
        sock.sendall(first)
    return socks


def close_all(socks):
    for sock in socks:
        sock.close()


def test_heads_that_trickle_in_are_cut_off_after_ten_seconds(target):
    socks = open_all(target, 200, b"POST / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    times = dropped_within(socks, b"a", 20)
    close_all(socks)
    assert None not in times, f"{times.count(None)} of 200 are still open after 20 s"
    assert min(times) > 5


def test_bodies_that_trickle_in_are_cut_off(target):
    socks = open_all(target, 100, wire.head("PutRecord", "Content-Length: 100000"))
    times = dropped_within(socks, b"a" * 10, 20)
    close_all(socks)
    assert None not in times, f"{times.count(None)} of 100 are still open after 20 s"
    assert min(times) > 3


def test_tls_handshakes_that_never_come_are_cut_off(target):
    if not target.tls_endpoint:
        pytest.skip("no TLS endpoint")
    socks = [wire.connect(target.tls_endpoint) for _ in range(50)]
    times = dropped_within(socks, b"", 12)
    close_all(socks)
    assert None not in times, f"{times.count(None)} of 50 are still open after 12 s"


@pytest.mark.slow
def test_an_idle_connection_is_closed_after_75_seconds(target):
    socks = open_all(target, 10, wire.request("ListStreams", b"{}"))
    times = dropped_within(socks, b"", 90, every_s=60)
    close_all(socks)
    assert None not in times and min(times) > 60


def test_a_thousand_idle_connections_harm_nobody(target, bounded):
    bounded["growth"] = 128 * MEBIBYTE
    socks = open_all(target, 1000, b"POST / HT")
    time.sleep(1)
    close_all(socks)


def test_a_declared_length_reserves_no_memory(target, bounded):
    bounded["growth"] = 200 * MEBIBYTE
    first = wire.head("PutRecords", f"Content-Length: {15 * MEBIBYTE}") + b"{"
    socks = open_all(target, 200, first)
    time.sleep(1)
    grown_while_open = target.resident_bytes()
    close_all(socks)
    assert grown_while_open is None or grown_while_open < 1024 * MEBIBYTE


OVERSIZE = {
    "a field of 40 KiB": (wire.head("ListStreams", "X-Long: " + "a" * 40960), {431}),
    "200 fields": (wire.head("ListStreams", *[f"X-{i}: 1" for i in range(200)]), {431}),
    "a request line of 10 KiB": (b"POST /" + b"a" * 10240 + b" HTTP/1.1\r\nHost: x\r\n\r\n", {414, 431}),
    "a data call of 17 MiB": (wire.head("PutRecords", f"Content-Length: {17 * MEBIBYTE}"), {413}),
    "a control call of 2 MiB": (wire.head("CreateStream", f"Content-Length: {2 * MEBIBYTE}"), {413}),
    "an oversize body that asks first": (
        wire.head("PutRecords", f"Content-Length: {17 * MEBIBYTE}", "Expect: 100-continue"), {413}),
    "an expectation of another kind": (
        wire.head("ListStreams", "Content-Length: 2", "Expect: miracles"), {417}),
}


@pytest.mark.parametrize("case", OVERSIZE)
def test_what_is_too_large_is_refused_before_its_body(target, case):
    data, statuses = OVERSIZE[case]
    status, _ = wire.exchange(target.endpoint, data)
    assert status in statuses


def test_a_chunked_body_is_cut_off_at_the_limit(target):
    with wire.connect(target.endpoint) as sock:
        sock.sendall(wire.head("PutRecords", "Transfer-Encoding: chunked"))
        chunk = b"100000\r\n" + b"a" * MEBIBYTE + b"\r\n"
        for _ in range(24):
            wire.send_ignoring_close(sock, chunk)
        status, _ = wire.receive_answer(sock)
    assert status in (413, 0)


def test_expect_continue_is_answered_at_once(target):
    with wire.connect(target.endpoint) as sock:
        sock.sendall(wire.head("ListStreams", "Content-Length: 2", "Expect: 100-continue"))
        assert sock.recv(100).startswith(b"HTTP/1.1 100 ")
        sock.sendall(b"{}")
        assert wire.receive_answer(sock)[0] == 200


def test_a_chunked_body_is_as_good_as_any(target):
    with wire.connect(target.endpoint) as sock:
        sock.sendall(wire.head("ListStreams", "Transfer-Encoding: chunked"))
        for piece in (b"1;note=x\r\n{\r\n", b"1\r\n}\r\n", b"0\r\n\r\n"):
            sock.sendall(piece)
            time.sleep(0.02)
        assert wire.receive_answer(sock)[0] == 200


INNER = wire.request("ListStreams", b"{}")


def smuggle(*lines, body=b"0\r\n\r\n"):
    """A head with these lines, a body, and a second request that only a confused server would see."""
    return wire.head("ListStreams", *lines) + body + INNER


SMUGGLED = {
    "length and chunked": smuggle("Content-Length: 5", "Transfer-Encoding: chunked"),
    "chunked and length": smuggle("Transfer-Encoding: chunked", "Content-Length: 5"),
    "two lengths": smuggle("Content-Length: 2", "Content-Length: 7", body=b"{}"),
    "the same length twice": smuggle("Content-Length: 2", "Content-Length: 2", body=b"{}"),
    "a list of lengths": smuggle("Content-Length: 2, 2", body=b"{}"),
    "a length with a sign": smuggle("Content-Length: +2", body=b"{}"),
    "a negative length": smuggle("Content-Length: -2", body=b"{}"),
    "a hexadecimal length": smuggle("Content-Length: 0x2", body=b"{}"),
    "a length with a space": smuggle("Content-Length: 2 2", body=b"{}"),
    "a length past 64 bits": smuggle("Content-Length: 99999999999999999999", body=b"{}"),
    "an empty length": smuggle("Content-Length:", body=b"{}"),
    "gzip, chunked": smuggle("Transfer-Encoding: gzip, chunked"),
    "chunked, identity": smuggle("Transfer-Encoding: chunked, identity"),
    "identity": smuggle("Transfer-Encoding: identity"),
    "xchunked": smuggle("Transfer-Encoding: xchunked"),
    "chunked twice": smuggle("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
    "a space before the colon": smuggle("Transfer-Encoding : chunked"),
    "a length with a space before the colon": smuggle("Content-Length : 2", body=b"{}"),
    "a vertical tab in the coding": smuggle("Transfer-Encoding: \x0bchunked"),
    "a folded line": smuggle("X-Fold: a\r\n b", "Content-Length: 2", body=b"{}"),
    "a folded coding": smuggle("Transfer-Encoding:\r\n chunked"),
    "a space first in the head": smuggle(" Content-Length: 2", body=b"{}"),
    "a bare line feed": smuggle("X-Bare: a\nContent-Length: 2", body=b"{}"),
    "only line feeds": smuggle("Content-Length: 2", body=b"{}").replace(b"\r\n", b"\n"),
    "a bare carriage return": smuggle("X-Bare: a\rContent-Length: 2", body=b"{}"),
    "a NUL in a value": smuggle("X-Nul: a\0b", "Content-Length: 2", body=b"{}"),
    "a NUL in a name": smuggle("X-N\0l: a", "Content-Length: 2", body=b"{}"),
    "a space in a name": smuggle("X Name: a", "Content-Length: 2", body=b"{}"),
    "no name": smuggle(": a", "Content-Length: 2", body=b"{}"),
    "no colon": smuggle("Nonsense", "Content-Length: 2", body=b"{}"),
    "two hosts": smuggle("Host: other", "Content-Length: 2", body=b"{}"),
    "no host": smuggle("Content-Length: 2", body=b"{}").replace(b"Host: localhost\r\n", b"", 1),
    "a chunk size with 0x": smuggle("Transfer-Encoding: chunked", body=b"0x2\r\n{}\r\n0\r\n\r\n"),
    "a negative chunk size": smuggle("Transfer-Encoding: chunked", body=b"-1\r\n{}\r\n0\r\n\r\n"),
    "a chunk size past 64 bits": smuggle("Transfer-Encoding: chunked", body=b"f" * 17 + b"\r\n{}\r\n"),
    "an empty chunk size": smuggle("Transfer-Encoding: chunked", body=b"\r\n{}\r\n0\r\n\r\n"),
    "a chunk longer than its size": smuggle("Transfer-Encoding: chunked", body=b"1\r\n{}\r\n0\r\n\r\n"),
    "a chunk extension of 2 KiB": smuggle("Transfer-Encoding: chunked",
                                          body=b"2;" + b"a" * 2048 + b"\r\n{}\r\n0\r\n\r\n"),
    "a chunk line that ends in a line feed": smuggle("Transfer-Encoding: chunked",
                                                     body=b"2\n{}\n0\n\n"),
    "HTTP/0.9": b"POST /\r\n\r\n" + INNER,
    "HTTP/1.2": INNER.replace(b"HTTP/1.1", b"HTTP/1.2") + INNER,
    "HTTP/2.0 in a line": INNER.replace(b"HTTP/1.1", b"HTTP/2.0") + INNER,
    "HTTP/1.1 and more": INNER.replace(b"HTTP/1.1", b"HTTP/1.1x") + INNER,
    "two spaces in the line": INNER.replace(b"POST / ", b"POST  / ") + INNER,
    "a target with a control character": INNER.replace(b"POST / ", b"POST /\x01 ") + INNER,
}


@pytest.mark.parametrize("case", SMUGGLED)
def test_a_request_that_can_be_read_two_ways_ends_the_connection(target, case):
    with wire.connect(target.endpoint) as sock:
        wire.send_ignoring_close(sock, SMUGGLED[case])
        answer, closed = wire.receive_all(sock, timeout_s=3)
    statuses = re.findall(rb"HTTP/1\.[01] (\d+)", answer)
    assert closed, f"still open after {statuses}"
    assert b"200" not in statuses, "a request was served"
    assert len(statuses) <= 1 and all(s in (b"400", b"413", b"431", b"501", b"505") for s in statuses)


def test_http_1_0_is_not_kept_alive(target):
    with wire.connect(target.endpoint) as sock:
        sock.sendall(INNER.replace(b"HTTP/1.1", b"HTTP/1.0")
                     .replace(b"Host:", b"Connection: keep-alive\r\nHost:") + INNER)
        answer, closed = wire.receive_all(sock, timeout_s=3)
    assert closed and len(re.findall(rb"HTTP/1\.[01] \d+", answer)) <= 1


def test_pipelined_requests_are_answered_in_order(target):
    with wire.connect(target.endpoint) as sock:
        missing = wire.request("DescribeStream", b'{"StreamName":"hostile-missing"}')
        sock.sendall(INNER + missing + INNER)
        sock.shutdown(socket.SHUT_WR)
        answer, _ = wire.receive_all(sock)
    assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == [b"200", b"400", b"200"]


BODIES = {
    "JSON a million deep": (b"[" * 1_000_000, wire.JSON),
    "objects 100,000 deep": (b'{"a":' * 100_000, wire.JSON),
    "balanced 10,000 deep": (b"[" * 10_000 + b"]" * 10_000, wire.JSON),
    "a million tokens": (b"[" + b"0," * 500_000 + b"0]", wire.JSON),
    "a number of 10,000 digits": (b'{"Limit":' + b"9" * 10_000 + b"}", wire.JSON),
    "1e999999999": (b'{"Limit":1e999999999}', wire.JSON),
    "broken UTF-8": (b'{"StreamName":"\xff\xfe\xc0\x80"}', wire.JSON),
    "a lone surrogate": (b'{"ExclusiveStartStreamName":"\\ud800"}', wire.JSON),
    "an unclosed string": (b'{"StreamName":"' + b"a" * 100_000, wire.JSON),
    "bytes after the end": (b"{}{}", wire.JSON),
    "nothing but NUL": (b"\0" * 1000, wire.JSON),
    "CBOR arrays a million deep": (b"\x81" * 1_000_000, wire.CBOR),
    "CBOR maps 100,000 deep": (b"\xa1\x61a" * 100_000, wire.CBOR),
    "CBOR indefinite arrays 100,000 deep": (b"\x9f" * 100_000, wire.CBOR),
    "CBOR tags 100,000 deep": (b"\xc1" * 100_000, wire.CBOR),
    "CBOR bytes of 2^63": (b"\xa1\x64Data\x5b\x7f" + b"\xff" * 7, wire.CBOR),
    "CBOR text of 2^64-1": (b"\xa1\x7b" + b"\xff" * 8, wire.CBOR),
    "a CBOR array of 2^62": (b"\x9b\x40" + b"\0" * 7, wire.CBOR),
    "a CBOR map of 2^62": (b"\xbb\x40" + b"\0" * 7, wire.CBOR),
    "a CBOR map that never ends": (b"\xbf\x61a\x01" * 1000, wire.CBOR),
    "a break where none belongs": (b"\xff", wire.CBOR),
    "an indefinite string of strings of strings": (b"\xa1\x7f\x7f\x61a\xff\xff\x01", wire.CBOR),
    "reserved additional information": (b"\xa1\x61a\x1c", wire.CBOR),
    "a tag that nobody sends": (b"\xa1\x61a\xd9\xff\xff\x01", wire.CBOR),
}


@pytest.mark.parametrize("case", BODIES)
def test_a_body_made_to_explode_is_a_serialization_error(target, case):
    body, content_type = BODIES[case]
    start = time.monotonic()
    status, answer = wire.exchange(target.endpoint,
                                   wire.request("ListStreams", body, content_type=content_type))
    assert status == 400 or (status == 413 and len(body) >= MEBIBYTE)
    assert time.monotonic() - start < patient(3)
    if content_type == wire.JSON and status == 400:
        assert wire.error_name(answer) in ("SerializationException", "ValidationException")


@pytest.mark.parametrize("data,statuses", [
    (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", {400, 403, 404, 405}),
    (b"DELETE /anything HTTP/1.1\r\nHost: x\r\n\r\n", {400, 403, 404, 405}),
    (wire.request("ListStreams", b"{}", content_type="text/html"), {400, 403, 404, 415}),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 100, {400}),
    (b"\0" * 5000, {400}),
], ids=["GET", "DELETE", "html", "TLS on the clear port", "zeros"])
def test_what_is_no_kinesis_request_is_turned_away(target, data, statuses):
    assert wire.exchange(target.endpoint, data)[0] in statuses


def test_a_subscriber_that_never_reads_costs_little(target, bounded):
    bounded["growth"] = 320 * MEBIBYTE
    here = kinesis.make_client(target.endpoint)
    name = kinesis.create_stream(here, kinesis.unique_name("deaf"), **kinesis.on_demand())
    arn = kinesis.summary(here, name)["StreamARN"]
    socks = []
    for i in range(8):
        consumer = here.register_stream_consumer(StreamARN=arn, ConsumerName=f"c{i}")["Consumer"]
        status = kinesis.eventually(lambda: here.describe_stream_consumer(  # noqa: B023
            ConsumerARN=consumer["ConsumerARN"])["ConsumerDescription"]["ConsumerStatus"] == "ACTIVE")
        assert status
        body = (b'{"ConsumerARN":"%s","ShardId":"shardId-000000000000",'
                b'"StartingPosition":{"Type":"LATEST"}}' % consumer["ConsumerARN"].encode())
        sock = wire.connect(target.endpoint)
        sock.sendall(wire.request("SubscribeToShard", body))
        socks.append(sock)
    for _ in range(12):
        answer = here.put_records(StreamName=name, Records=[
            {"Data": bytes(1000 * 1000), "PartitionKey": "k", "ExplicitHashKey": "0"}] * 5)
        assert answer["FailedRecordCount"] == 0
    here.delete_stream(StreamName=name, EnforceConsumerDeletion=True)
    close_all(socks)
