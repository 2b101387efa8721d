"""A kube-apiserver on an etcd of its own, both on loopback with ports of the kernel's choice."""

import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

CACHE = pathlib.Path(os.environ.get("MILLRACE_E2E_CACHE") or pathlib.Path(
    os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "millrace-e2e") / "bin"
TOKEN = "test-token"


def find(name):
    """The path of a binary: in the cache of e2e/cluster, else on PATH; None where there is none."""
    cached = CACHE / name
    return str(cached) if cached.exists() else shutil.which(name)


def missing():
    return [name for name, path in (("kube-apiserver", CACHE / "kube-apiserver"), ("kubectl", find("kubectl")),
                                    ("etcd", find("etcd")), ("openssl", find("openssl")))
            if path is None or not pathlib.Path(path).exists()]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ApiServer:
    """with ApiServer() as api: ..."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="millrace-crds-")
        self.processes = []
        try:
            self._start(pathlib.Path(self.folder.name))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.terminate()
        for process in reversed(self.processes):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.folder.cleanup()

    def _spawn(self, folder, *command):
        log = open(folder / (pathlib.Path(command[0]).name + ".log"), "w", encoding="utf-8")
        self.processes.append(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder))

    def _start(self, folder):
        clients, peers, self.port = free_port(), free_port(), free_port()
        etcd = f"http://127.0.0.1:{clients}"
        self._spawn(folder, find("etcd"), "--data-dir", "etcd", "--listen-client-urls", etcd, "--advertise-client-urls",
                    etcd, "--listen-peer-urls", f"http://127.0.0.1:{peers}", "--initial-advertise-peer-urls",
                    f"http://127.0.0.1:{peers}", "--initial-cluster", f"default=http://127.0.0.1:{peers}")
        subprocess.run(["openssl", "genrsa", "-out", "sa.key", "2048"], cwd=folder, check=True,
                       stderr=subprocess.DEVNULL, timeout=60)
        (folder / "tokens.csv").write_text(f"{TOKEN},admin,admin,system:masters\n")
        self._spawn(folder, str(CACHE / "kube-apiserver"), "--etcd-servers", etcd, "--bind-address", "127.0.0.1",
                    "--secure-port", str(self.port), "--cert-dir", "certs", "--token-auth-file", "tokens.csv",
                    "--authorization-mode", "AlwaysAllow", "--service-account-issuer", "https://kubernetes.default.svc",
                    "--service-account-key-file", "sa.key", "--service-account-signing-key-file", "sa.key",
                    "--service-cluster-ip-range", "10.96.0.0/16", "--disable-admission-plugins", "ServiceAccount")
        self.tls = ssl.create_default_context()
        self.tls.check_hostname = False
        self.tls.verify_mode = ssl.CERT_NONE
        self.wait_for(lambda: self.call("GET", "/readyz", raw=True)[0] == 200, 60, "kube-apiserver is not ready")

    def wait_for(self, condition, seconds, what):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                logs = "\n".join(p.read_text()[-2000:] for p in pathlib.Path(self.folder.name).glob("*.log"))
                raise TimeoutError(f"{what}\n{logs}")
            time.sleep(0.1)

    def call(self, method, path, body=None, content_type="application/json", raw=False):
        """(HTTP status, parsed body)"""
        request = urllib.request.Request(f"https://127.0.0.1:{self.port}{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": content_type})
        try:
            with urllib.request.urlopen(request, context=self.tls, timeout=30) as answer:
                text = answer.read()
                return answer.status, text if raw else json.loads(text)
        except urllib.error.HTTPError as error:
            text = error.read()
            return error.code, text if raw else json.loads(text)
        except (urllib.error.URLError, ConnectionError):
            return 0, {}

    def kubectl(self, *arguments):
        done = subprocess.run([find("kubectl"), f"--server=https://127.0.0.1:{self.port}", f"--token={TOKEN}",
                               "--insecure-skip-tls-verify", "--kubeconfig=/dev/null", *arguments],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
                              env={**os.environ, "HOME": self.folder.name})
        return done.returncode, done.stdout

    def kubeconfig(self):
        """The path of a kubeconfig for this server."""
        def named(name, key, value):
            return [{"name": name, key: value}]

        path = pathlib.Path(self.folder.name) / "kubeconfig"
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": named("test", "cluster", {"server": f"https://127.0.0.1:{self.port}",
                                                  "insecure-skip-tls-verify": True}),
            "users": named("test", "user", {"token": TOKEN}),
            "contexts": named("test", "context", {"cluster": "test", "user": "test"})}), encoding="utf-8")
        return str(path)
