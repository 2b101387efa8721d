#include "common/resources/stream_resource.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::resources {
namespace {

using testing::HasSubstr;

json::Value Yaml(std::string_view text) {
  auto documents = json::ParseYaml(text);
  EXPECT_TRUE(documents.ok()) << documents.status().ToString();
  return documents.ok() && !documents->empty() ? documents->front() : json::Value();
}

std::string ErrorOf(std::string_view yaml) {
  auto spec = StreamSpec::Parse(Yaml(yaml));
  if (spec.ok()) return "";
  EXPECT_EQ(spec.status().code(), Code::kInvalidArgument);
  return spec.status().message();
}

// The example of the design, with every field away from its default.
constexpr std::string_view kFull = R"(streamName: Orders_2
streamModeDetails:
  streamMode: PROVISIONED
shardCount: 8
retentionPeriodHours: 168
encryption:
  encryptionType: KMS
  keySecretRef:
    name: orders-kek
    key: kek
maxRecordSizeKiB: 2048
recordDistributionStrategy: AUTO
enhancedMonitoring:
  shardLevelMetrics:
  - IncomingBytes
  - IteratorAgeMilliseconds
scaling:
  mode: DryRun
  targetUtilizationPercent: 60
  minShards: 5
  maxShards: 2000
  scaleUp:
    windowSeconds: 7
    maxFactorPercent: 400
  scaleDown:
    windowSeconds: 7200
    maxStepPercent: 40
consumers:
- consumerName: fraud
  tags:
    team: risk
- consumerName: audit
consumerDeletionPolicy: Enforce
placement:
  poolRef:
    name: fast
connectionConfigMapRef:
  name: orders-stream
deletionPolicy: Delete
deletionProtection: Enabled
managementPolicy: Observe
resourcePolicy: "{\"Version\":\"2012-10-17\"}"
tags:
  team: shop
)";

TEST(StreamSpec, EmptySpecHasEveryDefault) {
  auto spec = StreamSpec::Parse(json::Object{});
  ASSERT_TRUE(spec.ok()) << spec.status().ToString();
  EXPECT_EQ(spec->stream_mode, "ON_DEMAND");
  EXPECT_EQ(spec->shard_count, 4);
  EXPECT_EQ(spec->retention_period_hours, 24);
  EXPECT_EQ(spec->deletion_policy, "Retain");
  EXPECT_EQ(spec->pool_name, "default");
  EXPECT_EQ(json::WriteJson(spec->ToValue()), "{}");
}

TEST(StreamSpec, EveryFieldRoundTrips) {
  auto spec = StreamSpec::Parse(Yaml(kFull));
  ASSERT_TRUE(spec.ok()) << spec.status().ToString();
  EXPECT_EQ(spec->consumers.at(0).tags.at("team"), "risk");
  EXPECT_EQ(spec->key_secret_key, "kek");
  EXPECT_EQ(json::WriteYaml(spec->ToValue()), kFull);
}

TEST(StreamSpec, ExplicitDefaultsAndNullsMeanTheSameAsNothing) {
  auto spec = StreamSpec::Parse(
      Yaml("{shardCount: 4, tags: {}, consumers: null, scaling: {}, placement: {}}"));
  ASSERT_TRUE(spec.ok()) << spec.status().ToString();
  EXPECT_EQ(json::WriteJson(spec->ToValue()), "{}");
}

TEST(StreamSpec, BoundsAreNamed) {
  EXPECT_EQ(ErrorOf("retentionPeriodHours: 12"),
            "spec.retentionPeriodHours: 12 is below the minimum 24");
  EXPECT_EQ(ErrorOf("shardCount: 100001"), "spec.shardCount: 100001 is above the maximum 100000");
  EXPECT_EQ(ErrorOf("shardCount: 99999999999999"),
            "spec.shardCount: 99999999999999 is above the maximum 100000");
  EXPECT_EQ(ErrorOf("scaling: {scaleDown: {windowSeconds: 1}}"),
            "spec.scaling.scaleDown.windowSeconds: 1 is below the minimum 60");
  EXPECT_EQ(ErrorOf("streamName: " + std::string(129, 'x')),
            "spec.streamName: must have 1 to 128 characters, not 129");
  EXPECT_EQ(ErrorOf("streamName: a/b"),
            "spec.streamName: may have letters, digits, '_', '.' and '-' only");
  EXPECT_EQ(ErrorOf("tags: {a: '" + std::string(257, 'x') + "'}"),
            "spec.tags.a: must have 0 to 256 characters, not 257");
}

TEST(StreamSpec, CharactersAreCountedNotBytes) {
  std::string value;
  for (int i = 0; i < 256; ++i) value += "é";
  EXPECT_EQ(ErrorOf("tags: {a: " + value + "}"), "");
}

TEST(StreamSpec, WrongTypesSayWhatWouldDo) {
  EXPECT_EQ(ErrorOf("shardCount: '4'"),
            "spec.shardCount: must be a whole number, not text; leave out the quotes");
  EXPECT_EQ(ErrorOf("shardCount: 4.5"), "spec.shardCount: must be a whole number, not a number");
  EXPECT_EQ(ErrorOf("streamName: 42"),
            "spec.streamName: must be text, not a number; put it in quotes");
  EXPECT_EQ(ErrorOf("tags: {a: true}"),
            "spec.tags.a: must be text, not a truth value; put it in quotes");
  EXPECT_EQ(ErrorOf("scaling: Auto"), "spec.scaling: must be a mapping, not text");
  EXPECT_EQ(ErrorOf("consumers: {a: b}"), "spec.consumers: must be a list, not a mapping");
  EXPECT_EQ(ErrorOf("consumers: [fraud]"),
            "spec.consumers[0]: must be a mapping with consumerName; "
            "spec.consumers[0]: must be a mapping, not text");
  EXPECT_EQ(ErrorOf("[1]"), "spec: must be a mapping, not a list");
  EXPECT_EQ(ErrorOf("~"), "spec: is needed; {} gives every field its default");
  EXPECT_EQ(ErrorOf("resourcePolicy: allow"),
            "spec.resourcePolicy: must be an object in JSON text");
}

TEST(StreamSpec, EnumsListWhatTheyTake) {
  EXPECT_EQ(ErrorOf("streamModeDetails: {streamMode: on_demand}"),
            "spec.streamModeDetails.streamMode: 'on_demand' is none of ON_DEMAND, PROVISIONED");
  EXPECT_EQ(ErrorOf("deletionProtection: true"),
            "spec.deletionProtection: a truth value is none of Enabled, Disabled");
  EXPECT_EQ(ErrorOf("enhancedMonitoring: {shardLevelMetrics: [IncomingByte]}"),
            "spec.enhancedMonitoring.shardLevelMetrics: 'IncomingByte' is no shard-level metric; "
            "did you mean "
            "'IncomingBytes'?");
  EXPECT_THAT(ErrorOf("enhancedMonitoring: {shardLevelMetrics: [ALL, ALL]}"),
              HasSubstr("stands in it twice"));
}

TEST(StreamSpec, UnknownFieldsAreRefusedWithTheNearestOne) {
  EXPECT_EQ(ErrorOf("shardcount: 4"), "spec.shardcount: unknown field; did you mean 'shardCount'?");
  EXPECT_EQ(ErrorOf("scaling: {scaleUp: {window: 3}}"),
            "spec.scaling.scaleUp.window: unknown field");
  EXPECT_EQ(ErrorOf("consumers: [{consumerName: a, arn: b}]"),
            "spec.consumers[0].arn: unknown field");
  EXPECT_THAT(ErrorOf("replicas: 3"), HasSubstr("spec.replicas: unknown field"));
}

TEST(StreamSpec, AllMistakesAreToldAtOnce) {
  EXPECT_EQ(ErrorOf("{shardCount: 0, retentionPeriodHour: 24}"),
            "spec.shardCount: 0 is below the minimum 1; "
            "spec.retentionPeriodHour: unknown field; did you mean 'retentionPeriodHours'?");
}

TEST(StreamSpec, RulesBetweenFieldsHold) {
  const std::string rule =
      "spec.encryption: KMS needs exactly one of keyID or keySecretRef; NONE takes neither";
  EXPECT_EQ(ErrorOf("encryption: {encryptionType: KMS}"), rule);
  EXPECT_EQ(ErrorOf("encryption: {keyID: a}"), rule);
  EXPECT_EQ(ErrorOf("encryption: {encryptionType: KMS, keyID: a, keySecretRef: {name: a, key: b}}"),
            rule);
  EXPECT_EQ(ErrorOf("encryption: {encryptionType: KMS, keyID: a}"), "");
  EXPECT_EQ(ErrorOf("encryption: {encryptionType: KMS, keySecretRef: {name: a}}"),
            "spec.encryption.keySecretRef.key: is needed");
  EXPECT_EQ(ErrorOf("scaling: {minShards: 5, maxShards: 4}"),
            "spec.scaling: minShards must not exceed maxShards");
  EXPECT_EQ(ErrorOf("{warmThroughputMiBps: 10, streamModeDetails: {streamMode: PROVISIONED}}"),
            "spec.warmThroughputMiBps: is for streamMode ON_DEMAND only");
  EXPECT_EQ(ErrorOf("warmThroughputMiBps: 10"), "");
  EXPECT_EQ(ErrorOf("consumers: [{consumerName: a}, {consumerName: a}]"),
            "spec.consumers[1].consumerName: 'a' stands in the list twice");
  EXPECT_EQ(ErrorOf("consumers: [{}]"), "spec.consumers[0].consumerName: is needed");
  EXPECT_EQ(ErrorOf("placement: {poolRef: {}}"), "spec.placement.poolRef.name: is needed");
}

TEST(StreamSpec, ListsAndMapsAreCapped) {
  json::Value spec;
  for (int i = 0; i < 51; ++i) spec["tags"].Set("t" + std::to_string(i), "x");
  for (int i = 0; i < 51; ++i)
    spec["consumers"].Append(json::Object{{"consumerName", "c" + std::to_string(i)}});
  auto parsed = StreamSpec::Parse(spec);
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.status().message(),
            "spec.tags: has 51 entries; at most 50 are allowed; "
            "spec.consumers: has 51 items; at most 50 are allowed");
}

TEST(StreamSpec, NameAndPlacementNeverChange) {
  StreamSpec before;
  StreamSpec after;
  after.shard_count = 9;
  after.stream_mode = "PROVISIONED";
  EXPECT_TRUE(CheckStreamTransition(before, after).ok());
  after.stream_name = "x";
  after.pool_name = "fast";
  const Status refused = CheckStreamTransition(before, after);
  EXPECT_EQ(refused.code(), Code::kInvalidArgument);
  EXPECT_EQ(refused.message(),
            "spec.streamName: is immutable; create a new stream and migrate; "
            "spec.placement: is immutable; create a new stream and migrate");
}

TEST(StreamSpec, NameIsTheSpecsOrElseTheResources) {
  Resource stream;
  stream.key = {"shop", "orders"};
  EXPECT_EQ(StreamNameOf(stream), "orders");
  stream.spec.Set("streamName", "Orders_2");
  EXPECT_EQ(StreamNameOf(stream), "Orders_2");
}

}  // namespace
}  // namespace millrace::resources
