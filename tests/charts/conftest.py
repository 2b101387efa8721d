"""Renders the chart; keeps one API server for all tests."""

import pathlib
import subprocess
import sys

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "millrace"
sys.path.insert(0, str(ROOT / "tests" / "crds"))

import api_server  # noqa: E402


def helm(*arguments, stdin=None):
    """(exit status, standard output, standard error without what helm says of the link to crds/)"""
    done = subprocess.run(["helm", *arguments], input=stdin, capture_output=True, text=True, timeout=60, check=False)
    errors = "".join(line for line in done.stderr.splitlines(keepends=True) if "found symbolic link" not in line)
    return done.returncode, done.stdout, errors


def template(values, *arguments):
    return helm("template", "r", str(CHART), "--namespace=ns", "--kube-version=1.34.0", "--values=-", *arguments,
                stdin=yaml.safe_dump(values))


def render(values, *arguments):
    """The chart's objects as release `r` in namespace `ns`."""
    status, output, errors = template(values, *arguments)
    assert status == 0, errors
    return [item for item in yaml.safe_load_all(output) if item]


def refusal(values):
    status, _, errors = template(values)
    assert status != 0, "it was accepted"
    return errors


def of_kind(objects, kind, name=None):
    return [item for item in objects if item["kind"] == kind and name in (None, item["metadata"]["name"])]


def one(objects, kind, name):
    found = of_kind(objects, kind, name)
    assert len(found) == 1, f"{len(found)} of {kind} {name}"
    return found[0]


@pytest.fixture(scope="session")
def api():
    with api_server.ApiServer() as server:
        namespace = {"metadata": {"name": "ns", "labels": {f"pod-security.kubernetes.io/{mode}": "restricted"
                                                           for mode in ("enforce", "warn")}}}
        for crd in [item for item in render({}) if item["kind"] == "CustomResourceDefinition"]:
            code, answer = server.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)
            assert code == 201, answer
        code, answer = server.call("POST", "/api/v1/namespaces", namespace)
        assert code == 201, answer
        server.wait_for(lambda: server.call("GET", "/apis/millrace.dev/v1alpha1/streampools")[0] == 200, 20, "CRDs are not served")
        yield server
