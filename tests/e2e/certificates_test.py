"""Shard pods prove themselves to each other: clear text is refused at rest, taken while a rollout goes on, and refused again after it."""

import base64
import socket
import threading

import pytest
from conftest import NAMESPACE, NODES
from kubernetes import get, wait
from losses_test import SHARDS, pool_is_whole, shard_pods
from upgrade_test import all_run, images, set_image
from writers import writing

PEER_PORT = 4569
pytestmark = pytest.mark.skipif(NODES < 2, reason="needs pods that talk to each other")


@pytest.fixture
def stream(make_stream):
    make_stream("certified", shards=SHARDS)
    wait("the pool being whole", pool_is_whole, 120)
    return "certified"


def mode():
    return base64.b64decode(get("secret", "default-peer-tls", NAMESPACE)["data"]["mode"]).decode().strip()


def takes_clear_text(pod):
    """Whether its port for other pods answers a request that is not encrypted."""
    with socket.create_connection((pod["status"]["podIP"], PEER_PORT), timeout=5) as connection:
        connection.sendall(b"GET /peer/v1/hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        try:
            return connection.recv(16).startswith(b"HTTP/1.1")
        except ConnectionError:
            return False


class Modes:
    """What the pods were told, in turn. Use as a context."""

    def __enter__(self):
        self.seen = [mode()]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(10)

    def _watch(self):
        while not self._stop.wait(0.2):
            now = mode()
            if now != self.seen[-1]:
                self.seen.append(now)


def test_clear_text_between_pods_is_refused_but_for_the_time_of_a_rollout(stream, make_client, next_image):
    patient = lambda node, attempts, seconds: make_client(node, attempts=4, seconds=10)  # noqa: E731
    before = images().pop()
    wait("TLS alone being asked for", lambda: mode() == "require", 60)
    _, took = wait("every pod refusing clear text", lambda: not any(map(takes_clear_text, shard_pods())), 120, pause=0.5)
    print(f"clear text is refused {took:.0f} s after it was asked for")
    with writing(patient, stream, SHARDS) as writers:
        with Modes() as modes:
            set_image(next_image)
            wait("every pod running the new image", lambda: all_run(next_image), 300, pause=0.5)
            _, took = wait("TLS alone being asked for again", lambda: mode() == "require", 60)
            print(f"TLS alone is asked for {took:.1f} s after the last pod; in turn: {modes.seen}")
        wait("every pod refusing clear text", lambda: not any(map(takes_clear_text, shard_pods())), 120, pause=0.5)
        writers.wait_for_more(50)
        set_image(before)
        wait("every pod running the old image", lambda: all_run(before), 300, pause=0.5)
    assert modes.seen == ["require", "prefer", "require"]
    assert not writers.refused
