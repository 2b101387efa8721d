"""Writers and a ledger of what was acknowledged, while pods, nodes, the operator and the API server go away."""

import os
import signal
import time

import pytest
from conftest import NAMESPACE, NODES
from kubernetes import cluster, get, is_ready, kubectl, processes, wait
from writers import writing

PAUSE_MAX_S = 3
SHARDS = 3


def shard_pods():
    """Of the default pool."""
    return get("pods", namespace=NAMESPACE, **{"app.kubernetes.io/component": "shard", "millrace.dev/pool": "default"})


def pool_is_whole():
    pods = shard_pods()
    return len(pods) >= min(NODES, 3) and all(
        {entry["type"]: entry["status"] for entry in pod["status"].get("conditions", [])}.get("Ready") == "True" for pod in pods)


@pytest.fixture
def stream(make_stream):
    make_stream("losses", shards=SHARDS)
    wait("the pool being whole", pool_is_whole, 120)
    return "losses"


@pytest.mark.skipif(NODES < 2, reason="needs another pod to go on")
def test_a_pod_is_killed(stream, make_client):
    with writing(make_client, stream, SHARDS) as writers:
        victim = shard_pods()[0]["metadata"]["name"]
        kubectl("delete", "pod", victim, "-n", NAMESPACE, "--grace-period=0", "--force", check=False)
        writers.wait_for_more(100)
        wait("the pod being back", pool_is_whole, 60)
    assert writers.longest_pause() <= PAUSE_MAX_S


@pytest.mark.skipif(NODES < 3, reason="needs other nodes to go on")
def test_a_node_goes_away_and_comes_back(stream, make_client, nodes):
    gone = next(pod["spec"]["nodeName"] for pod in shard_pods() if pod["spec"]["nodeName"] != "n1")
    with writing(make_client, stream, SHARDS) as writers:
        cluster("stop", gone)
        writers.wait_for_more(200)
        cluster("start", gone)
        wait("the pool being whole again", pool_is_whole, 120)
    assert writers.longest_pause() <= PAUSE_MAX_S


def node_of_a_pod():
    return next(pod["spec"]["nodeName"] for pod in shard_pods() if pod["spec"]["nodeName"] != "n1")


def node_of_the_leader():
    """Of the operator that leads, with a pod of the pool beside it."""
    holder = get("lease", "m-operator", NAMESPACE)["spec"]["holderIdentity"]
    return next(pod["spec"]["nodeName"] for pod in get("pods", namespace=NAMESPACE) if holder.startswith(pod["metadata"]["name"]))


@pytest.mark.skipif(NODES < 3, reason="needs other nodes to go on")
@pytest.mark.parametrize("which", [node_of_a_pod, node_of_the_leader])
def test_a_node_is_cut_off_and_comes_back(stream, make_client, nodes, which):
    gone = which()
    way_in = next(node for node in nodes if node != gone)
    with writing(make_client, stream, SHARDS, nodes=(way_in,)) as writers:
        cluster("cut", gone)
        writers.wait_for_more(200)
        cluster("join", gone)
        wait("the pool being whole again", pool_is_whole, 120)
    assert writers.longest_pause() <= PAUSE_MAX_S


@pytest.mark.skipif(NODES < 2, reason="heads would have nowhere to go")
def test_a_pod_that_stands_still_for_a_second_keeps_its_write_heads(stream, make_client):
    name = shard_pods()[0]["metadata"]["name"]
    pid = next(pid for pid, words in processes("/millrace-shard") if f"--name={name}" in words)
    version = map_of(stream)["spec"]["version"]
    with writing(make_client, stream, SHARDS) as writers:
        for _ in range(3):
            os.kill(pid, signal.SIGSTOP)
            time.sleep(1)
            os.kill(pid, signal.SIGCONT)
            time.sleep(2)
        writers.wait_for_more(20)
    print(f"map version {version} before, {map_of(stream)['spec']['version']} after")
    assert map_of(stream)["spec"]["version"] == version


def map_of(name):
    """Not of one that had its name before."""
    return next(item for item in get("shardmaps", namespace=NAMESPACE)
                if item["spec"]["streamName"] == name and not item["spec"].get("deleting"))


def test_the_operator_is_killed(stream, make_client):
    with writing(make_client, stream, SHARDS) as writers:
        kubectl("delete", "pods", "-n", NAMESPACE, "-l", "app.kubernetes.io/component=operator", "--grace-period=0", "--force")
        writers.wait_for_more(200)
        wait("the operator being back", lambda: get("deployment", "m-operator", NAMESPACE)["status"].get("readyReplicas") == 2, 60)
    assert writers.longest_pause() < 1


def test_the_api_server_is_down_for_two_minutes(stream, make_client):
    with writing(make_client, stream, SHARDS, per_second=20) as writers:
        cluster("stop", "kube-apiserver")
        time.sleep(120)
        writers.wait_for_more(20)
        cluster("start", "kube-apiserver")
        wait("the stream being Ready", lambda: is_ready(get("stream", stream, NAMESPACE)), 60)
    assert writers.longest_pause() < 1
