#include "cli/agent/agent_config.h"

#include <gtest/gtest.h>

namespace millrace::cli {
namespace {

Result<AgentConfig> Parse(std::string_view text, std::vector<std::string>* ignored = nullptr) {
  std::vector<std::string> here;
  return ParseAgentConfig(*json::ParseJson(text), ignored ? *ignored : here);
}

TEST(AgentConfig, DefaultsAreTheKinesisAgents) {
  auto config = Parse(
      R"({"kinesis.endpoint":"localhost:4567","flows":[{"filePattern":"/x*","kinesisStream":"s"}]})");
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_EQ(config->endpoint, "https://localhost:4567");
  const FlowConfig& flow = config->flows[0];
  EXPECT_FALSE(flow.from_start);
  EXPECT_EQ(flow.buffer_age_ms_max, 60'000);
  EXPECT_EQ(flow.buffer_records_max, 500);
}

TEST(AgentConfig, WhatHasNoEffectIsNamed) {
  std::vector<std::string> ignored;
  auto config = Parse(
      R"({"cloudwatch.emitMetrics":true,"flows":[{"filePattern":"/x","kinesisStream":"s","footer":"f"}]})",
      &ignored);
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(ignored, (std::vector<std::string>{"cloudwatch.emitMetrics", "flows[0].footer"}));
}

TEST(AgentConfig, MistakesAreNamedWithTheirPlace) {
  auto message = [](std::string_view text) { return Parse(text).status().message(); };
  EXPECT_EQ(message("{}"), "flows is missing or empty: nothing to follow");
  EXPECT_EQ(message(R"({"flows":[{"kinesisStream":"s"}]})"), "flows[0]: filePattern is missing");
  EXPECT_EQ(message(R"({"flows":[{"filePattern":"/x","deliveryStream":"d"}]})"),
            "flows[0]: deliveryStream is not offered yet; use kinesisStream");
  EXPECT_EQ(
      message(R"({"flows":[{"filePattern":"/x","kinesisStream":"s","maxBufferSizeRecords":501}]})"),
      "flows[0]: maxBufferSizeRecords must be a number from 1 to 500");
  EXPECT_EQ(
      message(
          R"({"flows":[{"filePattern":"/x","kinesisStream":"s","dataProcessingOptions":[{"optionName":"CSVTOJSON"}]}]})"),
      "flows[0]: CSVTOJSON needs customFieldNames");
}

}  // namespace
}  // namespace millrace::cli
