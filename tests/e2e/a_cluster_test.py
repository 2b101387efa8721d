"""The cluster itself, with the standalone service as what runs on it: names, addresses, volumes, nodes that go. Named so that it
runs first: where this fails, nothing after it says anything about Millrace."""

import boto3
import botocore.config
import pytest
from conftest import NODES
from kubernetes import apply, cluster, get, kubectl, wait
from writers import writing

NAMESPACE = "standalone"
CREDENTIALS = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}


def pod(number, volume_size):
    name = f"s{number}"
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name},
             "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": volume_size}}}}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {
        "type": "NodePort", "selector": {"app": name}, "ports": [{"port": 80, "targetPort": 4567}]}}
    spec = {"nodeSelector": {"kubernetes.io/hostname": f"n{number}"}, "terminationGracePeriodSeconds": 5,
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "fsGroup": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "millrace", "image": "localhost/millrace:dev", "imagePullPolicy": "Never",
                "command": ["/usr/bin/millrace", "up", "--data", "/data/d", "--listen", "0.0.0.0:4567"],
                "readinessProbe": {"tcpSocket": {"port": 4567}, "periodSeconds": 1},
                "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
                "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "tmp", "mountPath": "/tmp"}]}],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": name}}, {"name": "tmp", "emptyDir": {}}]}
    return [claim, service, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}}, "spec": spec}]


@pytest.fixture(scope="module")
def pods(nodes):
    """A standalone service on each node, with a volume."""
    apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {
        "name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}, namespace="default")
    for number in range(1, NODES + 1):
        apply(*pod(number, "1Gi"), namespace=NAMESPACE)
    kubectl("wait", "--for=condition=Ready", "pods", "--all", "-n", NAMESPACE, "--timeout=90s", seconds=100)
    yield [f"s{number}" for number in range(1, NODES + 1)]
    kubectl("delete", "namespace", NAMESPACE, "--timeout=60s", seconds=70)


def client_of(name):
    port = get("service", name, NAMESPACE)["spec"]["ports"][0]["nodePort"]

    def make(node="n1", attempts=4, seconds=10):
        settings = botocore.config.Config(retries={"total_max_attempts": attempts, "mode": "standard"}, connect_timeout=1, read_timeout=seconds)
        return boto3.session.Session().client("kinesis", endpoint_url=f"http://10.250.0.{10 + int(node[1:])}:{port}", config=settings, **CREDENTIALS)
    return make


def make_stream(name, stream):
    client = client_of(name)()
    client.create_stream(StreamName=stream, ShardCount=1)
    client.get_waiter("stream_exists").wait(StreamName=stream, WaiterConfig={"Delay": 1, "MaxAttempts": 20})


def test_pods_reach_each_other_by_name_on_every_node(pods):
    for source in pods:
        for target in pods:
            command = ["exec", source, "-n", NAMESPACE, "--", "/usr/bin/millrace", "streams", "--endpoint", f"http://{target}.{NAMESPACE}"]
            # A moment may pass until every node knows the pods behind a Service.
            wait(f"{source} reaching {target}", lambda command=command: kubectl(*command) is not None, 20)


def test_services_are_reached_from_outside_through_every_node(pods, nodes):
    for name in pods:
        for node in nodes:
            assert client_of(name)(node).list_streams()["StreamNames"] == []


def test_a_volume_grows_while_it_is_written_to(pods):
    make_stream("s1", "growing")
    with writing(client_of("s1"), "growing", 1) as writers:
        kubectl("patch", "pvc", "s1", "-n", NAMESPACE, "-p", '{"spec":{"resources":{"requests":{"storage":"1280Mi"}}}}')
        _, took = wait("the volume having grown", lambda: get("pvc", "s1", NAMESPACE)["status"]["capacity"]["storage"] == "1280Mi", 120)
        print(f"grown after {took:.1f} s")
    assert writers.longest_pause() < 1


@pytest.mark.skipif(NODES < 2, reason="clients go in through another node")
def test_what_was_acknowledged_outlives_its_node(pods):
    name, node = pods[-1], f"n{NODES}"
    make_stream(name, "outlives")
    with writing(client_of(name), "outlives", 1) as writers:
        cluster("stop", node)
        cluster("start", node)
        writers.wait_for_more(20, seconds=90)
