#include "common/delivery/delivery_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace millrace::resources {
namespace {

using testing::HasSubstr;

DeliveryPlan Plan() {
  DeliveryPlan plan;
  plan.ns = "shop";
  plan.resource_name = "orders-to-lake";
  plan.uid = "5f0c";
  plan.generation = 3;
  plan.delivery_stream_name = "Orders";
  plan.delivery_stream_arn = "arn:aws:firehose:us-east-1:000000000000:deliverystream/Orders";
  plan.version_id = "2";
  plan.source = {.endpoint = "http://127.0.0.1:4566",
                 .stream_name = "orders",
                 .stream_arn = "arn:aws:kinesis:us-east-1:000000000000:stream/orders",
                 .region = "us-east-1",
                 .internal_token = "t0ken",
                 .access_key_id = "",
                 .secret_access_key = "",
                 .ca_pem = "-----BEGIN CERTIFICATE-----"};
  plan.cursor_table = "delivery/5f0c";
  plan.s3_default.endpoint = "http://127.0.0.1:9000";
  plan.s3_default.access_key_id = "minio";
  plan.folder_root = "/data/delivered";
  plan.secrets["keys"] = {{"AWS_ACCESS_KEY_ID", "own"},
                          {"AWS_SECRET_ACCESS_KEY", "s3cret"},
                          {"AWS_REGION", "eu-west-1"}};
  plan.spec.destination.type = "S3";
  plan.spec.destination.s3.emplace().bucket = "lake";
  return plan;
}

TEST(DeliveryPlan, WhatIsWrittenIsReadBackTheSame) {
  const DeliveryPlan plan = Plan();
  auto again = DeliveryPlan::Parse(plan.ToText());
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ(again->ToText(), plan.ToText());
  EXPECT_EQ(again->generation, 3);
  EXPECT_EQ(again->source.internal_token, "t0ken");
  EXPECT_EQ(again->source.ca_pem, plan.source.ca_pem);
  EXPECT_EQ(again->spec.destination.s3->bucket, "lake");
}

TEST(DeliveryPlan, BucketsOwnWordsGoOverItsSecretAndThatOverTheDefaults) {
  const DeliveryPlan plan = Plan();
  S3Destination s3 = *plan.spec.destination.s3;
  EXPECT_EQ(plan.AccessFor(s3)->access_key_id, "minio");
  EXPECT_EQ(plan.AccessFor(s3)->endpoint, "http://127.0.0.1:9000");
  s3.credentials_secret = "keys";
  EXPECT_EQ(plan.AccessFor(s3)->access_key_id, "own");
  EXPECT_EQ(plan.AccessFor(s3)->region, "eu-west-1");
  s3.region = "ap-south-1";
  s3.endpoint = "http://s3";
  EXPECT_EQ(plan.AccessFor(s3)->region, "ap-south-1");
  EXPECT_EQ(plan.AccessFor(s3)->endpoint, "http://s3");
  s3.credentials_secret = "others";
  EXPECT_THAT(plan.AccessFor(s3).status().message(), HasSubstr("no Secret others"));
}

TEST(DeliveryPlan, FoldersStartAtTheRootUnlessAbsolute) {
  const DeliveryPlan plan = Plan();
  FolderDestination folder;
  folder.path = "lake";
  EXPECT_EQ(plan.PathOf(folder), "/data/delivered/lake");
  folder.path = "/mnt/lake";
  EXPECT_EQ(plan.PathOf(folder), "/mnt/lake");
}

TEST(DeliveryPlan, ExampleOfItsPageIsRead) {
  std::ifstream page("docs/formats/delivery_plan.md");
  std::stringstream text;
  text << page.rdbuf();
  const std::string all = text.str();
  const size_t begin = all.find("```json") + 7;
  auto plan = DeliveryPlan::Parse(all.substr(begin, all.find("```", begin) - begin));
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  EXPECT_EQ(plan->PathOf(*plan->spec.destination.folder), "/var/lib/millrace/delivery/orders/out");
}

TEST(DeliveryPlan, TornOrForeignPlansAreRefusedWithTheField) {
  EXPECT_FALSE(DeliveryPlan::Parse(Plan().ToText().substr(0, 300)).ok());
  std::string newer = Plan().ToText();
  newer.replace(newer.find("\"planVersion\": 1"), 16, "\"planVersion\": 2");
  EXPECT_THAT(DeliveryPlan::Parse(newer).status().message(), HasSubstr("plan.planVersion"));
}

}  // namespace
}  // namespace millrace::resources
