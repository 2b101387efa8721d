#include "common/delivery/delivery_stream_resource.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::resources {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

json::Value Yaml(std::string_view text) {
  auto documents = json::ParseYaml(text);
  EXPECT_TRUE(documents.ok()) << documents.status().ToString();
  return documents.ok() && !documents->empty() ? documents->front() : json::Value();
}

DeliveryStreamSpec Spec(std::string_view yaml) {
  auto spec = DeliveryStreamSpec::Parse(Yaml(yaml));
  EXPECT_TRUE(spec.ok()) << spec.status().ToString();
  return spec.ok() ? *spec : DeliveryStreamSpec();
}

std::string ErrorOf(std::string_view yaml) {
  auto spec = DeliveryStreamSpec::Parse(Yaml(yaml));
  if (spec.ok()) return "";
  EXPECT_EQ(spec.status().code(), Code::kInvalidArgument);
  return spec.status().message();
}

constexpr std::string_view kBackup = "backup: {s3: {bucket: refused}}\n";

// Text of a spec with this destination and a backup.
std::string To(std::string_view destination) {
  return "destination: " + std::string(destination) + "\n" + std::string(kBackup);
}

TEST(DeliveryStreamSpec, BucketAloneHasEveryDefault) {
  const DeliveryStreamSpec spec = Spec("destination: {type: S3, s3: {bucket: lake}}");
  EXPECT_EQ(spec.source.type, "DirectPut");
  ASSERT_TRUE(spec.destination.s3);
  EXPECT_EQ(spec.destination.s3->objects.buffering.size_in_mbs, 5);
  EXPECT_EQ(spec.buffering().interval_in_seconds, 300);
  EXPECT_EQ(spec.destination.s3->objects.compression_format, "UNCOMPRESSED");
  EXPECT_EQ(spec.destination.s3->objects.custom_time_zone, "UTC");
  EXPECT_FALSE(spec.objects()->partitions());
  EXPECT_FALSE(spec.backs_up_all());
  EXPECT_EQ(spec.retry_duration_in_seconds(), 0);
  EXPECT_EQ(spec.deletion_policy, "Retain");
}

constexpr std::string_view kLake = R"(
source: {type: Stream, stream: {streamRef: {name: orders}, startingPosition: TRIM_HORIZON}}
destination:
  type: S3
  s3:
    bucket: lake
    credentialsSecretRef: {name: lake-keys}
    prefix: "o/!{partitionKeyFromQuery:customer}/!{timestamp:yyyy/MM}/"
    errorOutputPrefix: "errors/!{firehose:error-output-type}/"
    bufferingHints: {sizeInMBs: 128, intervalInSeconds: 60}
    dynamicPartitioning: {retryDurationInSeconds: 30}
    dataFormatConversion:
      schemaTable:
        databaseName: shop
        tableName: orders
        columns:
        - {name: id, type: bigint}
        - {name: items, type: "array<struct<sku:string,price:decimal(10,2)>>"}
      inputFormat: {openXJson: {columnToJsonKeyMappings: {ts: timestamp}}}
      outputFormat: {serializer: ORC, orc: {bloomFilterColumns: [id], paddingTolerance: 0.1}}
    s3BackupMode: Enabled
backup: {folder: {path: kept}}
processing:
  processors:
  - type: MetadataExtraction
    parameters: {MetadataExtractionQuery: "{customer: .customer}", JsonParsingEngine: JQ-1.6}
  - {type: AppendDelimiterToRecord}
scaling: {maxWorkers: 3}
tags: {team: lake}
)";

TEST(DeliveryStreamSpec, EveryPartOfALakeIsRead) {
  const DeliveryStreamSpec spec = Spec(kLake);
  const ObjectLayout& objects = *spec.objects();
  EXPECT_EQ(spec.source.stream_ref, "orders");
  EXPECT_TRUE(objects.partitions());
  EXPECT_EQ(objects.dynamic_partitioning->retry_duration_in_seconds, 30);
  EXPECT_EQ(objects.dynamic_partitioning->active_partitions_max, 500);
  ASSERT_TRUE(objects.converts());
  EXPECT_EQ(objects.data_format_conversion->serializer, "ORC");
  EXPECT_EQ(objects.data_format_conversion->orc.padding_tolerance, 0.1);
  EXPECT_EQ(objects.data_format_conversion->schema.columns[1].name, "items");
  EXPECT_TRUE(spec.backs_up_all());
  EXPECT_EQ(spec.processors[0].Parameter("JsonParsingEngine"), "JQ-1.6");
  EXPECT_EQ(spec.processors[1].Parameter("Delimiter", "\\n"), "\\n");
  EXPECT_THAT(spec.SecretNames(), ElementsAre("lake-keys"));
}

TEST(DeliveryStreamSpec, WhatIsWrittenIsReadBackTheSame) {
  const DeliveryStreamSpec spec = Spec(kLake);
  const json::Value written = spec.ToValue();
  auto again = DeliveryStreamSpec::Parse(written);
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ(json::WriteJson(again->ToValue()), json::WriteJson(written));
  EXPECT_EQ(written.At("destination", "s3", "customTimeZone").AsString(), "UTC");
}

TEST(DeliveryStreamSpec, EveryDestinationIsReadAndWrittenBack) {
  const std::string all[] = {
      To("{type: HttpEndpoint, httpEndpoint: {url: 'http://a:1/x', accessKeySecretRef: {name: a, "
         "key: b}, commonAttributes: {a: b}}}"),
      To("{type: OpenSearch, openSearch: {endpoint: 'http://a', indexName: i, authSecretRef: "
         "{name: "
         "s}}}"),
      To("{type: Splunk, splunk: {hecEndpoint: 'https://a', hecTokenSecretRef: {name: s, key: "
         "k}}}"),
      To("{type: Redshift, redshift: {jdbcURL: 'jdbc:postgresql://a:1/b', copyCommand: "
         "{dataTableName: t}, s3: {bucket: stage}}}"),
      To("{type: PostgreSQL, postgreSQL: {connectionURI: 'postgresql://a:1/b', copyCommand: "
         "{dataTableName: t}, credentialsSecretRef: {name: s}}}"),
      To("{type: Kafka, kafka: {bootstrapServers: 'a:1', topicName: t}}"),
      To("{type: Stream, stream: {streamRef: {name: copy}}}"),
      "destination: {type: Folder, folder: {path: out}}"};
  for (const std::string& yaml : all) {
    const json::Value written = Spec(yaml).ToValue();
    auto again = DeliveryStreamSpec::Parse(written);
    ASSERT_TRUE(again.ok()) << yaml << "\n" << again.status().ToString();
    EXPECT_EQ(json::WriteJson(again->ToValue()), json::WriteJson(written));
  }
}

TEST(DeliveryStreamSpec, DestinationAndItsMemberGoTogether) {
  EXPECT_THAT(ErrorOf("{}"), HasSubstr("spec.destination: is needed"));
  EXPECT_THAT(ErrorOf("destination: {type: S3}"),
              HasSubstr("spec.destination.s3: is needed with type S3"));
  EXPECT_THAT(ErrorOf("destination: {type: Folder, folder: {path: a}, s3: {bucket: abc}}"),
              HasSubstr("spec.destination.s3: goes with type S3"));
  EXPECT_THAT(ErrorOf("destination: {type: Iceberg}"),
              HasSubstr("'Iceberg' is none of S3, Folder, HttpEndpoint"));
}

TEST(DeliveryStreamSpec, RefusedRecordsNeedAPlace) {
  EXPECT_THAT(ErrorOf("destination: {type: HttpEndpoint, httpEndpoint: {url: 'http://a'}}"),
              HasSubstr("spec.backup: is needed: a record that HttpEndpoint refuses goes there"));
  EXPECT_THAT(ErrorOf("destination: {type: S3, s3: {bucket: abc, s3BackupMode: Enabled}}"),
              HasSubstr("spec.backup: is needed with s3BackupMode Enabled"));
  EXPECT_THAT(ErrorOf("destination: {type: S3, s3: {bucket: abc}}\nbackup: {s3: {bucket: abc}, "
                      "folder: {path: a}}"),
              HasSubstr("spec.backup.folder: s3 is there already"));
}

TEST(DeliveryStreamSpec, UnknownFieldsAreNamedWithTheNearest) {
  EXPECT_THAT(ErrorOf("destination: {type: S3, s3: {bucket: abc, bufferHints: {}}}"),
              HasSubstr("spec.destination.s3.bufferHints: unknown field"));
  EXPECT_THAT(ErrorOf("destination: {type: S3, s3: {bucket: abc}}\nsinks: []"),
              HasSubstr("spec.sinks: unknown field"));
}

TEST(DeliveryStreamSpec, PrefixesAreCheckedBeforeTheFirstObject) {
  auto s3 = [](std::string_view fields) {
    return ErrorOf("destination: {type: S3, s3: {bucket: abc, " + std::string(fields) + "}}");
  };
  EXPECT_THAT(s3("prefix: '!{timestamp:yyyy}/'"),
              HasSubstr("errorOutputPrefix: must contain !{firehose:error-output-type}"));
  EXPECT_THAT(s3("prefix: '!{partitionKeyFromQuery:a}/', errorOutputPrefix: "
                 "'e/!{firehose:error-output-type}/'"),
              HasSubstr("prefix: partition keys need dynamicPartitioning"));
  EXPECT_THAT(s3("dynamicPartitioning: {}"), HasSubstr("prefix: must name the partition keys"));
  EXPECT_THAT(s3("prefix: '!{partitionKeyFromQuery:a}/', dynamicPartitioning: {}, "
                 "errorOutputPrefix: 'e/!{firehose:error-output-type}/'"),
              HasSubstr("needs MetadataExtraction"));
  EXPECT_THAT(s3("errorOutputPrefix: '!{firehose:error-output-type}/!{partitionKeyFromQuery:a}'"),
              HasSubstr("takes no partition keys"));
  EXPECT_THAT(
      s3("compressionFormat: GZIP, dataFormatConversion: {schemaTable: {columns: [{name: a, "
         "type: int}]}}"),
      HasSubstr("compressionFormat: must be UNCOMPRESSED"));
  EXPECT_THAT(s3("fileExtension: gz"), HasSubstr("must begin with '.'"));
}

TEST(DeliveryStreamSpec, ProcessorsTakeTheirOwnParametersOnly) {
  auto processors = [](std::string_view list) {
    return ErrorOf("destination: {type: S3, s3: {bucket: abc}}\nprocessing: {processors: " +
                   std::string(list) + "}");
  };
  EXPECT_THAT(processors("[{type: Lambda}]"), HasSubstr("parameters.LambdaArn: is needed"));
  EXPECT_THAT(processors("[{type: Lambda, parameters: {LambdaArn: f}}]"),
              HasSubstr("must be an ARN or an http(s) address"));
  EXPECT_THAT(processors("[{type: Lambda, parameters: {LambdaArn: 'http://f', BufferSize: '1'}}]"),
              HasSubstr("parameters.BufferSize: is no parameter of Lambda"));
  EXPECT_THAT(processors("[{type: RecordDeAggregation, parameters: {SubRecordType: DELIMITED}}]"),
              HasSubstr("Delimiter: goes with SubRecordType DELIMITED"));
  EXPECT_THAT(processors("[{type: AppendDelimiterToRecord}, {type: AppendDelimiterToRecord}]"),
              HasSubstr("has AppendDelimiterToRecord twice"));
  EXPECT_THAT(processors("[{type: CloudWatchLogProcessing, parameters: {DataMessageExtraction: "
                         "'true'}}]"),
              HasSubstr("CloudWatchLogProcessing needs Decompression"));
}

TEST(DeliveryStreamSpec, AddressesAreChecked) {
  EXPECT_THAT(ErrorOf(To("{type: HttpEndpoint, httpEndpoint: {url: 'ftp://a'}}")),
              HasSubstr("url: must be an address"));
  EXPECT_THAT(ErrorOf(To("{type: PostgreSQL, postgreSQL: {connectionURI: 'postgresql://u:p@a/b', "
                         "copyCommand: {dataTableName: t}}}")),
              HasSubstr("takes no user and no password"));
  EXPECT_THAT(ErrorOf("destination: {type: Folder, folder: {path: 'a/../../b'}}"),
              HasSubstr("must not lead out"));
  EXPECT_THAT(ErrorOf(To("{type: Kafka, kafka: {topicName: t}}")),
              HasSubstr("exactly one of clusterRef and bootstrapServers"));
}

std::string Change(std::string_view before, std::string_view after) {
  return CheckDeliveryStreamTransition(Spec(before), Spec(after)).ToString();
}

TEST(DeliveryStreamSpec, ChangesThatAwsRefusesAreRefused) {
  constexpr std::string_view kS3 = "destination: {type: S3, s3: {bucket: abc}}";
  EXPECT_EQ(Change(kS3, To("{type: HttpEndpoint, httpEndpoint: {url: 'http://a'}}")), "Ok");
  EXPECT_THAT(Change(kS3, std::string(kS3) + "\nsource: {type: Stream, stream: {streamRef: {name: "
                                             "a}}}"),
              HasSubstr("spec.source: is immutable"));
  EXPECT_THAT(
      Change(kS3, To("{type: OpenSearch, openSearch: {endpoint: 'http://a', indexName: i}}")),
      HasSubstr("OpenSearch can't become another"));
  EXPECT_THAT(Change(To("{type: S3, s3: {bucket: abc, s3BackupMode: Enabled}}"), kS3),
              HasSubstr("s3BackupMode can't change from Enabled"));
  EXPECT_THAT(Change(kLake, kS3), HasSubstr("dynamicPartitioning can't be turned"));
}

}  // namespace
}  // namespace millrace::resources
