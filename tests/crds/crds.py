"""Applies every CRD, policy and example to a real kube-apiserver, and each rule's bad case with its message; then runs
the GoogleTest binaries that are named, against the same server."""

import os
import pathlib
import subprocess
import sys

from api_server import ApiServer, missing

try:
    import yaml
except ImportError:
    yaml = None

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLURALS = {"Stream": "streams", "DeliveryStream": "deliverystreams", "StreamPool": "streampools", "StreamUser": "streamusers", "Workload": "workloads",
           "ShardMap": "shardmaps", "ShardMapSlice": "shardmapslices"}
failures = []


def expect(condition, what):
    print(("ok      " if condition else "FAILED  ") + what.splitlines()[0].split(" -- ")[0])
    if not condition:
        failures.append(what)


def path_of(kind, name="", subresource=""):
    return "/".join(filter(None, ["/apis/millrace.dev/v1alpha1/namespaces/default", PLURALS[kind], name, subresource]))


def document(kind, name, spec):
    return {"apiVersion": "millrace.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


TO_S3 = {"type": "S3", "s3": {"bucket": "lake"}}
TO_HTTP = {"type": "HttpEndpoint", "httpEndpoint": {"url": "http://a"}}
TO_SEARCH = {"type": "OpenSearch", "openSearch": {"endpoint": "http://a", "indexName": "i"}}
CONVERSION = {"schemaTable": {"columns": [{"name": "a", "type": "int"}]}}
BACKUP = {"s3": {"bucket": "refused"}}


def to_s3(**fields):
    return {"type": "S3", "s3": {"bucket": "lake", **fields}}


# A spec that is refused, and what the refusal says.
REFUSED = [
    ("Stream", {"encryption": {"encryptionType": "KMS"}}, "KMS needs exactly one of keyID or keySecretRef"),
    ("Stream", {"encryption": {"keyID": "a"}}, "NONE takes neither"),
    ("Stream", {"scaling": {"minShards": 5, "maxShards": 4}}, "minShards must not exceed maxShards"),
    ("Stream", {"warmThroughputMiBps": 5, "streamModeDetails": {"streamMode": "PROVISIONED"}},
     "warmThroughputMiBps is for streamMode ON_DEMAND only"),
    ("Stream", {"tags": {"k" * 129: "x"}}, "names must have 1 to 128 characters"),
    ("Stream", {"consumers": [{"consumerName": "a", "tags": {"": "x"}}]}, "names must have 1 to 128 characters"),
    ("Stream", {"shardCount": 0}, "greater than or equal to 1"),
    ("Stream", {"retentionPeriodHours": 12}, "greater than or equal to 24"),
    ("Stream", {"resourcePolicy": "allow"}, "resourcePolicy"),
    ("Stream", {"consumers": [{"consumerName": "a"}, {"consumerName": "a"}]}, "Duplicate value"),
    ("StreamPool", {"storage": {"size": "512Mi"}}, "must be 1Gi or more"),
    ("StreamPool", {"storage": {"size": "much"}}, "spec.storage.size"),
    ("StreamPool", {"storage": {"size": "20Gi", "autoExpand": {"maxSize": "10Gi"}}},
     "autoExpand.maxSize must not be below size"),
    ("StreamPool", {"resources": {"requests": {"memory": "2Gi"}}}, "requests.memory must not exceed limits.memory"),
    ("StreamPool", {"resources": {"requests": {"cpu": 2}, "limits": {"cpu": "1500m"}}},
     "requests.cpu must not exceed limits.cpu"),
    ("StreamPool", {"tolerations": [{"effect": "NoExecute"}]}, "a toleration without key needs operator Exists"),
    ("StreamPool", {"tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]}, "Exists takes no value"),
    ("StreamPool", {"image": "a b"}, "spec.image"),
    ("StreamUser", {"permissions": [{"actions": ["s3:Get"], "streams": ["a"]}]}, "spec.permissions[0].actions"),
    ("StreamUser", {"permissions": [{"actions": [], "streams": ["a"]}]}, "should have at least 1 items"),
    ("DeliveryStream", {}, "spec.destination: Required value"),
    ("DeliveryStream", {"destination": {"type": "S3"}}, "destination.s3 goes with type S3"),
    ("DeliveryStream", {"destination": {"type": "Iceberg"}}, "Unsupported value"),
    ("DeliveryStream", {"destination": {**TO_S3, "folder": {"path": "a"}}}, "destination.folder goes with type Folder"),
    ("DeliveryStream", {"destination": TO_HTTP}, "backup is needed"),
    ("DeliveryStream", {"destination": to_s3(s3BackupMode="Enabled")}, "backup is needed with s3BackupMode Enabled"),
    ("DeliveryStream", {"destination": to_s3(prefix="!{timestamp:yyyy}")},
     "errorOutputPrefix must contain !{firehose:error-output-type}"),
    ("DeliveryStream", {"destination": to_s3(dynamicPartitioning={})}, "prefix names partition keys"),
    ("DeliveryStream", {"destination": to_s3(prefix="!{partitionKeyFromQuery:a}/", dynamicPartitioning={},
                                             errorOutputPrefix="!{firehose:error-output-type}")},
     "partitionKeyFromQuery in the prefix needs MetadataExtraction"),
    ("DeliveryStream", {"destination": to_s3(compressionFormat="GZIP", dataFormatConversion=CONVERSION)},
     "compressionFormat must be UNCOMPRESSED"),
    ("DeliveryStream", {"destination": to_s3(dataFormatConversion={"schemaTable": {}})}, "columns are needed"),
    ("DeliveryStream", {"destination": TO_S3, "source": {"type": "Stream"}}, "source.stream goes with type Stream"),
    ("DeliveryStream", {"destination": TO_S3, "scaling": {"minWorkers": 65}}, "minWorkers must not exceed maxWorkers"),
    ("DeliveryStream", {"destination": TO_S3, "processing": {"processors": [{"type": "Lambda"}]}},
     "Lambda needs the parameter LambdaArn"),
    ("DeliveryStream", {"destination": TO_S3, "processing": {"processors": [
        {"type": "AppendDelimiterToRecord", "parameters": {"LambdaArn": "arn:a"}}]}}, "LambdaArn is a parameter of Lambda"),
    ("DeliveryStream", {"destination": TO_S3, "processing": {"processors": [{"type": "AppendDelimiterToRecord"}] * 2}},
     "processors has a type twice"),
    ("DeliveryStream", {"destination": TO_S3, "encryption": {"encryptionType": "KMS"},
                        "source": {"type": "Stream", "stream": {"streamRef": {"name": "a"}}}}, "encryption is for source DirectPut"),
    ("DeliveryStream", {"destination": {"type": "Folder", "folder": {"path": "a/../b"}}}, "must not lead out"),
    ("Workload", {"revision": "a", "volume": {"size": "1Gi"}}, "spec.template: Required value"),
]
# A spec, a change of it that is refused, and what the refusal says.
REFUSED_CHANGES = [
    ("Stream", {}, {"streamName": "x"}, "streamName is immutable; create a new stream and migrate"),
    ("Stream", {}, {"placement": {"poolRef": {"name": "fast"}}}, "placement is immutable"),
    ("StreamPool", {}, {"storage": {"size": "5Gi"}}, "storage.size never shrinks below what the volumes have"),
    ("StreamPool", {}, {"storage": {"size": "10Gi", "storageClassName": "b"}}, "storageClassName is immutable"),
    ("DeliveryStream", {"destination": TO_S3}, {"destination": TO_S3, "deliveryStreamName": "x"}, "deliveryStreamName is immutable"),
    ("DeliveryStream", {"destination": TO_S3},
     {"destination": TO_S3, "source": {"type": "Stream", "stream": {"streamRef": {"name": "a"}}}}, "source is immutable"),
    ("DeliveryStream", {"destination": TO_S3}, {"destination": TO_SEARCH, "backup": BACKUP},
     "OpenSearch can't become another destination"),
    ("DeliveryStream", {"destination": to_s3(s3BackupMode="Enabled"), "backup": BACKUP}, {"destination": TO_S3, "backup": BACKUP},
     "s3BackupMode can't change from Enabled"),
    ("DeliveryStream", {"destination": TO_S3},
     {"destination": to_s3(prefix="!{partitionKeyFromQuery:a}/", dynamicPartitioning={},
                           errorOutputPrefix="!{firehose:error-output-type}"),
      "processing": {"processors": [{"type": "MetadataExtraction", "parameters": {
          "MetadataExtractionQuery": "{a: .a}", "JsonParsingEngine": "JQ-1.6"}}]}}, "dynamicPartitioning can't be turned on or off"),
    ("StreamUser", {"rotation": 2}, {"rotation": 1}, "rotation only rises"),
    ("StreamUser", {}, {"secretName": "x"}, "secretName is immutable"),
]
ALLOWED_CHANGES = [
    ("Stream", {}, {"placement": {"poolRef": {"name": "default"}}, "shardCount": 9}),
    ("DeliveryStream", {"destination": TO_S3}, {"destination": TO_HTTP, "backup": BACKUP}),
    ("StreamPool", {"storage": {"size": "10Gi"}}, {"storage": {"size": "0.2Ti"}, "image": "a:b"}),
]


def create(api, kind, name, spec):
    return api.call("POST", path_of(kind) + "?fieldValidation=Strict", document(kind, name, spec))


def change(api, kind, name, spec, subresource=""):
    """Puts a spec (or status) in place of the one there is."""
    _, there = api.call("GET", path_of(kind, name))
    there["status" if subresource == "status" else "spec"] = spec
    return api.call("PUT", path_of(kind, name, subresource), there)


def apply_all(api):
    for file in sorted((ROOT / "crds").glob("*.yaml")):
        code, output = api.kubectl("apply", "-f", str(file))
        expect(code == 0, f"plain kubectl apply takes {file.name} -- {output}")
        for item in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            if item["kind"] == "CustomResourceDefinition":
                api.wait_for(lambda name=item["metadata"]["name"]: established(api, name), 30, f"{file.name} is not served")
    code, output = api.kubectl("apply", "-f", str(ROOT / "crds"))
    expect(code == 0 and "configured" not in output, f"a second apply changes nothing -- {output}")


def established(api, name):
    _, crd = api.call("GET", f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}")
    conditions = {c["type"]: c for c in crd.get("status", {}).get("conditions", [])}
    # NonStructuralSchema would stand here, too.
    return conditions.get("Established", {}).get("status") == "True" and \
        api.call("GET", f"/apis/millrace.dev/v1alpha1/{name.split('.')[0]}")[0] == 200


def rules(api):
    for number, (kind, spec, message) in enumerate(REFUSED):
        code, answer = create(api, kind, f"refused-{number}", spec)
        expect(code == 422 and message in answer["message"], f"{kind} refused: {message} -- got {code} {answer}")
    for number, (kind, before, after, message) in enumerate(REFUSED_CHANGES):
        name = f"changed-{number}"
        code, answer = create(api, kind, name, before)
        expect(code == 201, f"{kind} made: {before} -- got {code} {answer}")
        code, answer = change(api, kind, name, after)
        expect(code == 422 and message in answer["message"], f"{kind} change refused: {message} -- got {code} {answer}")
    for number, (kind, before, after) in enumerate(ALLOWED_CHANGES):
        create(api, kind, f"allowed-{number}", before)
        code, answer = change(api, kind, f"allowed-{number}", after)
        expect(code == 200, f"{kind} change allowed: {after} -- got {code} {answer}")
    code, answer = create(api, "StreamPool", "a.b", {})
    expect(code == 422 and "names Services and pods" in answer["message"], f"pool names are refused -- got {code} {answer}")


def failed_enlargement(api):
    create(api, "StreamPool", "greedy", {"storage": {"size": "100Ti"}})
    change(api, "StreamPool", "greedy", {"storage": {"requested": "100Ti", "actual": "10Gi"}}, "status")
    code, answer = change(api, "StreamPool", "greedy", {"storage": {"size": "20Gi"}})
    expect(code == 200, f"a size that failed may be lowered again -- got {code} {answer}")
    code, _ = change(api, "StreamPool", "greedy", {"storage": {"size": "5Gi"}})
    expect(code == 422, "but not below what the volumes have")
    code, answer = change(api, "StreamPool", "greedy", {"storage": {"requested": "20Gi", "actual": "50Gi"}}, "status")
    expect(code == 200, f"a volume enlarged from outside can be reported -- got {code} {answer}")


def subresources(api):
    for kind, name, field, spec in (("Stream", "scaled", "shardCount", {}), ("StreamPool", "scaled", "replicas", {}),
                                    ("DeliveryStream", "scaled", "workers", {"destination": TO_S3})):
        create(api, kind, name, spec)
        code, scale = api.call("GET", path_of(kind, name, "scale"))
        expect(code == 200 and scale["spec"]["replicas"] > 0, f"{kind} scale has a default behind it -- got {code} {scale}")
        scale["spec"]["replicas"] = 7
        api.call("PUT", path_of(kind, name, "scale"), scale)
        _, there = api.call("GET", path_of(kind, name))
        expect(there["spec"][field] == 7, f"{kind} can be scaled -- got {there}")
    _, there = api.call("GET", path_of("Stream", "scaled"))
    change(api, "Stream", "scaled", {**there.get("status", {}), "streamStatus": "ACTIVE", "appliedMapVersion": 3}, "status")
    _, found = api.call("GET", path_of("Stream") + "?fieldSelector=status.streamStatus%3DACTIVE")
    expect([i["metadata"]["name"] for i in found["items"]] == ["scaled"], f"streams are selected by status -- got {found}")
    expect(found["items"][0]["status"].get("appliedMapVersion") == 3, "every status field that we write is kept")


def protection(api):
    create(api, "Stream", "protected", {"deletionProtection": "Enabled"})
    # A policy takes a moment to be in force.
    api.wait_for(lambda: api.call("DELETE", path_of("Stream", "protected") + "?dryRun=All")[0] == 422, 30,
                 "deletion protection is not in force")
    _, answer = api.call("DELETE", path_of("Stream", "protected"))
    expect("set spec.deletionProtection to Disabled first" in answer["message"], f"a protected stream stays -- {answer}")
    change(api, "Stream", "protected", {"deletionProtection": "Disabled"})
    expect(api.call("DELETE", path_of("Stream", "protected"))[0] == 200, "an unprotected stream goes")
    create(api, "DeliveryStream", "protected", {"destination": TO_S3, "deletionProtection": "Enabled"})
    expect(api.call("DELETE", path_of("DeliveryStream", "protected"))[0] == 422, "a protected delivery stream stays")
    crd = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/streams.millrace.dev"
    code, answer = api.call("DELETE", crd)
    expect(code == 422 and "millrace.dev/allow-crd-deletion=true" in answer["message"], f"CRDs stay -- got {code} {answer}")


def examples(api):
    for file in sorted((ROOT / "examples").rglob("*.yaml")):
        for item in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            if not item or item.get("apiVersion") != "millrace.dev/v1alpha1":
                continue
            code, answer = create(api, item["kind"], item["metadata"]["name"], item["spec"])
            expect(code == 201, f"{file.relative_to(ROOT)} is accepted -- got {code} {answer}")
    code, output = api.kubectl("explain", "streampool.spec.storage")
    expect(code == 0 and "autoExpand" in output and "Raising it enlarges every volume" in output, f"kubectl explain teaches -- {output}")
    code, output = api.kubectl("get", "streaming", "-o", "wide")
    expect(code == 0 and "ON_DEMAND" in output, f"kubectl get streaming shows them -- {output}")


def run(api, binary):
    done = subprocess.run([binary, "--gtest_brief=1"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
                          check=False, env={**os.environ, "MILLRACE_TEST_KUBECONFIG": api.kubeconfig()})
    expect(done.returncode == 0, f"{pathlib.Path(binary).name} passes -- {done.stdout[-8000:]}")


def main(*binaries):
    absent = missing() + ([] if yaml else ["PyYAML"])
    if absent:
        print(f"SKIPPED: the CRDs were not tried on a real API server: no {', '.join(absent)}; ./test unit builds them")
        return 77
    with ApiServer() as api:
        apply_all(api)
        for check in (examples, rules, failed_enlargement, subresources, protection):
            check(api)
        for binary in binaries:
            run(api, binary)
    for failure in failures:
        print("\n" + failure)
    print(f"{len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
