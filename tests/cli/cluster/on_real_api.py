#!/usr/bin/env python3
"""kubectl-millrace as kubectl runs it, on a kube-apiserver and etcd of their own: no kubelet, no controllers, so pods stay as they are made.
usage: on_real_api.py PATH_OF_MILLRACE"""

import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "crds"))

import api_server  # noqa: E402

NS = "/api/v1/namespaces/team"
OURS = "/apis/millrace.dev/v1alpha1/namespaces/team"
TIME = "2026-11-21T12:00:00Z"


class Run:
    def __init__(self, api, binary, folder):
        self.api, self.binary, self.folder = api, binary, pathlib.Path(folder)
        self.config = api.kubeconfig()
        self.failed = []

    def millrace(self, *words):
        """(exit code, output) of `kubectl millrace WORDS`, through kubectl itself."""
        environment = {**os.environ, "PATH": f"{self.binary.parent}:{os.environ['PATH']}", "HOME": str(self.folder),
                       "KUBECONFIG": str(self.config)}
        done = subprocess.run([api_server.find("kubectl"), "millrace", *words], env=environment, cwd=self.folder, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
        return done.returncode, done.stdout

    def check(self, what, holds, seen=""):
        print(("ok " if holds else "not ok ") + what)
        if not holds:
            print(seen)
            self.failed.append(what)

    def make(self, path, document):
        code, answer = self.api.call("POST", path, document)
        assert code == 201, answer
        if "status" in document:
            answer["status"] = document["status"]
            code, answer = self.api.call("PUT", f"{path}/{document['metadata']['name']}/status", answer)
            assert code == 200, answer


def condition(kind, status, reason, message=""):
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": TIME}


def resource(kind, name, spec, *conditions, **status):
    return {"apiVersion": "millrace.dev/v1alpha1", "kind": kind, "metadata": {"name": name, "namespace": "team"}, "spec": spec,
            "status": {"observedGeneration": 1, "conditions": list(conditions), **status}}


def pod(name, ready):
    labels = {"app.kubernetes.io/part-of": "millrace", "millrace.dev/workload": "default"}
    container = {"name": "shard", "image": "millrace:1", "env": [{"name": "MILLRACE_INTERNAL_TOKEN", "value": "hunter2"}]}
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": TIME}]}
    if not ready:
        status = {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                                                      "lastTransitionTime": TIME, "message": "0/3 nodes are available: 3 Insufficient cpu."}]}
    return {"metadata": {"name": name, "labels": labels}, "spec": {"containers": [container]}, "status": status}


def before_the_chart(run):
    code, text = run.millrace("status")
    run.check("a cluster without our kinds is told from an empty one", code == 1 and "install the chart first" in text, text)


def populate(run):
    for path in sorted((ROOT / "crds").glob("*.yaml")):
        if path.name != "policies.yaml":
            code, text = run.api.kubectl("apply", "--validate=false", "-f", str(path))
            assert code == 0, text
    run.api.wait_for(lambda: all(run.api.call("GET", f"{OURS}/{kind}")[0] == 200 for kind in
                                 ("streams", "streampools", "workloads", "streamusers", "shardmaps", "shardmapslices")), 30, "CRDs are not served")
    run.api.call("POST", "/api/v1/namespaces", {"metadata": {"name": "team"}})
    waits = condition("Ready", "False", "WaitingForPods", "1 of 2 pods are ready")
    run.make(f"{OURS}/streams", resource("Stream", "orders", {}, condition("Ready", "False", "PoolNotReady", "no pod answers"),
                                         endpoint="http://default-clients.team.svc"))
    run.make(f"{OURS}/streampools", resource("StreamPool", "default", {"replicas": 2}, waits))
    template = {"metadata": {}, "spec": {"containers": []}}
    run.make(f"{OURS}/workloads", resource("Workload", "default", {
        "replicas": 2, "revision": "r1", "selector": {"millrace.dev/workload": "default"}, "template": template, "volume": {"size": "1Gi"}}, waits))
    run.make(f"{NS}/pods", pod("default-0", True))
    run.make(f"{NS}/pods", pod("default-1", False))
    run.make(f"{NS}/secrets", {"metadata": {"name": "s"}, "stringData": {"token": "hunter2"}})


def status_and_why(run):
    code, text = run.millrace("status", "-n", "team")
    run.check("status shows the pool, its pods and what is not well", code == 0 and "team/default-1" in text
              and "stream/orders in team" in text and max(map(len, text.splitlines())) <= 100, text)
    code, text = run.millrace("status", "-A", "-o", "json")
    run.check("status is a document for programs", code == 0 and len(json.loads(text)["pods"]) == 2, text)
    code, text = run.millrace("why", "stream/orders", "-n", "team")
    run.check("why leads from the stream to the pod that no node has room for",
              code == 0 and "pod/default-1 waits to be scheduled" in text and "No node has room" in text, text)
    code, text = run.millrace("why", "spool", "none", "-n", "team")
    run.check("what is not there is said not to be", code == 1 and "there is no streampool none" in text, text)
    code, text = run.millrace("tail", "orders", "-n", "team")
    run.check("tail shows the port-forward to paste", code == 1
              and "kubectl -n team port-forward service/default-clients 4567:80" in text, text)


def drain(run):
    code, text = run.millrace("drain", "default-0", "-n", "team")
    run.check("the last pod that takes writes is not drained", code == 1 and "nowhere to go" in text, text)
    code, text = run.millrace("drain", "default-1", "-n", "team", "--timeout", "2")
    run.check("a drain that no operator takes up is told", code == 1 and "has not taken up" in text, text)
    asked = run.api.call("GET", f"{NS}/pods/default-1")[1]["metadata"].get("annotations")
    run.check("drain asks by an annotation", asked == {"millrace.dev/drain": "true"}, str(asked))
    code, text = run.millrace("drain", "default-1", "-n", "team", "--undo")
    asked = run.api.call("GET", f"{NS}/pods/default-1")[1]["metadata"].get("annotations")
    run.check("undo takes it back", code == 0 and not asked, text)


def support_bundle(run):
    code, text = run.millrace("support-bundle", "-o", "bundle.tar.gz")
    run.check("support-bundle lists what it took", code == 0 and "resources/streams.yaml" in text, text)
    with tarfile.open(run.folder / "bundle.tar.gz") as bundle:
        files = {member.name: bundle.extractfile(member).read().decode() for member in bundle.getmembers()}
    run.check("tar reads it", "name: orders" in files["millrace-support/resources/streams.yaml"], str(list(files)))
    run.check("no secret is in it", not any("hunter2" in text for text in files.values()))


def main(binary):
    if api_server.missing():
        print("SKIPPED: kubectl-millrace was not tried on a real API server: no " + ", ".join(api_server.missing()) +
              "; ./test unit builds them")
        sys.exit(77)
    with api_server.ApiServer() as api, tempfile.TemporaryDirectory() as folder:
        run = Run(api, pathlib.Path(binary).resolve(), folder)
        before_the_chart(run)
        populate(run)
        for part in (status_and_why, drain, support_bundle):
            part(run)
    print(f"{len(run.failed)} failed")
    sys.exit(1 if run.failed else 0)


if __name__ == "__main__":
    main(sys.argv[1])
