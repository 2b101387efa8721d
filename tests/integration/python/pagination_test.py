"""Tokens and iterators are opaque, signed, of one stream, and expire."""

import base64
import time

import pytest

import kinesis


def refused(client, call, *codes, **arguments):
    with pytest.raises(client.exceptions.ClientError) as error:
        getattr(client, call)(**arguments)
    assert kinesis.code_of(error) in codes, kinesis.message_of(error)
    return kinesis.message_of(error)


@pytest.fixture
def token(client, make_stream):
    return client.list_shards(StreamName=make_stream(3), MaxResults=1)["NextToken"]


def changed(text):
    """The same text with one character in its middle replaced."""
    middle = len(text) // 2
    return text[:middle] + ("A" if text[middle] != "A" else "B") + text[middle + 1:]


def test_a_next_token_goes_on_where_the_page_ended(client, token):
    answer = client.list_shards(NextToken=token)
    assert [s["ShardId"] for s in answer["Shards"]] == ["shardId-000000000001",
                                                       "shardId-000000000002"]


def test_a_next_token_may_be_used_twice(client, token):
    assert client.list_shards(NextToken=token)["Shards"] == \
        client.list_shards(NextToken=token)["Shards"]


def test_a_next_token_excludes_the_stream_name(client, token, shared_stream):
    message = refused(client, "list_shards", "InvalidArgumentException",
                      NextToken=token, StreamName=shared_stream)
    assert message == "NextToken and StreamName cannot be provided together."


def test_neither_token_nor_stream_is_refused(client):
    refused(client, "list_shards", "InvalidArgumentException", "ValidationException")


@pytest.mark.parametrize("bad", ["AAAA", "not a token", "x" * 500], ids=len)
def test_a_made_up_token_is_refused(client, bad):
    refused(client, "list_shards", "InvalidArgumentException", NextToken=bad)


def test_a_changed_token_is_refused(client, token):
    refused(client, "list_shards", "InvalidArgumentException", NextToken=changed(token))


def test_a_token_of_one_operation_is_refused_by_another(client, token, shared_stream):
    arn = kinesis.summary(client, shared_stream)["StreamARN"]
    refused(client, "list_streams", "InvalidArgumentException", NextToken=token)
    refused(client, "list_stream_consumers", "InvalidArgumentException", StreamARN=arn,
            NextToken=token)


def test_an_iterator_is_short_and_says_nothing_readable(client, shared_stream):
    position = kinesis.iterator(client, shared_stream, "shardId-000000000000")
    assert len(position) <= 512
    padded = position + "=" * (-len(position) % 4)
    assert shared_stream.encode() not in base64.b64decode(padded, altchars=b"-_")


@pytest.mark.parametrize("bad", ["AAAA", "not an iterator", "A" * 200], ids=len)
def test_a_made_up_iterator_is_refused(client, bad):
    assert refused(client, "get_records", "InvalidArgumentException",
                   ShardIterator=bad).startswith("Invalid ShardIterator")


def test_a_changed_iterator_is_refused(client, shared_stream):
    position = kinesis.iterator(client, shared_stream, "shardId-000000000000")
    refused(client, "get_records", "InvalidArgumentException", ShardIterator=changed(position))


def test_an_iterator_of_a_deleted_stream_finds_nothing(client, make_stream):
    name = make_stream()
    position = kinesis.iterator(client, name, "shardId-000000000000")
    client.delete_stream(StreamName=name)
    kinesis.wait_gone(client, name)
    refused(client, "get_records", "ResourceNotFoundException", ShardIterator=position)


@pytest.mark.slow
def test_tokens_and_iterators_expire_after_five_minutes(client, token, shared_stream):
    position = kinesis.iterator(client, shared_stream, "shardId-000000000000")
    time.sleep(305)
    refused(client, "list_shards", "ExpiredNextTokenException", NextToken=token)
    message = refused(client, "get_records", "ExpiredIteratorException", ShardIterator=position)
    assert message.startswith("Iterator expired.")
