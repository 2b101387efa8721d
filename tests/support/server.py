"""A `millrace up` of a test's own: on free ports, over a data folder, stopped by its pid."""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time

from patience import patient

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("MILLRACE_BINARY", ROOT / "build" / "bin" / "millrace"))


def free_ports(count):
    """Ports nobody listens on now; held together so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def client_environment(endpoint, access_key="test", secret_key="test", region="us-east-1"):
    """All that an AWS client is told, in the variables that every SDK reads."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret_key,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_PAGER": "",
    }


class Server:
    """Owns the process it starts and everything that process started (one session). `data` is kept
    over restarts, so that kill-and-recover tests start a second time on the same folder and ports."""

    def __init__(self, data=None, auth="none", arguments=(), tls=True, host="127.0.0.1"):
        self._own_folder = data is None
        self.data = pathlib.Path(data or tempfile.mkdtemp(prefix="millrace-test-"))
        self.data.mkdir(parents=True, exist_ok=True)
        self.auth = auth
        self.arguments = list(arguments)
        self.host = host
        self.port, self.tls_port = free_ports(2)
        self.tls = tls
        self.log_path = self.data.with_name(self.data.name + ".log")
        self.process = None

    @property
    def endpoint(self):
        return f"http://{self.host}:{self.port}"

    @property
    def tls_endpoint(self):
        return f"https://{self.host}:{self.tls_port}"

    def command(self):
        line = [str(BINARY), "up", "--listen", f"{self.host}:{self.port}",
                "--data", str(self.data), "--auth", self.auth]
        if self.tls:
            line += ["--tls-listen", f"{self.host}:{self.tls_port}"]
        return line + self.arguments

    def start(self, timeout_s=30.0, connectable=True):
        """Returns the seconds until the line with `ready`. It should mean that every port is open; with
        `connectable` that is waited for, so that one test fails and not all."""
        start, timeout_s = time.monotonic(), patient(timeout_s)
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log_path, "ab") as log:
            seen = log.tell()
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=subprocess.STDOUT,
                                            stdin=subprocess.DEVNULL, start_new_session=True)
        while time.monotonic() - start < timeout_s:
            if self.process.poll() is not None:
                raise RuntimeError(f"millrace up left with {self.process.returncode}:\n{self.tail()}")
            with open(self.log_path, "rb") as log:
                log.seek(seen)
                if b"is ready at" in log.read():
                    took = time.monotonic() - start
                    if connectable:
                        self._wait_connectable(start + timeout_s)
                    return took
            time.sleep(0.01)
        self.kill()
        raise RuntimeError(f"millrace up was not ready in {timeout_s} s:\n{self.tail()}")

    def ports(self):
        return [self.port, self.tls_port] if self.tls else [self.port]

    def _wait_connectable(self, deadline):
        for port in self.ports():
            while not can_connect(self.host, port):
                if time.monotonic() > deadline:
                    raise RuntimeError(f"nothing listens on {port}:\n{self.tail()}")
                time.sleep(0.01)

    def tail(self, lines=40):
        with contextlib.suppress(FileNotFoundError):
            return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])
        return ""

    def descendants(self):
        """{pid: name} of every process under this one now."""
        found = {}
        waiting = [self.process.pid] if self.process else []
        while waiting:
            for pid in children_of(waiting.pop()):
                found[pid] = name_of(pid)
                waiting.append(pid)
        return found

    def shard_pids(self):
        return [pid for pid, name in self.descendants().items() if name.startswith("millrace-shard")]

    def resident_bytes(self):
        pids = [self.process.pid, *self.descendants()] if self.process else []
        return sum(resident_of(pid) for pid in pids)

    def kill_shards(self):
        pids = self.shard_pids()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return pids

    def kill(self):
        """SIGKILL to the supervisor and to all it started: what a power switch does to processes."""
        if self.process is None:
            return
        pids = [self.process.pid, *self.descendants()]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def kill_supervisor(self):
        """SIGKILL to the supervisor alone; returns the processes it left."""
        left = list(self.descendants())
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None
        return left

    def stop(self, timeout_s=15.0):
        """SIGTERM, and the exit status; a server that will not stop is killed and that is an error."""
        if self.process is None:
            return None
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(patient(timeout_s))
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(f"millrace up did not stop in {timeout_s} s:\n{self.tail()}") from None
        self.process = None
        return status

    def remove(self):
        """Stops what runs and takes the data folder away if the constructor made it."""
        self.kill()
        if self._own_folder:
            shutil.rmtree(self.data, ignore_errors=True)
            self.log_path.unlink(missing_ok=True)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        try:
            self.stop()
        finally:
            self.remove()


def can_connect(host, port):
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def children_of(pid):
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return [int(child) for task in os.listdir(f"/proc/{pid}/task")
                for child in _read(f"/proc/{pid}/task/{task}/children").split()]
    return []


def name_of(pid):
    """The binary's name: comm is cut at 15 characters, so the command line is asked first."""
    command = _read(f"/proc/{pid}/cmdline").split("\0")[0]
    return os.path.basename(command) or _read(f"/proc/{pid}/comm").strip()


def resident_of(pid):
    for line in _read(f"/proc/{pid}/status").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def _read(path):
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    return ""


def certificate_of(tls_endpoint, path):
    """Writes the certificate that the server shows, for clients to trust."""
    host, port = tls_endpoint.removeprefix("https://").rsplit(":", 1)
    pathlib.Path(path).write_text(ssl.get_server_certificate((host, int(port)), timeout=10))
    return path
