"""A ledger for delivery streams: what PutRecordBatch acknowledged is owed to the destination."""

import os
import pathlib
import random
import signal
import subprocess
import threading
import time

import boto3
import botocore.config

from patience import patient
from server import BINARY, name_of

SEED = int(os.environ.get("MILLRACE_SEED", random.randrange(2**31)))


def apply(server, resource):
    path = pathlib.Path(server.data) / "resource.yaml"
    path.write_text(resource)
    subprocess.run([BINARY, "apply", "-f", path, "--endpoint", server.endpoint], check=True, timeout=30,
                   stdout=subprocess.DEVNULL)


def describe(server):
    return subprocess.run([BINARY, "describe", "deliverystream", "ledger", "--endpoint", server.endpoint],
                          capture_output=True, text=True, timeout=30).stdout


class Writer:
    """Puts batches until it is stopped; `acknowledged` has what the service took."""

    def __init__(self, endpoint):
        config = botocore.config.Config(retries={"total_max_attempts": 1}, read_timeout=10, connect_timeout=5)
        self.client = boto3.client("firehose", endpoint_url=endpoint, config=config)
        self.acknowledged = []
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def put(self, records):
        answer = self.client.put_record_batch(DeliveryStreamName="ledger", Records=[{"Data": r} for r in records])
        self.acknowledged += [r for r, each in zip(records, answer["RequestResponses"]) if each.get("RecordId")]

    def run(self):
        number = 0
        while not self.stopped.is_set():
            records = [f"record {number + i}" for i in range(20)]
            number += 20
            try:
                self.put(records)
            except Exception:  # what is not acknowledged is owed to nobody
                time.sleep(0.1)
            time.sleep(0.01)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()


def wait_serving(writer):
    end = time.monotonic() + patient(30)
    while time.monotonic() < end:
        try:
            return writer.put(["first"])
        except Exception:
            time.sleep(0.1)
    raise AssertionError("PutRecordBatch never worked")


def kill_delivery(server):
    pids = [pid for pid in server.descendants() if name_of(pid).startswith("millrace-deliv")]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    return pids
