"""The cluster of e2e/cluster as the tests use it: kubectl as JSON, and e2e/cluster itself."""

import json
import os
import pathlib
import re
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
_HOME_CACHE = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
CACHE = pathlib.Path(os.environ.get("MILLRACE_E2E_CACHE") or os.path.join(_HOME_CACHE, "millrace-e2e"))
ENVIRONMENT = {**os.environ, "PATH": f"{CACHE / 'bin'}:{os.environ['PATH']}", "KUBECONFIG": str(CACHE / "cluster/admin.conf")}


def run(*command, stdin=None, seconds=60, check=True, **options):
    done = subprocess.run([str(word) for word in command], input=stdin, text=True, capture_output=True, timeout=seconds,
                          check=False, env=ENVIRONMENT, **options)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command[:6]))}: {done.stderr.strip() or done.stdout.strip()}")
    return done


def cluster(*arguments, seconds=120):
    return run(ROOT / "e2e/cluster", *arguments, seconds=seconds).stdout


def kubectl(*arguments, **options):
    return run("kubectl", *arguments, **options).stdout


def apply(*documents, namespace):
    """Refused documents raise with the API server's words."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(documents)})
    return kubectl("apply", "-n", namespace, "-f", "-", stdin=text)


def get(kind, name=None, namespace=None, **labels):
    """One object, or a list of those with the labels; None where the named one is not there."""
    command = ["get", kind, *([name] if name else []), "-o", "json", "--ignore-not-found", *(["-n", namespace] if namespace else [])]
    if labels:
        command += ["-l", ",".join(f"{key}={value}" for key, value in labels.items())]
    output = kubectl(*command)
    found = json.loads(output) if output.strip() else None
    return found if name else (found or {}).get("items", [])


def processes(suffix):
    """[(pid on this machine, argument words)] of those in this cluster's pods whose program's name ends so: servers of other tests,
    and another cluster's, run on the same machine."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                words = file.read().decode(errors="replace").split("\0")
            with open(f"/proc/{entry}/cgroup", encoding="ascii") as file:
                is_in_a_pod = re.search(r"/millrace/[^/]+/kubepods/", file.read())  # e2e/cluster.d/layout.py: CGROUP, a node's name
        except OSError:
            continue
        if words[0].endswith(suffix) and is_in_a_pod:
            found.append((int(entry), words))
    return found


def condition(item, kind):
    """The named condition of an object's status, {} where there is none."""
    for entry in (item or {}).get("status", {}).get("conditions", []):
        if entry["type"] == kind:
            return entry
    return {}


def is_ready(item):
    ready = condition(item, "Ready")
    return ready.get("status") == "True" and ready.get("observedGeneration", 0) in (0, item["metadata"]["generation"])


def wait(what, question, seconds, pause=0.1):
    """Asks until the answer is true; gives it back with the seconds it took."""
    begin = time.monotonic()
    last = None
    while True:
        try:
            answer = question()
        except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
            answer, last = None, error
        took = time.monotonic() - begin
        if answer:
            return answer, took
        if took > seconds:
            raise TimeoutError(f"{what}: not after {seconds} s{f' ({last})' if last else ''}")
        time.sleep(pause)


def stream(name, **spec):
    return {"apiVersion": "millrace.dev/v1alpha1", "kind": "Stream", "metadata": {"name": name}, "spec": spec}


def user(name, *permissions):
    allowed = [{"actions": actions, "streams": streams} for actions, streams in permissions]
    return {"apiVersion": "millrace.dev/v1alpha1", "kind": "StreamUser", "metadata": {"name": name}, "spec": {"permissions": allowed}}
