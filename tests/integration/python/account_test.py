"""Limits and settings of the account, and DryRun."""

import pytest

import kinesis

SHARD = "shardId-000000000000"


def test_limits_count_this_accounts_shards(client, make_stream):
    before = client.describe_limits()
    make_stream(3)
    after = client.describe_limits()
    assert after["ShardLimit"] >= after["OpenShardCount"] >= 3
    assert after["OpenShardCount"] - before["OpenShardCount"] >= 3 or before["OpenShardCount"] > 0
    assert after["OnDemandStreamCountLimit"] >= after["OnDemandStreamCount"] >= 0


def test_the_billing_commitment_is_switched_on_and_off_and_allows_warm_throughput(client, make_stream):
    setting = client.describe_account_settings()["MinimumThroughputBillingCommitment"]
    assert setting["Status"] in ("DISABLED", "ENABLED", "ENABLED_UNTIL_EARLIEST_ALLOWED_END")
    answer = client.update_account_settings(
        MinimumThroughputBillingCommitment={"Status": "ENABLED"})
    assert answer["MinimumThroughputBillingCommitment"]["Status"] == "ENABLED"
    setting = client.describe_account_settings()["MinimumThroughputBillingCommitment"]
    assert setting["Status"] == "ENABLED" and "StartedAt" in setting
    name = make_stream(**kinesis.on_demand())
    client.update_stream_warm_throughput(StreamName=name, WarmThroughputMiBps=100)
    kinesis.wait_active(client, name)
    assert kinesis.summary(client, name)["WarmThroughput"]["TargetMiBps"] == 100
    answer = client.update_account_settings(
        MinimumThroughputBillingCommitment={"Status": "DISABLED"})
    assert answer["MinimumThroughputBillingCommitment"]["Status"] == \
        "ENABLED_UNTIL_EARLIEST_ALLOWED_END"


def dry(client, call, **arguments):
    with pytest.raises(client.exceptions.ClientError) as error:
        getattr(client, call)(DryRun=True, **arguments)
    return kinesis.code_of(error)


def test_a_dry_run_says_that_it_would_have_worked_and_does_nothing(client, stream):
    would = "DryRunOperationException"
    assert dry(client, "put_record", StreamName=stream, Data=b"x", PartitionKey="k") == would
    assert dry(client, "put_records", StreamName=stream,
               Records=[{"Data": b"x", "PartitionKey": "k"}]) == would
    assert dry(client, "get_shard_iterator", StreamName=stream, ShardId=SHARD,
               ShardIteratorType="LATEST") == would
    position = kinesis.iterator(client, stream, SHARD)
    assert dry(client, "get_records", ShardIterator=position) == would
    assert kinesis.read_from(client, position) == []


def test_a_dry_run_of_what_would_fail_fails(client):
    missing = "ResourceNotFoundException"
    name = kinesis.unique_name("missing")
    assert dry(client, "put_record", StreamName=name, Data=b"x", PartitionKey="k") == missing
    assert dry(client, "get_shard_iterator", StreamName=name, ShardId=SHARD,
               ShardIteratorType="LATEST") == missing


def test_a_dry_run_of_a_subscription_opens_none(client, stream):
    arn = kinesis.summary(client, stream)["StreamARN"]
    consumer = client.register_stream_consumer(StreamARN=arn, ConsumerName="dry")["Consumer"]
    arguments = {"ConsumerARN": consumer["ConsumerARN"], "ShardId": SHARD,
                 "StartingPosition": {"Type": "LATEST"}}
    assert dry(client, "subscribe_to_shard", **arguments) == "DryRunOperationException"
    client.subscribe_to_shard(**arguments)["EventStream"].close()
