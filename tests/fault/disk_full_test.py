"""A full disk, on a small file system of its own: writes get an error that every SDK retries, reads go
on, and writes resume within 5 s when there is room again."""

import contextlib
import json
import os
import subprocess
import time
import urllib.request

import pytest

import kinesis
from server import Server
from workload import CALL, make_payload, read_everything
from ledger import Ledger
from patience import patient

# Two lanes with some segments of 20 MiB each, and a quarter of it for the ballast that makes room again.
VOLUME_MIB = int(os.environ.get("MILLRACE_VOLUME_MIB", "192"))
RETRYABLE = {"ProvisionedThroughputExceededException", "InternalFailure", "ServiceUnavailable",
             "ServiceUnavailableException", "ThrottlingException"}


def command(*arguments):
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode != 0:
        pytest.skip(f"LOUD: no small file system here, a full disk is not tested: "
                    f"{' '.join(arguments[:2])}: {done.stderr.strip()}")


@contextlib.contextmanager
def mounted(folder, mib):
    """A mounted ext4 of so many MiB."""
    image, mount = folder / "image", folder / "volume"
    mount.mkdir()
    image.touch()
    os.truncate(image, mib * 2**20)
    command("mkfs.ext4", "-q", "-F", "-m", "0", str(image))
    command("mount", "-o", "loop", str(image), str(mount))
    try:
        yield mount
    finally:
        subprocess.run(["umount", "-l", str(mount)], timeout=30, check=True)


@pytest.fixture
def volume(tmp_path):
    with mounted(tmp_path, VOLUME_MIB) as folder:
        yield folder


def conditions_of(server, stream):
    """The texts of the Stream resource's conditions."""
    url = f"{server.endpoint}/apis/millrace.dev/v1alpha1/namespaces/default/streams/{stream}"
    with urllib.request.urlopen(url, timeout=5) as answer:
        return [condition.get("message", "")
                for condition in json.load(answer).get("status", {}).get("conditions", [])]


class Filler:
    """Puts batches into one stream and keeps the ledger."""

    def __init__(self, client, stream):
        self.client, self.stream, self.ledger, self._count = client, stream, Ledger(), 0

    def put(self):
        """None if all was taken, else the error code."""
        names = [f"f-{self._count}-{i}" for i in range(50)]
        self._count += 1
        for name in names:
            self.ledger.attempt(name.encode())
        try:
            answer = self.client.put_records(StreamName=self.stream, Records=[
                {"Data": make_payload(name, 8000), "PartitionKey": "k", "ExplicitHashKey": "0"}
                for name in names])
        except kinesis.ClientError as error:
            return kinesis.code_in(error)
        failures = [result["ErrorCode"] for result in answer["Records"] if "ErrorCode" in result]
        for name, result in zip(names, answer["Records"]):
            if "SequenceNumber" in result:
                self.ledger.acknowledge("f", name.encode(), result["ShardId"],
                                        result["SequenceNumber"])
        return failures[0] if failures else None

    def faults(self, client):
        shards, by_shard = read_everything(client, self.stream)
        return self.ledger.faults(shards, by_shard)[:5]


def fill(filler, limit_s=60):
    """Puts until nothing was taken for two seconds; the error codes seen."""
    codes, last_taken, end = set(), time.monotonic(), time.monotonic() + patient(limit_s)
    while time.monotonic() - last_taken < 2:
        assert time.monotonic() < end, "the disk does not fill"
        before = filler.ledger.counts()[1]
        code = filler.put()
        if code:
            codes.add(code)
            time.sleep(0.02)
        if filler.ledger.counts()[1] > before:
            last_taken = time.monotonic()
    return codes


def test_a_full_disk_refuses_writes_serves_reads_and_recovers(volume):
    ballast = volume / "ballast"
    ballast.write_bytes(bytes(VOLUME_MIB * 2**20 // 4))
    with Server(volume / "data", tls=False) as server:
        client = kinesis.make_client(server.endpoint, **CALL)
        name = kinesis.create_stream(client, kinesis.unique_name("full"), **kinesis.on_demand())
        filler = Filler(client, name)
        codes = fill(filler)
        attempted, acknowledged = filler.ledger.counts()
        print(f"{acknowledged} of {attempted} records taken, then {codes}")
        assert acknowledged > 0 and codes and codes <= RETRYABLE
        shards = server.shard_pids()
        assert filler.faults(client) == []  # reads go on
        assert filler.put() in RETRYABLE and server.shard_pids() == shards
        ballast.unlink()
        start = time.monotonic()
        while filler.put() is not None:
            assert time.monotonic() - start < patient(5), "writes did not resume in 5 s"
            time.sleep(0.05)
        print(f"writes resumed after {time.monotonic() - start:.2f} s")
        assert filler.faults(client) == []
        server.kill()
        server.start()
        assert filler.faults(client) == []


def test_a_server_that_starts_on_a_full_disk_serves_reads(volume):
    ballast = volume / "ballast"
    ballast.write_bytes(bytes(VOLUME_MIB * 2**20 // 4))
    with Server(volume / "data", tls=False) as server:
        client = kinesis.make_client(server.endpoint, **CALL)
        name = kinesis.create_stream(client, kinesis.unique_name("full"), **kinesis.on_demand())
        filler = Filler(client, name)
        fill(filler)
        server.kill()
        with contextlib.suppress(OSError), open(volume / "rest", "wb") as rest:
            while True:  # to the last byte
                rest.write(bytes(2**16))
                rest.flush()
        server.start()
        assert filler.faults(client) == []
        (volume / "rest").unlink(missing_ok=True)
        ballast.unlink()
        assert kinesis.eventually(lambda: filler.put() is None, timeout_s=5, every_s=0.05)
        assert filler.faults(client) == []


def test_a_volume_too_small_for_a_lane_says_so_and_serves_once_there_is_room(tmp_path):
    with mounted(tmp_path, 96) as volume:
        ballast = volume / "ballast"
        ballast.write_bytes(bytes(75 * 2**20))
        with Server(volume / "data", tls=False) as server:
            client = kinesis.make_client(server.endpoint, **CALL)
            name = kinesis.unique_name("small")
            client.create_stream(StreamName=name, **{
                key: value for key, value in kinesis.on_demand().items() if key != "shards"})
            said = "the lane needs 20 MiB for its next segment"
            assert kinesis.eventually(
                lambda: any(said in text for text in conditions_of(server, name)), timeout_s=10,
                every_s=0.1), conditions_of(server, name)
            ballast.unlink()
            kinesis.wait_active(client, name)
            filler = Filler(client, name)
            assert filler.put() is None
            # Fills the little there is, and is started again on it.
            fill(filler)
            assert filler.faults(client) == []
            server.kill()
            server.start()
            assert filler.faults(client) == []
