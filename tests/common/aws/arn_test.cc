#include "common/aws/arn.h"

#include <gtest/gtest.h>

namespace millrace::aws {
namespace {

TEST(Arn, StreamArnsRoundTrip) {
  for (std::string text : {"arn:aws:kinesis:us-east-1:123456789012:stream/orders",
                           "arn:aws-cn:kinesis:cn-north-1:000000000000:stream/a.b_c-D"}) {
    auto arn = ParseStreamArn(text);
    ASSERT_TRUE(arn.ok()) << text;
    EXPECT_EQ(arn->ToString(), text);
  }
  auto arn = ParseStreamArn("arn:aws:kinesis:us-east-1:123456789012:stream/orders");
  EXPECT_EQ(arn->partition, "aws");
  EXPECT_EQ(arn->region, "us-east-1");
  EXPECT_EQ(arn->account, "123456789012");
  EXPECT_EQ(arn->name, "orders");
}

TEST(Arn, WhatIsNoStreamArnIsRefused) {
  for (std::string text :
       {"", "orders", "arn:aws:kinesis:us-east-1:123456789012:stream/",
        "arn:aws:kinesis:us-east-1:123456789012:stream/a/b",
        "arn:aws:kinesis:us-east-1:12:stream/a", "arn:aws:kinesis:us-east-1:12345678901x:stream/a",
        "arn:aws:s3:us-east-1:123456789012:stream/a",
        "arn:gcp:kinesis:us-east-1:123456789012:stream/a", "arn:aws:kinesis:us-east-1:123456789012",
        "ARN:aws:kinesis:us-east-1:123456789012:stream/a",
        "arn:aws:kinesis:us-east-1:123456789012:stream/a:b"}) {
    auto arn = ParseStreamArn(text);
    EXPECT_EQ(arn.status().code(), Code::kInvalidArgument) << text;
  }
  std::string prefix = "arn:aws:kinesis:us-east-1:123456789012:stream/";
  EXPECT_TRUE(ParseStreamArn(prefix + std::string(128, 'a')).ok());
  EXPECT_FALSE(ParseStreamArn(prefix + std::string(129, 'a')).ok());
  EXPECT_FALSE(ParseStreamArn(prefix + std::string(1'000'000, 'a')).ok());
}

TEST(Arn, ConsumerArnsRoundTrip) {
  std::string text =
      "arn:aws:kinesis:us-east-1:123456789012:stream/orders/consumer/app-1:1795262400";
  auto arn = ParseConsumerArn(text);
  ASSERT_TRUE(arn.ok());
  EXPECT_EQ(arn->stream.name, "orders");
  EXPECT_EQ(arn->name, "app-1");
  EXPECT_EQ(arn->created_s, 1795262400);
  EXPECT_EQ(arn->ToString(), text);
}

TEST(Arn, WhatIsNoConsumerArnIsRefused) {
  std::string stream = "arn:aws:kinesis:us-east-1:123456789012:stream/orders";
  for (std::string rest : {"", "/consumer/", "/consumer/app", "/consumer/app:", "/consumer/:1",
                           "/consumer/app:-1", "/consumer/app:1x", "/consumer/app:+1",
                           "/consumer/app:99999999999999999999", "/consumer/a/b:1"}) {
    EXPECT_FALSE(ParseConsumerArn(stream + rest).ok()) << rest;
  }
  EXPECT_FALSE(ParseConsumerArn("/consumer/app:1").ok());
}

}  // namespace
}  // namespace millrace::aws
