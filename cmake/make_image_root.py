#!/usr/bin/env python3
"""Fills a folder with what an image of ours is made of, on a Debian 12 machine that the binaries run on (or were built on):
the binaries, exactly the shared libraries they load, certificates of public authorities, and the licences; no shell, no
package manager. What came from which package is written to an SBOM (SPDX 2.3) and, for scanners, to dpkg's status.d.

usage: make_image_root.py FOLDER VERSION BINARY...
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

USER = 65532  # of nobody in particular, as other small images have it
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
TIME_ZONES = "usr/share/zoneinfo"
FIELDS = ["Package", "Version", "Architecture", "Source", "Maintainer", "Homepage"]


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def libraries_of(binaries):
    """Every shared library that the dynamic linker would load, the linker itself included."""
    found = set()
    for binary in binaries:
        text = output_of("ldd", binary)
        if "not found" in text:
            raise SystemExit(f"make_image_root.py: {binary}: {re.search(r'.*not found', text)[0].strip()}")
        found.update(re.findall(r"(/\S+) \(0x", text))
    return sorted(found)


def package_of(path):
    """Debian merged /lib into /usr/lib, and its package lists know some files by the one name, some by the other."""
    real = os.path.realpath(path)
    for name in dict.fromkeys([path, real, real.removeprefix("/usr"), "/usr" + real]):
        done = subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True, timeout=60, check=False)
        if done.returncode == 0:
            return done.stdout.rpartition(": ")[0].split(",")[0]
    return None


def facts_of(package):
    values = output_of("dpkg-query", "-W", "-f=" + "\t".join(f"${{{field}}}" for field in FIELDS), package).split("\t")
    return {field: value for field, value in zip(FIELDS, values) if value}


def make_folders(root):
    for folder in ("usr/bin", "usr/lib/x86_64-linux-gnu", "usr/lib64", "etc/ssl/certs", "var/lib/dpkg/status.d", "usr/share/millrace"):
        (root / folder).mkdir(parents=True)
    for name in ("bin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)
    (root / "etc/passwd").write_text(f"root:x:0:0:root:/:/sbin/nologin\nmillrace:x:{USER}:{USER}:millrace:/tmp:/sbin/nologin\n")
    (root / "etc/group").write_text(f"root:x:0:\nmillrace:x:{USER}:\n")
    (root / "etc/nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")


def copy_library(root, path):
    """Under the name it is loaded by; the linker stays where the binaries look for it."""
    folder = "usr/lib64" if path.startswith("/lib64/") else "usr/lib/x86_64-linux-gnu"
    shutil.copy(os.path.realpath(path), root / folder / os.path.basename(path))


def add_package(root, facts):
    name = facts["Package"]
    (root / "var/lib/dpkg/status.d" / name).write_text("".join(f"{field}: {value}\n" for field, value in facts.items()))
    licence = pathlib.Path("/usr/share/doc", name, "copyright")
    if licence.exists():
        (root / "usr/share/doc" / name).mkdir(parents=True)
        shutil.copy(licence, root / "usr/share/doc" / name / "copyright")


def bill_of_materials(version, packages):
    ours = {"SPDXID": "SPDXRef-millrace", "name": "millrace", "versionInfo": version, "downloadLocation": "NOASSERTION",
            "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION", "filesAnalyzed": False}
    parts = [{**ours, "SPDXID": f"SPDXRef-{re.sub('[^A-Za-z0-9.-]', '-', facts['Package'])}", "name": facts["Package"],
              "versionInfo": facts["Version"], "supplier": f"Person: {facts['Maintainer']}",
              "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator":
                                f"pkg:deb/debian/{facts['Package']}@{facts['Version']}?arch={facts['Architecture']}&distro=debian-12"}]}
             for facts in packages]
    when = os.environ.get("SOURCE_DATE_EPOCH", "0")
    created = output_of("date", "-u", f"-d@{when}", "+%Y-%m-%dT%H:%M:%SZ").strip()
    return {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"millrace-{version}",
            "documentNamespace": f"https://millrace.dev/sbom/millrace-{version}",
            "creationInfo": {"created": created, "creators": ["Tool: make_image_root.py"]},
            "packages": [ours, *parts],
            "relationships": [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-millrace"}]
            + [{"spdxElementId": "SPDXRef-millrace", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": part["SPDXID"]} for part in parts]}


def main(folder, version, *binaries):
    root = pathlib.Path(folder)
    shutil.rmtree(root, ignore_errors=True)
    make_folders(root)
    for binary in binaries:
        target = root / "usr/bin" / os.path.basename(binary)
        shutil.copy(binary, target)
        subprocess.run(["strip", "--strip-all", target], check=True, timeout=60)
        target.chmod(0o755)
    # kubectl finds its plug-in, and a person in the pod the command, under this name.
    if (root / "usr/bin/millrace").exists():
        (root / "usr/bin/kubectl-millrace").symlink_to("millrace")
    libraries = libraries_of(binaries)
    for library in libraries:
        copy_library(root, library)
    shutil.copy(CERTIFICATES, root / CERTIFICATES[1:])
    # Prefixes of delivered objects have time zones; these two folders are the same again, and with leap seconds.
    shutil.copytree("/" + TIME_ZONES, root / TIME_ZONES, ignore=shutil.ignore_patterns("posix", "right"), symlinks=True)
    names = sorted(set(filter(None, map(package_of, libraries))) | {"ca-certificates", "tzdata"})
    packages = [facts_of(name) for name in names]
    for facts in packages:
        add_package(root, facts)
    bill = json.dumps(bill_of_materials(version, packages), indent=1) + "\n"
    (root / "usr/share/millrace/sbom.spdx.json").write_text(bill)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
