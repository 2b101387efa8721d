"""Runs the tests of common/kube and common/kube_store on a kube-apiserver and etcd of their own.
usage: run.py BINARY [GoogleTest option]..."""

import base64
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "crds"))

import api_server  # noqa: E402


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, stderr=subprocess.DEVNULL, timeout=60)


class ApiServer(api_server.ApiServer):
    """One that believes client certificates of a CA of ours, too."""

    def _start(self, folder):
        openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-days", "2",
                "-subj", "/CN=millrace-test-ca")
        openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "client.key", "-out", "client.csr",
                "-subj", "/O=system:masters/CN=millrace-test")
        openssl(folder, "x509", "-req", "-in", "client.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", "client.crt", "-days", "2")
        super()._start(folder)

    def _spawn(self, folder, *command):
        if pathlib.Path(command[0]).name == "kube-apiserver":
            command += ("--client-ca-file", "ca.crt", "--anonymous-auth=false")
        super()._spawn(folder, *command)

    def kubeconfig(self):
        folder = pathlib.Path(self.folder.name)
        authority = (folder / "certs" / "apiserver.crt").read_bytes()
        path = folder / "kubeconfig"
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {
                "server": f"https://127.0.0.1:{self.port}",
                "certificate-authority-data": base64.b64encode(authority).decode()}}],
            "users": [{"name": "test", "user": {"client-certificate": "client.crt", "client-key": "client.key"}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}]}))
        return path


def main(binary, *options):
    if api_server.missing():
        print("SKIPPED: common/kube was not tried on a real API server: no " + ", ".join(api_server.missing()) +
              "; ./test unit builds them")
        sys.exit(77)
    with ApiServer() as server:
        for path in sorted((ROOT / "crds").glob("*.yaml")):
            code, text = server.kubectl("apply", "--validate=false", "-f", str(path))
            if code != 0 and "policies" not in path.name:
                sys.exit(text)
        served = lambda: server.call("GET", "/apis/millrace.dev/v1alpha1/shardmapslices")[0] == 200  # noqa: E731
        server.wait_for(served, 30, "the CRDs are not served")
        environment = {**os.environ, "MILLRACE_TEST_KUBECONFIG": str(server.kubeconfig()),
                       "MILLRACE_TEST_TOKEN": api_server.TOKEN}
        sys.exit(subprocess.run([binary, *options], env=environment, timeout=600, check=False).returncode)


if __name__ == "__main__":
    main(*sys.argv[1:])
