"""Where everything of the cluster is: folders, addresses, names."""

import os
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
_HOME_CACHE = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
CACHE = pathlib.Path(os.environ.get("MILLRACE_E2E_CACHE") or os.path.join(_HOME_CACHE, "millrace-e2e"))
BIN = CACHE / "bin"
IMAGES = CACHE / "images"     # OCI archives that every node loads when it starts
STATE = CACHE / "cluster"     # removed by `down`
VOLUMES = STATE / "volumes"   # the files behind the CSI driver's volumes
LOGS = STATE / "logs"
ADMIN_CONF = STATE / "admin.conf"

BRIDGE = "br-millrace"
GATEWAY = "10.250.0.1"        # this machine as the nodes see it; the API server listens here only
API_SERVER = f"https://{GATEWAY}:6443"
SERVICE_SUBNET = "10.96.0.0/16"
KUBERNETES_SERVICE = "10.96.0.1"
DNS_SERVICE = "10.96.0.10"
ETCD_CLIENTS = "http://127.0.0.1:23790"
ETCD_PEERS = "http://127.0.0.1:23800"
CGROUP = "millrace"           # of the nodes, below the root of every controller
PAUSE_IMAGE = "localhost/millrace-e2e/pause:1"
COREDNS_IMAGE = "localhost/millrace-e2e/coredns:1"
HOST_IMAGE = "localhost/millrace-e2e/host:1"


class NodePlace:
    """A node's name and number, and what follows from them."""

    def __init__(self, number):
        self.number = number
        self.name = f"n{number}"
        self.zone = f"z{number}"
        self.ip = f"10.250.0.{10 + number}"
        self.pod_subnet = f"10.244.{number}.0/24"
        self.folder = STATE / self.name
        self.veth = f"mr-{self.name}"  # its end on this machine
        self.cgroup = f"{CGROUP}/{self.name}"
