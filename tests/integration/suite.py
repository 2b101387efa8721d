"""Runs the suites of real clients against one server and counts. See run.sh for the usage."""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

import clients  # noqa: E402
from server import Server, certificate_of, client_environment  # noqa: E402

LOGS = clients.CACHE / "logs"


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


# name: (installs, makes a command of what it returns, time limit, whether it is told the TLS endpoint)
SUITES = {
    "python": (clients.install_python, pytest_command("python"), 300, False),
    "python-tls": (clients.install_python, pytest_command("python/put_get_test.py"), 120, True),
    "hostile": (clients.install_python, pytest_command("hostile_test.py", "hostile_http2_test.py"), 180, False),
    "javascript": (clients.install_javascript,
                   lambda it: [it[0], it[1] / "roundtrip.mjs"], 120, False),
    "javascript-tls": (clients.install_javascript,
                       lambda it: [it[0], it[1] / "roundtrip.mjs"], 120, True),
    "go": (lambda: clients.install_go("roundtrip", HERE / "go"), lambda program: [program], 120, False),
    "go-tls": (lambda: clients.install_go("roundtrip", HERE / "go"), lambda program: [program],
               120, True),
    "java": (clients.install_java, java_command("RoundTrip"), 180, False),
    "java-tls": (clients.install_java, java_command("RoundTrip"), 180, True),
    "kpl": (clients.install_java, java_command("Producer"), 200, False),
    # tests/fault/run.sh; its tests start servers of their own.
    "fault": (lambda: (clients.install_python(), linearizability()),
              lambda it: [*pytest_command("../fault")(it[0]), "-s"], 3600, False),
}
ON_REQUEST = {"fault"}
OWN_SERVERS = {"fault"}


def environment_of(server, tls, temporary):
    endpoint = server["tls"] if tls else server["http"]
    environment = {**os.environ, **client_environment(endpoint), "TMPDIR": temporary,
                   "MILLRACE_ENDPOINT": server["http"], "MILLRACE_TLS_ENDPOINT": server["tls"] or "",
                   "JAVA_TOOL_OPTIONS": f"-Djava.io.tmpdir={temporary}"}
    if server["pid"]:
        environment["MILLRACE_PID"] = str(server["pid"])
    if tls:
        # The server's own, self-signed certificate: the clients are told to trust it.
        for variable in ("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "AWS_CA_BUNDLE"):
            environment[variable] = server["certificate"]
        environment["MILLRACE_ENDPOINT"] = endpoint
    return environment


def run_suite(name, command, server, tally, temporary):
    _, _, limit_s, tls = SUITES[name]
    log_path = LOGS / f"{name}.log"
    report = pathlib.Path(temporary) / f"{name}.xml"
    if "pytest" in command:
        command = [*command, f"--junitxml={report}"]
    with open(log_path, "w", encoding="utf-8") as log:
        try:
            status = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=log,
                                    text=True, timeout=limit_s, check=False, stdin=subprocess.DEVNULL,
                                    env=environment_of(server, tls, temporary))
        except subprocess.TimeoutExpired as late:
            log.write(late.stdout.decode() if isinstance(late.stdout, bytes) else late.stdout or "")
            tally.add(name, "failed", f"not done in {limit_s} s", f"see {log_path}")
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
    with clients.locked(), concurrent.futures.ThreadPoolExecutor(4) as pool:
        by_installer = {}
        for name in names:
            install = SUITES[name][0]
            key = name.split("-")[0] if name not in ("kpl", "hostile") else {"kpl": "java",
                                                                          "hostile": "python"}[name]
            by_installer.setdefault(key, (install, []))[1].append(name)

        def prepare(entry):
            install, members = entry
            start = time.monotonic()
            outcome = {}
            try:
                product = install()
                outcome = {member: (SUITES[member][1](product), None) for member in members}
            except clients.Unavailable as reason:
                outcome = {member: (None, str(reason)) for member in members}
            return outcome, time.monotonic() - start

        prepared = {}
        for (key, _), (outcome, seconds) in zip(by_installer.items(),
                                                pool.map(prepare, by_installer.values())):
            print(f"{key}: installed in {seconds:.1f} s", flush=True)
            prepared.update(outcome)
        return prepared


def main(names):
    unknown = [name for name in names if name not in SUITES]
    if unknown:
        sys.exit(f"no suite {', '.join(unknown)}; there are {', '.join(SUITES)}")
    names = names or [name for name in SUITES if name not in ON_REQUEST]
    start = time.monotonic()
    prepared = install_all(names)
    LOGS.mkdir(parents=True, exist_ok=True)
    tally = Tally()
    shared = not OWN_SERVERS.issuperset(names)
    with tempfile.TemporaryDirectory(prefix="millrace-it-") as temporary, serving(temporary, shared) as server:
        for name in names:
            command, reason = prepared[name]
            if reason is None and (SUITES[name][3] or name == "kpl") and not server["tls"]:
                reason = "MILLRACE_TLS_ENDPOINT is not set"
            if reason is not None:
                tally.add(name, "skipped", "the whole suite", reason)
                continue
            begin = time.monotonic()
            run_suite(name, command, server, tally, temporary)
            print(f"{name}: {time.monotonic() - begin:.1f} s", flush=True)
    print(f"in {time.monotonic() - start:.0f} s; logs in {LOGS}")
    print(f"{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped", flush=True)
    return 1 if tally.failed else 0


class serving:
    """The server under test: the one of MILLRACE_ENDPOINT, else a `millrace up` of our own."""

    def __init__(self, temporary, needed):
        self._temporary, self._needed = pathlib.Path(temporary), needed
        self._server = None

    def __enter__(self):
        endpoint = os.environ.get("MILLRACE_ENDPOINT")
        tls = os.environ.get("MILLRACE_TLS_ENDPOINT")
        pid = os.environ.get("MILLRACE_PID")
        if not endpoint and not self._needed:
            return {"http": "", "tls": "", "pid": None, "certificate": ""}
        if not endpoint:
            self._server = Server(self._temporary / "data")
            self._server.start()
            endpoint, tls = self._server.endpoint, self._server.tls_endpoint
            pid = self._server.process.pid
        known = {"http": endpoint, "tls": tls, "pid": pid, "certificate": ""}
        if tls:
            known["certificate"] = str(certificate_of(tls, self._temporary / "server.pem"))
        return known

    def __exit__(self, *_):
        if self._server is None:
            return
        try:
            self._server.stop()
        finally:
            LOGS.joinpath("server.log").write_bytes(self._server.log_path.read_bytes())
            self._server.remove()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
