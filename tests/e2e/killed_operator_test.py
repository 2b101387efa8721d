"""The operator is killed after each of its API writes in turn: when the server has done it and the operator has not heard. Runs it as a
process of this machine, in place of the Deployment's."""

import base64
import collections
import json
import os
import re
import signal
import subprocess
import tempfile
import time

import pytest
from api import Api
from bad_input_test import pool
from conftest import NAMESPACE, RELEASE
from counting_proxy import CountingProxy
from kubernetes import ROOT, apply, get, is_ready, kubectl, stream, user, wait

BIN = os.environ.get("MILLRACE_BIN", ROOT / "build/bin")
WRITES_MAX = 60  # it takes far fewer to make a pool, a stream and a user


class Operator:
    """The Deployment's operator with the Deployment's settings, through a proxy, begun again by `start` when it was killed."""

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        self._kill_after = None
        self.proxy = CountingProxy(self._on_write).__enter__()
        self._config = f"{self._folder.name}/kubeconfig"
        with open(self._config, "w", encoding="ascii") as file:
            json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "c",
                       "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{self.proxy.port}"}}],
                       "users": [{"name": "c", "user": {}}], "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}]}, file)
        with open(f"{self._folder.name}/pool.yaml", "w", encoding="utf-8") as file:
            file.write(get("configmap", f"{RELEASE}-pool", NAMESPACE)["data"]["pool.yaml"])
        container = get("deployment", f"{RELEASE}-operator", NAMESPACE)["spec"]["template"]["spec"]["containers"][0]
        self._settings = [word.replace("/etc/millrace", self._folder.name) for word in container["args"] if not word.startswith("--admin-listen")]
        self._token = base64.b64decode(get("secret", f"{RELEASE}-internal", NAMESPACE)["data"]["token"]).decode()
        self._process = None
        self.start()
        return self

    def start(self):
        with open(f"{self._folder.name}/log", "a", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [f"{BIN}/millrace-operator", *self._settings, f"--kubeconfig={self._config}", "--admin-listen=127.0.0.1:0"], stdout=log, stderr=log,
                env={**os.environ, "MILLRACE_INTERNAL_TOKEN": self._token, "MILLRACE_POD_NAME": "here"})

    def count(self, name, kill_after=None):
        """Counts writes of what bears the name, and is killed after so many of them."""
        self._kill_after = kill_after
        self.proxy.count(name)

    def _on_write(self, number, _):
        if number == self._kill_after:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def is_dead(self):
        return self._process.poll() is not None

    def last_words(self):
        with open(f"{self._folder.name}/log", encoding="utf-8") as log:
            return "".join(log.readlines()[-40:])

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
    """Of pool, stream and user; each has the first, and no other number's, in all that is made of it."""
    return f"k{number:02}", f"k{number:02}-stream", f"k{number:02}-user"


def make(number):
    pool_name, stream_name, user_name = names(number)
    apply(pool(pool_name, image="localhost/millrace:dev", imagePullPolicy="Never"),
          stream(stream_name, shardCount=2, streamModeDetails={"streamMode": "PROVISIONED"}, deletionPolicy="Delete",
                 placement={"poolRef": {"name": pool_name}}),
          user(user_name, (["*"], [stream_name])), namespace=NAMESPACE)


def is_made(api, number):
    kinds = ("streampools", "streams", "streamusers")
    items = [api.call("GET", f"/apis/millrace.dev/v1alpha1/namespaces/{NAMESPACE}/{kind}/{name}") for kind, name in zip(kinds, names(number))]
    return all(map(is_ready, items))


def remove(number):
    """Begins to; whoever is there goes on with it, beside what comes next."""
    pool_name, stream_name, user_name = names(number)
    kubectl("delete", "-n", NAMESPACE, f"stream/{stream_name}", f"streamuser/{user_name}", f"streampool/{pool_name}", "--wait=false")


KINDS = ("streams", "streampools", "streamusers", "workloads", "shardmaps", "pods", "pvc", "services", "poddisruptionbudgets",
         "networkpolicies", "controllerrevisions", "secrets", "configmaps")


def what_there_is(number):
    """How many of each, by kind: the same however often it was begun."""
    counts = collections.Counter()
    for item in get(",".join(KINDS), namespace=NAMESPACE):
        if names(number)[0] in re.split("[-.]", item["metadata"]["name"]):
            counts[item["kind"]] += 1
            if item["kind"] == "ShardMap":
                counts["shards"] += len(item["spec"]["shards"])
    return counts


def is_gone(numbers):
    mine = {names(number)[0] for number in numbers}
    return not any(mine & set(re.split("[-.]", item["metadata"]["name"])) for item in get(",".join(KINDS), namespace=NAMESPACE))


def settle(api, number, wanted):
    """The same as without a kill comes out in the end; then it is removed."""
    wait("all of it being Ready", lambda: is_made(api, number), 60)
    assert what_there_is(number) == wanted, f"killed after write {number}"
    remove(number)


def test_killed_after_each_of_its_writes_in_turn_it_converges_to_the_same(no_deployment):
    api = Api()
    with Operator() as operator:
        operator.count(names(0)[0])
        make(0)
        wait("all of it being Ready", lambda: is_made(api, 0), 60)
        wanted = what_there_is(0)
        print(f"{len(operator.proxy.writes)} writes without a kill make {dict(wanted)}")
        remove(0)
        begin = time.monotonic()
        try:
            for number in range(1, WRITES_MAX):
                operator.count(names(number)[0], kill_after=number)
                make(number)
                wait(f"write {number}", lambda number=number: operator.is_dead() or is_made(api, number), 60)
                if not operator.is_dead():  # it is made with fewer; to remove it takes more
                    operator.count(names(number)[0])
                    break
                print(f"killed after {number}: {operator.proxy.writes[-1]}", flush=True)
                operator.start()
                if number > 1:  # which was made beside this one
                    settle(api, number - 1, wanted)
            if operator.is_dead():
                operator.start()
            settle(api, number - 1, wanted)
            settle(api, number, wanted)
            print(f"killed {number - 1} times in {time.monotonic() - begin:.0f} s")
            assert number > 5
            wait("all of it being gone", lambda: is_gone(range(number + 1)), 120, pause=1)
        except (AssertionError, TimeoutError):
            print(operator.last_words())
            raise
