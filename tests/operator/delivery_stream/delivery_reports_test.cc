#include "operator/delivery_stream/delivery_reports.h"

#include <gtest/gtest.h>

namespace millrace::op {
namespace {

using resources::DeliveryReport;

DeliveryReport Report(int64_t generation, int64_t failed, int64_t oldest) {
  DeliveryReport report;
  report.generation = generation;
  report.records_failed = failed;
  report.oldest_undelivered_ms = oldest;
  report.destination.state = "Ok";
  return report;
}

TEST(JoinReports, NobodySaysNothing) { EXPECT_FALSE(JoinReports({})); }

TEST(JoinReports, CountsAddUpAndTheLastGenerationAndTheOldestRecordSpeakForAll) {
  const auto joined = JoinReports({Report(3, 1, 0), Report(2, 5, 900), Report(3, 0, 1'000)});
  EXPECT_EQ(joined->generation, 2);
  EXPECT_EQ(joined->records_failed, 6);
  EXPECT_EQ(joined->oldest_undelivered_ms, 900);
}

TEST(JoinReports, OneThatFailsIsToldWhateverTheOthersSay) {
  DeliveryReport failing = Report(1, 0, 0);
  failing.destination = {"Failing", "S3.NoSuchBucket", "gone", 7};
  EXPECT_EQ(JoinReports({Report(1, 0, 0), failing, Report(1, 0, 0)})->destination.code,
            "S3.NoSuchBucket");
}

TEST(JoinReports, DrainedIsWhatAllAreWhileFlushing) {
  DeliveryReport drained = Report(1, 0, 0);
  drained.state = "Flushing";
  drained.drained = true;
  EXPECT_TRUE(JoinReports({drained, drained})->drained);
  DeliveryReport not_yet = drained;
  not_yet.drained = false;
  EXPECT_FALSE(JoinReports({drained, not_yet})->drained);
  DeliveryReport running = drained;
  running.state = "Running";
  EXPECT_FALSE(JoinReports({drained, running})->drained);
}

}  // namespace
}  // namespace millrace::op
