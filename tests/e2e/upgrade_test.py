"""A new image reaches the pods one at a time, and goes back, while records are written and read."""

import pytest
from conftest import NAMESPACE, NODES
from kubernetes import condition, get, kubectl, wait
from losses_test import SHARDS, pool_is_whole, shard_pods
from writers import writing

pytestmark = pytest.mark.skipif(NODES < 2, reason="needs another pod to go on")


@pytest.fixture
def stream(make_stream):
    make_stream("upgrading", shards=SHARDS)
    wait("the pool being whole", pool_is_whole, 120)
    return "upgrading"


def set_image(image):
    kubectl("patch", "streampool", "default", "-n", NAMESPACE, "--type=merge", "-p", f'{{"spec":{{"image":"{image}"}}}}')


def images():
    return {pod["spec"]["containers"][0]["image"] for pod in shard_pods()}


def all_run(image):
    return images() == {image} and pool_is_whole()


def test_an_upgrade_and_its_rollback_fail_no_request(stream, make_client, next_image):
    before = images().pop()
    # The SDK's own retries are on: what they hide is allowed.
    patient = lambda node, attempts, seconds: make_client(node, attempts=4, seconds=10)  # noqa: E731
    with writing(patient, stream, SHARDS) as writers:
        set_image(next_image)
        _, took = wait("every pod running the new image", lambda: all_run(next_image), 300, pause=0.5)
        print(f"upgraded in {took:.0f} s")
        set_image(before)
        _, took = wait("every pod running the old image", lambda: all_run(before), 300, pause=0.5)
        print(f"rolled back in {took:.0f} s")
    assert not writers.refused


def test_an_upgrade_to_an_image_that_is_not_there_stops_at_the_first_pod_and_can_be_taken_back(stream, make_client):
    before = images().pop()
    with writing(make_client, stream, SHARDS) as writers:
        set_image("localhost/millrace:nowhere")
        wait("one pod that cannot start", lambda: not pool_is_whole(), 60)
        wait("the pool saying so", lambda: "nowhere" in str(get("streampool", "default", NAMESPACE)["status"]["conditions"]), 60, pause=0.5)
        assert len([pod for pod in shard_pods() if pod["spec"]["containers"][0]["image"].endswith("nowhere")]) == 1
        writers.wait_for_more(100)
        set_image(before)
        wait("every pod running the old image", lambda: all_run(before), 120, pause=0.5)
    wait("the pool being Ready", lambda: condition(get("streampool", "default", NAMESPACE), "Ready").get("status") == "True", 60)
    assert writers.longest_pause() <= 3


def test_an_upgrade_of_the_operator_restarts_no_shard_pod(stream, next_image):
    before = {pod["metadata"]["uid"] for pod in shard_pods()}
    kubectl("set", "image", "deployment/m-operator", f"operator={next_image}", "-n", NAMESPACE)
    kubectl("rollout", "status", "deployment/m-operator", "-n", NAMESPACE, "--timeout=90s", seconds=100)
    kubectl("rollout", "undo", "deployment/m-operator", "-n", NAMESPACE)
    kubectl("rollout", "status", "deployment/m-operator", "-n", NAMESPACE, "--timeout=90s", seconds=100)
    assert {pod["metadata"]["uid"] for pod in shard_pods()} == before
