"""A volume that is full, and is then enlarged."""

import os

import pytest
from conftest import NAMESPACE
from kubernetes import cluster, condition, get, kubectl, wait
from losses_test import SHARDS, pool_is_whole, shard_pods
from writers import writing


def volumes():
    return get("pvc", namespace=NAMESPACE, **{"app.kubernetes.io/component": "shard"})


def sizes():
    return {volume["metadata"]["name"]: volume["status"]["capacity"]["storage"] for volume in volumes()}


def enlarge(size):
    kubectl("patch", "streampool", "default", "-n", NAMESPACE, "--type=merge", "-p", f'{{"spec":{{"storage":{{"size":"{size}"}}}}}}')


@pytest.fixture
def stream(make_stream):
    make_stream("growing", shards=SHARDS)
    wait("the pool being whole", pool_is_whole, 120)
    return "growing"


def test_volumes_grow_while_records_are_written(stream, make_client):
    before = [(pod["metadata"]["name"], pod["metadata"]["uid"]) for pod in shard_pods()]
    with writing(make_client, stream, SHARDS) as writers:
        enlarge("1536Mi")
        _, took = wait("every volume having grown", lambda: set(sizes().values()) == {"1536Mi"}, 120)
        print(f"grown after {took:.1f} s")
    assert [(pod["metadata"]["name"], pod["metadata"]["uid"]) for pod in shard_pods()] == before, "growing restarted pods"
    assert writers.longest_pause() < 1


def test_a_pool_never_shrinks(stream):
    with pytest.raises(RuntimeError, match="shrink"):
        enlarge("1Gi")


def test_a_failed_expansion_is_told_and_goes_on_once_it_can(stream):
    refusal = "/".join([cluster("folder").strip(), "volumes/refuse-expansion"])
    with open(refusal, "w", encoding="ascii"):
        pass
    try:
        enlarge("1792Mi")
        wait("a condition that says so", lambda: "expan" in str(get("streampool", "default", NAMESPACE)["status"]).lower()
             and condition(get("streampool", "default", NAMESPACE), "Progressing").get("status") == "True", 60)
    finally:
        os.remove(refusal)
    wait("every volume having grown", lambda: set(sizes().values()) == {"1792Mi"}, 300, pause=1)
