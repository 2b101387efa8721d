#include "common/resources/resource.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/resources/conditions.h"

namespace millrace::resources {
namespace {

using testing::HasSubstr;

json::Value Yaml(std::string_view text) {
  auto documents = json::ParseYaml(text);
  EXPECT_TRUE(documents.ok()) << documents.status().ToString();
  return documents.ok() && !documents->empty() ? documents->front() : json::Value();
}

std::string ErrorOf(std::string_view yaml) {
  auto resource = Resource::Parse(Yaml(yaml));
  return resource.ok() ? "" : resource.status().message();
}

constexpr std::string_view kFull = R"(apiVersion: millrace.dev/v1alpha1
kind: Stream
metadata:
  name: orders
  namespace: shop
  uid: f81d4fae-7dec-4d0a-a765-00a0c91e6bf6
  generation: 3
  resourceVersion: "17"
  creationTimestamp: "2026-11-21T12:00:00Z"
  deletionTimestamp: "2026-11-21T13:00:00Z"
  finalizers:
  - millrace.dev/stream
  labels:
    app.kubernetes.io/name: orders
  annotations:
    note: "anything: goes"
  managedFields: []
extra: 1
spec:
  shardCount: 4
status:
  streamStatus: ACTIVE
)";

TEST(Resource, RoundTripsWithMembersItDoesNotKnow) {
  auto resource = Resource::Parse(Yaml(kFull));
  ASSERT_TRUE(resource.ok()) << resource.status().ToString();
  EXPECT_EQ(resource->key.ToString(), "shop/orders");
  EXPECT_EQ(resource->generation, 3);
  EXPECT_EQ(resource->resource_version, 17U);
  EXPECT_EQ(resource->finalizers.size(), 1U);
  EXPECT_EQ(resource->labels.at("app.kubernetes.io/name"), "orders");
  EXPECT_EQ(json::WriteYaml(resource->ToValue()), kFull);
}

TEST(Resource, NeedsOnlyKindAndName) {
  auto resource = Resource::Parse(Yaml("kind: Stream\nmetadata: {name: a}"));
  ASSERT_TRUE(resource.ok()) << resource.status().ToString();
  EXPECT_EQ(resource->key.ns, "default");
  EXPECT_EQ(resource->api_version, kApiVersion);
  EXPECT_FALSE(resource->deletion_timestamp);
}

TEST(Resource, MistakesNameTheField) {
  EXPECT_THAT(ErrorOf("[]"), HasSubstr("a resource is a mapping"));
  EXPECT_THAT(ErrorOf("metadata: {name: a}"), HasSubstr("kind: is needed"));
  EXPECT_THAT(ErrorOf("kind: Stream"), HasSubstr("metadata: is needed"));
  EXPECT_THAT(ErrorOf("kind: Stream\nmetadata: {}"), HasSubstr("metadata.name: is needed"));
  EXPECT_THAT(ErrorOf("kind: Stream\nmetadata: {name: 7}"),
              HasSubstr("metadata.name: must be text"));
  for (const char* name : {"Orders", "a/b", "..", "-a", "a-", "a..b", "a_b"}) {
    EXPECT_THAT(ErrorOf("kind: Stream\nmetadata: {name: '" + std::string(name) + "'}"),
                HasSubstr("metadata.name: must be at most 253"));
  }
  EXPECT_THAT(ErrorOf("kind: Stream\nmetadata: {name: a, namespace: a.b}"),
              HasSubstr("metadata.namespace:"));
  EXPECT_THAT(ErrorOf("kind: Stream\nmetadata: {name: a, labels: {x: 1}}"),
              HasSubstr("metadata.labels.x: must be text"));
  EXPECT_THAT(ErrorOf("kind: Stream\nmetadata: {name: a, labels: {x: a b}}"),
              HasSubstr("metadata.labels.x:"));
  EXPECT_THAT(ErrorOf("kind: Stream\nmetadata: {name: a, labels: {'a b': x}}"),
              HasSubstr("is no valid name"));
  EXPECT_THAT(ErrorOf("kind: Stream\nmetadata: {name: a, annotations: []}"),
              HasSubstr("metadata.annotations:"));
  EXPECT_THAT(ErrorOf("kind: Stream\nmetadata: {name: a, finalizers: x}"),
              HasSubstr("metadata.finalizers:"));
  EXPECT_THAT(ErrorOf("kind: Stream\nmetadata: {name: a, resourceVersion: x}"),
              HasSubstr("metadata.resourceVersion:"));
  EXPECT_THAT(ErrorOf("kind: Stream\nmetadata: {name: a, creationTimestamp: now}"),
              HasSubstr("must be a time"));
}

TEST(ResourceTime, FormatsAndParses) {
  EXPECT_EQ(FormatTime(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(FormatTime(1'795'262'401'999), "2026-11-21T12:00:01Z");
  EXPECT_EQ(FormatTime(-1), "1969-12-31T23:59:59Z");
  EXPECT_EQ(ParseTime("2026-11-21T12:00:01Z"), 1'795'262'401'000);
  EXPECT_EQ(ParseTime("2026-11-21T12:00:01.25Z"), 1'795'262'401'250);
  EXPECT_EQ(ParseTime("2026-11-21T13:30:01.123456+01:30"), 1'795'262'401'123);
  EXPECT_EQ(ParseTime("2024-02-29T00:00:00-00:30"), ParseTime("2024-02-29T00:30:00Z"));
  for (const char* wrong :
       {"", "2026-11-21", "2026-11-21T12:00:01", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-11-21T24:00:00Z", "2026-11-21T12:00:01Zx", "2026-11-21T12:00:01.Z",
        "2026-11-21 12:00:01Z", "2026-11-21T12:00:01+1"}) {
    EXPECT_FALSE(ParseTime(wrong)) << wrong;
  }
}

TEST(Conditions, TransitionTimeMovesOnlyWithTheStatus) {
  json::Value status;
  EXPECT_TRUE(SetCondition(status, "Ready", false, "Creating", "wait", 1, 1000));
  EXPECT_FALSE(SetCondition(status, "Ready", false, "Creating", "wait", 1, 5000));
  EXPECT_TRUE(SetCondition(status, "Ready", false, "StillCreating", "wait", 2, 5000));
  EXPECT_EQ(FindCondition(status, "Ready")["lastTransitionTime"].AsString(),
            "1970-01-01T00:00:01Z");
  EXPECT_EQ(FindCondition(status, "Ready")["observedGeneration"].AsInt(), 2);
  EXPECT_TRUE(SetCondition(status, "Ready", true, "Active", "", 2, 9000));
  EXPECT_EQ(FindCondition(status, "Ready")["lastTransitionTime"].AsString(),
            "1970-01-01T00:00:09Z");
  EXPECT_EQ(FindCondition(status, "Ready")["status"].AsString(), "True");
  SetCondition(status, "Degraded", false, "None", "", 2, 9000);
  EXPECT_EQ(status["conditions"].AsArray().size(), 2U);
  EXPECT_TRUE(FindCondition(status, "Absent").is_null());
}

}  // namespace
}  // namespace millrace::resources
