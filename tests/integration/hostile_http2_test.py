"""Hostile HTTP/2: floods of frames, headers made to explode, windows that never open. The connection is
closed or the stream refused, memory stays bounded, and a well-behaved client notices nothing."""

import contextlib
import time

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import hpack
import pytest
from hyperframe.frame import (ContinuationFrame, DataFrame, HeadersFrame, PingFrame, PriorityFrame,
                              RstStreamFrame, SettingsFrame, WindowUpdateFrame)

import wire

pytestmark = pytest.mark.usefixtures("neighbour", "bounded")

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def fields(operation="ListStreams", *more):
    return [(":method", "POST"), (":scheme", "http"), (":authority", "localhost"), (":path", "/"),
            ("content-type", wire.JSON), ("x-amz-target", wire.TARGET + operation),
            ("authorization", wire.AUTHORIZATION), ("x-amz-date", "20260101T000000Z"),
            *more]


class Raw:
    """A connection on which any frame can be sent, in a `with`."""

    def __init__(self, endpoint, settings=None):
        self.sock = wire.connect(endpoint)
        self.encoder = hpack.Encoder()
        self.sock.sendall(PREFACE + SettingsFrame(0, settings=settings or {}).serialize())
        self.sock.sendall(SettingsFrame(0, flags=["ACK"]).serialize())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, *frames):
        """Whether the server still takes it."""
        try:
            self.sock.sendall(b"".join(frame.serialize() for frame in frames))
        except OSError:
            return False
        return True

    def headers(self, stream, block, flags=("END_HEADERS", "END_STREAM")):
        return HeadersFrame(stream, data=block, flags=list(flags))

    def good_headers(self, stream, *more, flags=("END_HEADERS", "END_STREAM")):
        return self.headers(stream, self.encoder.encode(fields("ListStreams", *more)), flags)

    def closed_within(self, limit_s):
        """Whether the server said GOAWAY or closed the connection."""
        answer, closed = wire.receive_all(self.sock, timeout_s=limit_s)
        return closed or b"\x07\x00\x00\x00\x00\x00" in answer


def ask(endpoint, headers, body=b"{}", settings=None):
    """One request the proper way: (status or None, reset?, closed?)."""
    config = h2.config.H2Configuration(validate_outbound_headers=False,
                                       normalize_outbound_headers=False, header_encoding="utf-8")
    connection = h2.connection.H2Connection(config)
    connection.initiate_connection()
    status, reset, closed = None, False, False
    with wire.connect(endpoint) as sock:
        connection.send_headers(1, headers)
        connection.send_data(1, body, end_stream=True)
        wire.send_ignoring_close(sock, connection.data_to_send())
        while True:
            try:
                data = sock.recv(65536)
            except OSError:
                return status, reset, True
            if not data:
                return status, reset, True
            try:
                events = connection.receive_data(data)
            except h2.exceptions.ProtocolError:
                return status, reset, True
            for event in events:
                if isinstance(event, h2.events.ResponseReceived):
                    status = int(dict(event.headers)[":status"])
                reset |= isinstance(event, h2.events.StreamReset)
                closed |= isinstance(event, h2.events.ConnectionTerminated)
                if closed or reset or isinstance(event, h2.events.StreamEnded):
                    return status, reset, closed
            wire.send_ignoring_close(sock, connection.data_to_send())


def test_a_good_request_by_prior_knowledge_is_answered(target):
    body = b"{}"
    assert ask(target.endpoint, fields("ListStreams", ("content-length", "2")), body) == \
        (200, False, False)


def test_a_rapid_reset_ends_the_connection(target):
    with Raw(target.endpoint) as raw:
        alive = True
        for stream in range(1, 40_001, 2):
            alive = raw.send(raw.good_headers(stream, flags=("END_HEADERS",)),
                             RstStreamFrame(stream, error_code=8))
            if not alive:
                break
        assert not alive or raw.closed_within(5)


def test_an_endless_header_is_cut_off(target):
    with Raw(target.endpoint) as raw:
        raw.send(raw.headers(1, raw.encoder.encode(fields()), flags=()))
        piece = hpack.Encoder().encode([("x-more", "a" * 8000)], huffman=False)
        alive = True
        for _ in range(4000):
            alive = raw.send(ContinuationFrame(1, data=piece))
            if not alive:
                break
        assert not alive or raw.closed_within(5)


def test_empty_continuations_without_end_are_cut_off(target):
    with Raw(target.endpoint) as raw:
        raw.send(raw.headers(1, b"", flags=()))
        alive = True
        for _ in range(1000):
            alive = raw.send(*[ContinuationFrame(1, data=b"")] * 100)
            if not alive:
                break
        assert not alive or raw.closed_within(5)


def test_a_header_list_past_32_kib_is_refused(target):
    status, reset, closed = ask(target.endpoint, fields(
        "ListStreams", *[(f"x-{i}", "a" * 4000) for i in range(12)]))
    assert status == 431 or reset or closed


def test_a_header_bomb_of_references_is_refused(target):
    """4 KB stored once in the table, then named 4,000 times in 4 KB: 16 MB when taken at its word."""
    with Raw(target.endpoint) as raw:
        block = raw.encoder.encode(fields())
        block += b"\x40\x05x-big\x7f\xff\x1d" + b"a" * (127 + 0x7F + (0x1D << 7))
        wire.send_ignoring_close(raw.sock, raw.headers(1, block + b"\xbe" * 4000).serialize())
        answer, closed = wire.receive_all(raw.sock, timeout_s=3)
        assert closed or answer


@pytest.mark.parametrize("frame", [
    SettingsFrame(0, settings={3: 100}), PingFrame(0, opaque_data=b"12345678"),
    WindowUpdateFrame(0, window_increment=1), PriorityFrame(1, depends_on=0, stream_weight=3),
], ids=["SETTINGS", "PING", "WINDOW_UPDATE", "PRIORITY"])
def test_a_flood_of_control_frames_stays_bounded(target, frame, bounded):
    bounded["growth"] = 64 * 2**20
    data = frame.serialize() * 500
    with Raw(target.endpoint) as raw:
        raw.sock.settimeout(3)
        with contextlib.suppress(OSError):
            for _ in range(400):  # answers are never read
                raw.sock.sendall(data)


def test_empty_data_frames_do_not_go_on_for_ever(target):
    with Raw(target.endpoint) as raw:
        raw.send(raw.good_headers(1, flags=("END_HEADERS",)))
        alive, start = True, time.monotonic()
        while alive and time.monotonic() - start < 3:
            alive = raw.send(*[DataFrame(1, data=b"")] * 500)


def test_more_streams_than_allowed_are_refused(target):
    with Raw(target.endpoint) as raw:
        for stream in range(1, 2001, 2):
            raw.send(raw.good_headers(stream, flags=("END_HEADERS",)))
        answer, closed = wire.receive_all(raw.sock, timeout_s=2)
    refused = answer.count(b"\x00\x00\x04\x03\x00")  # RST_STREAM frames
    assert closed or refused >= 1000 - 128


def test_answers_nobody_makes_room_for_stay_bounded(target, bounded):
    bounded["growth"] = 64 * 2**20
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            raw = stack.enter_context(Raw(target.endpoint, settings={4: 0}))  # INITIAL_WINDOW_SIZE
            for stream in range(1, 200, 2):
                raw.send(raw.good_headers(stream, flags=("END_HEADERS",)),
                         DataFrame(stream, data=b"{}", flags=["END_STREAM"]))
        time.sleep(1)


BAD_FIELDS = {
    "a line feed in a value": ("x-bad", "a\r\nx-smuggled: b"),
    "a NUL in a value": ("x-bad", "a\0b"),
    "an upper-case name": ("X-Bad", "a"),
    "a connection header": ("connection", "keep-alive"),
    "a transfer coding": ("transfer-encoding", "chunked"),
    "an upgrade": ("upgrade", "h2c"),
    "te of another kind": ("te", "gzip"),
    "an unknown pseudo header": (":bad", "a"),
    "a second path": (":path", "/other"),
    "a space in a name": ("x bad", "a"),
    "a length that is wrong": ("content-length", "7"),
    "a length that is no number": ("content-length", "2x"),
}


@pytest.mark.parametrize("case", BAD_FIELDS)
def test_a_malformed_header_does_not_reach_the_service(target, case):
    status, reset, closed = ask(target.endpoint, fields("ListStreams", BAD_FIELDS[case]))
    assert reset or closed or status == 400


@pytest.mark.parametrize("missing", [":method", ":path", ":scheme"])
def test_a_request_without_a_pseudo_header_is_refused(target, missing):
    status, reset, closed = ask(target.endpoint, [f for f in fields() if f[0] != missing])
    assert reset or closed or status == 400


@pytest.mark.parametrize("data", [
    b"\xff\xff\xff\x00\x00\x00\x00\x00\x01",                          # DATA of 16 MiB
    b"\x00\x00\x05\x04\x00\x00\x00\x00\x00abcde",                      # SETTINGS of 5 bytes
    b"\x00\x00\x04\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00",           # WINDOW_UPDATE by 0
    b"\x00\x00\x04\x03\x00\x00\x00\x00\x09\x00\x00\x00\x08",           # RST_STREAM of an idle stream
    b"\x00\x00\x00\x00\x00\x00\x00\x00\x00",                           # DATA on stream 0
    b"\x00\x00\x01\x01\x05\x00\x00\x00\x01\xff",                       # HEADERS that HPACK cannot read
    b"\x00\x00\x08\x06\x00\x00\x00\x00\x03" + b"a" * 8,                # PING on a stream
], ids=range(7))
def test_a_frame_against_the_rules_ends_the_connection(target, data):
    with Raw(target.endpoint) as raw:
        wire.send_ignoring_close(raw.sock, data)
        assert raw.closed_within(5)


def test_a_preface_that_stops_half_way_is_dropped(target):
    with wire.connect(target.endpoint) as sock:
        sock.sendall(PREFACE[:12])
        _, closed = wire.receive_all(sock, timeout_s=14)
    assert closed


def test_a_body_past_its_limit_is_refused(target):
    status, reset, closed = ask(target.endpoint, fields(
        "PutRecords", ("content-length", str(17 * 2**20))), body=b"{}")
    assert status == 413 or reset or closed
