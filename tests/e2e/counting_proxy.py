"""Stands between an operator and the API server, counts its writes of what bears a name, and tells when one of them has been answered
by the server but not yet heard of by the operator: the moment at which to kill it."""

import re
import socket
import subprocess
import threading

from kubernetes import ENVIRONMENT

_WRITE = re.compile(rb"(POST|PUT|PATCH|DELETE) (\S+) HTTP/1.1")
# What no decision hangs on.
_NO_WRITES = re.compile(rb"/(leases|events)(/|\?|$)")


class CountingProxy:
    """Use as a context. `on_write(number, what)` is called on a thread of a connection, before the answer is passed on."""

    def __init__(self, on_write):
        self._on_write = on_write
        self._lock = threading.Lock()
        self._name = b""
        self.writes = []

    def count(self, name):
        """From now on, writes that mention it in path or body; begins again with the first."""
        with self._lock:
            self._name, self.writes = name.encode(), []

    def __enter__(self):
        # kubectl does what TLS and credentials need.
        self._kubectl = subprocess.Popen(["kubectl", "proxy", "--port=0", "--disable-filter"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                         env=ENVIRONMENT)
        self._upstream = int(re.search(r":(\d+)", self._kubectl.stdout.readline())[1])
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.close()
        self._kubectl.kill()
        self._kubectl.wait()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._upstream))
            pending = []  # writes that were passed on, not answered yet
            threading.Thread(target=self._requests, args=(client, server, pending), daemon=True).start()
            threading.Thread(target=self._answers, args=(client, server, pending), daemon=True).start()

    def _requests(self, client, server, pending):
        """One request after another: a head, and the body that it announces."""
        buffer = b""
        try:
            while True:
                while b"\r\n\r\n" not in buffer:
                    piece = client.recv(65536)
                    if not piece:
                        return server.close()
                    buffer += piece
                head, buffer = buffer.split(b"\r\n\r\n", 1)
                length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
                missing = int(length[1]) if length else 0
                while len(buffer) < missing:
                    piece = client.recv(65536)
                    if not piece:
                        return server.close()
                    buffer += piece
                write = _WRITE.match(head)
                name = self._name
                if write and not _NO_WRITES.search(write[2]) and (name in write[2] or name in buffer[:missing]):
                    pending.append((name, f"{write[1].decode()} {write[2].decode().partition('?')[0]}"))
                server.sendall(head + b"\r\n\r\n" + buffer[:missing])
                buffer = buffer[missing:]
        except OSError:
            server.close()

    def _answers(self, client, server, pending):
        try:
            while piece := server.recv(65536):
                if pending:
                    self._count(*pending.pop())
                client.sendall(piece)
        except OSError:
            pass
        client.close()

    def _count(self, name, what):
        with self._lock:
            if name != self._name:  # of what was counted before
                return
            self.writes.append(what)
            number = len(self.writes)
        self._on_write(number, what)
