"""Small steps over boto3 that the integration and fault tests share."""

import itertools
import time
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from patience import patient

HASH_KEY_END = 2**128 - 1


def make_client(endpoint=None, **options):
    """boto3 as it comes; without `endpoint` it finds AWS_ENDPOINT_URL by itself."""
    settings = {"retries": {"mode": "standard", "max_attempts": 8}, "connect_timeout": 5,
                "read_timeout": 60, "max_pool_connections": 50}
    settings.update(options)
    return boto3.session.Session().client("kinesis", endpoint_url=endpoint,
                                          config=Config(**settings))


def unique_name(prefix="it"):
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def eventually(condition, timeout_s=20.0, every_s=0.05):
    """The first true answer of `condition`, asked until the time is up; else the last one."""
    end = time.monotonic() + patient(timeout_s)
    while True:
        answer = condition()
        if answer or time.monotonic() > end:
            return answer
        time.sleep(every_s)


def summary(client, name):
    return client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]


def wait_active(client, name, timeout_s=20.0):
    status = eventually(lambda: summary(client, name)["StreamStatus"] == "ACTIVE", timeout_s)
    assert status, f"{name} is {summary(client, name)['StreamStatus']} after {timeout_s} s"


def wait_gone(client, name, timeout_s=20.0):
    def gone():
        try:
            client.describe_stream_summary(StreamName=name)
        except client.exceptions.ResourceNotFoundException:
            return True
        return False
    assert eventually(gone, timeout_s), f"{name} is still there after {timeout_s} s"


def create_stream(client, name, shards=1, **options):
    if shards:
        options["ShardCount"] = shards
    client.create_stream(StreamName=name, **options)
    wait_active(client, name)
    return name


def on_demand(**more):
    return {"shards": 0, "StreamModeDetails": {"StreamMode": "ON_DEMAND"}, **more}


def list_shards(client, name, **options):
    answer = client.list_shards(StreamName=name, **options)
    shards = answer["Shards"]
    while "NextToken" in answer:
        answer = client.list_shards(NextToken=answer["NextToken"])
        shards += answer["Shards"]
    return shards


def is_open(shard):
    return "EndingSequenceNumber" not in shard["SequenceNumberRange"]


def open_shards(client, name):
    return sorted((shard for shard in list_shards(client, name) if is_open(shard)),
                  key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))


def covers_hash_space(shards):
    """Whether the shards partition [0, 2^128) with neither gap nor overlap."""
    ranges = sorted((int(s["HashKeyRange"]["StartingHashKey"]), int(s["HashKeyRange"]["EndingHashKey"]))
                    for s in shards)
    return (ranges[0][0] == 0 and ranges[-1][1] == HASH_KEY_END and
            all(end + 1 == start for (_, end), (start, _) in itertools.pairwise(ranges)))


def iterator(client, name, shard_id, kind="TRIM_HORIZON", **options):
    return client.get_shard_iterator(StreamName=name, ShardId=shard_id, ShardIteratorType=kind,
                                     **options)["ShardIterator"]


def get_records(client, position, limit=None):
    """GetRecords that waits while the shard's read limit is used up."""
    options = {"Limit": limit} if limit else {}
    for _ in range(200):
        try:
            return client.get_records(ShardIterator=position, **options)
        except ClientError as error:
            if code_in(error) != "ProvisionedThroughputExceededException":
                raise
            time.sleep(0.1)
    raise AssertionError("the read limit did not lift in 20 s")


def read_from(client, position, until=None, timeout_s=20.0):
    """Records from an iterator to the end of a closed shard, to the tip of an open one, or until there
    are `until` of them (waiting for more to come). Time that runs out before the end is a failure of its
    own: what was not read yet is not lost."""
    records = []
    end = time.monotonic() + patient(timeout_s)
    while position and time.monotonic() < end:
        answer = get_records(client, position)
        records += answer["Records"]
        position = answer.get("NextShardIterator")
        if until is not None:
            if len(records) >= until:
                break
        elif not answer["Records"] and answer["MillisBehindLatest"] == 0:
            break
    else:
        assert until is not None or not position, f"no end after {len(records)} records in {timeout_s} s"
    return records


def read_shard(client, name, shard_id, kind="TRIM_HORIZON", **options):
    until = options.pop("until", None)
    return read_from(client, iterator(client, name, shard_id, kind, **options), until)


def read_stream(client, name):
    """{shard id: records in order}, closed shards too."""
    return {shard["ShardId"]: read_shard(client, name, shard["ShardId"])
            for shard in list_shards(client, name)}


def code_in(error):
    return error.response["Error"]["Code"]


def code_of(error):
    """Of what pytest.raises caught."""
    return code_in(error.value)


def message_of(error):
    return error.value.response["Error"]["Message"]
