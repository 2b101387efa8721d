"""Images as OCI archives in the cache: those of the cluster itself, made here from single binaries, and those of ours that
somebody hands in. Nothing is ever pulled."""

import hashlib
import io
import json
import shutil
import subprocess
import tarfile
import tempfile

from layout import BIN, COREDNS_IMAGE, HERE, HOST_IMAGE, IMAGES, PAUSE_IMAGE


def make_cluster_images():
    """The pause image and CoreDNS; what is there and not older than what it is made of stays."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    source = HERE / "pause.c"
    if _is_older(IMAGES / "pause.tar", source):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["gcc", "-Os", "-static", "-s", "-o", f"{folder}/pause", source], check=True, timeout=60)
            write_archive(IMAGES / "pause.tar", PAUSE_IMAGE, {"pause": f"{folder}/pause"})
    if _is_older(IMAGES / "coredns.tar", BIN / "coredns"):
        write_archive(IMAGES / "coredns.tar", COREDNS_IMAGE, {"coredns": BIN / "coredns"})
    if _is_older(IMAGES / "host.tar", HERE / "images.py"):
        # For pods that mount this machine's /usr: its Python, say, with an SDK that the tests have installed.
        write_archive(IMAGES / "host.tar", HOST_IMAGE, {}, {"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64"})


def adopt(archive):
    """Copies an archive into the cache under its own name, so that nodes that start later have it, too."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    target = IMAGES / archive.name
    if archive.resolve() != target.resolve():
        shutil.copy2(archive, target.with_suffix(".new"))
        target.with_suffix(".new").rename(target)
    return target


def write_archive(path, image, files, links=None):
    """An image of files that need nothing else, run as nobody; the first is what it starts."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for name, source in files.items():
            info = tar.gettarinfo(source, name)
            info.mode, info.uid, info.gid, info.uname, info.gname = 0o755, 0, 0, "", ""
            with open(source, "rb") as file:
                tar.addfile(info, file)
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
    blobs = {}

    def blob(kind, data):
        digest = hashlib.sha256(data).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = data
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(data)}

    content = blob("layer.v1.tar", layer.getvalue())
    config = blob("config.v1+json", json.dumps({
        "architecture": "amd64", "os": "linux", "config": {"User": "65534:65534", "Entrypoint": [f"/{name}" for name in list(files)[:1]]},
        "rootfs": {"type": "layers", "diff_ids": [content["digest"]]}}).encode())
    manifest = blob("manifest.v1+json", json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config,
        "layers": [content]}).encode())
    blobs["index.json"] = json.dumps({
        "schemaVersion": 2,
        "manifests": [{**manifest, "annotations": {"io.containerd.image.name": image}}]}).encode()
    blobs["oci-layout"] = b'{"imageLayoutVersion": "1.0.0"}'
    partial = path.with_suffix(".new")
    with tarfile.open(partial, "w") as tar:
        for name_inside, data in blobs.items():
            info = tarfile.TarInfo(name_inside)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    partial.rename(path)


def _is_older(path, source):
    return not path.exists() or path.stat().st_mtime < source.stat().st_mtime
