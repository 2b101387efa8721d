"""The API server without kubectl in between, where the time of a call counts."""

import http.client
import json
import ssl
import threading
import time

from kubernetes import CACHE

HOST, PORT = "10.250.0.1", 6443


def _connect(seconds):
    folder = CACHE / "cluster"
    tls = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    tls.load_cert_chain(str(folder / "admin.crt"), str(folder / "admin.key"))
    return http.client.HTTPSConnection(HOST, PORT, context=tls, timeout=seconds)


class Api:
    """One connection; for one thread."""

    def __init__(self):
        self._connection = _connect(30)

    def call(self, method, path, body=None, kind="application/json"):
        text = None if body is None else json.dumps(body)
        try:
            answer = self._ask(method, path, text, kind)
        except (http.client.HTTPException, OSError):  # the server ends connections now and then
            self._connection = _connect(30)
            answer = self._ask(method, path, text, kind)
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]!r}")
        return json.loads(text)


    def _ask(self, *request):
        method, path, text, kind = request
        self._connection.request(method, path, text, {"Content-Type": kind})
        return self._connection.getresponse()


class ReadyTimes:
    """Notes when each Stream of a namespace ("": all) becomes Ready for its generation, as a watch tells it. Use as a context."""

    def __init__(self, namespace=""):
        self._path = f"/apis/millrace.dev/v1alpha1/{f'namespaces/{namespace}/' if namespace else ''}streams"
        self.at = {}  # (namespace, name) -> monotonic seconds
        self._stop = threading.Event()

    def __enter__(self):
        version = Api().call("GET", f"{self._path}?limit=1")["metadata"]["resourceVersion"]
        self._thread = threading.Thread(target=self._watch, args=(version,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(10)

    def _watch(self, version):
        connection = _connect(5)
        connection.request("GET", f"{self._path}?watch=true&resourceVersion={version}")
        answer = connection.getresponse()
        while not self._stop.is_set():
            try:
                line = answer.readline()
            except TimeoutError:
                connection = _connect(5)  # nothing for a while; what was missed comes again, and is noted late
                connection.request("GET", f"{self._path}?watch=true&resourceVersion={version}")
                answer = connection.getresponse()
                continue
            if not line:
                return
            item = json.loads(line)["object"]
            version = item["metadata"]["resourceVersion"]
            for entry in item.get("status", {}).get("conditions", []):
                if entry["type"] == "Ready" and entry["status"] == "True":
                    self.at.setdefault((item["metadata"].get("namespace"), item["metadata"]["name"]), time.monotonic())
