"""Bytes on sockets, for requests that no client library would send; and a well-behaved client beside
them that must not notice."""

import contextlib
import json
import socket
import ssl
import threading
import time

import kinesis
from patience import patient

TARGET = "Kinesis_20131202."
JSON = "application/x-amz-json-1.1"
CBOR = "application/x-amz-cbor-1.1"
AUTHORIZATION = ("AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/kinesis/aws4_request, "
                 "SignedHeaders=host, Signature=00")


def address_of(endpoint):
    host, port = endpoint.split("//")[1].rsplit(":", 1)
    return host, int(port)


def connect(endpoint, timeout_s=10, tls=False):
    sock = socket.create_connection(address_of(endpoint), timeout=timeout_s)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        sock = context.wrap_socket(sock)
    return sock


def head(operation="ListStreams", *lines, content_type=JSON, host="localhost"):
    """The head of a good request without its length, with `lines` added."""
    fields = ["POST / HTTP/1.1", f"Host: {host}", f"Content-Type: {content_type}",
              f"X-Amz-Target: {TARGET}{operation}", f"Authorization: {AUTHORIZATION}",
              "X-Amz-Date: 20260101T000000Z", *lines]
    return "\r\n".join(fields).encode("latin-1") + b"\r\n\r\n"


def request(operation, body, *lines, content_type=JSON):
    return head(operation, f"Content-Length: {len(body)}", *lines, content_type=content_type) + body


def send_ignoring_close(sock, data):
    """Sends until done or until the server has had enough."""
    with contextlib.suppress(OSError):
        sock.sendall(data)


def receive_all(sock, timeout_s=5.0):
    """(bytes, whether the server closed) until it closes or is silent for the time."""
    sock.settimeout(timeout_s)
    received = b""
    while True:
        try:
            piece = sock.recv(65536)
        except (TimeoutError, ssl.SSLWantReadError):
            return received, False
        except OSError:
            return received, True
        if not piece:
            return received, True
        received += piece


def receive_answer(sock, timeout_s=10.0):
    """(status, body) of one answer with Content-Length; status 0 where the server just closed."""
    sock.settimeout(patient(timeout_s))
    received = b""
    with contextlib.suppress(OSError):
        while b"\r\n\r\n" not in received:
            piece = sock.recv(65536)
            if not piece:
                return 0, received
            received += piece
        top, _, body = received.partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b":", 1) for line in top.split(b"\r\n")[1:])
        length = int(fields.get(b"content-length", b"0"))
        while len(body) < length:
            piece = sock.recv(65536)
            if not piece:
                break
            body += piece
        return int(top.split(b" ", 2)[1]), body
    return 0, received


def exchange(endpoint, data, timeout_s=10.0):
    with connect(endpoint) as sock:
        send_ignoring_close(sock, data)
        return receive_answer(sock, timeout_s)


def error_name(body):
    with contextlib.suppress(ValueError, AttributeError):
        return json.loads(body).get("__type", "").split("#")[-1]
    return ""


class Neighbour:
    """Puts beside attacks, in a `with`. Any thread may ask what went wrong since it asked last."""

    def __init__(self, endpoint, patience_s=5.0):
        self._client = kinesis.make_client(endpoint, read_timeout=30, retries={
            "mode": "standard", "total_max_attempts": 1})
        self._patience_s = patience_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._lock = threading.Lock()
        self._faults = []
        self._puts = 0

    def __enter__(self):
        self._name = kinesis.create_stream(self._client, kinesis.unique_name("neighbour"), 0,
                                           StreamModeDetails={"StreamMode": "ON_DEMAND"})
        self._thread.start()
        return self

    def _run(self):
        while not self._stop.wait(0.02):
            start = time.monotonic()
            fault = None
            try:
                self._client.put_record(StreamName=self._name, Data=str(self._puts).encode(),
                                        PartitionKey="k", ExplicitHashKey="0")
                self._puts += 1
            except Exception as error:  # any at all is a finding
                fault = repr(error)
            took = time.monotonic() - start
            if took > patient(self._patience_s):
                fault = f"{fault or 'a put'} took {took:.1f} s"
            if fault:
                with self._lock:
                    self._faults.append(fault)

    def new_faults(self):
        with self._lock:
            faults, self._faults = self._faults, []
        return faults

    def __exit__(self, kind, *_):
        self._stop.set()
        self._thread.join()
        try:
            records = kinesis.read_shard(self._client, self._name, "shardId-000000000000")
            assert [int(r["Data"]) for r in records] == list(range(self._puts))
        finally:
            with contextlib.suppress(Exception):
                self._client.delete_stream(StreamName=self._name)
