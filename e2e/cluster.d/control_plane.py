"""etcd, API server, controller-manager and scheduler: processes of this machine, reached by the nodes over the bridge."""

import subprocess

import certificates
import processes
from layout import (ADMIN_CONF, BIN, ETCD_CLIENTS, ETCD_PEERS, GATEWAY, HERE, KUBERNETES_SERVICE, LOGS, SERVICE_SUBNET,
                    STATE)

NAMES = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"]


def make_credentials():
    certificates.make_authority()
    certificates.make_certificate(
        "kube-apiserver", "/CN=kube-apiserver",
        f"DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,IP:{KUBERNETES_SERVICE},IP:{GATEWAY}")
    certificates.make_kubeconfig("admin", "/O=system:masters/CN=admin")
    for name in ("kube-controller-manager", "kube-scheduler", "kube-proxy"):
        certificates.make_kubeconfig(name, f"/CN=system:{name}")


def command_of(name):
    return {"etcd": _etcd, "kube-apiserver": _api_server, "kube-controller-manager": _controller_manager,
            "kube-scheduler": _scheduler}[name]()


def start():
    """Returns once the API server is ready to serve."""
    processes.start("etcd", command_of("etcd"))
    start_api_server()
    for name in ("kube-controller-manager", "kube-scheduler"):
        processes.start(name, command_of(name))


def start_api_server():
    processes.start("kube-apiserver", command_of("kube-apiserver"))
    processes.wait_until("the API server being ready", api_server_is_ready, 120)


def api_server_is_ready():
    if not processes.pid_of("kube-apiserver"):
        log = (STATE / "logs/kube-apiserver.log").read_text(errors="replace")
        raise RuntimeError("kube-apiserver ended:\n" + "\n".join(log.splitlines()[-8:]))
    return kubectl("get", "--raw", "/readyz", check=False).stdout == "ok"


def kubectl(*arguments, stdin=None, check=True, seconds=60):
    """Runs kubectl as the administrator of the cluster."""
    done = subprocess.run([BIN / "kubectl", f"--kubeconfig={ADMIN_CONF}", f"--cache-dir={STATE}/kubectl", *arguments],
                          input=stdin, text=True, capture_output=True, timeout=seconds, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
    return done


def _etcd():
    # What is in it is gone with the cluster, so nothing need be durable.
    return ["etcd", f"--data-dir={STATE}/etcd", "--unsafe-no-fsync", "--name=e2e", f"--listen-client-urls={ETCD_CLIENTS}",
            f"--advertise-client-urls={ETCD_CLIENTS}", f"--listen-peer-urls={ETCD_PEERS}", f"--initial-advertise-peer-urls={ETCD_PEERS}",
            f"--initial-cluster=e2e={ETCD_PEERS}", "--log-level=warn", "--auto-compaction-retention=5m"]


def _api_server():
    return [BIN / "kube-apiserver", f"--bind-address={GATEWAY}", f"--advertise-address={GATEWAY}", f"--etcd-servers={ETCD_CLIENTS}",
            f"--service-cluster-ip-range={SERVICE_SUBNET}", f"--client-ca-file={STATE}/ca.crt",
            f"--tls-cert-file={STATE}/kube-apiserver.crt", f"--tls-private-key-file={STATE}/kube-apiserver.key",
            f"--service-account-key-file={STATE}/sa.pub", f"--service-account-signing-key-file={STATE}/sa.key",
            "--service-account-issuer=https://kubernetes.default.svc", "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true",
            "--kubelet-preferred-address-types=InternalIP", f"--kubelet-certificate-authority={STATE}/ca.crt",
            f"--audit-policy-file={HERE}/manifests/audit-policy.yaml", f"--audit-log-path={LOGS}/audit.log",
            f"--kubelet-client-certificate={STATE}/admin.crt", f"--kubelet-client-key={STATE}/admin.key"]


def _controller_manager():
    return [BIN / "kube-controller-manager", f"--kubeconfig={STATE}/kube-controller-manager.conf", "--leader-elect=false",
            "--bind-address=127.0.0.1", "--secure-port=0", f"--service-account-private-key-file={STATE}/sa.key",
            f"--root-ca-file={STATE}/ca.crt", f"--cluster-signing-cert-file={STATE}/ca.crt",
            f"--cluster-signing-key-file={STATE}/ca.key", "--use-service-account-credentials=true"]


def _scheduler():
    return [BIN / "kube-scheduler", f"--kubeconfig={STATE}/kube-scheduler.conf", "--leader-elect=false",
            "--bind-address=127.0.0.1", "--secure-port=0"]
