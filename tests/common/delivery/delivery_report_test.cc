#include "common/delivery/delivery_report.h"

#include <gtest/gtest.h>

namespace millrace::resources {
namespace {

TEST(DeliveryReport, WhatIsWrittenIsReadBackTheSame) {
  DeliveryReport report;
  report.uid = "u";
  report.generation = 3;
  report.state = "Flushing";
  report.oldest_undelivered_ms = 1'700'000'000'000;
  report.records_failed = 2;
  report.drained = true;
  report.destination = {"Failing", "S3.NoSuchBucket", "The specified bucket does not exist", 17};
  auto again = DeliveryReport::Parse(report.ToText());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->ToText(), report.ToText());
  EXPECT_EQ(again->destination.message, "The specified bucket does not exist");
  EXPECT_TRUE(again->drained);
}

TEST(DeliveryReport, WhatIsMissingHasItsZero) {
  auto report = DeliveryReport::Parse("{\"uid\": \"u\", \"news\": 1}");
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->records_lost, 0);
  EXPECT_EQ(report->backup.state, "Unknown");
  EXPECT_FALSE(DeliveryReport::Parse("[]").ok());
}

}  // namespace
}  // namespace millrace::resources
