"""The AWS CLI as people type it."""

import base64
import json
import os
import pathlib
import subprocess
import sys

import pytest

import kinesis

AWS = pathlib.Path(sys.executable).with_name("aws")


def aws(*arguments):
    done = subprocess.run([sys.executable, AWS, "kinesis", *arguments], capture_output=True, text=True,
                          timeout=60, env=os.environ, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else None


@pytest.mark.skipif(not AWS.exists(), reason="no aws beside this Python")
def test_the_aws_cli_creates_puts_reads_and_deletes(endpoint):
    name = kinesis.unique_name("cli")
    aws("create-stream", "--stream-name", name, "--shard-count", "1")
    aws("wait", "stream-exists", "--stream-name", name)
    put = aws("put-record", "--stream-name", name, "--partition-key", "k", "--data", "hello")
    position = aws("get-shard-iterator", "--stream-name", name, "--shard-id", put["ShardId"],
                   "--shard-iterator-type", "TRIM_HORIZON")["ShardIterator"]
    record, = aws("get-records", "--shard-iterator", position)["Records"]
    assert record["SequenceNumber"] == put["SequenceNumber"]
    assert base64.b64decode(record["Data"]) == b"hello"
    assert name in aws("list-streams")["StreamNames"]
    aws("delete-stream", "--stream-name", name)
