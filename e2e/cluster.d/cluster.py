"""The cluster as a whole: up, down, status."""

import os
import pathlib
import shutil

import control_plane
import images
import node
import processes
from layout import (ADMIN_CONF, API_SERVER, BIN, BRIDGE, COREDNS_IMAGE, DNS_SERVICE, GATEWAY, HERE, STATE, VOLUMES, NodePlace)

NODES_MAX = 9
# The kubelet sets these for the whole machine; `down` puts back what was there.
_MACHINE_SETTINGS = ["vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops",
                     "kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes"]


def up(nodes, say):
    """Brings up what of it does not run yet. Returns when every node is Ready and names resolve."""
    _check_machine()
    STATE.mkdir(parents=True, exist_ok=True)
    STATE.chmod(0o755)
    VOLUMES.mkdir(exist_ok=True)
    _remember_machine_settings()
    images.make_cluster_images()
    _make_bridge()
    control_plane.make_credentials()
    control_plane.start()
    say("API server ready")
    numbers = sorted(set(range(1, nodes + 1)) | {place.number for place in places()})
    wanted = [NodePlace(number) for number in numbers]
    for place in wanted:
        node.start(place, [NodePlace(number) for number in range(1, NODES_MAX + 1)])
    for place in wanted:
        node.load_all(place)
    _apply("coredns.yaml", REPLICAS=str(min(len(wanted), 2)), IMAGE=COREDNS_IMAGE, DNS_SERVICE=DNS_SERVICE)
    _start_storage()
    say("images loaded")
    for place in wanted:
        processes.wait_until(f"{place.name} being Ready", lambda p=place: is_ready(p), 90, pause=0.3)
    control_plane.kubectl("-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=90s", seconds=100)
    say(f"{len(wanted)} nodes ready")


def down():
    """Ends and removes all of it; does nothing where there is nothing."""
    for name in ("csi-provisioner", "csi-resizer", "csi-controller", *reversed(control_plane.NAMES)):
        # The controllers first, so that nothing is mended while it is taken away.
        if name != "etcd" and name != "kube-apiserver":
            processes.stop(name, seconds=3)
    for place in places():
        node.stop(place)
        node.run("ip", "route", "del", place.pod_subnet, check=False)
    for name in ("kube-apiserver", "etcd"):
        processes.stop(name, seconds=3)
    for controller in node.CONTROLLERS.iterdir():
        if (controller / "millrace").is_dir():
            node.kill_cgroup("millrace")
            break
    node.run("ip", "link", "del", BRIDGE, check=False)
    _restore_machine_settings()
    if STATE.exists():
        shutil.rmtree(STATE)


def places():
    """The nodes that were ever started and not taken down."""
    return sorted((NodePlace(int(folder.name[1:])) for folder in STATE.glob("n[0-9]") if folder.is_dir()),
                  key=lambda place: place.number)


def place_named(name):
    for place in places():
        if place.name == name:
            return place
    raise RuntimeError(f"there is no node {name}; there are {', '.join(place.name for place in places()) or 'none'}")


def load(archive):
    """Gives every node the image in the archive, now and whenever one starts."""
    adopted = images.adopt(archive)
    for place in places():
        if processes.pid_of(place.name):
            node.load_all(place)
    return adopted


def is_ready(place):
    condition = "jsonpath={.status.conditions[?(@.type=='Ready')].status}"
    return control_plane.kubectl("get", "node", place.name, "-o", condition, check=False).stdout == "True"


def status():
    """Lines that tell what runs, how large it is, and how it is reached."""
    if not STATE.exists():
        return ["no cluster"]
    lines = []
    total = 0
    for name in processes.names():
        pid = processes.pid_of(name)
        size = sum(map(processes.resident_mib, [pid, *processes.children_of(pid)])) if pid else 0
        total += size
        lines.append(f"{name:26} {f'pid {pid}' if pid else 'stopped':12} {size:6.0f} MiB")
    lines.append(f"{'all (proportional set size)':39} {total:6.0f} MiB")
    if processes.pid_of("kube-apiserver"):
        lines.append(control_plane.kubectl("get", "nodes", "-L", "topology.kubernetes.io/zone", check=False).stdout.rstrip())
    lines.append(f"API server  {API_SERVER}\nexport KUBECONFIG={ADMIN_CONF} PATH={BIN}:$PATH")
    return lines


def _check_machine():
    if os.geteuid() != 0:
        raise RuntimeError("only root can make namespaces and mounts")
    if not (node.CONTROLLERS / "pids" / "cgroup.procs").exists():
        raise RuntimeError("/sys/fs/cgroup is not cgroup v1, which is the only one this has been tried with")
    for masked in ("/var/lib", "/var/log", "/run"):
        if pathlib.Path(masked) in STATE.resolve().parents:
            raise RuntimeError(f"the cache cannot be in {masked}, which every node replaces by its own; set MILLRACE_E2E_CACHE")
    missing = [name for name in (*control_plane.NAMES[1:], "kubectl", "kubelet", "kube-proxy", "coredns")
               if not (BIN / name).exists()]
    if missing:
        raise RuntimeError(f"not built: {', '.join(missing)}. Run e2e/cluster build first")


def _make_bridge():
    if not os.path.exists(f"/sys/class/net/{BRIDGE}"):
        node.run("ip", "link", "add", BRIDGE, "type", "bridge")
        node.run("ip", "addr", "add", f"{GATEWAY}/24", "dev", BRIDGE)
    node.run("ip", "link", "set", BRIDGE, "up")


def _apply(manifest, **words):
    text = (HERE / "manifests" / manifest).read_text()
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    control_plane.kubectl("apply", "--server-side", "-f", "-", stdin=text)


def _start_storage():
    """The CSI driver's controller side and its sidecars run here, its node side inside every node."""
    if not all((BIN / name).exists() for name in ("csi-loop", "csi-provisioner")):
        return
    socket = STATE / "csi.sock"
    if processes.start("csi-controller", [BIN / "csi-loop", f"--volumes={VOLUMES}", f"--endpoint={socket}"]):
        for name in ("csi-provisioner", "csi-resizer"):  # they would go on waiting for the one that was there before
            processes.stop(name)
    processes.wait_until("the CSI driver's socket", socket.exists, 10)
    common = [f"--kubeconfig={ADMIN_CONF}", f"--csi-address={socket}"]
    processes.start("csi-provisioner", [BIN / "csi-provisioner", *common, "--extra-create-metadata"])
    if (BIN / "csi-resizer").exists():
        processes.start("csi-resizer", [BIN / "csi-resizer", *common, "--handle-volume-inuse-error=false",
                                        "--retry-interval-max=10s"])
    _apply("storage.yaml")


def _remember_machine_settings():
    path = STATE / "machine-settings"
    if not path.exists():
        lines = [f"{name} {pathlib.Path('/proc/sys', name).read_text().strip()}\n" for name in _MACHINE_SETTINGS]
        path.write_text("".join(lines))


def _restore_machine_settings():
    path = STATE / "machine-settings"
    if path.exists():
        for line in path.read_text().splitlines():
            name, value = line.split(maxsplit=1)
            pathlib.Path("/proc/sys", name).write_text(value)
