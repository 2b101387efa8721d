"""Concurrent puts and reads, recorded and judged by Porcupine (a Go program), with and without kills."""

import os
import pathlib
import random
import re
import subprocess
import time

import pytest

import kinesis
from server import Server, client_environment
from workload import CALL

PROGRAM = pathlib.Path(os.environ.get("MILLRACE_LINEARIZABILITY", "linearizability-is-not-built"))


@pytest.mark.parametrize("kills", [0, 3])
def test_a_history_of_puts_and_reads_is_linearizable(kills):
    if not PROGRAM.exists():
        pytest.skip("LOUD: the Go program is not built, linearizability is not tested")
    with Server(tls=False) as server:
        client = kinesis.make_client(server.endpoint, **CALL)
        name = kinesis.create_stream(client, kinesis.unique_name("history"), **kinesis.on_demand())
        seconds = 4 if kills == 0 else 7
        checker = subprocess.Popen([PROGRAM, "-stream", name, "-seconds", str(seconds)],
                                   stdout=subprocess.PIPE, text=True,
                                   env={**os.environ, **client_environment(server.endpoint)})
        for _ in range(kills):
            time.sleep(random.uniform(0.8, 1.8))
            server.kill_shards()
        output, _ = checker.communicate(timeout=120)
        print(output)
        assert checker.returncode == 0, output
        assert int(re.search(r"Ok: (\d+) operations", output)[1]) > 200
