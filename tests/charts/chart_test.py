"""What the chart renders, before any cluster runs it."""

import json
import re
import textwrap

import pytest
import yaml
from conftest import CHART, ROOT, helm, of_kind, one, refusal, render

SETTINGS = {
    "defaults": {},
    "two watched namespaces": {"watch": {"namespaces": ["a", "b"]}},
    "one replica": {"operator": {"replicas": 1}, "controlPlane": {"replicas": 1}, "pool": {"replicas": 1}},
    "no pool": {"pool": {"create": False}},
    "no CRDs, no policies": {"crds": {"create": False}, "policies": {"create": False}},
    "a node port": {"service": {"type": "NodePort", "httpNodePort": 30080, "annotations": {"a": "b"}}},
    "a certificate of cert-manager's": {"tls": {"mode": "CertManager", "issuerRef": {"name": "ca", "kind": "ClusterIssuer"}, "dnsNames": ["s.example"]}},
    "a certificate of one's own": {"tls": {"mode": "Secret", "secretName": "mine"}},
    "everything of monitoring": {"metrics": {"serviceMonitor": {"enabled": True, "labels": {"a": "b"}}, "prometheusRule": {"enabled": True},
                                             "dashboards": {"enabled": True}}, "networkPolicy": {"metricsFromNamespaces": {"team": "m"}}},
    "where pods go": {"operator": {"nodeSelector": {"a": "b"}, "tolerations": [{"key": "x", "operator": "Exists"}], "priorityClassName": "p",
                                   "extraArgs": ["--log-level=debug"]},
                      "pool": {"nodeSelector": {"a": "b"}, "tolerations": [{"key": "x", "operator": "Exists"}], "storage": {
                          "storageClassName": "fast", "autoExpand": {"maxSize": "20Gi"}}},
                      "delivery": {"nodeSelector": {"a": "b"}, "tolerations": [{"key": "x", "operator": "Exists"}], "priorityClassName": "p",
                                   "s3SecretName": "lake-keys", "folder": {"storageClassName": "fast"}},
                      "image": {"digest": "sha256:" + "0" * 64}, "imagePullSecrets": [{"name": "pull"}]},
}
NOT_SERVED = {"Certificate", "ServiceMonitor", "PrometheusRule"}  # by a Kubernetes without their operators
CLUSTER_KINDS = {"CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding", "FlowSchema", "ValidatingAdmissionPolicy",
                 "ValidatingAdmissionPolicyBinding"}
PATHS = {"Secret": "api/v1", "ConfigMap": "api/v1", "Service": "api/v1", "ServiceAccount": "api/v1", "Pod": "api/v1",
         "Deployment": "apis/apps/v1", "NetworkPolicy": "apis/networking.k8s.io/v1", "PodDisruptionBudget": "apis/policy/v1"}


def test_lint_has_nothing_to_say():
    status, output, errors = helm("lint", "--strict", "--kube-version=1.34.0", str(CHART))
    assert status == 0, output + errors


@pytest.mark.parametrize("values", SETTINGS.values(), ids=SETTINGS.keys())
def test_a_real_api_server_accepts_every_object(api, values):
    objects = [item for item in render(values) if item["kind"] not in NOT_SERVED and item["kind"] not in CLUSTER_KINDS]
    # One at a time, strictly: a field that does not exist is refused.
    for item in objects:
        item["metadata"].setdefault("namespace", "ns")
        if item["metadata"]["namespace"] != "ns":
            continue
        code, answer = api.call("POST", f"/{_collection(item)}?dryRun=All&fieldValidation=Strict", item)
        assert code == 201, f"{item['kind']} {item['metadata']['name']}: {answer}"


@pytest.mark.parametrize("values", SETTINGS.values(), ids=SETTINGS.keys())
def test_every_pod_is_let_into_a_restricted_namespace(api, values):
    for deployment in of_kind(render(values), "Deployment"):
        template = deployment["spec"]["template"]
        template["spec"].pop("priorityClassName", None)
        pod = {"kind": "Pod", "apiVersion": "v1", "metadata": {**template["metadata"], "name": "p"}, "spec": template["spec"]}
        code, answer = api.call("POST", "/api/v1/namespaces/ns/pods?dryRun=All", pod)
        assert code == 201, answer
        for container in template["spec"]["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert container["resources"]["requests"] and container["resources"]["limits"]["memory"]


@pytest.mark.parametrize("values", [values for values in SETTINGS.values() if values.get("pool", {}).get("create", True)])
def test_the_default_pool_is_one_that_the_operator_can_make(api, values):
    pool = yaml.safe_load(one(render(values), "ConfigMap", "r-pool")["data"]["pool.yaml"])
    code, answer = api.call("POST", "/apis/millrace.dev/v1alpha1/namespaces/ns/streampools?dryRun=All&fieldValidation=Strict", pool)
    assert code == 201, answer


def test_what_the_notes_tell_people_to_apply_is_accepted(api):
    notes = (CHART / "templates/NOTES.txt").read_text(encoding="utf-8")
    text = re.search(r"<<YAML\n(.*?)\n +YAML", notes, re.S)[1]
    documents = [item for item in yaml.safe_load_all(textwrap.dedent(text)) if item]
    assert [item["kind"] for item in documents] == ["Stream", "StreamUser"]
    for item in documents:
        plural = item["kind"].lower() + "s"
        code, answer = api.call("POST", f"/apis/millrace.dev/v1alpha1/namespaces/ns/{plural}?dryRun=All&fieldValidation=Strict", item)
        assert code == 201, answer


def test_the_crds_are_those_of_the_tree_and_outlive_the_release():
    rendered = {item["metadata"]["name"]: item for item in of_kind(render({}), "CustomResourceDefinition")}
    files = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in (ROOT / "crds").glob("*.yaml") if file.name != "policies.yaml"]
    assert rendered == {crd["metadata"]["name"]: crd for crd in files}
    assert all(crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep" for crd in files)


def test_values_are_all_described_and_their_descriptions_are_of_values():
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    _compare(yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8")), schema, "")


@pytest.mark.parametrize("values, says", [
    ({"pool": {"replicaz": 3}}, "additional properties 'replicaz' not allowed"),
    ({"pool": {"replicas": 0}}, "/pool/replicas"),
    ({"pool": {"storage": {"size": "much"}}}, "/pool/storage/size"),
    ({"image": {"digest": "latest"}}, "/image/digest"),
    ({"tls": {"mode": "CertManager"}}, "missing property 'name'"),
    ({"watch": {"namespaces": ["A b"]}}, "/watch/namespaces/0"),
    ({"delivery": {"spillSize": "much"}}, "/delivery/spillSize"),
    ({"delivery": {"s3SecretName": "Lake keys"}}, "/delivery/s3SecretName"),
])
def test_a_wrong_value_is_refused_with_its_place(values, says):
    assert says in refusal(values)


def test_rights_have_no_wildcards_and_secrets_are_never_listed():
    for values in ({}, {"watch": {"namespaces": ["a"]}}):
        for role in of_kind(render(values), "Role") + of_kind(render(values), "ClusterRole"):
            for rule in role["rules"]:
                assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"], role["metadata"]["name"]
                if "secrets" in rule["resources"]:
                    assert not {"list", "watch"} & set(rule["verbs"])
                if role["metadata"]["labels"]["app.kubernetes.io/component"] == "shard":
                    assert set(rule["verbs"]) <= {"get", "list", "watch"}


def test_watching_some_namespaces_grants_nothing_in_others():
    for role in of_kind(render({"watch": {"namespaces": ["a", "b"]}}), "ClusterRole"):
        resources = {resource for rule in role["rules"] for resource in rule["resources"]}
        assert resources <= {"nodes", "storageclasses"}, role["metadata"]["name"]


def test_roles_are_in_the_watched_namespaces_and_in_the_releases_own():
    roles = [role for role in of_kind(render({"watch": {"namespaces": ["a", "b"]}}), "Role") if role["metadata"]["name"].endswith("-watch")]
    assert {role["metadata"]["namespace"] for role in roles} == {"a", "b", "ns"}
    accounts = of_kind(render({"watch": {"namespaces": ["a", "b"]}}), "ServiceAccount", "r-shard")
    assert {account["metadata"].get("namespace", "ns") for account in accounts} == {"a", "b", "ns"}


def test_delivery_pods_have_an_account_without_rights_and_no_way_to_a_nodes_own_services():
    objects = render({})
    assert not one(objects, "ServiceAccount", "r-delivery")["automountServiceAccountToken"]
    bound = [subject["name"] for item in objects if item["kind"].endswith("Binding") for subject in item.get("subjects", [])]
    assert "r-delivery" not in bound
    policy = one(objects, "NetworkPolicy", "r-delivery")["spec"]
    blocks = [peer["ipBlock"] for rule in policy["egress"] for peer in rule.get("to", []) if "ipBlock" in peer]
    assert blocks and all(block["except"] for block in blocks) and "169.254.0.0/16" in blocks[0]["except"]
    assert not of_kind(render({"networkPolicy": {"enabled": False}}), "NetworkPolicy")


def test_services_find_the_pods_they_are_for():
    objects = render({})
    labels = one(objects, "Deployment", "r-controlplane")["spec"]["template"]["metadata"]["labels"]
    assert one(objects, "Service", "r-controlplane")["spec"]["selector"].items() <= labels.items()
    assert one(objects, "Service", "r-streams")["spec"]["selector"]["millrace.dev/pool"] == "default"


def _compare(value, schema, path):
    assert schema.get("description"), f"{path}: no description"
    if schema.get("type") == "object" and isinstance(value, dict) and "properties" in schema:
        known = set(schema["properties"]) - {"global"}
        # What is off by default is an empty object in values.yaml.
        assert set(value) == known or not value or path.endswith("issuerRef"), f"{path}: {set(value) ^ known}"
        for key, part in value.items():
            _compare(part, schema["properties"][key], f"{path}.{key}")


def _collection(item):
    kind = item["kind"]
    plural = {"NetworkPolicy": "networkpolicies"}.get(kind, kind.lower() + "s")
    if item["apiVersion"].startswith("rbac"):
        return f"apis/rbac.authorization.k8s.io/v1/namespaces/ns/{plural}"
    group = "apis/millrace.dev/v1alpha1" if item["apiVersion"].startswith("millrace") else PATHS[kind]
    return f"{group}/namespaces/ns/{plural}"


def test_alerts_and_dashboards_ask_for_metrics_that_there_are():
    sources = "".join(file.read_text(encoding="utf-8") for plane in ("common", "operator", "controlplane", "dataplane")
                      for file in (ROOT / plane).rglob("*.cc"))
    rules = yaml.safe_load((CHART / "files/alerts.yaml").read_text(encoding="utf-8"))["groups"][0]["rules"]
    queries = [rule["expr"] for rule in rules]
    for file in (CHART / "dashboards").glob("*.json"):
        panels = json.loads(file.read_text(encoding="utf-8"))["panels"]
        queries += [target["expr"] for panel in panels for target in panel["targets"]]
    names = {re.sub(r"_(bucket|count|sum)$", "", name) for query in queries for name in re.findall(r"millrace_\w+", query)}
    assert not [name for name in names if f'"{name}"' not in sources]
    assert all(rule["annotations"]["runbook"] and rule["annotations"]["summary"] for rule in rules)
