"""The operator hurried by changes, and what it does and costs, for other tests."""

import json
import os
import random
import time

import pytest
from api import Api
from conftest import NAMESPACE, RELEASE
from kubernetes import apply, cluster, get, is_ready, kubectl, processes, stream, wait

OPERATOR = f"system:serviceaccount:{NAMESPACE}:{RELEASE}-operator"
WRITES = {"create", "update", "patch", "delete"}


def operator_writes(but=("leases", "events")):
    """Every write so far, as the API server's audit log has it."""
    with open(f"{cluster('folder').strip()}/logs/audit.log", encoding="utf-8") as log:
        events = [json.loads(line) for line in log if OPERATOR in line]
    return [event for event in events if event["verb"] in WRITES and event["user"]["username"] == OPERATOR
            and event["objectRef"]["resource"] not in but]


def operator_processes():
    return [pid for pid, _ in processes("/millrace-operator")]


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
