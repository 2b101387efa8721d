"""Fixtures of the Python tests. The server is the one of AWS_ENDPOINT_URL (suite.py sets it, or
MILLRACE_ENDPOINT does by hand), else one started here for the session."""

import contextlib
import os

import pytest

import kinesis
import wire
from patience import SANITIZED
from server import BINARY, Server, client_environment


def pytest_collection_modifyitems(items):
    if os.environ.get("MILLRACE_SLOW") != "1":
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="takes minutes: MILLRACE_SLOW=1 runs it"))


@pytest.fixture(scope="session", autouse=True)
def endpoint():
    endpoint = os.environ.get("MILLRACE_ENDPOINT")
    if endpoint:
        keys = [os.environ.get(f"AWS_{name}", "test") for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY")]
        os.environ.update(client_environment(endpoint, *keys))
        yield endpoint
        return
    with Server() as server:
        os.environ.update(client_environment(server.endpoint))
        yield server.endpoint


@pytest.fixture(scope="session")
def client(endpoint):
    return kinesis.make_client()


@pytest.fixture(scope="session")
def impatient(endpoint):
    """A client that shows every error at once."""
    return kinesis.make_client(retries={"mode": "standard", "total_max_attempts": 1})


@pytest.fixture(scope="session")
def careless(endpoint):
    """A client that sends what it is given without checking it first."""
    return kinesis.make_client(parameter_validation=False,
                               retries={"mode": "standard", "total_max_attempts": 1})


@pytest.fixture
def make_stream(client):
    """Creates streams that are gone when the test is."""
    names = []

    def make(shards=1, **options):
        name = kinesis.unique_name()
        names.append(name)
        return kinesis.create_stream(client, name, shards, **options)

    yield make
    for name in names:
        with contextlib.suppress(client.exceptions.ResourceNotFoundException):
            kinesis.wait_active(client, name)
            client.delete_stream(StreamName=name, EnforceConsumerDeletion=True)


@pytest.fixture
def stream(make_stream):
    return make_stream()


@pytest.fixture(scope="module")
def shared_stream(client):
    """One stream for tests that change nothing in it."""
    name = kinesis.create_stream(client, kinesis.unique_name("shared"))
    yield name
    client.delete_stream(StreamName=name, EnforceConsumerDeletion=True)


class Target:
    """A server to be hostile to, of its own where the binary is built."""

    def __init__(self, endpoint, tls_endpoint, server=None):
        self.endpoint, self.tls_endpoint, self._server = endpoint, tls_endpoint, server

    def resident_bytes(self):
        """Memory of all its processes; None where they are not ours to look at, or where it says nothing."""
        return self._server.resident_bytes() if self._server and not SANITIZED else None


@pytest.fixture(scope="module")
def target(endpoint):
    if not BINARY.exists():
        yield Target(endpoint, os.environ.get("MILLRACE_TLS_ENDPOINT"))
        return
    with Server() as server:
        yield Target(server.endpoint, server.tls_endpoint, server)


@pytest.fixture(scope="module")
def neighbours(target):
    with wire.Neighbour(target.endpoint) as one:
        yield one


@pytest.fixture
def neighbour(neighbours):
    """A well-behaved client beside the test; it is judged when the test is over."""
    neighbours.new_faults()
    yield neighbours
    faults = neighbours.new_faults()
    assert faults == [], f"a well-behaved client was harmed: {faults[:3]}"


@pytest.fixture
def bounded(target):
    """Fails the test if the server's memory grew by more than this many bytes meanwhile."""
    before = target.resident_bytes()
    limits = {"growth": 256 * 2**20}
    yield limits
    if before is not None:
        grown = target.resident_bytes() - before
        assert grown < limits["growth"], f"{grown / 2**20:.0f} MiB more than before"
