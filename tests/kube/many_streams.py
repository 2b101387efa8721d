"""Streams by the thousand on a real API server: the real operator, and one real shard process that a stand-in of the kubelet
declares to be the pool's pod; then the operator and a control plane started anew among them. Prints what docs/designs/0002 and
the reference promise beside what was measured; limits nothing.
usage: many_streams.py BIN_FOLDER [STREAMS [NAMESPACES]]"""

import collections
import concurrent.futures
import http.client
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from run import ROOT, ApiServer, api_server

ADDRESS = "127.77.0.2"  # of the pod: shard processes listen on the same port everywhere
STREAMS = "/apis/millrace.dev/v1alpha1/namespaces/{}/streams"
POOL = {"apiVersion": "millrace.dev/v1alpha1", "kind": "StreamPool", "metadata": {"name": "default", "namespace": "millrace"},
        "spec": {"replicas": 1, "storage": {"size": "10Gi"}}}


class QuickApiServer(ApiServer):
    """With an etcd that does not wait for the disk: what is measured is the operator."""

    def _spawn(self, folder, *command):
        if pathlib.Path(command[0]).name == "etcd":
            command += ("--unsafe-no-fsync",)
        super()._spawn(folder, *command)


class Connection:
    """Kept alive; for one thread."""

    def __init__(self, server, timeout=60):
        self._http = http.client.HTTPSConnection("127.0.0.1", server.port, context=server.tls, timeout=timeout)

    def call(self, method, path, body=None, kind="application/json"):
        self._http.request(method, path, None if body is None else json.dumps(body),
                           {"Authorization": "Bearer test-token", "Content-Type": kind})
        answer = self._http.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]!r}")
        return json.loads(text)

    def watch(self, path, version):
        self._http.request("GET", f"{path}?watch=true&timeoutSeconds=7200&resourceVersion={version}", headers={"Authorization": "Bearer test-token"})
        answer = self._http.getresponse()
        if answer.status != 200:  # 429: too much at once; whoever watches comes again
            answer.read()
            return
        while line := answer.readline():
            yield json.loads(line)


class ReadyTimes(threading.Thread):
    """When each stream became Ready, as a watch tells it."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.at = {}
        self.done = threading.Condition()
        self._server = server
        self._path = "/apis/millrace.dev/v1alpha1/streams"
        self._version = Connection(server).call("GET", self._path + "?limit=1")["metadata"]["resourceVersion"]
        self.start()

    def run(self):
        # A server under load ends watches when it likes.
        while True:
            try:
                for event in Connection(self._server, timeout=None).watch(self._path, self._version):
                    if event["type"] == "ERROR":
                        raise RuntimeError(f"watch of streams: {event['object']}")
                    self._version = event["object"]["metadata"]["resourceVersion"]
                    self._note(event["object"])
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.1)

    def _note(self, item):
        ready = [c for c in item.get("status", {}).get("conditions", []) if c["type"] == "Ready" and c["status"] == "True"]
        key = (item["metadata"].get("namespace"), item["metadata"]["name"])
        if ready and key not in self.at:
            with self.done:
                self.at[key] = time.monotonic()
                self.done.notify_all()

    def wait(self, keys, seconds):
        with self.done:
            return self.done.wait_for(lambda: all(key in self.at for key in keys), seconds)


def stream(name):
    return {"apiVersion": "millrace.dev/v1alpha1", "kind": "Stream", "metadata": {"name": name}, "spec": {}}


def be_kubelet(server):
    """The pool's pod runs as soon as it is there: its process is the shard that we have started."""
    connection = Connection(server)
    path = "/api/v1/namespaces/millrace/pods/default-0"
    deadline = time.monotonic() + 60
    while server.call("GET", path)[0] != 200:
        if time.monotonic() > deadline:
            raise TimeoutError("the operator makes no pod")
        time.sleep(0.1)
    connection.call("POST", "/api/v1/nodes", {"metadata": {"name": "node-1"}})
    connection.call("PATCH", "/api/v1/nodes/node-1/status",
                    {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}, "application/merge-patch+json")
    binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "default-0"},
               "target": {"apiVersion": "v1", "kind": "Node", "name": "node-1"}}
    connection.call("POST", path + "/binding", binding)
    conditions = [{"type": kind, "status": "True"} for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")]
    status = {"phase": "Running", "podIP": ADDRESS, "podIPs": [{"ip": ADDRESS}], "conditions": conditions}
    connection.call("PATCH", path + "/status", {"status": status}, "application/merge-patch+json")


class Operator(threading.Thread):
    """The operator, started again when it ends, as by a kubelet: one that cannot renew its lease gives up."""

    def __init__(self, command, log):
        super().__init__(daemon=True)
        self.restarts, self._command, self._log, self._stopping = 0, command, log, False
        self.process = start(command, log)
        super().start()

    @property
    def pid(self):
        return self.process.pid

    def run(self):
        while not self._stopping:
            self.process.wait()
            if not self._stopping:
                self.restarts += 1
                self.process = start(self._command, self._log)

    def stop(self):
        self._stopping = True
        self.process.terminate()
        self.process.wait(30)

    def again(self):
        """Stops it and starts it anew."""
        self.process.terminate()
        before = self.restarts
        while self.restarts == before:
            time.sleep(0.01)
        self.restarts = before


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def latency(server, times, count):
    """Milliseconds from apply to Ready, one stream at a time."""
    connection, took = Connection(server), []
    for i in range(count):
        began = time.monotonic()
        connection.call("PATCH", STREAMS.format("millrace") + f"/one-{i}?fieldManager=test", stream(f"one-{i}"),
                        "application/apply-patch+yaml")
        if not times.wait([("millrace", f"one-{i}")], 30):
            raise TimeoutError(f"stream one-{i} does not become Ready")
        took.append((times.at["millrace", f"one-{i}"] - began) * 1000)
    return took


def create_many(server, count, namespaces):
    local = threading.local()

    def create(number):
        if not hasattr(local, "connection"):
            local.connection = Connection(server)
        namespace = f"ns-{number % namespaces}"
        local.connection.call("POST", STREAMS.format(namespace), stream(f"s-{number}"))
        return namespace, f"s-{number}"

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return list(pool.map(create, range(count)))


def calls(port):
    """The operator's calls of the API so far, by verb and kind."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    found = re.findall(r'^millrace_kube_requests_total\{(.*)\} (\d+)', text, re.M)
    counts = collections.Counter()
    for labels, count in found:
        label = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        counts[label["verb"], label["kind"]] += int(count)
    return counts


def shown(counts):
    return ", ".join(f"{verb} {kind} {count}" for (verb, kind), count in counts.most_common() if count) or "none"


def measure(server, operator, shard, port, count, namespaces):
    times = ReadyTimes(server)
    Connection(server).call("POST", STREAMS.format("millrace"), stream("first"))
    be_kubelet(server)
    if not times.wait([("millrace", "first")], 60):
        raise TimeoutError("the first stream does not become Ready")
    print(f"operator with one stream: {shown_memory(operator.pid)}")
    took = latency(server, times, 100)
    print(f"apply to Ready, 100 one at a time: p50 {percentile(took, .5):.0f} ms (promised 50), p99 {percentile(took, .99):.0f} ms (500)")
    for number in range(namespaces):
        Connection(server).call("POST", "/api/v1/namespaces", {"metadata": {"name": f"ns-{number}"}})
    began, before = time.monotonic(), calls(port)
    cpu = cpu_seconds(operator.pid), cpu_seconds(shard.pid)
    keys = create_many(server, count, namespaces)
    print(f"{count} streams made in {time.monotonic() - began:.0f} s")
    ready = times.wait(keys, 1200)
    print(f"all Ready {time.monotonic() - began:.0f} s after the first was made (promised 60)" if ready else "NOT all Ready")
    print(f"meanwhile: operator {cpu_seconds(operator.pid) - cpu[0]:.1f} s of CPU, shard {cpu_seconds(shard.pid) - cpu[1]:.1f} s; "
          f"calls: {shown(calls(port) - before)}")
    time.sleep(5)
    print(f"operator with {count} streams: {shown_memory(operator.pid)} (promised 25 MB)")
    took = latency_again(server, times, 200)
    print(f"apply to Ready then, 200 one at a time: p50 {percentile(took, .5):.0f} ms (promised 50), p99 {percentile(took, .99):.0f} ms "
          "(500); two etcd writes and two watch hops of the reference: p50 21, p99 166")
    time.sleep(5)
    before, cpu = calls(port), cpu_seconds(operator.pid)
    time.sleep(60)
    rest = calls(port) - before
    writes = sum(count for (verb, kind), count in rest.items() if kind != "Lease" and verb not in ("get", "list", "watch"))
    print(f"at rest, in 60 s: {writes} writes besides the Lease's (promised 0), "
          f"{(cpu_seconds(operator.pid) - cpu) / 60 * 100:.2f} % of a core (1); calls: {shown(rest)}")
    print(f"operator then: {shown_memory(operator.pid)}; it gave up its lease {operator.restarts} times")
    restart(operator, port)


def shown_memory(pid):
    status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    kib = {key: int(status[key].split()[0]) for key in ("VmRSS", "RssAnon", "RssFile", "VmHWM")}
    return (f"{kib['VmRSS'] * 1024 / 1e6:.1f} MB resident ({kib['RssAnon'] * 1024 / 1e6:.1f} of its own, "
            f"{kib['RssFile'] * 1024 / 1e6:.1f} of files; {kib['VmHWM'] * 1024 / 1e6:.1f} at most)")


def is_calm(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
    except OSError:
        return False
    return "millrace_operator_leading 1" in text and re.search(r'queue_depth\{queue="stream"\} 0\n', text) is not None


def restart(operator, port):
    """The operator started anew among all the streams: until it has looked at each."""
    began = time.monotonic()
    operator.again()
    ready = None
    while time.monotonic() - began < 300:
        if ready is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10).close()
                ready = time.monotonic() - began
            except OSError:
                pass
        elif is_calm(port):
            break
        time.sleep(0.1)
    calm = time.monotonic() - began
    time.sleep(8)
    writes = {key: count for key, count in calls(port).items() if key[0] not in ("get", "list", "watch") and key[1] != "Lease"}
    print(f"started anew: ready after {ready or 0:.1f} s, has looked at every stream after {calm:.1f} s; its writes besides the "
          f"Lease's: {shown(collections.Counter(writes))}; then {shown_memory(operator.pid)}")


def list_streams(folder, config, log, server, count):
    """A control plane among all the streams: its memory, and ListStreams page by page."""
    listen, admin = api_server.free_port(), api_server.free_port()
    process = start([folder / "millrace-controlplane", "--namespace=millrace", f"--kubeconfig={config}",
                     f"--listen=127.0.0.1:{listen}", f"--admin-listen=127.0.0.1:{admin}"], log)
    try:
        began = time.monotonic()
        server.wait_for(lambda: answers(f"http://127.0.0.1:{admin}/readyz"), 120, "the control plane is not ready")
        print(f"control plane: ready after {time.monotonic() - began:.1f} s")
        names, took, token = [], [], None
        while True:
            began = time.monotonic()
            page = kinesis(listen, "ListStreams", {"NextToken": token} if token else {})
            took.append((time.monotonic() - began) * 1000)
            names += page["StreamNames"]
            token = page.get("NextToken")
            if not token:
                break
        print(f"ListStreams: {len(names)} names in {len(took)} pages, p50 {percentile(took, .5):.1f} ms, p99 {percentile(took, .99):.1f} ms "
              f"a page; {shown_memory(process.pid)}")
        if sorted(set(names)) != names or len(names) < count:
            raise AssertionError("ListStreams leaves names out or repeats them")
    finally:
        process.terminate()
        process.wait(30)


def answers(url):
    try:
        urllib.request.urlopen(url, timeout=10).close()
        return True
    except OSError:
        return False


def kinesis(port, operation, body):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", json.dumps(body).encode(),
                                     {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"Kinesis_20131202.{operation}",
                                      "x-millrace-token": "token"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def latency_again(server, times, count):
    for key in [key for key in times.at if key[0] == "millrace" and key[1].startswith("one-")]:
        Connection(server).call("DELETE", STREAMS.format("millrace") + "/" + key[1])
        del times.at[key]
    time.sleep(2)
    connection, took = Connection(server), []
    for i in range(count):
        began = time.monotonic()
        connection.call("POST", STREAMS.format("millrace"), stream(f"two-{i}"))
        if not times.wait([("millrace", f"two-{i}")], 30):
            raise TimeoutError(f"stream two-{i} does not become Ready")
        took.append((times.at["millrace", f"two-{i}"] - began) * 1000)
    return took


def start(command, log):
    return subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "MILLRACE_INTERNAL_TOKEN": "token"})


def main(folder, count="10000", namespaces="50"):
    folder = pathlib.Path(folder).resolve()
    processes = []
    with QuickApiServer() as server, tempfile.TemporaryDirectory(prefix="millrace-many-") as data:
        data = pathlib.Path(data)
        for path in sorted((ROOT / "crds").glob("*.yaml")):
            server.kubectl("apply", "--validate=false", "-f", str(path))
        server.wait_for(lambda: server.call("GET", "/apis/millrace.dev/v1alpha1/shardmapslices")[0] == 200, 30, "CRDs")
        server.call("POST", "/api/v1/namespaces", {"metadata": {"name": "millrace"}})
        (data / "pool.yaml").write_text(json.dumps(POOL))
        config = str(server.kubeconfig())
        with open(data / "log", "w", encoding="utf-8") as log:
            shard = start([folder / "millrace-shard", f"--data={data}/shard", "--name=default-0", "--store=kubernetes",
                           f"--kubeconfig={config}", "--listen=127.0.0.1:0", f"--admin-listen={ADDRESS}:8080",
                           "--log-level=warning"], log)
            port = api_server.free_port()
            operator = Operator([folder / "millrace-operator", "--namespace=millrace", "--release=r", "--image=none",
                                 f"--kubeconfig={config}", f"--admin-listen=127.0.0.1:{port}",
                                 f"--default-pool={data}/pool.yaml", "--pod-name=operator-1"], log)
            processes += [shard]
            try:
                measure(server, operator, shard, port, int(count), int(namespaces))
                list_streams(folder, config, log, server, int(count))
            except Exception:
                print("".join((data / "log").read_text().splitlines(keepends=True)[-30:]))
                raise
            finally:
                operator.stop()
                for process in processes:
                    process.terminate()
                for process in processes:
                    process.wait(30)


if __name__ == "__main__":
    main(*sys.argv[1:])
