"""Runs the suites of real clients against one server and counts. See run.sh for the usage."""

import concurrent.futures
import dataclasses
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree
from typing import Callable

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

import clients  # noqa: E402
from patience import patient  # noqa: E402
from server import Server, certificate_of, client_environment  # noqa: E402

LOGS = clients.CACHE / "logs"
KEY, SECRET = "AKIAMILLRACETEST0001", "wJalrXUtnFEMI/K7MDENG+bPxRfiCY=EXAMPLEKEY"


class Tally:
    """Counts of one run; prints what is not a success as it comes."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, suite, outcome, name="", why=""):
        setattr(self, outcome, getattr(self, outcome) + 1)
        if outcome != "passed":
            print(f"  {outcome.upper()} {suite}: {name}{': ' if why else ''}{why}", flush=True)


def pytest_command(*paths):
    return lambda python: [python, "-m", "pytest", "-q", "--color=no", *(HERE / path for path in paths)]


def java_command(program):
    def make(class_path):
        return ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx400m", "-cp", class_path,
                program]
    return make


def linearizability():
    """The path of the Go checker, left to the tests in the environment; absent where Go is."""
    try:
        program = clients.install_go("linearizability", HERE.parent / "fault" / "linearizability")
        os.environ["MILLRACE_LINEARIZABILITY"] = str(program)
    except clients.Unavailable as reason:
        print(f"linearizability: {reason}", flush=True)


def s3_gateway():
    """The same for an S3 service that checks signatures."""
    try:
        program = clients.install_go("versitygw", HERE.parent / "fault" / "s3_gateway",
                                     "github.com/versity/versitygw/cmd/versitygw")
        os.environ["MILLRACE_S3_GATEWAY"] = str(program)
    except clients.Unavailable as reason:
        print(f"versitygw: {reason}", flush=True)


@dataclasses.dataclass(frozen=True)
class Suite:
    """`install` makes the client be there and `command` runs it, given what install returned."""
    ecosystem: str            # suites of one install together
    install: Callable
    command: Callable
    limit_s: int
    tls: bool = False         # is told the TLS endpoint
    signed: bool = False      # against the server that verifies signatures
    on_request: bool = False  # runs only when named
    own_servers: bool = False # starts servers of its own


def python_suite(*paths, **options):
    return Suite("python", clients.install_python, pytest_command(*paths), 300, **options)


def javascript_suite(**options):
    return Suite("javascript", clients.install_javascript, lambda it: [it[0], it[1] / "roundtrip.mjs"],
                 120, signed=True, **options)


def go_suite(**options):
    return Suite("go", lambda: clients.install_go("roundtrip", HERE / "go"), lambda program: [program],
                 120, signed=True, **options)


def java_suite(program, **options):
    return Suite("java", clients.install_java, java_command(program), 200, signed=True, **options)


SUITES = {
    "python": python_suite("python"),
    "python-tls": python_suite("python/put_get_test.py", tls=True, signed=True),
    "hostile": python_suite("hostile_test.py", "hostile_http2_test.py"),
    "javascript": javascript_suite(),
    "javascript-tls": javascript_suite(tls=True),
    "go": go_suite(),
    "go-tls": go_suite(tls=True),
    "java": java_suite("RoundTrip"),
    "java-sync": java_suite("SyncRoundTrip"),
    "java-tls": java_suite("RoundTrip", tls=True),
    "kpl": java_suite("Producer"),
    # What tests/fault/run.sh calls.
    "fault": Suite("fault", lambda: (clients.install_python(), linearizability(), s3_gateway()),
                   lambda it: [*pytest_command("../fault")(it[0]), "-s"], 3600, on_request=True,
                   own_servers=True),
}


def environment_of(suite, endpoints, temporary):
    endpoint = endpoints.tls if suite.tls else endpoints.http
    environment = {**os.environ, **client_environment(endpoint, KEY, SECRET), "TMPDIR": temporary,
                   "MILLRACE_ENDPOINT": endpoint, "MILLRACE_TLS_ENDPOINT": endpoints.tls,
                   "JAVA_TOOL_OPTIONS": f"-Djava.io.tmpdir={temporary}"}
    if suite.tls:
        # The server's own, self-signed certificate: the clients are told to trust it.
        for variable in ("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "AWS_CA_BUNDLE"):
            environment[variable] = endpoints.certificate
    return environment


def run_suite(name, command, endpoints, tally, temporary):
    suite = SUITES[name]
    log_path = LOGS / f"{name}.log"
    report = pathlib.Path(temporary) / f"{name}.xml"
    if "pytest" in command:
        command = [*command, f"--junitxml={report}"]
    with open(log_path, "w", encoding="utf-8") as log:
        try:
            status = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=log,
                                    text=True, timeout=patient(suite.limit_s), check=False, stdin=subprocess.DEVNULL,
                                    env=environment_of(suite, endpoints, temporary))
        except subprocess.TimeoutExpired as late:
            log.write(late.stdout.decode() if isinstance(late.stdout, bytes) else late.stdout or "")
            tally.add(name, "failed", f"not done in {patient(suite.limit_s):.0f} s", f"see {log_path}")
            return
        log.write(status.stdout)
    before = tally.passed + tally.failed + tally.skipped
    if report.exists():
        count_junit(name, report, tally)
    else:
        count_lines(name, status.stdout, tally)
    if tally.passed + tally.failed + tally.skipped == before or (status.returncode and not tally.failed):
        tally.add(name, "failed", f"left with {status.returncode}", f"see {log_path}")


def count_lines(name, text, tally):
    for line in text.splitlines():
        found = re.match(r"(ok|not ok|skipped) ([^:]*)(?:: (.*))?", line)
        if found:
            outcome = {"ok": "passed", "not ok": "failed", "skipped": "skipped"}[found[1]]
            tally.add(name, outcome, found[2], found[3] or "")


def count_junit(name, report, tally):
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        outcome, why = "passed", ""
        for child in case:
            if child.tag in ("failure", "error"):
                outcome = "failed"
            elif child.tag == "skipped":
                outcome = "skipped"
            why = (child.get("message") or "").splitlines()[0][:240] if child.get("message") else why
        tally.add(name, outcome, f"{case.get('classname')}.{case.get('name')}", why)


def install_all(names):
    """{suite: (command, reason not to run)}; the ecosystems install side by side."""
    by_ecosystem = {}
    for name in names:
        by_ecosystem.setdefault(SUITES[name].ecosystem, []).append(name)

    def prepare(members):
        start = time.monotonic()
        try:
            product = SUITES[members[0]].install()
            commands = {name: (SUITES[name].command(product), None) for name in members}
        except clients.Unavailable as reason:
            commands = {name: (None, str(reason)) for name in members}
        print(f"{SUITES[members[0]].ecosystem}: installed in {time.monotonic() - start:.1f} s", flush=True)
        return commands

    prepared = {}
    with clients.locked(), concurrent.futures.ThreadPoolExecutor(4) as pool:
        for commands in pool.map(prepare, by_ecosystem.values()):
            prepared.update(commands)
    return prepared


@dataclasses.dataclass(frozen=True)
class Endpoints:
    http: str
    tls: str = ""
    certificate: str = ""


class Servers:
    """The servers under test, each started when first asked for: one that lets everybody in and one that
    verifies signatures. Or the one of MILLRACE_ENDPOINT for both."""

    def __init__(self, temporary):
        self._temporary = pathlib.Path(temporary)
        self._servers = {}

    def endpoints(self, suite):
        if suite.own_servers:
            return Endpoints("")
        if "MILLRACE_ENDPOINT" in os.environ:
            return self._trusted("given", os.environ["MILLRACE_ENDPOINT"],
                                 os.environ.get("MILLRACE_TLS_ENDPOINT", ""))
        name = "sigv4" if suite.signed else "none"
        if name not in self._servers:
            keys = self._temporary / "keys.yaml"
            keys.write_text(f"- accessKeyId: {KEY}\n  secretAccessKey: {SECRET}\n")
            keys.chmod(0o600)
            self._servers[name] = Server(self._temporary / name, auth=name,
                                         arguments=["--access-keys", str(keys)] if suite.signed else [])
            self._servers[name].start()
        server = self._servers[name]
        return self._trusted(name, server.endpoint, server.tls_endpoint)

    def _trusted(self, name, http, tls):
        path = self._temporary / f"{name}.pem"
        if tls and not path.exists():
            certificate_of(tls, path)
        return Endpoints(http, tls, str(path))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for name, server in self._servers.items():
            try:
                server.stop()
            finally:
                LOGS.joinpath(f"server-{name}.log").write_bytes(server.log_path.read_bytes())
                server.remove()


def main(names):
    unknown = [name for name in names if name not in SUITES]
    if unknown:
        sys.exit(f"no suite {', '.join(unknown)}; there are {', '.join(SUITES)}")
    names = names or [name for name, suite in SUITES.items() if not suite.on_request]
    start = time.monotonic()
    prepared = install_all(names)
    LOGS.mkdir(parents=True, exist_ok=True)
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="millrace-it-") as temporary, Servers(temporary) as servers:
        for name in names:
            command, reason = prepared[name]
            endpoints = servers.endpoints(SUITES[name])
            if reason is None and (SUITES[name].tls or name == "kpl") and not endpoints.tls:
                reason = "MILLRACE_TLS_ENDPOINT is not set"
            if reason is not None:
                tally.add(name, "skipped", "the whole suite", reason)
                continue
            begin = time.monotonic()
            run_suite(name, command, endpoints, tally, temporary)
            print(f"{name}: {time.monotonic() - begin:.1f} s", flush=True)
    print(f"in {time.monotonic() - start:.0f} s; logs in {LOGS}")
    print(f"{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped", flush=True)
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
