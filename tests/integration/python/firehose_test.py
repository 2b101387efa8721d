"""Every operation of Firehose with boto3, unmodified: delivery streams by their API."""

import contextlib
import subprocess
import time
import uuid

import boto3
import botocore.config
import botocore.exceptions
import pytest

import kinesis
from patience import patient
from server import BINARY

ROLE = "arn:aws:iam::000000000000:role/firehose"
S3 = {"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::lake"}


@pytest.fixture(scope="module")
def firehose(endpoint):
    config = botocore.config.Config(retries={"mode": "standard", "total_max_attempts": 2}, parameter_validation=False)
    return boto3.client("firehose", config=config)


def unique():
    return f"delivery-{uuid.uuid4().hex[:12]}"


def describe(firehose, name):
    return firehose.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]


def wait_for(firehose, name, status="ACTIVE", within_s=20):
    end = time.monotonic() + patient(within_s)
    while time.monotonic() < end:
        seen = describe(firehose, name)
        if seen["DeliveryStreamStatus"] == status:
            return seen
        time.sleep(0.1)
    raise AssertionError(f"{name} is not {status}: {seen}")


@pytest.fixture
def make(firehose):
    names = []

    def make(wait=True, **options):
        name = options.pop("DeliveryStreamName", None) or unique()
        names.append(name)
        if not any("Destination" in option for option in options):
            options["ExtendedS3DestinationConfiguration"] = S3
        answer = firehose.create_delivery_stream(DeliveryStreamName=name, **options)
        assert answer["DeliveryStreamARN"] == f"arn:aws:firehose:us-east-1:000000000000:deliverystream/{name}"
        if wait:
            wait_for(firehose, name)
        return name

    yield make
    for name in names:
        with contextlib.suppress(botocore.exceptions.ClientError):
            firehose.delete_delivery_stream(DeliveryStreamName=name)


def refused(call, code, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as error:
        call(**arguments)
    assert error.value.response["Error"]["Code"] == code, error.value
    return error.value.response["Error"]["Message"]


def test_a_created_delivery_stream_becomes_active_and_is_described(firehose, make):
    name = make(ExtendedS3DestinationConfiguration={
        **S3, "Prefix": "o/!{timestamp:yyyy}/", "ErrorOutputPrefix": "e/!{firehose:error-output-type}/",
        "BufferingHints": {"SizeInMBs": 7, "IntervalInSeconds": 0}, "CompressionFormat": "GZIP",
        "CloudWatchLoggingOptions": {"Enabled": True, "LogGroupName": "g", "LogStreamName": "s"},
        "ProcessingConfiguration": {"Enabled": True, "Processors": [
            {"Type": "AppendDelimiterToRecord", "Parameters": [{"ParameterName": "Delimiter", "ParameterValue": "\\n"}]}]}})
    seen = describe(firehose, name)
    assert seen["DeliveryStreamType"] == "DirectPut" and seen["VersionId"] == "1"
    assert seen["CreateTimestamp"].year >= 2025 and seen["HasMoreDestinations"] is False
    assert seen["DeliveryStreamEncryptionConfiguration"] == {"Status": "DISABLED"}
    [destination] = seen["Destinations"]
    assert destination["DestinationId"] == "destinationId-000000000001"
    extended = destination["ExtendedS3DestinationDescription"]
    assert extended["RoleARN"] == ROLE and extended["BucketARN"] == "arn:aws:s3:::lake"
    assert extended["BufferingHints"] == {"SizeInMBs": 7, "IntervalInSeconds": 0}
    assert extended["CompressionFormat"] == "GZIP" and extended["S3BackupMode"] == "Disabled"
    assert extended["CloudWatchLoggingOptions"]["LogGroupName"] == "g"
    assert extended["ProcessingConfiguration"]["Processors"][0]["Type"] == "AppendDelimiterToRecord"
    assert destination["S3DestinationDescription"]["Prefix"] == "o/!{timestamp:yyyy}/"


def test_what_is_wrong_with_a_request_is_said(firehose, make):
    create = firehose.create_delivery_stream
    assert "Exactly one destination" in refused(create, "InvalidArgumentException", DeliveryStreamName=unique())
    assert "Exactly one destination" in refused(
        create, "InvalidArgumentException", DeliveryStreamName=unique(), S3DestinationConfiguration=S3,
        HttpEndpointDestinationConfiguration={"EndpointConfiguration": {"Url": "http://a"}, "S3Configuration": S3})
    assert "deliveryStreamName" in refused(create, "ValidationException", DeliveryStreamName="a b", S3DestinationConfiguration=S3)
    assert "bucketARN" in refused(create, "ValidationException", DeliveryStreamName=unique(),
                                  S3DestinationConfiguration={"RoleARN": ROLE})
    assert "specified together" in refused(create, "InvalidArgumentException", DeliveryStreamName=unique(),
                                           S3DestinationConfiguration={**S3, "BufferingHints": {"SizeInMBs": 5}})
    assert "errorOutputPrefix" in refused(create, "InvalidArgumentException", DeliveryStreamName=unique(),
                                          S3DestinationConfiguration={**S3, "Prefix": "!{timestamp:yyyy}"})
    assert "not offered" in refused(create, "InvalidArgumentException", DeliveryStreamName=unique(),
                                    IcebergDestinationConfiguration={"RoleARN": ROLE})
    name = make()
    assert "already exists" in refused(create, "ResourceInUseException", DeliveryStreamName=name, S3DestinationConfiguration=S3)
    assert "not found" in refused(firehose.describe_delivery_stream, "ResourceNotFoundException", DeliveryStreamName=unique())


def test_a_source_stream_is_found_by_its_arn(firehose, client, make, stream):
    arn = kinesis.summary(client, stream)["StreamARN"]
    source = {"KinesisStreamARN": arn, "RoleARN": ROLE}
    name = make(DeliveryStreamType="KinesisStreamAsSource", KinesisStreamSourceConfiguration=source)
    seen = describe(firehose, name)
    assert seen["DeliveryStreamType"] == "KinesisStreamAsSource"
    assert seen["Source"]["KinesisStreamSourceDescription"]["KinesisStreamARN"] == arn
    assert "not permitted on KinesisStreamAsSource" in refused(
        firehose.put_record, "InvalidArgumentException", DeliveryStreamName=name, Record={"Data": b"x"})
    assert "must be specified" in refused(firehose.create_delivery_stream, "InvalidArgumentException",
                                          DeliveryStreamName=unique(), DeliveryStreamType="KinesisStreamAsSource",
                                          S3DestinationConfiguration=S3)


def test_records_put_are_durable_in_the_hidden_stream(firehose, client, make):
    name = make()
    answer = firehose.put_record(DeliveryStreamName=name, Record={"Data": b"one"})
    assert answer["RecordId"] and answer["Encrypted"] is False
    batch = firehose.put_record_batch(DeliveryStreamName=name, Records=[{"Data": b"%d" % i} for i in range(500)])
    assert batch["FailedPutCount"] == 0
    assert len({entry["RecordId"] for entry in batch["RequestResponses"]}) == 500
    hidden = f"millrace.firehose.{name}"
    assert hidden not in client.list_streams(Limit=100)["StreamNames"]
    data = set()
    for shard in kinesis.list_shards(client, hidden):
        iterator = client.get_shard_iterator(StreamName=hidden, ShardId=shard["ShardId"],
                                             ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        data |= {record["Data"] for record in client.get_records(ShardIterator=iterator)["Records"]}
    assert data == {b"one"} | {b"%d" % i for i in range(500)}


def test_limits_of_puts_hold(firehose, make):
    name = make()
    put, batch = firehose.put_record, firehose.put_record_batch
    assert put(DeliveryStreamName=name, Record={"Data": b"x" * 1024_000})["RecordId"]
    refused(put, "ValidationException", DeliveryStreamName=name, Record={"Data": b"x" * 1024_001})
    refused(batch, "ValidationException", DeliveryStreamName=name, Records=[{"Data": b"x"}] * 501)
    assert "4 MB" in refused(batch, "InvalidArgumentException", DeliveryStreamName=name,
                             Records=[{"Data": b"x" * 1_000_000}] * 5)
    refused(put, "ResourceNotFoundException", DeliveryStreamName=unique(), Record={"Data": b"x"})


def test_an_update_merges_and_counts_versions(firehose, make):
    name = make(ExtendedS3DestinationConfiguration={**S3, "Prefix": "kept/", "CompressionFormat": "GZIP"})
    update = {"DeliveryStreamName": name, "DestinationId": "destinationId-000000000001"}
    firehose.update_destination(**update, CurrentDeliveryStreamVersionId="1", ExtendedS3DestinationUpdate={
        "BufferingHints": {"SizeInMBs": 9, "IntervalInSeconds": 60}})
    seen = describe(firehose, name)
    extended = seen["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert seen["VersionId"] == "2" and seen["LastUpdateTimestamp"].year >= 2025
    assert extended["BufferingHints"]["SizeInMBs"] == 9
    assert extended["Prefix"] == "kept/" and extended["CompressionFormat"] == "GZIP"
    refused(firehose.update_destination, "ConcurrentModificationException", **update, CurrentDeliveryStreamVersionId="1",
            ExtendedS3DestinationUpdate={"Prefix": "x/"})
    refused(firehose.update_destination, "InvalidArgumentException", DeliveryStreamName=name, DestinationId="nonsense",
            CurrentDeliveryStreamVersionId="2", ExtendedS3DestinationUpdate={"Prefix": "x/"})
    firehose.update_destination(**update, CurrentDeliveryStreamVersionId="2", HttpEndpointDestinationUpdate={
        "EndpointConfiguration": {"Url": "http://127.0.0.1:9", "AccessKey": "secret"}, "S3Update": S3})
    seen = describe(firehose, name)
    assert seen["VersionId"] == "3" and "ExtendedS3DestinationDescription" not in seen["Destinations"][0]
    assert "secret" not in str(seen)
    refused(firehose.update_destination, "InvalidArgumentException", **update, CurrentDeliveryStreamVersionId="3",
            AmazonopensearchserviceDestinationUpdate={"ClusterEndpoint": "http://a", "IndexName": "i", "S3Update": S3})


@pytest.mark.parametrize("kind, configuration", [
    ("HttpEndpoint", {"EndpointConfiguration": {"Url": "http://127.0.0.1:9/in", "Name": "n", "AccessKey": "k"},
                      "RequestConfiguration": {"ContentEncoding": "GZIP", "CommonAttributes": [
                          {"AttributeName": "a", "AttributeValue": "b"}]}}),
    ("Splunk", {"HECEndpoint": "http://127.0.0.1:9", "HECEndpointType": "Event", "HECToken": "t"}),
    ("Amazonopensearchservice", {"RoleARN": ROLE, "ClusterEndpoint": "http://127.0.0.1:9", "IndexName": "i",
                                 "IndexRotationPeriod": "OneHour"}),
    ("Elasticsearch", {"RoleARN": ROLE, "ClusterEndpoint": "http://127.0.0.1:9", "IndexName": "i"}),
    ("AmazonOpenSearchServerless", {"RoleARN": ROLE, "CollectionEndpoint": "http://127.0.0.1:9", "IndexName": "i"}),
    ("Redshift", {"RoleARN": ROLE, "ClusterJDBCURL": "jdbc:postgresql://127.0.0.1:9/db", "Username": "u",
                  "Password": "secret", "CopyCommand": {"DataTableName": "t"}}),
])
def test_every_destination_comes_back_as_it_was_made(firehose, make, kind, configuration):
    name = make(**{f"{kind}DestinationConfiguration": {**configuration, "S3Configuration": S3,
                                                       "RetryOptions": {"DurationInSeconds": 7}}})
    [destination] = describe(firehose, name)["Destinations"]
    shown = destination[f"{kind}DestinationDescription"]
    assert shown["S3DestinationDescription"]["BucketARN"] == "arn:aws:s3:::lake"
    assert shown["RetryOptions"] == {"DurationInSeconds": 7}
    for member, value in configuration.items():
        if member in ("HECToken", "Username", "Password"):
            assert member not in shown
        elif member == "EndpointConfiguration":
            assert shown[member] == {"Url": value["Url"], "Name": "n"}
        else:
            assert shown[member] == value, member


def test_format_conversion_and_partitioning_come_back(firehose, make):
    name = make(wait=False, ExtendedS3DestinationConfiguration={
        **S3, "Prefix": "!{partitionKeyFromQuery:c}/", "ErrorOutputPrefix": "!{firehose:error-output-type}/",
        "DynamicPartitioningConfiguration": {"Enabled": True, "RetryOptions": {"DurationInSeconds": 9}},
        "ProcessingConfiguration": {"Enabled": True, "Processors": [{"Type": "MetadataExtraction", "Parameters": [
            {"ParameterName": "MetadataExtractionQuery", "ParameterValue": "{c: .c}"},
            {"ParameterName": "JsonParsingEngine", "ParameterValue": "JQ-1.6"}]}]},
        "DataFormatConversionConfiguration": {
            "SchemaConfiguration": {"RoleARN": ROLE, "DatabaseName": "d", "TableName": "t"},
            "InputFormatConfiguration": {"Deserializer": {"HiveJsonSerDe": {"TimestampFormats": ["millis"]}}},
            "OutputFormatConfiguration": {"Serializer": {"OrcSerDe": {"Compression": "ZLIB"}}}}})
    shown = describe(firehose, name)["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert shown["BufferingHints"]["SizeInMBs"] == 128
    assert shown["DynamicPartitioningConfiguration"] == {"Enabled": True, "RetryOptions": {"DurationInSeconds": 9}}
    conversion = shown["DataFormatConversionConfiguration"]
    assert conversion["SchemaConfiguration"]["RoleARN"] == ROLE
    assert conversion["InputFormatConfiguration"]["Deserializer"]["HiveJsonSerDe"] == {"TimestampFormats": ["millis"]}
    assert conversion["OutputFormatConfiguration"]["Serializer"]["OrcSerDe"]["Compression"] == "ZLIB"


def test_tags_are_kept_and_paged(firehose, make):
    name = make(Tags=[{"Key": "a", "Value": "1"}])
    firehose.tag_delivery_stream(DeliveryStreamName=name, Tags=[{"Key": "b", "Value": "2"}, {"Key": "c"}])
    page = firehose.list_tags_for_delivery_stream(DeliveryStreamName=name, Limit=2)
    assert page["Tags"] == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}] and page["HasMoreTags"]
    page = firehose.list_tags_for_delivery_stream(DeliveryStreamName=name, ExclusiveStartTagKey="b")
    assert page["Tags"] == [{"Key": "c", "Value": ""}] and not page["HasMoreTags"]
    firehose.untag_delivery_stream(DeliveryStreamName=name, TagKeys=["a", "unknown"])
    assert [t["Key"] for t in firehose.list_tags_for_delivery_stream(DeliveryStreamName=name)["Tags"]] == ["b", "c"]
    refused(firehose.tag_delivery_stream, "LimitExceededException", DeliveryStreamName=name,
            Tags=[{"Key": f"k{i}", "Value": ""} for i in range(50)])
    assert describe(firehose, name)["VersionId"] == "1", "tags are no new version"


def test_encryption_starts_and_stops(firehose, make):
    name = make()
    firehose.start_delivery_stream_encryption(DeliveryStreamName=name, DeliveryStreamEncryptionConfigurationInput={
        "KeyType": "CUSTOMER_MANAGED_CMK", "KeyARN": "arn:aws:kms:us-east-1:000000000000:key/k"})
    end = time.monotonic() + 20
    while describe(firehose, name)["DeliveryStreamEncryptionConfiguration"]["Status"] != "ENABLED":
        assert time.monotonic() < end
        time.sleep(0.2)
    seen = describe(firehose, name)["DeliveryStreamEncryptionConfiguration"]
    assert seen["KeyARN"].endswith("key/k") and seen["KeyType"] == "CUSTOMER_MANAGED_CMK"
    assert firehose.put_record(DeliveryStreamName=name, Record={"Data": b"x"})["Encrypted"] is True
    firehose.stop_delivery_stream_encryption(DeliveryStreamName=name)
    assert describe(firehose, name)["DeliveryStreamEncryptionConfiguration"]["Status"] in ("DISABLING", "DISABLED")


def test_names_are_listed_in_pages_and_by_type(firehose, make):
    prefix = unique()
    names = [make(wait=False, DeliveryStreamName=f"{prefix}-{i}") for i in range(3)]
    page = firehose.list_delivery_streams(Limit=2, ExclusiveStartDeliveryStreamName=prefix)
    assert page["DeliveryStreamNames"] == names[:2] and page["HasMoreDeliveryStreams"] is True
    page = firehose.list_delivery_streams(ExclusiveStartDeliveryStreamName=names[1], DeliveryStreamType="DirectPut")
    assert names[2] in page["DeliveryStreamNames"]
    page = firehose.list_delivery_streams(DeliveryStreamType="MSKAsSource", Limit=100)
    assert not set(names) & set(page["DeliveryStreamNames"])


def test_a_deleted_delivery_stream_is_deleting_or_gone(firehose, make):
    name = make()
    firehose.delete_delivery_stream(DeliveryStreamName=name)
    try:
        assert describe(firehose, name)["DeliveryStreamStatus"] == "DELETING"
    except firehose.exceptions.ResourceNotFoundException:
        pass
    refused(firehose.delete_delivery_stream, "ResourceNotFoundException", DeliveryStreamName=unique())


def millrace(*words, text=None):
    done = subprocess.run([str(BINARY), *words], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=30, check=False)
    return done.returncode, done.stdout


def test_what_the_api_makes_the_command_line_shows_and_the_other_way_round(firehose, make):
    name = make(Tags=[{"Key": "team", "Value": "lake"}])
    code, shown = millrace("get", "deliverystreams", name)
    assert code == 0 and shown.split()[:5] == ["NAME", "SOURCE", "DESTINATION", "BEHIND", "FAILED"], shown
    assert "DirectPut" in shown and "S3" in shown and "ACTIVE" in shown
    other = unique()
    code, said = millrace("apply", "-f", "-", text=f"""
apiVersion: millrace.dev/v1alpha1
kind: DeliveryStream
metadata: {{name: {other}}}
spec:
  destination: {{type: Folder, folder: {{path: {other}, compressionFormat: GZIP}}}}
""")
    assert code == 0 and said == f"deliverystream/{other} created\n", said
    try:
        seen = wait_for(firehose, other)
        assert seen["Destinations"] == [{"DestinationId": "destinationId-000000000001"}]
        assert firehose.put_record(DeliveryStreamName=other, Record={"Data": b"x"})["RecordId"]
        code, said = millrace("describe", "deliverystream", other)
        assert code == 0 and "SourceResolved" in said and "compressionFormat: GZIP" in said
        code, said = millrace("apply", "-f", "-", text=f"""
apiVersion: millrace.dev/v1alpha1
kind: DeliveryStream
metadata: {{name: {other}}}
spec:
  source: {{type: Stream, stream: {{streamRef: {{name: a}}}}}}
  destination: {{type: Folder, folder: {{path: {other}}}}}
""")
        assert code != 0 and "spec.source: is immutable" in said, said
    finally:
        assert millrace("delete", "deliverystream", other)[0] == 0


def test_secrets_are_taken_and_never_shown(endpoint):
    code, said = millrace("apply", "-f", "-", text="""
apiVersion: v1
kind: Secret
metadata: {name: lake-keys}
stringData: {AWS_ACCESS_KEY_ID: visible-never}
""")
    assert code == 0, said
    code, said = millrace("get", "secret", "lake-keys")
    assert code == 0 and "AWS_ACCESS_KEY_ID" in said and "visible-never" not in said
    assert millrace("delete", "secret", "lake-keys")[0] == 0
