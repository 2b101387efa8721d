"""The operator and the control plane as the chart runs them, on a real API server with RBAC: what they are granted is
enough, in some namespaces and in all, and pools may be outside the release's namespace."""

import base64
import contextlib
import json
import os
import pathlib
import re
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import pytest
from conftest import ROOT, api_server, of_kind, one, render

BINARIES = pathlib.Path(os.environ.get("MILLRACE_BINARIES", ROOT / "build" / "bin"))
MILLRACE = "/apis/millrace.dev/v1alpha1"
ACCOUNTS = {"operator": "r-operator", "controlplane": "r-controlplane"}
PATHS = {"Role": "rbac.authorization.k8s.io/v1", "RoleBinding": "rbac.authorization.k8s.io/v1",
         "ClusterRole": "rbac.authorization.k8s.io/v1", "ClusterRoleBinding": "rbac.authorization.k8s.io/v1",
         "CustomResourceDefinition": "apiextensions.k8s.io/v1", "ServiceAccount": "v1", "Secret": "v1", "ConfigMap": "v1"}

pytestmark = pytest.mark.skipif(not (BINARIES / "millrace-operator").exists(), reason=f"nothing was built in {BINARIES}")


class StrictApiServer(api_server.ApiServer):
    """One that grants what roles say and nothing else, and notes every call."""

    def _spawn(self, folder, *command):
        if pathlib.Path(command[0]).name == "kube-apiserver":
            (folder / "audit.yaml").write_text(json.dumps({
                "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": [{"level": "Metadata"}]}))
            command = [part if part != "AlwaysAllow" else "RBAC" for part in command]
            command += ["--audit-policy-file", "audit.yaml", "--audit-log-path", "audit.log"]
        super()._spawn(folder, *command)

    def token(self, namespace, account):
        code, answer = self.call("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token", {
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}})
        assert code == 201, answer
        return answer["status"]["token"]

    def may(self, token, path):
        """The HTTP status that who shows the token gets."""
        request = urllib.request.Request(f"https://127.0.0.1:{self.port}{path}", headers={"Authorization": f"Bearer {token}"})
        try:
            with urllib.request.urlopen(request, context=self.tls, timeout=30) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def refused(self):
        with open(pathlib.Path(self.folder.name) / "audit.log", encoding="utf-8") as log:
            events = [json.loads(line) for line in log]
        return [(event["user"]["username"], event["verb"], event["requestURI"]) for event in events
                if event.get("responseStatus", {}).get("code") == 403 and event["user"]["username"].startswith("system:serviceaccount:ns:")]


class Release:
    """The chart as release `r` in `ns`: its objects on the API server, its two processes here."""

    def __init__(self, values):
        self.values = values
        self.processes = []

    def __enter__(self):
        self._stack = contextlib.ExitStack()
        self.api = self._stack.enter_context(StrictApiServer())
        self._folder = pathlib.Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="millrace-rights-")))
        try:
            self._install()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._stack.close()

    def _install(self):
        objects = render(self.values)
        for name in ["ns", "a", "b", "elsewhere"]:
            self.api.call("POST", "/api/v1/namespaces", {"metadata": {
                "name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})
        for item in objects:
            if item["kind"] in PATHS:
                self._make(item)
        self.api.wait_for(lambda: self.api.call("GET", f"{MILLRACE}/shardmapslices")[0] == 200, 20, "CRDs are not served")
        files = {}
        for name, flag in (("pool", "--default-pool"), ("delivery", "--delivery")):
            file = self._folder / f"{name}.yaml"
            file.write_text(one(objects, "ConfigMap", f"r-{name}")["data"][f"{name}.yaml"])
            files[flag] = str(file)
        for component in ACCOUNTS:
            self._run(component, one(objects, "Deployment", f"r-{component}"), files)

    def _make(self, item):
        version = PATHS[item["kind"]]
        prefix = f"/api/{version}" if "/" not in version else f"/apis/{version}"
        namespaced = "" if item["kind"].startswith(("Cluster", "Custom")) else f"/namespaces/{item['metadata'].get('namespace', 'ns')}"
        code, answer = self.api.call("POST", f"{prefix}{namespaced}/{item['kind'].lower()}s", item)
        assert code == 201, answer

    def _run(self, component, deployment, files):
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        admin = api_server.free_port()
        here = {"--admin-listen": f"127.0.0.1:{admin}", "--listen": "127.0.0.1:0", **files}
        arguments = [f"{name}={here.get(name, value)}" for name, _, value in (part.partition("=") for part in container["args"])]
        config = self._folder / f"{component}.kubeconfig"
        config.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": f"https://127.0.0.1:{self.api.port}", "insecure-skip-tls-verify": True}}],
            "users": [{"name": "c", "user": {"token": self.api.token("ns", ACCOUNTS[component])}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}]}))
        environment = {**os.environ, "MILLRACE_INTERNAL_TOKEN": "t", "MILLRACE_POD_NAME": component}
        with open(self._folder / f"{component}.log", "wb") as log:
            self.processes.append(subprocess.Popen([str(BINARIES / pathlib.Path(container["command"][0]).name), *arguments, f"--kubeconfig={config}"],
                                                   env=environment, stdout=log, stderr=log))
        self.wait(lambda: _is_ready(admin), f"{component} is not ready", seconds=30)

    def wait(self, condition, what, seconds=20):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                logs = "\n".join(f"{log.name}: {log.read_text()[-3000:]}" for log in self._folder.glob("*.log"))
                raise AssertionError(f"{what}; refused: {self.api.refused()[:5]}\n{logs}")
            time.sleep(0.1)

    def create(self, kind, name, namespace, spec):
        code, answer = self.api.call("POST", f"{MILLRACE}/namespaces/{namespace}/{kind.lower()}s",
                                     {"apiVersion": "millrace.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
        assert code == 201, answer

    def firehose(self, operation, body):
        """By the control plane, as a gateway forwards it."""
        port = re.search(r"ready listen=(\d+)", (self._folder / "controlplane.log").read_text())[1]
        request = urllib.request.Request(f"http://127.0.0.1:{port}/", json.dumps(body).encode(), {
            "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"Firehose_20150804.{operation}", "x-millrace-token": "t"})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{operation}: {error.code} {error.read()}") from error

    def there(self, path):
        return self.api.call("GET", path)[0] == 200

    def condition(self, pool, namespace, kind):
        code, found = self.api.call("GET", f"{MILLRACE}/namespaces/{namespace}/streampools/{pool}")
        conditions = found.get("status", {}).get("conditions", []) if code == 200 else []
        return next((item["reason"] for item in conditions if item["type"] == kind), None)

    def await_pool(self, pool, namespace):
        self.wait(lambda: self.condition(pool, namespace, "Reconciled") == "Reconciled", f"{pool} is not reconciled")
        self.wait(lambda: self.condition(pool, namespace, "CertificatesIssued") == "Issued", f"{pool} has no certificates")
        self.wait(lambda: self.there(f"/api/v1/namespaces/{namespace}/pods/{pool}-0"), f"{pool} has no pods")
        pod = self.api.call("GET", f"/api/v1/namespaces/{namespace}/pods/{pool}-0")[1]
        needs = {volume["secret"]["secretName"] for volume in pod["spec"]["volumes"]
                 if "secret" in volume and not volume["secret"].get("optional")}
        for container in pod["spec"]["containers"]:
            needs |= {item["valueFrom"]["secretKeyRef"]["name"] for item in container["env"] if "secretKeyRef" in item.get("valueFrom", {})}
        for secret in needs:
            self.wait(lambda name=secret: self.there(f"/api/v1/namespaces/{namespace}/secrets/{name}"), f"nobody makes Secret {secret}")
        account = pod["spec"]["serviceAccountName"]
        assert self.there(f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}"), f"nobody makes {account}"
        return self.api.token(namespace, account)


def _is_ready(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, ConnectionError):
        return False


def test_some_watched_namespaces_work_with_rights_in_these_alone():
    with Release({"watch": {"namespaces": ["a", "b"]}, "pool": {"replicas": 1}}) as release:
        release.create("Stream", "orders", "b", {})
        release.await_pool("default", "ns")
        release.create("StreamPool", "fast", "a", {"replicas": 1})
        token = release.await_pool("fast", "a")
        release.create("StreamUser", "me", "b", {"permissions": [{"actions": ["*"], "streams": ["*"]}]})
        release.wait(lambda: release.there("/api/v1/namespaces/b/secrets/me-credentials"), "the user has no keys")
        # What is elsewhere is nobody's business.
        release.create("StreamPool", "unseen", "elsewhere", {"replicas": 1})
        for namespace, code in (("a", 200), ("b", 200), ("ns", 200), ("elsewhere", 403)):
            assert release.api.may(token, f"{MILLRACE}/namespaces/{namespace}/shardmaps") == code, namespace
        assert release.api.may(token, "/api/v1/namespaces/a/secrets/fast-keys") == 403
        assert release.condition("unseen", "elsewhere", "Reconciled") is None
        assert not release.api.refused()


KAFKA = {"type": "Kafka", "kafka": {"bootstrapServers": "kafka:9092", "topicName": "clicks"}}
LAKE = {"type": "S3", "s3": {"bucket": "lake", "credentialsSecretRef": {"name": "lake-keys"}}}
DELIVERY_LABEL = "labelSelector=app.kubernetes.io%2Fcomponent%3Ddelivery"


def _delivery_pods(release):
    return release.api.call("GET", f"/api/v1/namespaces/ns/pods?{DELIVERY_LABEL}")[1]["items"]


@pytest.mark.parametrize("values", [{"watch": {"namespaces": ["a", "b"]}}, {}], ids=["some namespaces", "all"])
def test_a_delivery_stream_of_any_watched_namespace_gets_pods_in_the_releases_own_and_takes_them_along(values):
    with Release({**values, "pool": {"replicas": 1}}) as release:
        release.api.call("POST", "/api/v1/namespaces/b/secrets", {"metadata": {"name": "lake-keys"}, "stringData": {
            "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "tenants-secret"}})
        release.create("DeliveryStream", "clicks", "b", {"source": KAFKA, "destination": LAKE, "deletionPolicy": "Delete"})
        release.wait(lambda: _delivery_pods(release), "it has no pod")
        pod = _delivery_pods(release)[0]
        plan = next(volume["secret"]["secretName"] for volume in pod["spec"]["volumes"] if volume["name"] == "plan")
        secret = release.api.call("GET", f"/api/v1/namespaces/ns/secrets/{plan}")[1]
        text = base64.b64decode(secret["data"]["plan.json"]).decode()
        assert json.loads(text)["secrets"]["lake-keys"]["AWS_SECRET_ACCESS_KEY"] == "tenants-secret"
        # In the namespace of the resource nothing is made that has keys of the installation.
        found = release.api.call("GET", "/api/v1/namespaces/b/secrets")[1]["items"]
        assert [item["metadata"]["name"] for item in found] == ["lake-keys"]
        release.api.call("DELETE", f"{MILLRACE}/namespaces/b/deliverystreams/clicks")
        release.wait(lambda: not release.there(f"{MILLRACE}/namespaces/b/deliverystreams/clicks"), "it is still there")
        assert not release.there(f"/api/v1/namespaces/ns/secrets/{plan}")
        assert not _delivery_pods(release)
        assert not release.api.refused()
        token = release.api.token("ns", pod["spec"]["serviceAccountName"])
        assert release.api.may(token, f"{MILLRACE}/namespaces/ns/streams") == 403


def test_hidden_streams_come_and_go_with_their_delivery_stream():
    with Release({"pool": {"replicas": 1}, "delivery": {"s3SecretName": "installations"}}) as release:
        release.create("DeliveryStream", "clicks", "b", {"destination": {"type": "S3", "s3": {"bucket": "lake"}}})
        streams = f"{MILLRACE}/namespaces/b/streams"
        for part in ("direct-put", "cursors"):
            release.wait(lambda name=part: release.there(f"{streams}/clicks-{name}"), f"nobody makes clicks-{part}")
        path = f"{MILLRACE}/namespaces/b/deliverystreams/clicks"
        release.wait(lambda: "installations" in json.dumps(release.api.call("GET", path)[1].get("status", {})), "the missing Secret is not told")
        release.api.call("DELETE", path)
        release.wait(lambda: not release.there(path), "it is still there")
        found = release.api.call("GET", streams)[1]["items"]
        assert all("deletionTimestamp" in item["metadata"] for item in found)
        assert not release.api.refused()


def test_the_firehose_api_makes_the_same_resources():
    with Release({"watch": {"namespaces": ["a"]}, "pool": {"replicas": 1}}) as release:
        made = release.firehose("CreateDeliveryStream", {"DeliveryStreamName": "clicks", "HttpEndpointDestinationConfiguration": {
            "EndpointConfiguration": {"Url": "https://collector.example", "AccessKey": "key-of-a-collector"},
            "S3Configuration": {"BucketARN": "arn:aws:s3:::refused", "RoleARN": "arn:aws:iam::000000000000:role/any"}}})
        assert made["DeliveryStreamARN"].endswith(":deliverystream/clicks")
        path = f"{MILLRACE}/namespaces/ns/deliverystreams/clicks"
        assert "key-of-a-collector" not in json.dumps(release.api.call("GET", path)[1])
        assert release.there("/api/v1/namespaces/ns/secrets/clicks-firehose")
        assert release.firehose("ListDeliveryStreams", {})["DeliveryStreamNames"] == ["clicks"]
        release.wait(lambda: release.there(f"{MILLRACE}/namespaces/ns/streams/clicks-direct-put"), "the operator does not see it")
        release.api.call("DELETE", path)
        release.wait(lambda: not release.there(path), "it is still there")
        assert not release.api.refused()


def test_a_pool_in_any_namespace_gets_an_account_that_may_read_maps_and_loses_it_with_its_last_pool():
    with Release({"pool": {"replicas": 1}}) as release:
        release.create("StreamPool", "fast", "elsewhere", {"replicas": 1})
        token = release.await_pool("fast", "elsewhere")
        release.wait(lambda: release.api.may(token, f"{MILLRACE}/shardmaps") == 200, "its pods may not read shard maps")
        assert release.api.may(token, "/api/v1/namespaces/elsewhere/secrets/fast-keys") == 403
        assert release.api.may(token, f"{MILLRACE}/streampools") == 403
        # A name is given once.
        release.create("StreamPool", "fast", "a", {"replicas": 1})
        release.wait(lambda: release.condition("fast", "a", "Ready") == "InvalidSpec", "two pools have one name")
        assert not release.there("/api/v1/namespaces/a/pods/fast-0")
        release.api.call("DELETE", f"{MILLRACE}/namespaces/elsewhere/streampools/fast")
        release.wait(lambda: release.api.may(token, f"{MILLRACE}/shardmaps") == 403, "the account is still bound")
        release.await_pool("fast", "a")
        assert not release.api.refused()


@pytest.mark.parametrize("values", [{"watch": {"namespaces": ["a"]}}, {}], ids=["some namespaces", "all"])
def test_a_pool_elsewhere_pulls_its_image_with_a_copy_of_the_releases_secret(values):
    docker = base64.b64encode(b'{"auths": {}}').decode()
    with Release({**values, "imagePullSecrets": [{"name": "registry"}], "pool": {"replicas": 1}}) as release:
        release.create("StreamPool", "fast", "a", {"replicas": 1})
        release.wait(lambda: release.condition("fast", "a", "Reconciled") == "PullSecretMissing", "nobody says that it is not there")
        release.api.call("POST", "/api/v1/namespaces/ns/secrets", {
            "metadata": {"name": "registry"}, "type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": docker}})
        pool = f"{MILLRACE}/namespaces/a/streampools/fast"
        code, _ = release.api.call("DELETE", pool)
        assert code == 200
        release.wait(lambda: not release.there(pool), "it is still there")
        release.create("StreamPool", "faster", "a", {"replicas": 1})
        release.await_pool("faster", "a")
        copy = release.api.call("GET", "/api/v1/namespaces/a/secrets/registry")[1]
        assert copy["data"] == {".dockerconfigjson": docker}
        pod = release.api.call("GET", "/api/v1/namespaces/a/pods/faster-0")[1]
        assert pod["spec"]["imagePullSecrets"] == [{"name": "registry"}]
        assert not release.api.refused()


def test_rights_to_bind_accounts_are_for_one_binding():
    for values in ({}, {"watch": {"namespaces": ["a"]}}):
        rules = [rule for role in of_kind(render(values), "ClusterRole") + of_kind(render(values), "Role") for rule in role["rules"]
                 if "rbac.authorization.k8s.io" in rule["apiGroups"]]
        assert all(rule["resourceNames"] == ["ns-r-shard-pools"] and rule["verbs"] == ["get", "update"] for rule in rules)
        assert bool(rules) != bool(values)
