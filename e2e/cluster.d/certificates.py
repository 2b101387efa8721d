"""The cluster's own authority, certificates and kubeconfigs, made once by openssl."""

import base64
import json
import subprocess

from layout import API_SERVER, STATE

DAYS = "365"


def _openssl(*arguments, stdin=None):
    subprocess.run(["openssl", *arguments], cwd=STATE, check=True, timeout=60, input=stdin, text=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _key(path):
    _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)
    (STATE / path).chmod(0o600)


def make_authority():
    """ca.crt and ca.key, and the key pair that service account tokens are signed with."""
    if (STATE / "sa.pub").exists():
        return
    _key("ca.key")
    _openssl("req", "-x509", "-new", "-key", "ca.key", "-out", "ca.crt", "-subj", "/CN=millrace-e2e", "-days", DAYS)
    _key("sa.key")
    _openssl("ec", "-in", "sa.key", "-pubout", "-out", "sa.pub")


def make_certificate(name, subject, alternatives):
    """NAME.crt and NAME.key, for servers and clients alike."""
    if (STATE / f"{name}.crt").exists():
        return
    _key(f"{name}.key")
    _openssl("req", "-new", "-key", f"{name}.key", "-out", f"{name}.csr", "-subj", subject)
    (STATE / f"{name}.ext").write_text(f"subjectAltName={alternatives}\n")
    _openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
             "-out", f"{name}.crt", "-days", DAYS, "-extfile", f"{name}.ext")


def make_kubeconfig(name, subject):
    """NAME.conf with a client certificate for the subject inside."""
    if (STATE / f"{name}.conf").exists():
        return
    make_certificate(name, subject, f"DNS:{subject.rpartition('CN=')[2].replace(':', '-')}")
    pem = {kind: base64.b64encode((STATE / file).read_bytes()).decode()
           for kind, file in (("ca", "ca.crt"), ("cert", f"{name}.crt"), ("key", f"{name}.key"))}
    path = STATE / f"{name}.conf"
    path.touch(mode=0o600)
    path.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "millrace-e2e",
        "clusters": [{"name": "millrace-e2e", "cluster": {"server": API_SERVER, "certificate-authority-data": pem["ca"]}}],
        "users": [{"name": name, "user": {"client-certificate-data": pem["cert"], "client-key-data": pem["key"]}}],
        "contexts": [{"name": "millrace-e2e", "context": {"cluster": "millrace-e2e", "user": name}}],
    }, indent=1))
