"""Delivery streams lose nothing: kill -9 of the delivery process, of the shard process and of everything while records
are put, and a destination that is away. The ledger has every record that PutRecordBatch acknowledged; each must be in
the files once or more."""

import gzip
import os
import pathlib
import random
import shutil
import subprocess
import time

import pytest

from delivery_ledger import SEED, Writer, apply, describe, kill_delivery, wait_serving
from patience import patient
from server import Server, free_ports

KILLS = int(os.environ.get("MILLRACE_DELIVERY_KILLS", "8"))
DELIVERED_WITHIN_S = 90

RESOURCE = """
apiVersion: millrace.dev/v1alpha1
kind: DeliveryStream
metadata: {name: ledger}
spec:
  destination:
    type: Folder
    folder:
      path: ledger
      compressionFormat: GZIP
      bufferingHints: {sizeInMBs: 1, intervalInSeconds: 1}
  processing:
    processors: [{type: AppendDelimiterToRecord}]
"""


@pytest.fixture
def server():
    with Server(tls=False) as running:
        yield running


def folder(server):
    return pathlib.Path(server.data) / "delivered" / "ledger"


def delivered(server):
    """Every line in the files, as often as it is there."""
    lines = []
    for path in folder(server).rglob("*.gz"):
        lines += gzip.decompress(path.read_bytes()).decode().splitlines()
    return lines


def wait_delivered(server, writer):
    """What is missing after a while; nothing, if all is well."""
    owed = set(writer.acknowledged)
    end = time.monotonic() + patient(DELIVERED_WITHIN_S)
    while time.monotonic() < end:
        missing = owed - set(delivered(server))
        if not missing:
            return missing
        time.sleep(1)
    return missing


def test_kills_lose_nothing(server):
    choose = random.Random(SEED)
    apply(server, RESOURCE)
    writer = Writer(server.endpoint)
    wait_serving(writer)
    killed = []
    with writer:
        for _ in range(KILLS):
            time.sleep(choose.uniform(0.5, 3))
            what = choose.choice(["delivery", "delivery", "shard", "all"])
            killed.append(what)
            if what == "delivery":
                kill_delivery(server)
            elif what == "shard":
                server.kill_shards()
            else:
                server.kill()
                server.start()
    missing = wait_delivered(server, writer)
    lines = delivered(server)
    print(f"seed {SEED}: killed {killed}; {len(writer.acknowledged)} acknowledged, {len(lines)} delivered, "
          f"{len(lines) - len(set(lines))} more than once")
    assert not missing, f"seed {SEED}: {len(missing)} of {len(writer.acknowledged)} lost, such as {sorted(missing)[:5]}"


def test_a_destination_that_is_away_loses_nothing_and_doubles_no_object(server):
    blocked = folder(server)
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("a file where the folder should be")
    apply(server, RESOURCE)
    writer = Writer(server.endpoint)
    wait_serving(writer)
    with writer:
        time.sleep(6)
        described = describe(server)
        assert "DestinationReachable  False" in described, described
        blocked.unlink()
        time.sleep(2)
    missing = wait_delivered(server, writer)
    assert not missing
    lines = delivered(server)
    assert len(lines) == len(set(lines)), "a retry doubled records"


S3_RESOURCE = """
apiVersion: millrace.dev/v1alpha1
kind: DeliveryStream
metadata: {name: ledger}
spec:
  destination:
    type: S3
    s3:
      bucket: lake
      prefix: "in/day=!{timestamp:dd} x/"
      errorOutputPrefix: "bad/!{firehose:error-output-type}/"
      bufferingHints: {sizeInMBs: 23, intervalInSeconds: 15}
  processing:
    processors: [{type: AppendDelimiterToRecord}]
"""


@pytest.fixture
def lake(tmp_path):
    """A real S3 gateway that checks signatures, over a folder; skipped where nobody installed one."""
    program = shutil.which(os.environ.get("MILLRACE_S3_GATEWAY", "versitygw"))
    if not program:
        pytest.skip("no S3 gateway: MILLRACE_S3_GATEWAY, or versitygw on the PATH (tests/integration/run.sh fault builds it)")
    port, = free_ports(1)
    environment = {**os.environ, "ROOT_ACCESS_KEY": "lake-key", "ROOT_SECRET_KEY": "lake-secret"}
    gateway = subprocess.Popen([program, "--port", f"127.0.0.1:{port}", "posix", str(tmp_path)], env=environment,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    saved = dict(os.environ)
    os.environ.update(AWS_ENDPOINT_URL_S3=f"http://127.0.0.1:{port}", AWS_ACCESS_KEY_ID="lake-key",
                      AWS_SECRET_ACCESS_KEY="lake-secret")
    try:
        yield tmp_path
    finally:
        os.environ.clear()
        os.environ.update(saved)
        gateway.kill()
        gateway.wait()


def test_a_bucket_that_is_made_late_gets_everything_in_parts_where_it_is_much(lake):
    with Server(tls=False) as server:
        apply(server, S3_RESOURCE)
        writer = Writer(server.endpoint)
        wait_serving(writer)
        for number in range(8):
            writer.put([f"{number}.{i} ".encode() + b"x" * 999_000 for i in range(3)])
        end = time.monotonic() + patient(DELIVERED_WITHIN_S)
        while "S3.NoSuchBucket" not in (described := describe(server)):
            assert time.monotonic() < end, described
            time.sleep(0.5)
        (lake / "lake").mkdir()
        owed = {r if isinstance(r, str) else r.decode() for r in writer.acknowledged}
        end = time.monotonic() + patient(DELIVERED_WITHIN_S)
        while time.monotonic() < end:
            files = [path for path in (lake / "lake").rglob("ledger-1-*") if path.is_file()]
            lines = [line for path in files for line in path.read_text().splitlines()]
            if owed <= set(lines):
                break
            time.sleep(1)
        assert owed == set(lines) and len(lines) == len(owed)
        assert any(path.stat().st_size > 16 << 20 for path in files), "nothing was sent in parts"
