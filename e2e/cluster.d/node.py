"""A node: namespaces of its own with containerd, kubelet and kube-proxy inside, on a bridge of this machine."""

import os
import pathlib
import signal
import subprocess

import certificates
import control_plane
import processes
from layout import (BIN, BRIDGE, CACHE, DNS_SERVICE, GATEWAY, HERE, IMAGES, PAUSE_IMAGE, STATE, VOLUMES, NodePlace)

CONTROLLERS = pathlib.Path("/sys/fs/cgroup")
NAMESPACES = ["--pid", "--mount", "--net", "--uts", "--ipc"]


def run(*command, check=True, seconds=60, **how):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=seconds, check=False, **how)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {(done.stderr or done.stdout).strip()}")
    return done


def start(place, all_places):
    """Starts the node if it does not run; it registers itself a few seconds later."""
    if processes.pid_of(place.name):
        return
    make_cgroups(place.cgroup)
    _write_settings(place, all_places)
    # unshare stays as the parent of the node's first process, and takes it along when it is killed.
    processes.start(place.name, ["unshare", "--fork", "--kill-child", "--mount-proc", *NAMESPACES,
                                 HERE / "node_init.sh", place.name, place.folder, BIN])
    init = processes.wait_until(f"{place.name}'s first process", lambda: init_of(place), 10)
    run("ip", "link", "del", place.veth, check=False)  # of a node that was killed a moment ago
    processes.wait_until(f"{place.name}'s network namespace", lambda: _is_in_own_network(init), 10)
    run("ip", "link", "add", place.veth, "type", "veth", "peer", "name", "eth0", "netns", init)
    run("ip", "link", "set", place.veth, "master", BRIDGE, "up")
    run("ip", "route", "replace", place.pod_subnet, "via", place.ip)
    processes.wait_until(f"the daemons of {place.name}", lambda: os.path.exists(os.path.join(f"/proc/{init}/root", "run/started")), 30)


def stop(place):
    """Ends all of it at once, as a loss of power would. Its disk stays, and so does its Node object."""
    processes.stop(place.name, first=signal.SIGKILL)
    run("ip", "link", "del", place.veth, check=False)
    kill_cgroup(place.cgroup)


def cut_off(place):
    """Takes the node's network away; everything on it goes on running."""
    run("ip", "link", "set", place.veth, "down")


def reconnect(place):
    run("ip", "link", "set", place.veth, "up")


def init_of(place):
    """The pid, on this machine, of the node's first process; None where the node does not run."""
    pid = processes.pid_of(place.name)
    if not pid:
        return None
    below = processes.children_of(pid)
    return below[0] if below else None


def enter(place, *command):
    """A command that runs the given one inside the node."""
    init = init_of(place)
    if not init:
        raise RuntimeError(f"{place.name} does not run")
    return ["nsenter", f"--target={init}", *NAMESPACES, *map(str, command)]


def load(place, archive):
    """Imports an OCI archive into the node's containerd."""
    run(*enter(place, "ctr", "-n", "k8s.io", "images", "import", archive), seconds=300)


def load_all(place):
    """Loads what is in the cache and not yet on the node: an archive is known by its size and time."""
    known = place.folder / "loaded"
    known.mkdir(exist_ok=True)
    for archive in sorted(IMAGES.glob("*.tar")):
        facts = archive.stat()
        stamp = known / f"{archive.name}.{facts.st_size}.{facts.st_mtime_ns}"
        if not stamp.exists():
            load(place, archive)
            stamp.touch()


def make_cgroups(path):
    """The folder in every controller's hierarchy; cpuset's must say which processors, or nothing can be put there."""
    for controller in sorted(CONTROLLERS.iterdir()):
        if not (controller / "cgroup.procs").exists():
            continue
        folder = controller
        for part in path.split("/"):
            parent, folder = folder, folder / part
            folder.mkdir(exist_ok=True)
            for file in ("cpuset.cpus", "cpuset.mems"):
                if (folder / file).exists() and not (folder / file).read_text().strip():
                    (folder / file).write_text((parent / file).read_text())


def kill_cgroup(path):
    """Ends whatever is still in it and removes it, in every hierarchy."""
    for controller in CONTROLLERS.iterdir():
        top = controller / path
        processes.wait_until(f"the end of what is in {top}", lambda top=top: _is_cleared(top), 20, pause=0.05)


def _is_cleared(top):
    for folder, _, _ in os.walk(top, topdown=False):
        try:
            for pid in (pathlib.Path(folder) / "cgroup.procs").read_text().split():
                os.kill(int(pid), signal.SIGKILL)
            os.rmdir(folder)
        except (ProcessLookupError, FileNotFoundError):
            continue
        except OSError:  # busy until what was killed is really gone
            return False
    return not top.exists()


def _is_in_own_network(pid):
    try:
        return os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net")
    except OSError:
        return False


def _write_settings(place, all_places):
    folder = place.folder
    for part in ("lib/kubelet", "lib/containerd", "lib/cni", "lib/cni-settings"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    certificates.make_certificate(f"{place.name}-serving", f"/CN={place.name}", f"DNS:{place.name},IP:{place.ip}")
    certificates.make_kubeconfig(place.name, f"/O=system:nodes/CN=system:node:{place.name}")
    (folder / "kubelet.conf").write_text((STATE / f"{place.name}.conf").read_text())
    (folder / "kubelet.conf").chmod(0o600)
    (folder / "kubelet.flags").write_text(f"--node-ip={place.ip} --hostname-override={place.name} "
                                          f"--node-labels=topology.kubernetes.io/zone={place.zone}")
    (folder / "network.sh").write_text(_network(place, all_places))
    for name, text in (("containerd.toml", _CONTAINERD), ("lib/cni-settings/10-pods.conflist", _CNI),
                       ("kubelet.yaml", _KUBELET), ("kube-proxy.yaml", _KUBE_PROXY)):
        for word, value in (("PAUSE_IMAGE", PAUSE_IMAGE), ("POD_SUBNET", place.pod_subnet), ("CGROUP", place.cgroup),
                            ("STATE", str(STATE)), ("NODE", place.name), ("DNS_SERVICE", DNS_SERVICE)):
            text = text.replace(f"@{word}@", value)
        (folder / name).write_text(text)
    driver = BIN / "csi-loop"
    if driver.exists():
        (folder / "csi").write_text(f"{driver} --node={place.name} --volumes={VOLUMES} "
                                    "--endpoint=/var/lib/kubelet/plugins/loop.e2e.millrace.dev/csi.sock")


def _network(place, all_places):
    lines = [f"ip addr add {place.ip}/24 dev eth0", "ip link set eth0 up", f"ip route add default via {GATEWAY}",
             "sysctl -qw net.ipv4.ip_forward=1", "sysctl -qw net.bridge.bridge-nf-call-iptables=1 || true"]
    lines += [f"ip route add {other.pod_subnet} via {other.ip}" for other in all_places if other.number != place.number]
    return "\n".join(lines) + "\n"


# Pods are reached under their own address from everywhere, so nothing is masqueraded.
_CNI = """{"cniVersion": "0.4.0", "name": "pods", "plugins": [
 {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false, "hairpinMode": true,
  "ipam": {"type": "host-local", "ranges": [[{"subnet": "@POD_SUBNET@"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
 {"type": "portmap", "capabilities": {"portMappings": true}}]}
"""

# restrict_oom_score_adj: without CAP_SYS_RESOURCE runc fails with "can't get final child's PID from pipe".
_CONTAINERD = """version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = "@PAUSE_IMAGE@"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/var/lib/cni-settings"
[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd/opt"
"""

# syncFrequency: how soon a volume that has grown is looked at; the minute it has otherwise is long for a test.
_KUBELET = """apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
failSwapOn: false
cgroupDriver: cgroupfs
cgroupRoot: /@CGROUP@
oomScoreAdj: 0
tlsCertFile: @STATE@/@NODE@-serving.crt
tlsPrivateKeyFile: @STATE@/@NODE@-serving.key
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: @STATE@/ca.crt}}
authorization: {mode: Webhook}
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
clusterDNS: ["@DNS_SERVICE@"]
clusterDomain: cluster.local
resolvConf: ""
volumePluginDir: /var/lib/kubelet/volume-plugins
serializeImagePulls: false
syncFrequency: 10s
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}
imageGCHighThresholdPercent: 100
"""

_KUBE_PROXY = """apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
oomScoreAdj: 0
clientConnection: {kubeconfig: @STATE@/kube-proxy.conf}
conntrack: {maxPerCore: 0}
"""
