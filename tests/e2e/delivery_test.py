"""Delivery streams on the cluster: from kubectl apply or the Firehose API to objects in a real S3 gateway on this machine,
also while delivery pods are killed and replaced. The ledger has every record that PutRecordBatch acknowledged; each must
be in the bucket once or more."""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import time

import boto3
import botocore.config
import pytest
from conftest import NAMESPACE
from kubernetes import ROOT, apply, condition, get, kubectl, wait

HOST = "10.250.0.1"  # this machine, as pods reach it
KEYS = {"AWS_ACCESS_KEY_ID": "lake-key", "AWS_SECRET_ACCESS_KEY": "lake-secret"}
SOURCES = ROOT / "tests" / "integration"


def gateway_program():
    """MILLRACE_S3_GATEWAY, versitygw on the PATH, or built from its Go module as for the other delivery tests."""
    program = shutil.which(os.environ.get("MILLRACE_S3_GATEWAY", "versitygw"))
    if program:
        return program
    sys.path.insert(0, str(SOURCES))
    import clients  # pylint: disable=import-outside-toplevel
    try:
        return str(clients.install_go("versitygw", ROOT / "tests/fault/s3_gateway", "github.com/versity/versitygw/cmd/versitygw"))
    except clients.Unavailable as reason:
        pytest.skip(f"no S3 gateway: {reason}")


@pytest.fixture(scope="module")
def lake(tmp_path_factory, release):
    """The bucket's folder; its address and keys are in the Secret lake-keys."""
    folder = tmp_path_factory.mktemp("lake")
    (folder / "lake").mkdir()
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "ROOT_ACCESS_KEY": KEYS["AWS_ACCESS_KEY_ID"], "ROOT_SECRET_KEY": KEYS["AWS_SECRET_ACCESS_KEY"]}
    gateway = subprocess.Popen([gateway_program(), "--port", f"{HOST}:{port}", "posix", str(folder)], env=environment,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "lake-keys"},
           "stringData": {**KEYS, "AWS_ENDPOINT_URL_S3": f"http://{HOST}:{port}"}}, namespace=NAMESPACE)
    yield folder / "lake"
    gateway.kill()
    gateway.wait()


@pytest.fixture
def deliver(lake):
    """Applies a DeliveryStream into the bucket, waits until it delivers, and deletes it after the test."""
    made = []

    def make(name, bucket="lake", seconds=60, **spec):
        apply({"apiVersion": "millrace.dev/v1alpha1", "kind": "DeliveryStream", "metadata": {"name": name}, "spec": {
            "deletionPolicy": "Delete", "processing": {"processors": [{"type": "AppendDelimiterToRecord"}]},
            "destination": {"type": "S3", "s3": {
                "bucket": bucket, "prefix": f"{name}/", "errorOutputPrefix": "bad/!{firehose:error-output-type}/",
                "credentialsSecretRef": {"name": "lake-keys"}, "bufferingHints": {"sizeInMBs": 1, "intervalInSeconds": 1}}}, **spec}},
              namespace=NAMESPACE)
        made.append(name)
        _, took = wait(f"{name} delivering", lambda: condition(there(name), "Ready").get("status") == "True", seconds)
        return took
    yield make
    for name in made:
        kubectl("delete", "deliverystream", name, "-n", NAMESPACE, "--ignore-not-found", "--timeout=60s", check=False, seconds=70)


@pytest.fixture
def firehose(endpoint, credentials):
    config = botocore.config.Config(retries={"total_max_attempts": 1}, read_timeout=10, connect_timeout=2)
    return boto3.session.Session().client(
        "firehose", region_name="us-east-1", endpoint_url=endpoint("n1"), config=config,
        aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"], aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"])


def there(name):
    return get("deliverystream", name, NAMESPACE)


def pods_of(name):
    found = get("pods", None, NAMESPACE, **{"app.kubernetes.io/component": "delivery"})
    return [pod for pod in found if pod["metadata"]["annotations"]["millrace.dev/delivery-stream"] == f"{NAMESPACE}/{name}"]


def lines_of(lake, name):
    """Every line in its objects, as often as it is there."""
    return [line for path in (lake / name).rglob("*") if path.is_file() for line in path.read_text().splitlines()]


class Writer:
    """Puts batches while it is used as a context; `acknowledged` has what the service took."""

    def __init__(self, client, name):
        self.client, self.name = client, name
        self.acknowledged, self.refused = [], 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def put(self, records):
        answer = self.client.put_record_batch(DeliveryStreamName=self.name, Records=[{"Data": record} for record in records])
        self.acknowledged += [record for record, each in zip(records, answer["RequestResponses"]) if each.get("RecordId")]

    def _run(self):
        number = 0
        while not self._stopped.is_set():
            try:
                self.put([f"record {number + i}" for i in range(20)])
            except Exception:  # pylint: disable=broad-except  # what is not acknowledged is owed to nobody
                self.refused += 1
            number += 20
            time.sleep(0.05)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopped.set()
        self._thread.join(30)


def check(writer, lake, name, seconds=90):
    """Nothing that was acknowledged is missing; says how much came more than once."""
    owed = set(writer.acknowledged)
    assert owed
    _, took = wait("all of it being delivered", lambda: owed <= set(lines_of(lake, name)), seconds, pause=0.5)
    lines = lines_of(lake, name)
    print(f"{len(owed)} acknowledged, all delivered {took:.1f} s after the last, {len(lines) - len(set(lines))} more than once, "
          f"{writer.refused} calls refused")


def test_a_delivery_stream_by_kubectl_takes_records_by_the_firehose_api_and_delivers_them(deliver, lake, firehose):
    took = deliver("orders")
    print(f"Ready {took:.1f} s after kubectl apply")
    writer = Writer(firehose, "orders")
    writer.put([f"record {number}" for number in range(500)])
    check(writer, lake, "orders")
    hidden = get("secrets", None, NAMESPACE, **{"app.kubernetes.io/component": "delivery"})
    assert [item["metadata"]["name"] for item in hidden] and "lake-secret" not in str(get("workloads", None, NAMESPACE))


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_delivery_pods_lose_nothing(deliver, lake, firehose, workers):
    name = f"killed-{workers}"
    deliver(name, workers=workers, scaling={"mode": "Off"})
    wait("all of its pods", lambda: len([pod for pod in pods_of(name) if condition(pod, "Ready").get("status") == "True"]) == workers, 60)
    with Writer(firehose, name) as writer:
        time.sleep(3)
        for grace in (0, 0, 30):
            pod = pods_of(name)[0]
            place, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
            kubectl("delete", "pod", place, "-n", NAMESPACE, f"--grace-period={grace}", *(["--force"] if grace == 0 else []))
            _, took = wait("another pod", lambda name=place, old=uid: _is_another(get("pod", name, NAMESPACE), old), 60)
            print(f"another pod is ready after {took:.1f} s")
            time.sleep(3)
    check(writer, lake, name)


def _is_another(pod, uid):
    return pod and pod["metadata"]["uid"] != uid and condition(pod, "Ready").get("status") == "True"


def test_a_bucket_that_is_not_there_is_told_in_the_services_words_and_a_changed_spec_is_taken_up_without_a_restart(deliver, lake, firehose):
    deliver("late", bucket="absent")
    writer = Writer(firehose, "late")
    writer.put([f"record {number}" for number in range(50)])
    wait("the condition", lambda: "NoSuchBucket" in condition(there("late"), "DestinationReachable").get("message", ""), 60)
    before = pods_of("late")[0]["metadata"]["uid"]
    kubectl("patch", "deliverystream", "late", "-n", NAMESPACE, "--type=merge", "-p", '{"spec": {"destination": {"s3": {"bucket": "lake"}}}}')
    _, took = wait("the new spec", lambda: condition(there("late"), "Ready").get("observedGeneration") == 2
                   and condition(there("late"), "Ready")["status"] == "True", 120)
    print(f"a changed spec is in force after {took:.1f} s")
    check(writer, lake, "late")
    assert pods_of("late")[0]["metadata"]["uid"] == before


def test_one_made_by_the_api_is_a_resource_and_one_deleted_by_the_api_leaves_nothing(lake, firehose):
    firehose.create_delivery_stream(DeliveryStreamName="by-sdk", DeliveryStreamType="DirectPut", ExtendedS3DestinationConfiguration={
        "BucketARN": "arn:aws:s3:::lake", "RoleARN": "arn:aws:iam::000000000000:role/any", "Prefix": "by-sdk/",
        "ErrorOutputPrefix": "bad/!{firehose:error-output-type}/", "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 1}})
    wait("the resource", lambda: there("by-sdk"), 10)
    wait("ACTIVE", lambda: firehose.describe_delivery_stream(DeliveryStreamName="by-sdk")[
        "DeliveryStreamDescription"]["DeliveryStreamStatus"] == "ACTIVE", 60)
    # Its keys are those of the chart's delivery.s3SecretName, since an ARN has none.
    writer = Writer(firehose, "by-sdk")
    writer.put([f"record {number}\n" for number in range(50)])
    writer.acknowledged = [record.strip() for record in writer.acknowledged]
    check(writer, lake, "by-sdk")
    firehose.delete_delivery_stream(DeliveryStreamName="by-sdk", AllowForceDelete=True)
    wait("its end", lambda: not there("by-sdk"), 120)
    assert not pods_of("by-sdk")
    assert not get("stream", "by-sdk-direct-put", NAMESPACE) or get("stream", "by-sdk-direct-put", NAMESPACE)["metadata"].get("deletionTimestamp")


def test_a_folder_is_a_volume_of_the_pods(release, firehose):
    apply({"apiVersion": "millrace.dev/v1alpha1", "kind": "DeliveryStream", "metadata": {"name": "files"}, "spec": {
        "deletionPolicy": "Delete", "destination": {"type": "Folder", "folder": {"path": "out", "bufferingHints": {
            "sizeInMBs": 1, "intervalInSeconds": 1}}}}}, namespace=NAMESPACE)
    wait("it delivering", lambda: condition(there("files"), "Ready").get("status") == "True", 90)
    firehose.put_record_batch(DeliveryStreamName="files", Records=[{"Data": b"kept\n"}])
    pod = pods_of("files")[0]["metadata"]["name"]
    assert get("persistentvolumeclaim", f"data-{pod}", NAMESPACE)
    wait("the file", lambda: any("kept" in text for text in volumes_of(pod)), 30)
    kubectl("delete", "deliverystream", "files", "-n", NAMESPACE, "--timeout=60s", seconds=70)
    assert get("persistentvolumeclaim", f"data-{pod}", NAMESPACE), "delivered files stay"
    kubectl("delete", "persistentvolumeclaim", f"data-{pod}", "-n", NAMESPACE)


def volumes_of(pod):
    """Text of the files that the pod's process sees as delivered."""
    process = [entry for entry in pathlib.Path("/proc").glob("[0-9]*/environ") if f"MILLRACE_POD_NAME={pod}".encode() in _bytes(entry)]
    return [file.read_text() for entry in process for file in (entry.parent / "root/data/delivered").rglob("*") if file.is_file()]


def _bytes(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""
