"""What a platform team does to a running pool: kubectl drain, kubectl millrace, canary, pause, partition, two versions side by side."""

import json
import os
import pathlib
import tarfile

import pytest
from conftest import NAMESPACE, NODES
from kubernetes import ROOT, cluster, condition, get, kubectl, run, wait
from losses_test import SHARDS, map_of, pool_is_whole, shard_pods
from upgrade_test import all_run, set_image
from writers import writing

BIN = pathlib.Path(os.environ.get("MILLRACE_BIN", ROOT / "build/bin"))
PREVIOUS_BIN = os.environ.get("MILLRACE_PREVIOUS_BIN")
pytestmark = pytest.mark.skipif(NODES < 3, reason="needs two pods beside the one that goes")


@pytest.fixture
def stream(make_stream):
    make_stream("day-two", shards=SHARDS)
    wait("the pool being whole", pool_is_whole, 120)
    return "day-two"


@pytest.fixture
def patient(make_client):
    """The SDK's own retries are on: what they hide is allowed."""
    return lambda node, attempts, seconds: make_client(node, attempts=4, seconds=10)


@pytest.fixture
def millrace(tmp_path, endpoint, credentials):
    """`kubectl millrace ...`, found by kubectl on the path."""
    (tmp_path / "kubectl-millrace").symlink_to(BIN.resolve() / "millrace")

    def call(*words, check=True, seconds=60):
        return run("env", f"PATH={tmp_path}:{os.environ['PATH']}:{pathlib.Path(kubectl_path()).parent}",
                   *(f"{key}={value}" for key, value in credentials.items()), "kubectl", "millrace", *words, seconds=seconds, check=check).stdout
    return call


def kubectl_path():
    return run("which", "kubectl").stdout.strip()


def owners(name):
    """The pods with the write heads of a stream."""
    return [shard["extents"][-1]["owner"] for shard in map_of(name)["spec"]["shards"] if not shard.get("closedMs")]


def test_kubectl_millrace_shows_writes_reads_and_explains(stream, millrace, endpoint, tmp_path):
    screen = millrace("status", "-A")
    print(screen)
    assert "default-0" in screen and stream in screen
    assert "written to shardId-" in millrace("put", stream, "hello", "--endpoint", endpoint())
    assert "hello" in millrace("tail", stream, "--from-start", "--records", "1", "--endpoint", endpoint())
    print(millrace("why", f"stream/{stream}", "-n", NAMESPACE))
    print(millrace("why", "streampool/default", "-n", NAMESPACE))
    archive = tmp_path / "bundle.tar.gz"
    millrace("support-bundle", "-o", archive, seconds=120)
    with tarfile.open(archive) as bundle:
        names = bundle.getnames()
    print(f"{len(names)} files in the support bundle, {archive.stat().st_size >> 10} KiB")
    assert any("status" in name for name in names) and any("default-0" in name for name in names)


def test_kubectl_millrace_drain_moves_the_write_heads_and_gives_them_back(stream, millrace, make_client):
    victim = owners(stream)[0]
    with writing(make_client, stream, SHARDS) as writers:
        print(millrace("drain", victim, "-n", NAMESPACE))
        assert victim not in owners(stream)
        writers.wait_for_more(50)
        print(millrace("drain", victim, "-n", NAMESPACE, "--undo"))
        wait("the write heads being evened out", lambda: victim in owners(stream), 30)
    assert writers.longest_pause() < 1


def test_kubectl_drain_empties_a_node_while_records_are_written(stream, patient):
    pod = next(pod for pod in shard_pods() if pod["spec"]["nodeName"] != "n1")
    node, name = pod["spec"]["nodeName"], pod["metadata"]["name"]
    with writing(patient, stream, SHARDS) as writers:
        try:
            print(kubectl("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=150s", seconds=160))
            assert name not in owners(stream)
            writers.wait_for_more(50)
        finally:
            kubectl("uncordon", node)
        wait("the pool being whole again", pool_is_whole, 120)
    assert not writers.refused
    assert writers.longest_pause() <= 3


def set_rollout(**rollout):
    kubectl("patch", "streampool", "default", "-n", NAMESPACE, "--type=merge", "-p", json.dumps({"spec": {"rollout": rollout}}))


@pytest.fixture
def plain_rollout(release):
    """Whatever a test has asked for is taken back after it."""
    yield
    set_rollout(state="Running", partition=0, canary={"replicas": 0, "soakSeconds": 120})
    set_image(IMAGE)
    wait("every pod running the image that was there", lambda: all_run(IMAGE), 300, pause=0.5)


IMAGE = "localhost/millrace:dev"


def image_of(ordinal):
    """None while the pod is not there."""
    pod = get("pod", f"default-{ordinal}", NAMESPACE)
    return pod and pod["spec"]["containers"][0]["image"]


def progress():
    return condition(get("streampool", "default", NAMESPACE), "Progressing").get("reason")


def test_pause_partition_and_canary_hold_an_upgrade_where_they_say(stream, patient, next_image, plain_rollout):
    before = IMAGE
    with writing(patient, stream, SHARDS) as writers:
        set_rollout(state="Paused")
        set_image(next_image)
        wait("the pool saying that it is paused", lambda: progress() == "Paused", 30)
        writers.wait_for_more(100)
        assert [image_of(number) for number in range(3)] == [before] * 3
        set_rollout(state="Running", partition=2)
        wait("pod 2 alone being moved", lambda: image_of(2) == next_image and pool_is_whole(), 120)
        writers.wait_for_more(100)
        assert [image_of(number) for number in range(3)] == [before, before, next_image]
        set_image(before)
        wait("pod 2 being back", lambda: all_run(before), 120)
        set_rollout(partition=0, canary={"replicas": 1, "soakSeconds": 20})
        set_image(next_image)
        wait("the canary being watched", lambda: progress() == "Soaking", 120)
        assert sorted(image_of(number) for number in range(3)) == [before, before, next_image]
        _, took = wait("the others following", lambda: all_run(next_image), 240, pause=0.5)
        print(f"the others followed after {took:.0f} s")
        set_rollout(canary={"replicas": 0, "soakSeconds": 120})
        set_image(before)
        wait("every pod running the old image", lambda: all_run(before), 240, pause=0.5)
    assert not writers.refused


def test_a_pod_that_is_down_blocks_restarts_unless_the_annotation_lets_them(stream, next_image, plain_rollout):
    gone = next(pod for pod in shard_pods() if pod["spec"]["nodeName"] != "n1")
    others = [pod["metadata"]["name"] for pod in shard_pods() if pod["metadata"]["name"] != gone["metadata"]["name"]]

    def images():
        return {image_of(name.removeprefix("default-")) for name in others}
    cluster("stop", gone["spec"]["nodeName"])
    try:
        wait("the pool saying so", lambda: condition(get("streampool", "default", NAMESPACE), "Degraded").get("reason") == "NodeSilent", 90)
        set_image(next_image)
        wait("the restart being held up", lambda: progress() == "WaitingForPods", 60)
        print(condition(get("streampool", "default", NAMESPACE), "Progressing")["message"])
        kubectl("annotate", "streampool", "default", "-n", NAMESPACE, "millrace.dev/restart-anyway=true")
        _, took = wait("the pods that are there being restarted", lambda: images() == {next_image}, 200, pause=0.5)
        print(f"the pods that are there were restarted after {took:.0f} s")
    finally:
        cluster("start", gone["spec"]["nodeName"])
        kubectl("annotate", "streampool", "default", "-n", NAMESPACE, "millrace.dev/restart-anyway-", check=False)


def previous_operator(image):
    """A patch of the Deployment: its image, and of its flags those that it knows, as its own chart would give them."""
    known = run(f"{PREVIOUS_BIN}/millrace-operator", "--help").stdout
    container, = get("deployment", "m-operator", NAMESPACE)["spec"]["template"]["spec"]["containers"]
    words = [word for word in container["args"] if f"{word.partition('=')[0]} " in known]
    return json.dumps({"spec": {"template": {"spec": {"containers": [{"name": container["name"], "image": image, "args": words}]}}}})


@pytest.mark.skipif(not PREVIOUS_BIN, reason="MILLRACE_PREVIOUS_BIN names no folder with the binaries of another version")
def test_two_versions_serve_side_by_side(stream, patient, make_stream, plain_rollout):
    before = IMAGE
    archive = run("env", f"MILLRACE_BIN={PREVIOUS_BIN}", ROOT / "e2e/cluster.d/build_image.sh", "previous", seconds=300).stdout.split()[-1]
    cluster("load", archive, seconds=300)
    previous = "localhost/millrace:previous"
    with writing(patient, stream, SHARDS, nodes=("n1", "n2", "n3")) as writers:
        set_image(previous)
        wait("every pod running the previous version", lambda: all_run(previous), 240, pause=0.5)
        set_rollout(partition=2)
        set_image(before)
        wait("one pod of this version among the others", lambda: image_of(2) == before and pool_is_whole(), 120)
        writers.wait_for_more(200)
        set_rollout(partition=0)
        wait("every pod running this version", lambda: all_run(before), 240, pause=0.5)
        kubectl("patch", "deployment", "m-operator", "-n", NAMESPACE, "-p", previous_operator(previous))
        kubectl("rollout", "status", "deployment/m-operator", "-n", NAMESPACE, "--timeout=90s", seconds=100)
        print(f"a stream is Ready {make_stream('by-the-previous-operator', seconds=20):.1f} s after kubectl apply to the previous operator")
        kubectl("rollout", "undo", "deployment/m-operator", "-n", NAMESPACE)
        kubectl("rollout", "status", "deployment/m-operator", "-n", NAMESPACE, "--timeout=90s", seconds=100)
        writers.wait_for_more(50)
    assert not writers.refused
