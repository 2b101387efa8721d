"""The endpoint's sockets: who listens on them, and that they outlive the process that accepts."""

import re
import resource
import socket
import ssl
import subprocess
import threading
import time

from server import BINARY, Server

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
KILLS = 5


def ask(server, tls):
    """One new connection and one request; the answer's first line."""
    port = server.tls_port if tls else server.port
    with socket.create_connection((server.host, port), timeout=20) as connection:
        if tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            connection = context.wrap_socket(connection)
        connection.sendall(REQUEST)
        return connection.recv(200).split(b"\r\n")[0]


def test_nobody_is_refused_while_the_shard_process_is_away():
    """Answers that the dying process owed are lost, so only connections made after its death count."""
    with Server() as server:
        for _ in range(KILLS):
            dead = server.kill_shards()
            assert dead
            answers, threads = [], []

            def call(tls):
                try:
                    answers.append(ask(server, tls))
                except OSError as error:
                    answers.append(error)

            while set(dead) & set(server.shard_pids()):  # not reaped yet
                time.sleep(0.001)
            for i in range(20):
                threads.append(threading.Thread(target=call, args=(i % 2 == 1,)))
                threads[-1].start()
            for thread in threads:
                thread.join(30)
            assert len(answers) == 20
            assert [a for a in answers if not (isinstance(a, bytes) and a.startswith(b"HTTP/1.1 "))] == []


def test_any_free_port_is_printed(tmp_path):
    process = subprocess.Popen([BINARY, "up", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0",
                                "--data", tmp_path / "data"], stdout=subprocess.PIPE, text=True)
    try:
        ready = process.stdout.readline()
        port = int(re.fullmatch(r"millrace is ready at http://127\.0\.0\.1:(\d+)\n", ready)[1])
        tls_port = int(re.fullmatch(r"  TLS on 127\.0\.0\.1:(\d+)\n", process.stdout.readline())[1])
        assert 0 < port != tls_port > 0
        for one in (port, tls_port):
            socket.create_connection(("127.0.0.1", one), timeout=5).close()
    finally:
        process.terminate()
        assert process.wait(15) == 0


def test_the_shard_process_may_open_as_many_files_as_there_can_be():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    try:
        with Server(tls=False) as server:
            shard, = server.shard_pids()
            assert resource.prlimit(shard, resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
