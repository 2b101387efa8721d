"""Wrong input and the exception that AWS answers with: its name, and its words where clients or
people are known to match on them."""

import json
import urllib.error
import urllib.request

import pytest

import kinesis

SHARD = "shardId-000000000000"
MISSING = "no-such-stream-7f3a"
ACCOUNT = "000000000000"
NOT_FOUND = rf"Stream {MISSING} under account {ACCOUNT} not found."
RNF, IA, VE = "ResourceNotFoundException", "InvalidArgumentException", "ValidationException"
ARN = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/{MISSING}"

OF_A_MISSING_STREAM = {
    "describe_stream": {}, "describe_stream_summary": {}, "list_shards": {}, "delete_stream": {},
    "put_record": {"Data": b"x", "PartitionKey": "k"},
    "put_records": {"Records": [{"Data": b"x", "PartitionKey": "k"}]},
    "split_shard": {"ShardToSplit": SHARD, "NewStartingHashKey": "10"},
    "merge_shards": {"ShardToMerge": SHARD, "AdjacentShardToMerge": "shardId-000000000001"},
    "update_shard_count": {"TargetShardCount": 2, "ScalingType": "UNIFORM_SCALING"},
    "increase_stream_retention_period": {"RetentionPeriodHours": 48},
    "decrease_stream_retention_period": {"RetentionPeriodHours": 24},
    "add_tags_to_stream": {"Tags": {"a": "b"}}, "remove_tags_from_stream": {"TagKeys": ["a"]},
    "list_tags_for_stream": {},
    "enable_enhanced_monitoring": {"ShardLevelMetrics": ["ALL"]},
    "disable_enhanced_monitoring": {"ShardLevelMetrics": ["ALL"]},
    "start_stream_encryption": {"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"},
    "stop_stream_encryption": {"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"},
}


@pytest.mark.parametrize("call", OF_A_MISSING_STREAM)
def test_an_operation_on_a_missing_stream_says_so(impatient, call):
    with pytest.raises(impatient.exceptions.ResourceNotFoundException) as error:
        getattr(impatient, call)(StreamName=MISSING, **OF_A_MISSING_STREAM[call])
    assert kinesis.message_of(error) == NOT_FOUND
    metadata = error.value.response["ResponseMetadata"]
    assert metadata["HTTPStatusCode"] == 400 and metadata["RequestId"]


@pytest.mark.parametrize("call,arguments", [
    ("register_stream_consumer", {"StreamARN": ARN, "ConsumerName": "c"}),
    ("list_stream_consumers", {"StreamARN": ARN}),
    ("describe_stream_consumer", {"StreamARN": ARN, "ConsumerName": "c"}),
    ("deregister_stream_consumer", {"StreamARN": ARN, "ConsumerName": "c"}),
    ("update_stream_mode", {"StreamARN": ARN, "StreamModeDetails": {"StreamMode": "ON_DEMAND"}}),
    ("tag_resource", {"ResourceARN": ARN, "Tags": {"a": "b"}}),
    ("list_tags_for_resource", {"ResourceARN": ARN}),
    ("get_resource_policy", {"ResourceARN": ARN}),
])
def test_an_arn_of_a_missing_stream_finds_nothing(impatient, call, arguments):
    with pytest.raises(impatient.exceptions.ResourceNotFoundException):
        getattr(impatient, call)(**arguments)


CONSTRAINT = "failed to satisfy constraint: Member must "
WRONG = [
    ("create_stream", {"StreamName": "no spaces", "ShardCount": 1}, VE,
     f"1 validation error detected: Value 'no spaces' at 'streamName' {CONSTRAINT}"
     "satisfy regular expression pattern: [a-zA-Z0-9_.-]+"),
    ("create_stream", {"StreamName": "", "ShardCount": 1}, VE,
     f"Value '' at 'streamName' {CONSTRAINT}have length greater than or equal to 1"),
    ("create_stream", {"StreamName": "n" * 129, "ShardCount": 1}, VE,
     f"at 'streamName' {CONSTRAINT}have length less than or equal to 128"),
    ("create_stream", {"StreamName": "fine", "ShardCount": 0}, VE,
     f"1 validation error detected: Value '0' at 'shardCount' {CONSTRAINT}"
     "have value greater than or equal to 1"),
    ("create_stream", {"ShardCount": 1}, VE,
     f"1 validation error detected: Value null at 'streamName' {CONSTRAINT}not be null"),
    ("create_stream", {"StreamName": "a b", "ShardCount": 0}, VE, "2 validation errors detected: "),
    ("put_record", {"StreamName": MISSING, "PartitionKey": "k"}, VE,
     f"1 validation error detected: Value null at 'data' {CONSTRAINT}not be null"),
    ("put_record", {"StreamName": MISSING, "Data": b"x", "PartitionKey": ""}, VE,
     f"Value '' at 'partitionKey' {CONSTRAINT}have length greater than or equal to 1"),
    ("put_record", {"StreamName": MISSING, "Data": b"x", "PartitionKey": "k" * 257}, VE,
     f"at 'partitionKey' {CONSTRAINT}have length less than or equal to 256"),
    ("put_record", {"StreamName": MISSING, "Data": b"x", "PartitionKey": "k",
                    "ExplicitHashKey": "-1"}, VE, "at 'explicitHashKey' failed to satisfy constraint: "
     "Member must satisfy regular expression pattern: 0|([1-9]\\d{0,38})"),
    ("put_records", {"StreamName": MISSING, "Records": []}, VE,
     f"at 'records' {CONSTRAINT}have length greater than or equal to 1"),
    ("get_records", {"ShardIterator": "x", "Limit": 10001}, VE,
     f"Value '10001' at 'limit' {CONSTRAINT}have value less than or equal to 10000"),
    ("get_records", {"ShardIterator": ""}, VE,
     f"Value '' at 'shardIterator' {CONSTRAINT}have length greater than or equal to 1"),
    ("get_records", {}, VE,
     f"1 validation error detected: Value null at 'shardIterator' {CONSTRAINT}not be null"),
    ("get_shard_iterator", {"StreamName": MISSING, "ShardId": SHARD, "ShardIteratorType": "SOON"}, VE,
     f"Value 'SOON' at 'shardIteratorType' {CONSTRAINT}satisfy enum value set: "),
    ("list_streams", {"Limit": 0}, VE,
     f"Value '0' at 'limit' {CONSTRAINT}have value greater than or equal to 1"),
    ("list_tags_for_stream", {"StreamName": MISSING, "Limit": 51}, VE,
     f"Value '51' at 'limit' {CONSTRAINT}have value less than or equal to 50"),
]


@pytest.mark.parametrize("call,arguments,code,text", WRONG,
                         ids=[f"{i}-{case[0]}" for i, case in enumerate(WRONG)])
def test_an_input_outside_its_constraints_names_them(careless, call, arguments, code, text):
    with pytest.raises(careless.exceptions.ClientError) as error:
        getattr(careless, call)(**arguments)
    assert kinesis.code_of(error) == code
    assert text in kinesis.message_of(error)


WRONG_VALUES = [
    ("put_record", {"Data": b"x", "PartitionKey": "k", "ExplicitHashKey": str(2**128)}, IA,
     "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. "
     f"Specified value was {2**128}"),
    ("put_record", {"Data": b"x", "PartitionKey": "k", "SequenceNumberForOrdering": "1" * 60}, IA, ""),
    ("get_shard_iterator", {"ShardId": "shardId-000000000009", "ShardIteratorType": "LATEST"}, RNF,
     f"under account {ACCOUNT} does not exist"),
    ("get_shard_iterator", {"ShardId": "nonsense", "ShardIteratorType": "LATEST"}, RNF,
     "Could not find shard nonsense in stream "),
    ("get_shard_iterator", {"ShardId": SHARD, "ShardIteratorType": "AT_SEQUENCE_NUMBER"}, IA,
     "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber "
     "or (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. "
     "Request specified AT_SEQUENCE_NUMBER and no StartingSequenceNumber."),
    ("get_shard_iterator", {"ShardId": SHARD, "ShardIteratorType": "LATEST",
                            "StartingSequenceNumber": "5"}, IA,
     "Request specified LATEST and also a StartingSequenceNumber."),
    ("get_shard_iterator", {"ShardId": SHARD, "ShardIteratorType": "AT_SEQUENCE_NUMBER",
                            "StartingSequenceNumber": "9" * 56}, IA, "StartingSequenceNumber"),
    ("get_shard_iterator", {"ShardId": SHARD, "ShardIteratorType": "AT_TIMESTAMP"}, IA,
     "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. "
     "Current request has no timestamp parameter."),
    ("get_shard_iterator", {"ShardId": SHARD, "ShardIteratorType": "AT_TIMESTAMP",
                            "Timestamp": 4102444800}, IA,
     "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis."),
    ("split_shard", {"ShardToSplit": "shardId-000000000009", "NewStartingHashKey": "10"}, RNF,
     "Could not find shard shardId-000000000009 in stream "),
    ("merge_shards", {"ShardToMerge": SHARD, "AdjacentShardToMerge": "shardId-000000000009"}, RNF,
     "Could not find shard shardId-000000000009 in stream "),
    ("stop_stream_encryption", {"EncryptionType": "NONE", "KeyId": "k"}, f"{IA}|{VE}", ""),
]


@pytest.mark.parametrize("call,arguments,codes,text", WRONG_VALUES,
                         ids=[f"{i}-{case[0]}" for i, case in enumerate(WRONG_VALUES)])
def test_a_wrong_value_is_explained(careless, shared_stream, call, arguments, codes, text):
    with pytest.raises(careless.exceptions.ClientError) as error:
        getattr(careless, call)(StreamName=shared_stream, **arguments)
    assert kinesis.code_of(error) in codes.split("|")
    assert text in kinesis.message_of(error)


def test_zero_is_a_sequence_number_that_starts_at_the_beginning(client, stream):
    client.put_record(StreamName=stream, Data=b"x", PartitionKey="k")
    for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
        records = kinesis.read_shard(client, stream, SHARD, kind, StartingSequenceNumber="0")
        assert [r["Data"] for r in records] == [b"x"]


def test_a_sequence_number_of_another_shard_is_refused(careless, make_stream):
    name = make_stream(2)
    foreign = careless.put_record(StreamName=name, Data=b"x", PartitionKey="k",
                                  ExplicitHashKey=str(2**128 - 1))
    assert foreign["ShardId"] == "shardId-000000000001"
    with pytest.raises(careless.exceptions.InvalidArgumentException):
        kinesis.iterator(careless, name, SHARD, "AT_SEQUENCE_NUMBER",
                         StartingSequenceNumber=foreign["SequenceNumber"])


def raw(endpoint, body, content_type="application/x-amz-json-1.1", method="POST", **headers):
    """(status, headers, body) of a request that no SDK would send."""
    names = {"Content-Type": content_type,
             "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/kinesis/aws4_request, "
                              "SignedHeaders=host, Signature=00", "X-Amz-Date": "20260101T000000Z"}
    names.update({name.replace("_", "-"): value for name, value in headers.items()})
    request = urllib.request.Request(endpoint + "/", body, names, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


@pytest.mark.parametrize("body,headers,status,kind", [
    (b"{}", {"X_Amz_Target": "Kinesis_20131202.Frobnicate"}, 400, "UnknownOperationException"),
    (b"{}", {"X_Amz_Target": "Other_20131202.ListStreams"}, 400, "UnknownOperationException"),
    (b"not json", {"X_Amz_Target": "Kinesis_20131202.ListStreams"}, 400, "SerializationException"),
    (b"[]", {"X_Amz_Target": "Kinesis_20131202.ListStreams"}, 400, "SerializationException"),
    (b'{"Limit":"3"}', {"X_Amz_Target": "Kinesis_20131202.ListStreams"}, 400,
     "SerializationException"),
    (b'{"StreamName":7}', {"X_Amz_Target": "Kinesis_20131202.DescribeStream"}, 400,
     "SerializationException"),
    (b'{"StreamName":"s","PartitionKey":"k","Data":"***"}',
     {"X_Amz_Target": "Kinesis_20131202.PutRecord"}, 400, "SerializationException"),
], ids=["operation", "service", "garbage", "list", "number", "string", "base64"])
def test_a_request_that_makes_no_sense_gets_a_typed_error(endpoint, body, headers, status, kind):
    answered, fields, answer = raw(endpoint, body, **headers)
    assert answered == status
    assert json.loads(answer)["__type"].split("#")[-1] == kind
    assert fields["x-amzn-RequestId"] and fields["Content-Type"].startswith("application/x-amz-json")


def test_success_and_failure_carry_a_request_id_and_a_date(endpoint):
    for target, status in (("ListStreams", 200), ("DescribeStream", 400)):
        answered, fields, body = raw(endpoint, b"{}", X_Amz_Target=f"Kinesis_20131202.{target}")
        assert answered == status
        assert fields["x-amzn-RequestId"] and fields["x-amz-id-2"] and fields["Date"]
        assert b'": ' not in body, "compact JSON: Fluent Bit looks for literal text in it"


@pytest.mark.parametrize("target", ["CreateQueue", "ListQueues", "CreateChannel", "ListChannels"])
def test_queues_and_channels_answer_a_clear_error(endpoint, target):
    status, _, body = raw(endpoint, b"{}", X_Amz_Target=f"Kinesis_20131202.{target}")
    assert status == 400
    answer = json.loads(body)
    assert answer["__type"] and len(answer.get("message", "")) > 10
