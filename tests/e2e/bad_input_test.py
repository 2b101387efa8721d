"""Mistakes of people: what is said, and that all is well once they are mended."""

import pytest
from conftest import NAMESPACE
from kubernetes import apply, condition, get, kubectl, stream, wait


def pool(name, **spec):
    small = {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}
    return {"apiVersion": "millrace.dev/v1alpha1", "kind": "StreamPool", "metadata": {"name": name},
            "spec": {"replicas": 1, "resources": small, "storage": {"size": "1Gi"}, "deletionPolicy": "Delete", **spec}}


@pytest.fixture
def make_pool(release):
    made = []

    def make(name, **spec):
        made.append(name)
        apply(pool(name, **spec), namespace=NAMESPACE)
    yield make
    for name in made:
        kubectl("delete", "streampool", name, "-n", NAMESPACE, "--ignore-not-found", "--wait=false")


def message_of(name):
    """Everything that the pool's conditions say, in one text."""
    item = get("streampool", name, NAMESPACE)
    return " ".join(f"{entry['reason']}: {entry.get('message', '')}" for entry in item.get("status", {}).get("conditions", []))


def is_well(name):
    return condition(get("streampool", name, NAMESPACE), "Ready").get("status") == "True"


@pytest.mark.parametrize("name, spec, mention, mended", [
    ("bad-image", {"image": "localhost/millrace:absent", "imagePullPolicy": "Never"}, "absent", {"image": "localhost/millrace:dev"}),
    ("no-room", {"resources": {"requests": {"cpu": "500", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}}, "cpu",
     {"resources": {"requests": {"cpu": "50m"}}}),
])
def test_a_pool_that_cannot_be_says_why_and_recovers(make_pool, name, spec, mention, mended):
    make_pool(name, **spec)
    wait(f"a condition that mentions {mention}", lambda: mention in message_of(name), 60, pause=0.5)
    print(message_of(name))
    apply(pool(name, **{"imagePullPolicy": "Never", **mended}), namespace=NAMESPACE)
    wait("the pool being Ready", lambda: is_well(name), 90, pause=0.5)


def test_a_storage_class_that_is_not_there_is_named(make_pool):
    make_pool("no-class", storage={"size": "1Gi", "storageClassName": "nowhere"})
    wait("a condition that names it", lambda: "nowhere" in message_of("no-class"), 60, pause=0.5)
    print(message_of("no-class"))


def test_a_class_that_cannot_expand_says_so(make_pool):
    make_pool("fixed", storage={"size": "1Gi", "storageClassName": "loop-fixed"})
    wait("the pool being Ready", lambda: is_well("fixed"), 90, pause=0.5)
    apply(pool("fixed", storage={"size": "2Gi", "storageClassName": "loop-fixed"}), namespace=NAMESPACE)
    wait("a condition that names it", lambda: "loop-fixed" in message_of("fixed"), 60, pause=0.5)
    print(message_of("fixed"))


def test_a_stream_of_a_pool_that_is_not_there_says_so_and_recovers(make_pool):
    apply(stream("homeless", placement={"poolRef": {"name": "later"}}, deletionPolicy="Delete"), namespace=NAMESPACE)
    wait("a condition that names the pool", lambda: "later" in condition(get("stream", "homeless", NAMESPACE), "Ready").get("message", ""), 30)
    make_pool("later")
    wait("the stream being Ready", lambda: condition(get("stream", "homeless", NAMESPACE), "Ready").get("status") == "True", 90)
    kubectl("delete", "stream", "homeless", "-n", NAMESPACE, "--wait=false")


@pytest.mark.parametrize("spec, says", [
    ({"shardCount": 0}, "greater than or equal to 1"),
    ({"retentionPeriodHours": 12}, "greater than or equal to 24"),
    ({"encryption": {"encryptionType": "KMS"}}, "KMS needs exactly one of keyID or keySecretRef"),
    ({"scaling": {"minShards": 5, "maxShards": 4}}, "minShards must not exceed maxShards"),
])
def test_a_wrong_stream_is_refused_with_what_to_do(release, spec, says):
    with pytest.raises(RuntimeError, match=says):
        apply(stream("wrong", **spec), namespace=NAMESPACE)
