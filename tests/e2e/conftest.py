"""One cluster and one release for all tests; clients of it from outside."""

import base64
import os
import pathlib
import subprocess
import sys

import boto3
import botocore.config
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import kubernetes  # noqa: E402
from kubernetes import ROOT, apply, cluster, get, is_ready, kubectl, run, user, wait  # noqa: E402

NODES = int(os.environ.get("MILLRACE_E2E_NODES", "3"))
AUTHENTICATION = os.environ.get("MILLRACE_E2E_AUTHENTICATION", "SigV4")
NAMESPACE = "millrace"
RELEASE = "m"
VALUES = {
    "image.repository": "localhost/millrace", "image.tag": "dev", "image.pullPolicy": "Never", "service.type": "NodePort",
    "pool.replicas": min(NODES, 3), "pool.storage.size": "1Gi", "pool.resources.requests.cpu": "50m",
    "pool.resources.requests.memory": "128Mi", "pool.resources.limits.memory": "512Mi",
    "pool.authentication": AUTHENTICATION, "delivery.s3SecretName": "lake-keys", "delivery.resources.requests.cpu": "20m",
}


@pytest.fixture(scope="session")
def nodes():
    """A cluster with our image on every node."""
    built = run(ROOT / "e2e/cluster.d/build_image.sh", "dev", seconds=300).stdout.split()[-1]
    print(cluster("up", "--nodes", NODES, seconds=300))
    cluster("load", built, seconds=300)
    return [f"n{number}" for number in range(1, NODES + 1)]


@pytest.fixture(scope="session")
def release(nodes):
    """`helm install` into a restricted namespace; operator and control plane are ready."""
    apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {
        "name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}, namespace="default")
    settings = [f"--set={key}={value}" for key, value in VALUES.items()]
    run("helm", "upgrade", "--install", RELEASE, ROOT / "charts/millrace", "-n", NAMESPACE, *settings, "--wait", "--timeout=120s", seconds=150)
    yield RELEASE
    if "MILLRACE_E2E_KEEP" not in os.environ:
        print(kubectl("get", "pods,streams,streampools,workloads", "-n", NAMESPACE, "-o", "wide", check=False))


@pytest.fixture(scope="session")
def endpoint(release):
    """Of the plain port, through any node."""
    service = get("service", f"{RELEASE}-streams", NAMESPACE)
    port, = [port["nodePort"] for port in service["spec"]["ports"] if port["name"] == "http"]
    return lambda node="n1": f"http://10.250.0.{10 + int(node[1:])}:{port}"


@pytest.fixture(scope="session")
def credentials(release):
    """Of a user who may do everything."""
    if AUTHENTICATION == "None":
        return {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}
    apply(user("tester", (["*"], ["*"])), namespace=NAMESPACE)
    wait("the user's Secret", lambda: get("secret", "tester-credentials", NAMESPACE), 30)
    data = get("secret", "tester-credentials", NAMESPACE)["data"]
    return {key: base64.b64decode(data[key]).decode() for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}


@pytest.fixture(scope="session")
def make_client(endpoint, credentials):
    """A boto3 client that goes in through a node (or at a pod's address); with attempts=1 it does not retry by itself."""
    def make(node="n1", attempts=4, seconds=10, address=None):
        settings = botocore.config.Config(retries={"total_max_attempts": attempts, "mode": "standard"}, connect_timeout=1,
                                          read_timeout=seconds, max_pool_connections=4)
        return boto3.session.Session().client(
            "kinesis", region_name="us-east-1", endpoint_url=address or endpoint(node), config=settings,
            aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"], aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"])
    return make


@pytest.fixture(scope="session")
def client(make_client):
    return make_client()


@pytest.fixture(scope="session")
def python_in_a_pod(release, credentials):
    """Runs Python with the SDK in a pod of another namespace; gives its output. The pod borrows this machine's Python."""
    apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "clients"}}, namespace="default")
    folder = str(pathlib.Path(sys.prefix).resolve())
    environment = {**credentials, "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": f"http://{RELEASE}-streams.{NAMESPACE}", "HOME": "/tmp"}

    def run_in_pod(name, program, seconds=60):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {
            "restartPolicy": "Never", "automountServiceAccountToken": False, "activeDeadlineSeconds": seconds,
            "containers": [{
                "name": "python", "image": "localhost/millrace-e2e/host:1", "imagePullPolicy": "Never",
                "command": [f"{folder}/bin/python", "-c", program], "env": [{"name": key, "value": value} for key, value in environment.items()],
                "volumeMounts": [{"name": "usr", "mountPath": "/usr", "readOnly": True}, {"name": "python", "mountPath": folder, "readOnly": True},
                                 {"name": "tmp", "mountPath": "/tmp"}]}],
            "volumes": [{"name": "usr", "hostPath": {"path": "/usr"}}, {"name": "python", "hostPath": {"path": folder}},
                        {"name": "tmp", "emptyDir": {}}]}}
        kubectl("delete", "pod", name, "-n", "clients", "--ignore-not-found", "--grace-period=1")
        apply(pod, namespace="clients")
        wait(f"the end of pod {name}", lambda: get("pod", name, "clients")["status"]["phase"] in ("Succeeded", "Failed"), seconds)
        output = kubectl("logs", name, "-n", "clients")
        assert get("pod", name, "clients")["status"]["phase"] == "Succeeded", output
        return output
    return run_in_pod


@pytest.fixture(scope="session")
def next_image(release):
    """The same binaries under another version, on every node."""
    archive = run(ROOT / "e2e/cluster.d/build_image.sh", "next", seconds=300).stdout.split()[-1]
    cluster("load", archive, seconds=300)
    return "localhost/millrace:next"


@pytest.fixture
def make_stream(release):
    """Applies a Stream, waits until it is Ready, and deletes it after the test."""
    made = []

    def make(name, shards=1, seconds=10, **spec):
        apply(kubernetes.stream(name, streamModeDetails={"streamMode": "PROVISIONED"}, shardCount=shards, deletionPolicy="Delete", **spec),
              namespace=NAMESPACE)
        made.append(name)
        _, took = wait(f"stream {name} being Ready", lambda: is_ready(get("stream", name, NAMESPACE)), seconds)
        return took
    yield make
    # Gone for good, since the next test may want the name: every pod that has something of it has to say so.
    for name in made:
        kubectl("delete", "stream", name, "-n", NAMESPACE, "--ignore-not-found", "--timeout=60s", check=False, seconds=70)


# What later files count on is shown by earlier ones; the rights are looked at after all that use them, the streams by the thousand
# last, since their end takes a while. A file that is not named runs before the last two.
ORDER = ["a_cluster", "first_stream", "bad_input", "expansion", "losses", "upgrade", "day_two", "operator", "killed_operator", "volume", "delivery"]
LAST = ["used_rights", "very_many_streams"]


def pytest_collection_modifyitems(items):
    def place(item):
        name = item.path.stem.removesuffix("_test")
        return ORDER.index(name) if name in ORDER else len(ORDER) + 1 + LAST.index(name) if name in LAST else len(ORDER)
    items.sort(key=place)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """What the cluster looked like when a test failed, since it is gone afterwards."""
    report = (yield).get_result()
    if report.failed and item.config.getoption("verbose") >= 0:
        for command in (["get", "pods,pvc", "-A", "-o", "wide"], ["get", "streams,streampools,streamusers,workloads", "-A", "-o", "wide"],
                        ["get", "events", "-A", "--sort-by=.lastTimestamp"],
                        ["logs", "-n", NAMESPACE, "-l", "app.kubernetes.io/component=operator", "--tail=30", "--prefix"]):
            try:
                report.sections.append((" ".join(command[:4]), run("kubectl", *command, check=False, seconds=20).stdout[-6000:]))
            except subprocess.TimeoutExpired:
                report.sections.append((" ".join(command[:4]), "no answer"))
