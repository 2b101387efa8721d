#include "common/resources/stream_pool_resource.h"

#include <gtest/gtest.h>

#include "common/base/quantity.h"
#include "common/resources/stream_user_resource.h"

namespace millrace::resources {
namespace {

json::Value Yaml(std::string_view text) {
  auto documents = json::ParseYaml(text);
  EXPECT_TRUE(documents.ok()) << documents.status().ToString();
  return documents.ok() && !documents->empty() ? documents->front() : json::Value();
}

template <typename Spec = StreamPoolSpec>
std::string ErrorOf(std::string_view yaml) {
  auto spec = Spec::Parse(Yaml(yaml));
  return spec.ok() ? "" : spec.status().message();
}

TEST(Quantity, ReadsWhatKubernetesReads) {
  EXPECT_EQ(ParseQuantity("10Gi"), int64_t{10} << 30);
  EXPECT_EQ(ParseQuantity("0.2Ti"), 219902325556);  // rounded up
  EXPECT_EQ(ParseQuantity("1.5G"), 1'500'000'000);
  EXPECT_EQ(ParseQuantity("7"), 7);
  for (const char* bad :
       {"", "Gi", "1.", ".5Gi", "1 Gi", "-1", "1gi", "1.2.3", "9999999999999Pi"}) {
    EXPECT_EQ(ParseQuantity(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(ParseMilli("500m"), 500);
  EXPECT_EQ(ParseMilli("0.25"), 250);
  EXPECT_EQ(ParseMilli("2Gi"), std::nullopt);
}

TEST(Quantity, IsWrittenInItsLargestExactUnit) {
  EXPECT_EQ(FormatQuantity(int64_t{10} << 30), "10Gi");
  EXPECT_EQ(FormatQuantity(int64_t{1536} << 20), "1536Mi");
  EXPECT_EQ(FormatQuantity(1000), "1000");
  EXPECT_EQ(FormatQuantity(0), "0");
}

TEST(StreamPoolSpec, RulesBetweenFieldsHold) {
  EXPECT_EQ(ErrorOf("storage: {size: 512Mi}"), "spec.storage.size: must be 1Gi or more");
  EXPECT_EQ(ErrorOf("storage: {size: much}"), "spec.storage.size: must be a quantity such as 10Gi");
  EXPECT_EQ(ErrorOf("storage: {size: 20Gi, autoExpand: {maxSize: 10Gi}}"),
            "spec.storage.autoExpand: maxSize must not be below size");
  EXPECT_EQ(ErrorOf("storage: {autoExpand: {}}"), "spec.storage.autoExpand.maxSize: is needed");
  EXPECT_EQ(ErrorOf("resources: {requests: {memory: 2Gi}}"),
            "spec.resources: requests.memory must not exceed limits.memory");
  EXPECT_EQ(ErrorOf("resources: {requests: {cpu: 2}, limits: {cpu: 1500m}}"),
            "spec.resources: requests.cpu must not exceed limits.cpu");
  EXPECT_EQ(ErrorOf("tolerations: [{effect: NoExecute}]"),
            "spec.tolerations: a toleration without key needs operator Exists");
  EXPECT_EQ(ErrorOf("tolerations: [{key: a, operator: Exists, value: b}]"),
            "spec.tolerations: a toleration with operator Exists takes no value");
  EXPECT_EQ(ErrorOf("tls: {}"), "spec.tls.secretRef: is needed");
}

TEST(StreamPoolSpec, WhatIsGivenReplacesAListOrQuantitiesAsAWhole) {
  auto spec = StreamPoolSpec::Parse(Yaml("{resources: {requests: {cpu: 1}}, topologyKeys: []}"));
  ASSERT_TRUE(spec.ok()) << spec.status().ToString();
  EXPECT_EQ(spec->cpu_request, "1");
  EXPECT_EQ(spec->memory_request, "");
  EXPECT_EQ(spec->memory_limit, "1Gi");
  EXPECT_TRUE(spec->topology_keys.empty());
}

TEST(StreamPoolSpec, StorageNeverShrinksExceptBackFromAFailedEnlargement) {
  StreamPoolSpec before;
  StreamPoolSpec after;
  before.storage_size = "100Ti";
  after.storage_size = "20Gi";
  EXPECT_FALSE(CheckStreamPoolTransition(before, after, "").ok());
  EXPECT_FALSE(CheckStreamPoolTransition(before, after, "40Gi").ok());
  EXPECT_TRUE(CheckStreamPoolTransition(before, after, "10Gi").ok());
  EXPECT_TRUE(CheckStreamPoolTransition(after, before, "10Gi").ok());
  after.storage_class = "fast";
  const Status refused = CheckStreamPoolTransition(before, after, "10Gi");
  EXPECT_FALSE(refused.ok());
  EXPECT_EQ(refused.message(),
            "spec.storage.storageClassName: is immutable; make a new pool and move the streams");
}

TEST(StreamPoolSpec, NameHasRoomForPodsAndServices) {
  EXPECT_EQ(PoolNameProblem("fast-1"), "");
  EXPECT_NE(PoolNameProblem("1st"), "");
  EXPECT_NE(PoolNameProblem("a.b"), "");
  EXPECT_NE(PoolNameProblem(std::string(51, 'a')), "");
}

TEST(StreamUserSpec, PermissionsNameOperationsAndStreams) {
  EXPECT_EQ(
      ErrorOf<StreamUserSpec>("permissions: [{actions: ['kinesis:Put*'], streams: ['orders-*']}]"),
      "");
  EXPECT_EQ(ErrorOf<StreamUserSpec>("permissions: [{actions: ['s3:Get'], streams: ['a/b']}]"),
            "spec.permissions[0].actions: 's3:Get' is no operation such as kinesis:PutRecords or "
            "kinesis:Get*; spec.permissions[0].streams: 'a/b' may have letters, digits, '_', '.', "
            "'-' and '*' only, 128 at most");
  EXPECT_EQ(ErrorOf<StreamUserSpec>("permissions: [{actions: []}]"),
            "spec.permissions[0].actions: needs one entry or more; "
            "spec.permissions[0].streams: needs one entry or more");
  StreamUserSpec before;
  StreamUserSpec after;
  before.rotation = 2;
  const Status refused = CheckStreamUserTransition(before, after);
  EXPECT_FALSE(refused.ok());
  EXPECT_EQ(refused.message(), "spec.rotation: only rises");
}

}  // namespace
}  // namespace millrace::resources
