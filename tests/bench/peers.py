"""The peers of the benchmark: each starts on free ports over a folder of its own, tells its server's
pid, and puts load on itself the way its own users would. Installed by `install` into a cache folder."""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CACHE = ROOT / "build" / "bench-peers"
MILLRACE = ROOT / "build" / "bin" / "millrace"
TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(pid):
    """User and system seconds of one process."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mib(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[21]) * os.sysconf("SC_PAGESIZE") / 2**20


def run(command, **kwargs):
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, **kwargs)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def wait_for_port(port, process, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the peer left with {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"nobody listens on port {port} after {seconds} s")


class Peer:
    """A server process over a folder. `start` gives it time to serve, `stop` ends it by its pid."""

    name = ""

    def __init__(self):
        self.process = None
        self.folder = CACHE / "data" / self.name

    def spawn(self, command, cwd=None, env=None):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        log = open(CACHE / f"{self.name}.log", "ab")
        self.process = subprocess.Popen(command, cwd=cwd, env={**os.environ, **(env or {})}, stdout=log, stderr=log,
                                        stdin=subprocess.DEVNULL, start_new_session=True)

    @property
    def server_pid(self):
        return self.process.pid

    def stop(self):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class KinesisPeer(Peer):
    """Anything that speaks the Kinesis API over HTTP/1.1: loaded by `millrace bench`."""

    port = 0

    def put(self, records_per_call, connections, seconds, protocol="json", shards=16):
        """The report of `millrace bench`; `recordsPerCpuSecond` counts this peer's server alone."""
        env = {**os.environ, "AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench-secret"}
        done = subprocess.run(
            [MILLRACE, "bench", f"bench-{shards}", "--endpoint", f"http://127.0.0.1:{self.port}", "-o", "json",
             "--records-per-call", str(records_per_call), "--connections", str(connections), "--seconds", str(seconds),
             "--protocol", protocol, "--shards", str(self.shards_for(shards)), "--server-pid", str(self.server_pid)],
            capture_output=True, text=True, timeout=seconds + 120, env=env)
        if not done.stdout.strip():
            raise RuntimeError(f"{self.name}: {done.stderr[-1000:]}")
        return json.loads(done.stdout)

    def shards_for(self, shards):
        return shards


class Millrace(KinesisPeer):
    name = "millrace"

    def __init__(self, auth="sigv4"):
        super().__init__()
        self.auth = auth

    def install(self):
        if not MILLRACE.exists():
            raise RuntimeError("build first: ./run --setup")

    def start(self, wipe=True):
        self.port = self.port or free_port()
        if wipe:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        keys = self.folder / "keys.yaml"
        keys.write_text("- accessKeyId: bench\n  secretAccessKey: bench-secret\n")
        log_path = CACHE / f"{self.name}.log"
        began = time.monotonic()
        with open(log_path, "wb") as log:
            self.process = subprocess.Popen(
                [MILLRACE, "up", "--listen", f"127.0.0.1:{self.port}", "--data", self.folder / "data", "--auth", self.auth,
                 "--access-keys", keys, "--log-level", "warning"],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        while b"ready" not in log_path.read_bytes():
            if self.process.poll() is not None or time.monotonic() - began > 60:
                raise RuntimeError(f"millrace up is not ready: {log_path.read_text()[-2000:]}")
            time.sleep(0.005)
        return time.monotonic() - began

    @property
    def server_pid(self):
        children = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/children")
        pids = [int(pid) for path in children for pid in path.read_text().split()]
        for pid in pids:
            if pathlib.Path(f"/proc/{pid}/comm").read_text().startswith("millrace-shard"):
                return pid
        raise RuntimeError("the shard process is not there")

    def shards_for(self, shards):
        return 0 if shards == 16 else shards  # ON_DEMAND: no per-shard limits


class Npm(KinesisPeer):
    package = ""

    def install(self):
        folder = CACHE / self.name
        if not (folder / "node_modules").exists():
            folder.mkdir(parents=True, exist_ok=True)
            run(["npm", "install", "--silent", "--prefix", folder, self.package])


class Kinesalite(Npm):
    name = "kinesalite"
    package = "kinesalite@3.3.3"

    def start(self):
        self.port = free_port()
        self.spawn(["node", CACHE / self.name / "node_modules/kinesalite/cli.js", "--port", str(self.port),
                    "--createStreamMs", "1", "--shardLimit", "100"])
        wait_for_port(self.port, self.process)


class KinesisMock(Npm):
    name = "kinesis-mock"
    package = "kinesis-local@0.6.2"

    def start(self):
        self.port = free_port()
        folder = CACHE / self.name / "node_modules/kinesis-local"
        self.spawn(["node", "main.js"], cwd=folder,
                   env={"KINESIS_MOCK_PLAIN_PORT": str(self.port), "KINESIS_MOCK_TLS_PORT": str(free_port()),
                        "SHARD_LIMIT": "100", "LOG_LEVEL": "ERROR"})
        wait_for_port(self.port, self.process)


class Kafka(Peer):
    """One KRaft broker that syncs every batch (flush.messages=1): as durable as Millrace."""

    name = "kafka"

    def install(self):
        folder = CACHE / self.name
        if not (folder / "libs").exists():
            run(["mvn", "-q", "-f", HERE / "peers/kafka/pom.xml", "dependency:copy-dependencies", "-DincludeScope=runtime",
                 f"-DoutputDirectory={folder / 'libs'}"])

    def java(self, *arguments, heap="1g"):
        return ["java", f"-Xmx{heap}", f"-Xms{heap}", "-cp", f"{CACHE / self.name / 'libs'}/*", *map(str, arguments)]

    def start(self):
        self.port, controller = free_port(), free_port()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        config = CACHE / "kafka.properties"
        config.write_text("\n".join([
            "process.roles=broker,controller", "node.id=1", f"controller.quorum.voters=1@127.0.0.1:{controller}",
            f"listeners=PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}",
            f"advertised.listeners=PLAINTEXT://127.0.0.1:{self.port}", "controller.listener.names=CONTROLLER",
            f"log.dirs={self.folder}", "log.flush.interval.messages=1", "offsets.topic.replication.factor=1",
            "message.max.bytes=4194304", "num.partitions=16"]))
        run(self.java("kafka.tools.StorageTool", "format", "-t", "4L6g3nShT-eMCtK--X86sw", "-c", config, heap="256m"))
        log = open(CACHE / "kafka.log", "ab")
        self.process = subprocess.Popen(self.java("kafka.Kafka", config), stdout=log, stderr=log,
                                        stdin=subprocess.DEVNULL, start_new_session=True)
        wait_for_port(self.port, self.process)
        time.sleep(3)

    def put(self, records, batch_bytes=524288):
        """MB/s and MB per CPU second of the broker while it takes `records` of 1 KiB."""
        before = cpu_seconds(self.server_pid)
        out = run(self.java("org.apache.kafka.tools.ProducerPerformance", "--topic", "bench", "--num-records", records,
                            "--record-size", 1024, "--throughput", -1, "--producer-props",
                            f"bootstrap.servers=127.0.0.1:{self.port}", "acks=all", f"batch.size={batch_bytes}",
                            "linger.ms=5", "max.request.size=4194304", "buffer.memory=67108864"))
        cpu = cpu_seconds(self.server_pid) - before
        rate = float(re.findall(r"([\d.]+) records/sec", out)[-1])
        return {"recordsPerSecond": rate, "mebibytesPerSecond": rate / 1024, "mebibytesPerCpuSecond": records / 1024 / cpu}


class Nats(Peer):
    """JetStream with sync_interval: always."""

    name = "nats"

    def install(self):
        folder = CACHE / self.name
        if not (folder / "bench").exists():
            folder.mkdir(parents=True, exist_ok=True)
            source = HERE / "peers/nats"
            run(["go", "build", "-C", source, "-o", folder / "nats-server", "github.com/nats-io/nats-server/v2"])
            run(["go", "build", "-C", source, "-o", folder / "bench", "."])

    def start(self):
        self.port = free_port()
        config = CACHE / "nats.conf"
        config.write_text(f'listen: "127.0.0.1:{self.port}"\njetstream {{ store_dir: "{self.folder}", sync_interval: always }}\n')
        self.spawn([CACHE / self.name / "nats-server", "-c", config])
        wait_for_port(self.port, self.process)

    def put(self, in_flight, seconds):
        before = cpu_seconds(self.server_pid)
        out = json.loads(run([CACHE / self.name / "bench", "-url", f"nats://127.0.0.1:{self.port}", "-in-flight",
                              str(in_flight), "-seconds", str(seconds)]))
        cpu = cpu_seconds(self.server_pid) - before
        return {"recordsPerSecond": out["records"] / out["seconds"], "p50Ms": out["p50Ms"], "p99Ms": out["p99Ms"],
                "recordsPerCpuSecond": out["records"] / cpu}
