"""Several millrace-shard processes as one service over one folder of maps, and a few lines that play the operator."""

import contextlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.request

from patience import patient
from server import ROOT, free_ports

BINARY = pathlib.Path(os.environ.get("MILLRACE_SHARD_BINARY", ROOT / "build" / "bin" / "millrace-shard"))
TOKEN = "token of the test"
HASH_KEYS = 2**128


class Pods:
    """Owns the processes that it starts; `names` are shard-0, shard-1, … unless they are given: those of one pool
    are alike but for the number. Each keeps its ports and its data over kills."""

    def __init__(self, count=3, names=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="millrace-pods-"))
        self.names = names or [f"shard-{i}" for i in range(count)]
        count = len(self.names)
        ports = free_ports(3 * count)
        self.ports = dict(zip(self.names, ports[:count]))
        self._peer_ports = dict(zip(self.names, ports[count:2 * count]))
        self._admin_ports = dict(zip(self.names, ports[2 * count:]))
        self.processes = {}
        (self.folder / "store" / "shardmaps" / "default").mkdir(parents=True)

    def endpoint(self, name):
        return f"http://127.0.0.1:{self.ports[name]}"

    def endpoints(self):
        return [self.endpoint(name) for name in self.names]

    def command(self, name):
        peers = ",".join(f"{other}=127.0.0.1:{port}" for other, port in self._peer_ports.items())
        return [str(BINARY), "--name", name, "--data", str(self.folder / name), "--store", str(self.folder / "store"),
                "--listen", f"127.0.0.1:{self.ports[name]}", "--admin-listen", f"127.0.0.1:{self._admin_ports[name]}",
                "--peer-listen", f"127.0.0.1:{self._peer_ports[name]}", "--peers", peers, "--io-threads", "2",
                "--log-level", "warning"]

    def start(self, name, timeout_s=20.0):
        with open(self.folder / f"{name}.log", "ab") as log:
            process = subprocess.Popen(self.command(name), stdout=subprocess.PIPE, stderr=log,
                                       stdin=subprocess.DEVNULL, env={**os.environ, "MILLRACE_INTERNAL_TOKEN": TOKEN})
        self.processes[name] = process
        timer = threading.Timer(patient(timeout_s), process.kill)
        timer.start()
        line = process.stdout.readline()
        timer.cancel()
        if not line.startswith(b"ready"):
            raise RuntimeError(f"{name} is not ready: {self.tail(name)}")

    def tail(self, name, lines=30):
        with contextlib.suppress(FileNotFoundError):
            return "\n".join((self.folder / f"{name}.log").read_text(errors="replace").splitlines()[-lines:])
        return ""

    def kill(self, name):
        process = self.processes.pop(name)
        process.kill()
        process.wait()
        process.stdout.close()

    def pause(self, name):
        self.processes[name].send_signal(signal.SIGSTOP)

    def go_on(self, name):
        self.processes[name].send_signal(signal.SIGCONT)

    def stop(self, name, timeout_s=15.0):
        process = self.processes.pop(name)
        process.terminate()
        try:
            return process.wait(patient(timeout_s))
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    def lose_volume(self, name):
        """Takes a pod's data folder away while it is not running; where it is now, for give_back."""
        kept = self.folder / f"{name}.{time.monotonic_ns()}.kept"
        (self.folder / name).rename(kept)
        return kept

    def give_back(self, name, kept):
        shutil.rmtree(self.folder / name, ignore_errors=True)
        kept.rename(self.folder / name)

    def status(self, name):
        request = urllib.request.Request(f"http://127.0.0.1:{self._admin_ports[name]}/internal/v1/status",
                                         headers={"x-millrace-token": TOKEN})
        with urllib.request.urlopen(request, timeout=patient(2)) as answer:
            return json.load(answer)

    def __enter__(self):
        for name in self.names:
            self.start(name)
        return self

    def __exit__(self, *_):
        for name in list(self.processes):
            self.kill(name)
        shutil.rmtree(self.folder, ignore_errors=True)


class Operator:
    """One stream's map: written whole, by rename, as the real one's store does. Any thread. Without `volumes` it
    is of the version before maps named the volume of an extent."""

    def __init__(self, pods, stream, shards, seed=0, uid=7, volumes=True, names=None):
        self.pods, self.stream, self.uid = pods, stream, uid
        self._names_volumes, self._volumes = volumes, {}
        self.note_volumes()
        names = names or pods.names  # of the stream's pool
        self._choose = random.Random(seed)
        self._lock = threading.RLock()
        step = HASH_KEYS // shards
        self._epoch = int(time.time())
        arn = f"arn:aws:kinesis:us-east-1:000000000000:stream/{stream}"
        self.consumer_arn = f"{arn}/consumer/app:1763700000"
        self.map = {
            "version": 0, "pool": names[0].rpartition("-")[0], "streamUid": str(uid), "streamName": stream, "streamArn": arn, "onDemand": True,
            "enforceShardLimits": False, "autoDistribution": False, "encrypted": False, "retentionHours": 24,
            "maxRecordKib": 1024, "createdMs": self._epoch * 1000, "nextShardIndex": shards, "lastEpoch": 0,
            "shardLevelMetrics": [], "consumers": [{"name": "app", "arn": self.consumer_arn, "createdMs": 1}],
            "shards": [{"index": i, "startingHashKey": str(step * i),
                        "endingHashKey": str(step * (i + 1) - 1 if i + 1 < shards else HASH_KEYS - 1),
                        "createdMs": self._epoch * 1000,
                        "extents": [self._extent(self._epoch + i, names[i % len(names)])]}
                       for i in range(shards)]}
        self._epoch += shards
        self.write()

    def note_volumes(self):
        """What the pods that run say they are on, if it is of a version that asks."""
        for name in list(self.pods.processes) if self._names_volumes else []:
            with contextlib.suppress(OSError):
                self._volumes[name] = self.pods.status(name)["volume"]

    def volume_of(self, name):
        return self._volumes[name]

    def _extent(self, epoch, owner):
        extent = {"epoch": epoch, "owner": owner}
        if owner in self._volumes:
            extent["volume"] = self._volumes[owner]
        return extent

    def write(self):
        with self._lock:
            self.map["version"] += 1
            self.map["lastEpoch"] = self._epoch
            folder = self.pods.folder / "store" / "shardmaps" / "default"
            new = folder / "map.new"
            new.write_text(json.dumps({"kind": "ShardMap", "spec": self.map}))
            new.rename(folder / f"{self.stream}.{self.uid}.json")
            return self.map["version"]

    def heads(self):
        """{shard index: the pod that takes its writes}."""
        with self._lock:
            return {shard["index"]: shard["extents"][-1]["owner"] for shard in self.map["shards"]}

    def move(self, moves):
        """{shard index: pod}, in one version of the map."""
        with self._lock:
            for shard in self.map["shards"]:
                if shard["index"] in moves:
                    self._epoch += 1
                    shard["extents"].append(self._extent(self._epoch, moves[shard["index"]]))
            return self.write()

    def empty(self, name, others):
        """All write heads of one pod go to others."""
        return self.move({index: self._choose.choice(others)
                          for index, owner in self.heads().items() if owner == name})

    def note_ends(self):
        """Writes down the ends that the pods report, as the operator does when it gets round to it."""
        ends = {}
        for name in list(self.pods.processes):
            with contextlib.suppress(OSError):
                for stream in self.pods.status(name)["streams"]:
                    ends.update({(s["shard"], s["epoch"]): s["endIndex"] for s in stream["sealed"]})
        with self._lock:
            found = [(extent, ends[key]) for shard in self.map["shards"] for extent in shard["extents"]
                     if (key := (shard["index"], extent["epoch"])) in ends and "endIndex" not in extent]
            for extent, end in found:
                extent["endIndex"] = end
            if found:
                self.write()

    def missing(self, name):
        """{(shard, epoch): the end of what is there} of what a pod says it should have and has not."""
        return {(extent["shard"], extent["epoch"]): extent["endIndex"] for stream in self.pods.status(name)["streams"]
                if stream["uid"] == str(self.uid) for extent in stream["missing"]}

    def give_up(self, name):
        """Accepts the loss of all that a pod misses; the extents it was."""
        missing = self.missing(name)
        with self._lock:
            for shard in self.map["shards"]:
                for extent in shard["extents"][:-1]:
                    if (key := (shard["index"], extent["epoch"])) in missing:
                        extent.update(endIndex=missing[key], lost=True)
            self.write()
        return set(missing)

    def await_applied(self, names, timeout_s=10.0):
        """Until these pods serve the map as it is now."""
        end = time.monotonic() + patient(timeout_s)
        for name in names:
            while True:
                applied = [s["appliedVersion"] for s in self.pods.status(name)["streams"]
                           if s["uid"] == str(self.uid)]
                if applied and applied[0] >= self.map["version"]:
                    break
                assert time.monotonic() < end, f"{name} serves {applied}, not {self.map['version']}"
                time.sleep(0.01)

    def shard_ids(self):
        return [f"shardId-{shard['index']:012d}" for shard in self.map["shards"]]
