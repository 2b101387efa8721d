"""The operator is killed after each of its API writes in turn: when the server has done it and the operator has not heard. Runs it as a
process of this machine, in place of the Deployment's."""

import base64
import json
import os
import signal
import subprocess
import tempfile

import pytest
from bad_input_test import is_well, pool
from conftest import NAMESPACE, RELEASE
from counting_proxy import CountingProxy
from kubernetes import ROOT, apply, get, is_ready, kubectl, stream, user, wait

BIN = os.environ.get("MILLRACE_BIN", ROOT / "build/bin")
WRITES_MAX = 60  # it takes far fewer to make a pool, a stream and a user


class Operator:
    """The Deployment's operator with the Deployment's settings, through a proxy; killed after `kill_after` writes, None for never."""

    def __init__(self, kill_after):
        self.kill_after = kill_after

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        self.proxy = CountingProxy(self._count).__enter__()
        config = f"{self._folder.name}/kubeconfig"
        with open(config, "w", encoding="ascii") as file:
            json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "c",
                       "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{self.proxy.port}"}}],
                       "users": [{"name": "c", "user": {}}], "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}]}, file)
        with open(f"{self._folder.name}/pool.yaml", "w", encoding="utf-8") as file:
            file.write(get("configmap", f"{RELEASE}-pool", NAMESPACE)["data"]["pool.yaml"])
        container = get("deployment", f"{RELEASE}-operator", NAMESPACE)["spec"]["template"]["spec"]["containers"][0]
        settings = [word.replace("/etc/millrace", self._folder.name) for word in container["args"] if not word.startswith("--admin-listen")]
        token = base64.b64decode(get("secret", f"{RELEASE}-internal", NAMESPACE)["data"]["token"]).decode()
        with open(f"{self._folder.name}/log", "w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [f"{BIN}/millrace-operator", *settings, f"--kubeconfig={config}", "--admin-listen=127.0.0.1:0"], stdout=log, stderr=log,
                env={**os.environ, "MILLRACE_INTERNAL_TOKEN": token, "MILLRACE_POD_NAME": "here"})
        return self

    def _count(self, number, _):
        if number == self.kill_after:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def is_dead(self):
        return self._process.poll() is not None

    def __exit__(self, *_):
        if not self.is_dead():
            self._process.terminate()
            self._process.wait(20)
        self.proxy.__exit__()
        self._folder.cleanup()


@pytest.fixture
def no_deployment(release):
    """Whatever the Deployment's pods had to do is done."""
    kubectl("scale", f"deployment/{RELEASE}-operator", "-n", NAMESPACE, "--replicas=0")
    wait("the operator's pods being gone", lambda: not get("pods", namespace=NAMESPACE, **{"app.kubernetes.io/component": "operator"}), 60)
    yield
    kubectl("scale", f"deployment/{RELEASE}-operator", "-n", NAMESPACE, "--replicas=2")
    kubectl("rollout", "status", f"deployment/{RELEASE}-operator", "-n", NAMESPACE, "--timeout=90s", seconds=100)


def names(number):
    return f"k{number}", f"killed-{number}", f"user-{number}"


def make(number):
    pool_name, stream_name, user_name = names(number)
    apply(pool(pool_name, image="localhost/millrace:dev", imagePullPolicy="Never"),
          stream(stream_name, shardCount=2, streamModeDetails={"streamMode": "PROVISIONED"}, deletionPolicy="Delete",
                 placement={"poolRef": {"name": pool_name}}),
          user(user_name, (["*"], [stream_name])), namespace=NAMESPACE)


def is_made(number):
    pool_name, stream_name, user_name = names(number)
    return (is_well(pool_name) and is_ready(get("stream", stream_name, NAMESPACE)) and is_ready(get("streamuser", user_name, NAMESPACE)))


def remove(number):
    pool_name, stream_name, user_name = names(number)
    kubectl("delete", "-n", NAMESPACE, f"stream/{stream_name}", f"streamuser/{user_name}", "--ignore-not-found", "--timeout=60s", seconds=70)
    kubectl("delete", "-n", NAMESPACE, f"streampool/{pool_name}", "--ignore-not-found", "--timeout=60s", seconds=70)


def what_there_is(number):
    """How many of each, by kind: the same however often it was begun."""
    pool_name, stream_name, _ = names(number)
    counts = {kind: sum(item["metadata"]["name"].replace("data-", "").startswith(pool_name + "-") or item["metadata"]["name"] == pool_name
                        for item in get(kind, namespace=NAMESPACE))
              for kind in ("workloads", "pods", "pvc", "services", "poddisruptionbudgets", "networkpolicies", "controllerrevisions", "secrets")}
    maps = [item for item in get("shardmaps", namespace=NAMESPACE) if item["metadata"]["name"].startswith(stream_name + ".")]
    counts["shardmaps"] = len(maps)
    counts["shards"] = sum(len(item["spec"]["shards"]) for item in maps)
    return counts


def test_killed_after_each_of_its_writes_in_turn_it_converges_to_the_same(no_deployment):
    with Operator(kill_after=None) as operator:
        make(0)
        wait("all of it being Ready", lambda: is_made(0), 60)
        wanted = what_there_is(0)
        print(f"{len(operator.proxy.writes)} writes without a kill:", *operator.proxy.writes, sep="\n  ")
        remove(0)
    print(f"makes {wanted}")
    for number in range(1, WRITES_MAX):
        with Operator(kill_after=number) as operator:
            make(number)
            wait(f"write {number}", lambda number=number, operator=operator: operator.is_dead() or is_made(number), 60)
            was_killed = operator.is_dead()
        with Operator(kill_after=None):
            _, took = wait("all of it being Ready", lambda number=number: is_made(number), 60)
            found = what_there_is(number)
            print(f"killed after write {number}: {'Ready %.1f s after it is back' % took if was_killed else 'it was not killed any more'}")
            remove(number)
        assert found == wanted, f"killed after write {number}"
        if not was_killed:
            break
    assert number > 5
