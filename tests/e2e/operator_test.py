"""The operator under stress: killed at its writes, hurried by changes, loaded with streams. Figures are printed, not limited."""

import json
import os
import random
import signal
import statistics
import time

import pytest
from api import Api, ReadyTimes
from conftest import NAMESPACE, RELEASE
from kubernetes import apply, cluster, get, is_ready, kubectl, stream, wait

OPERATOR = f"system:serviceaccount:{NAMESPACE}:{RELEASE}-operator"
WRITES = {"create", "update", "patch", "delete"}
STREAMS = int(os.environ.get("MILLRACE_E2E_STREAMS", "10000"))


def operator_writes(but=("leases", "events")):
    """Every write so far, as the API server's audit log has it."""
    with open(f"{cluster('folder').strip()}/logs/audit.log", encoding="utf-8") as log:
        events = [json.loads(line) for line in log if OPERATOR in line]
    return [event for event in events if event["verb"] in WRITES and event["user"]["username"] == OPERATOR
            and event["objectRef"]["resource"] not in but]


def operator_processes():
    """Pids on this machine."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                if file.read().split(b"\0")[0].endswith(b"/millrace-operator"):
                    found.append(int(entry))
        except OSError:
            continue
    return found


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


@pytest.fixture
def namespace():
    apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "stress"}}, namespace="default")
    yield "stress"
    kubectl("delete", "namespace", "stress", "--timeout=120s", seconds=130)


@pytest.mark.parametrize("write", range(1, 5))
def test_killed_after_one_of_its_writes_it_converges_all_the_same(release, namespace, write):
    name = f"killed-{write}"
    before = len(operator_writes())
    apply(stream(name, shardCount=2, streamModeDetails={"streamMode": "PROVISIONED"}, deletionPolicy="Delete"), namespace=namespace)
    wait(f"write {write}", lambda: len(operator_writes()) >= before + write or is_ready(get("stream", name, namespace)), 30, pause=0.001)
    # Both, so that it is dead whichever it is that leads, and the next begins from what is stored.
    for pid in operator_processes():
        os.kill(pid, signal.SIGKILL)
    print(f"killed after {len(operator_writes()) - before} writes")
    _, took = wait("the stream being Ready", lambda: is_ready(get("stream", name, namespace)), 90)
    print(f"Ready {took:.1f} s later")
    maps = [item for item in get("shardmaps", namespace=namespace) if item["metadata"]["name"].startswith(name + ".")]
    assert len(maps) == 1 and len(maps[0]["spec"]["shards"]) == 2


def test_of_two_hundred_random_changes_none_is_stuck(release, namespace):
    seed = int(os.environ.get("MILLRACE_SEED", time.time()))
    print(f"MILLRACE_SEED={seed}")
    choice = random.Random(seed)
    names = [f"changing-{number}" for number in range(10)]
    apply(*[stream(name, shardCount=1, streamModeDetails={"streamMode": "PROVISIONED"}, deletionPolicy="Delete") for name in names],
          namespace=namespace)
    api = Api()
    for _ in range(200):
        change = choice.choice([{"shardCount": choice.randint(1, 4)}, {"retentionPeriodHours": choice.randint(24, 48)},
                                {"tags": {"a": str(choice.randint(0, 9))}}])
        api.call("PATCH", f"/apis/millrace.dev/v1alpha1/namespaces/{namespace}/streams/{choice.choice(names)}", {"spec": change},
                 "application/merge-patch+json")
        time.sleep(choice.random() * 0.1)
    for name in names:
        wait(f"{name} being Ready", lambda name=name: is_ready(get("stream", name, namespace)), 60)


@pytest.mark.skipif(STREAMS == 0, reason="MILLRACE_E2E_STREAMS=0")
def test_many_streams_in_fifty_namespaces(release):
    api = Api()
    namespaces = [f"many-{number}" for number in range(50)]
    try:
        apply(*[{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in namespaces], namespace="default")
        begin = time.monotonic()
        for number in range(STREAMS):
            space = namespaces[number % 50]
            api.call("POST", f"/apis/millrace.dev/v1alpha1/namespaces/{space}/streams", stream(f"s{number}", shardCount=1, deletionPolicy="Delete"))
        made = time.monotonic() - begin
        wait("every stream being Ready", lambda: ready_count() >= STREAMS, 600, pause=2)
        took = time.monotonic() - begin
        waits = apply_to_ready(api, namespaces[0], 100)
        writes, before = len(operator_writes(("leases",))), {pid: processor_seconds(pid) for pid in operator_processes()}
        time.sleep(30)
        idle = {pid: (processor_seconds(pid) - seconds) / 30 for pid, seconds in before.items()}
        print(f"{STREAMS} made in {made:.0f} s, all Ready after {took:.0f} s\n"
              f"operator resident: {[f'{resident_mib(pid):.0f} MiB' for pid in before]} (goal 25)\n"
              f"at rest: {[f'{share:.2%} of a core' for share in idle.values()]} (goal 1 %), {len(operator_writes(but=('leases',))) - writes} writes but leases\n"
              f"apply to Ready p50 {1000 * statistics.median(waits):.0f} ms (goal 50), p99 {1000 * sorted(waits)[98]:.0f} ms (goal 500)")
    finally:
        kubectl("delete", "namespace", *namespaces, "--wait=false", seconds=120)
    wait("the namespaces being gone", lambda: "many-" not in kubectl("get", "namespaces"), 900, pause=3)


def ready_count():
    api, path, count = Api(), "/apis/millrace.dev/v1alpha1/streams?limit=500", 0
    token = ""
    while True:
        page = api.call("GET", path + (f"&continue={token}" if token else ""))
        count += sum(is_ready(item) for item in page["items"])
        token = page["metadata"].get("continue", "")
        if not token:
            return count


def apply_to_ready(api, namespace, count):
    waits = []
    with ReadyTimes(namespace) as ready:
        for number in range(count):
            begin = time.monotonic()
            api.call("POST", f"/apis/millrace.dev/v1alpha1/namespaces/{namespace}/streams", stream(f"timed-{number}", deletionPolicy="Delete"))
            wait("it being Ready", lambda number=number: (namespace, f"timed-{number}") in ready.at, 20, pause=0.001)
            waits.append(ready.at[(namespace, f"timed-{number}")] - begin)
    return waits
