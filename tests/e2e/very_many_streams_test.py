"""Thousands of streams; after all others, since their end takes a while. Figures are printed, not limited."""

import os
import statistics
import time

import pytest
from api import Api, ReadyTimes
from kubernetes import apply, is_ready, kubectl, stream, wait
from operator_test import operator_processes, operator_writes, processor_seconds, resident_mib

STREAMS = int(os.environ.get("MILLRACE_E2E_STREAMS", "10000"))


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
