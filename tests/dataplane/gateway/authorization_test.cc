#include "dataplane/gateway/authorization.h"

#include <gtest/gtest.h>

#include "dataplane/gateway/key_file.h"
#include "dataplane/kinesis/permissions.h"

namespace millrace::gateway {
namespace {

bool Allowed(std::string_view operation, std::string body) {
  kinesis::Call call;
  call.operation = operation;
  call.request.body = Slice::FromString(std::move(body));
  call.identity.grants = std::make_shared<const kinesis::Permissions>(
      std::vector<kinesis::Permissions::Rule>{{{"kinesis:*"}, {"orders"}}});
  return AuthorizeControlCall(call).ok();
}

TEST(Authorization, StreamIsFoundByNameAndByEveryKindOfArn) {
  const std::string arn = "arn:aws:kinesis:us-east-1:000000000000:stream/";
  EXPECT_TRUE(Allowed("CreateStream", R"({"StreamName":"orders"})"));
  EXPECT_FALSE(Allowed("CreateStream", R"({"StreamName":"clicks"})"));
  EXPECT_TRUE(Allowed("DeleteStream", R"({"StreamARN":")" + arn + R"(orders"})"));
  EXPECT_TRUE(Allowed("TagResource", R"({"ResourceARN":")" + arn + R"(orders/consumer/a:1"})"));
  EXPECT_FALSE(Allowed("TagResource", R"({"ResourceARN":")" + arn + R"(clicks/consumer/a:1"})"));
  EXPECT_FALSE(Allowed("DeregisterStreamConsumer", R"({"ConsumerARN":"nonsense"})"));
  // One that may be used does not cover for another.
  EXPECT_FALSE(
      Allowed("DeleteStream", R"({"StreamName":"orders","StreamARN":")" + arn + R"(clicks"})"));
}

TEST(Authorization, DeliveryStreamsNeedARuleOfFirehose) {
  kinesis::Call call;
  call.service = "firehose";
  call.operation = "DescribeDeliveryStream";
  call.request.body = Slice::FromString(R"({"DeliveryStreamName":"orders"})");
  const auto allow = [&](const std::string& action, const std::string& stream) {
    call.identity.grants = std::make_shared<const kinesis::Permissions>(
        std::vector<kinesis::Permissions::Rule>{{{action}, {stream}}});
    return AuthorizeControlCall(call).ok();
  };
  EXPECT_TRUE(allow("firehose:Describe*", "orders"));
  EXPECT_TRUE(allow("*", "*"));
  EXPECT_FALSE(allow("firehose:Describe*", "clicks"));
  EXPECT_FALSE(allow("kinesis:*", "orders"));
  EXPECT_FALSE(allow("Describe*", "orders")) << "an action without service is Kinesis's";
}

TEST(Authorization, WhatNamesNoStreamNeedsARuleForAll) {
  EXPECT_FALSE(Allowed("ListStreams", "{}"));
  EXPECT_FALSE(Allowed("ListStreams", "nonsense"));
  EXPECT_FALSE(Allowed("", ""));
}

TEST(KeyFile, PermissionsComeWithTheKeyAndTheirAbsenceIsEverything) {
  const auto keys = ParseKeyFile(R"([{accessKeyId: a, secretAccessKey: s},
    {accessKeyId: b, secretAccessKey: s, permissions: []},
    {accessKeyId: c, secretAccessKey: s, permissions: [{actions: [PutRecord], streams: [x]}]}])");
  ASSERT_TRUE(keys.ok()) << keys.status().ToString();
  EXPECT_EQ(keys->at("a").grants, nullptr);
  ASSERT_NE(keys->at("b").grants, nullptr);
  EXPECT_FALSE(keys->at("b").grants->Allows("PutRecord", "x"));
  EXPECT_TRUE(keys->at("c").grants->Allows("PutRecord", "x"));
}

}  // namespace
}  // namespace millrace::gateway
