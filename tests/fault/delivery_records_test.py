"""Destinations that take records: an HTTP endpoint that fails in every way it can, and another Stream. Each record that
PutRecordBatch acknowledged arrives; under one request id the endpoint gets one and the same list of records."""

import base64
import collections
import gzip
import http.server
import json
import pathlib
import random
import threading
import time

import kinesis
import pytest

from delivery_ledger import SEED, Writer, apply, describe, kill_delivery, wait_serving
from server import Server

DELIVERED_WITHIN_S = 90


@pytest.fixture
def server():
    with Server(tls=False) as running:
        yield running


class Post(http.server.BaseHTTPRequestHandler):
    """Hands requests to the server's `take`."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.server.take(self)

    def log_message(self, *_):
        pass

    def reply(self, status, text, promised=0):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text) + promised))
        self.end_headers()
        self.wfile.write(text.encode())


class Receiver:
    """An HTTP server of the test's own, a thread a connection."""

    def __init__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Post)
        self.server.take = self.take
        self.url = f"http://127.0.0.1:{self.server.server_port}/in"
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Function(Receiver):
    """Firehose's contract for transformations: every record in upper case, none with a 7; each third list of records
    fails twice, which is less often than it is tried."""

    def __init__(self):
        super().__init__()
        self.calls = collections.Counter()  # by first record
        self.lock = threading.Lock()

    def take(self, call):
        event = json.loads(call.rfile.read(int(call.headers["Content-Length"])))
        first = event["records"][0]["recordId"]
        with self.lock:
            self.calls[first] += 1
            fails = list(self.calls).index(first) % 3 == 0 and self.calls[first] <= 2
        if fails:
            return call.reply(500, "{}")
        records = []
        for record in event["records"]:
            text = base64.b64decode(record["data"]).decode()
            records.append({"recordId": record["recordId"], "result": "Dropped" if "7" in text else "Ok",
                            "data": base64.b64encode((text.upper() + "\n").encode()).decode()})
        return call.reply(200, json.dumps({"records": records}))


class Endpoint(Receiver):
    """Protocol 1.0, strict in what it takes; fails as `choose` has it while `is_bad`."""

    FAILURES = ["500", "429", "cut", "hang", "not json", "another id", "half"]

    def __init__(self, seed):
        super().__init__()
        self.choose = random.Random(seed)
        self.is_bad = True
        self.faults, self.failed = [], collections.Counter()
        self.requests = {}  # by id, the records; what was answered with success
        self.seen = {}      # by id, whatever was answered
        self.lock = threading.Lock()

    def take(self, call):
        body = call.rfile.read(int(call.headers["Content-Length"]))
        if call.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        request = json.loads(body)
        request_id = request["requestId"]
        records = [base64.b64decode(record["data"], validate=True).decode() for record in request["records"]]
        expected = {"X-Amz-Firehose-Protocol-Version": "1.0", "X-Amz-Firehose-Request-Id": request_id,
                    "X-Amz-Firehose-Access-Key": "opens", "Content-Type": "application/json",
                    "X-Amz-Firehose-Common-Attributes": '{"commonAttributes":{"team":"shop"}}'}
        with self.lock:
            for name, value in expected.items():
                if call.headers.get(name) != value:
                    self.faults.append(f"{name} is {call.headers.get(name)!r}")
            if self.seen.setdefault(request_id, records) != records:
                self.faults.append(f"{request_id} came with other records")
            how = self.choose.choice(self.FAILURES) if self.is_bad and self.choose.random() < 0.7 else "well"
            self.failed[how] += 1
            if how in ("well", "half"):
                self.requests[request_id] = records
        self.answer(call, how, request_id)

    def answer(self, call, how, request_id):
        if how == "hang":
            time.sleep(2)
        if how in ("cut", "hang"):
            call.close_connection = True
            return call.connection.close()
        text = json.dumps({"requestId": "another" if how == "another id" else request_id, "timestamp": 1})
        text = "sorry" if how == "not json" else text
        call.reply(int(how) if how in ("500", "429") else 200, text, promised=how == "half")
        if how == "half":  # it has the records, and the client cannot know
            call.close_connection = True
        return None


HTTP_RESOURCE = """
apiVersion: v1
kind: Secret
metadata: {{name: receiver}}
stringData: {{key: opens}}
---
apiVersion: millrace.dev/v1alpha1
kind: DeliveryStream
metadata: {{name: ledger}}
spec:
  destination:
    type: HttpEndpoint
    httpEndpoint:
      url: {url}
      accessKeySecretRef: {{name: receiver, key: key}}
      commonAttributes: {{team: shop}}
      contentEncoding: GZIP
      bufferingHints: {{sizeInMBs: 1, intervalInSeconds: 1}}
      retryDurationInSeconds: {retry}
  backup:
    folder: {{path: backup, bufferingHints: {{sizeInMBs: 1, intervalInSeconds: 1}}}}
"""


def await_all(owed, arrived):
    end = time.monotonic() + DELIVERED_WITHIN_S
    while owed - arrived() and time.monotonic() < end:
        time.sleep(0.5)
    return owed - arrived()


def test_an_http_endpoint_that_fails_in_every_way_gets_every_record(server):
    with Endpoint(SEED) as endpoint:
        apply(server, HTTP_RESOURCE.format(url=endpoint.url, retry=300))
        writer = Writer(server.endpoint)
        wait_serving(writer)
        with writer:
            time.sleep(6)
            kill_delivery(server)
            time.sleep(6)
        endpoint.is_bad = False
        missing = await_all(set(writer.acknowledged), lambda: {r for rs in endpoint.requests.values() for r in rs})
        print(f"seed {SEED}: {len(writer.acknowledged)} acknowledged in {len(endpoint.requests)} requests, {dict(endpoint.failed)}")
        assert not endpoint.faults, endpoint.faults[:5]
        assert not missing, f"seed {SEED}: {len(missing)} lost, such as {sorted(missing)[:5]}"


def test_what_an_http_endpoint_never_takes_is_in_the_backup(server):
    with Endpoint(SEED) as endpoint:
        endpoint.FAILURES, endpoint.choose.random = ["500"], lambda: 0
        apply(server, HTTP_RESOURCE.format(url=endpoint.url, retry=0))
        writer = Writer(server.endpoint)
        wait_serving(writer)
        writer.put(["one", "two"])
        folder = pathlib.Path(server.data) / "delivered" / "backup"

        def backed_up():
            lines = [json.loads(line) for path in folder.rglob("*") if path.is_file() and "http-endpoint-failed" in str(path)
                     for line in path.read_text().splitlines()]
            assert all(line["errorCode"] == "HttpEndpoint.DestinationException" for line in lines), lines
            return {base64.b64decode(line["rawData"]).decode() for line in lines}

        assert not await_all(set(writer.acknowledged), backed_up)
        assert "HttpEndpoint.DestinationException: HTTP 500" in describe(server)


STREAM_RESOURCE = """
apiVersion: millrace.dev/v1alpha1
kind: Stream
metadata: {name: copies}
spec: {streamModeDetails: {streamMode: ON_DEMAND}}
---
apiVersion: millrace.dev/v1alpha1
kind: DeliveryStream
metadata: {name: ledger}
spec:
  destination:
    type: Stream
    stream: {streamRef: {name: copies}, partitionKey: Random}
  backup:
    folder: {path: backup}
"""


def test_another_stream_gets_every_record_through_kills(server):
    apply(server, STREAM_RESOURCE)
    writer = Writer(server.endpoint)
    wait_serving(writer)
    with writer:
        time.sleep(2)
        kill_delivery(server)
        time.sleep(2)
        server.kill_shards()
        time.sleep(2)
    client = kinesis.make_client(server.endpoint)

    def copied():
        shards = client.list_shards(StreamName="copies")["Shards"]
        return {record["Data"].decode() for shard in shards
                for record in kinesis.read_from(client, kinesis.iterator(client, "copies", shard["ShardId"]))}

    missing = await_all(set(writer.acknowledged), copied)
    assert not missing, f"seed {SEED}: {len(missing)} of {len(writer.acknowledged)} lost, such as {sorted(missing)[:5]}"


FUNCTION_RESOURCE = """
apiVersion: millrace.dev/v1alpha1
kind: DeliveryStream
metadata: {{name: ledger}}
spec:
  destination:
    type: Folder
    folder: {{path: ledger, bufferingHints: {{sizeInMBs: 1, intervalInSeconds: 1}}}}
  processing:
    processors: [{{type: Lambda, parameters: {{LambdaArn: "{url}"}}}}]
"""


def test_a_function_that_fails_now_and_then_gets_and_gives_back_every_record(server):
    with Function() as function:
        apply(server, FUNCTION_RESOURCE.format(url=function.url))
        writer = Writer(server.endpoint)
        wait_serving(writer)
        with writer:
            time.sleep(4)
        owed = {record.upper() for record in writer.acknowledged if "7" not in record}
        folder = pathlib.Path(server.data) / "delivered" / "ledger"

        def arrived():
            return {line for path in folder.rglob("*") if path.is_file() for line in path.read_text().splitlines()}

        missing = await_all(owed, arrived)
        refused = [line for line in arrived() if line.startswith("{")]
        assert not refused, refused[:2]
        assert not missing, f"seed {SEED}: {len(missing)} lost, such as {sorted(missing)[:5]}"
        assert arrived() == owed, "a record that the function dropped, or in lower case"
        assert max(function.calls.values()) == 3
