#include "dataplane/delivery/engine/checkpoint_tracker.h"

#include <gtest/gtest.h>

namespace millrace::delivery {
namespace {

TEST(CheckpointTracker, MovesOverLeadingBatchesOnly) {
  auto tracker = std::make_shared<CheckpointTracker>("5");
  auto first = tracker->Begin("10");
  auto second = tracker->Begin("20");
  auto third = tracker->Begin("30");
  second.reset();
  EXPECT_EQ(tracker->delivered(), "5");
  first.reset();
  EXPECT_EQ(tracker->delivered(), "20");
  third.reset();
  EXPECT_EQ(tracker->delivered(), "30");
  EXPECT_EQ(tracker->open_count(), 0U);
}

TEST(CheckpointTracker, WaitsForTheLastHolderOfABatch) {
  auto tracker = std::make_shared<CheckpointTracker>("");
  auto receipt = tracker->Begin("10");
  auto buffered = receipt;
  auto in_error_output = receipt;
  receipt.reset();
  buffered.reset();
  EXPECT_EQ(tracker->delivered(), "");
  in_error_output.reset();
  EXPECT_EQ(tracker->delivered(), "10");
}

TEST(CheckpointTracker, NeverPassesWhatWasGivenUp) {
  auto tracker = std::make_shared<CheckpointTracker>("");
  auto first = tracker->Begin("10");
  auto second = tracker->Begin("20");
  auto third = tracker->Begin("30");
  second->Fail();
  second.reset();
  third.reset();
  first.reset();
  EXPECT_EQ(tracker->delivered(), "10");
  EXPECT_TRUE(tracker->has_failed());
  tracker->End();
  EXPECT_FALSE(tracker->is_complete());
}

TEST(CheckpointTracker, ABatchWithoutRecordsLeavesThePosition) {
  auto tracker = std::make_shared<CheckpointTracker>("7");
  tracker->Begin("").reset();
  EXPECT_EQ(tracker->delivered(), "7");
  tracker->End();
  EXPECT_TRUE(tracker->is_complete());
}

TEST(CheckpointTracker, IsCompleteOnceItEndedAndAllIsDelivered) {
  auto tracker = std::make_shared<CheckpointTracker>("");
  auto last = tracker->Begin("10");
  tracker->End();
  EXPECT_FALSE(tracker->is_complete());
  last.reset();
  EXPECT_TRUE(tracker->is_complete());
}

TEST(CheckpointTracker, IsOutlivedByItsReceipts) {
  auto tracker = std::make_shared<CheckpointTracker>("");
  auto receipt = tracker->Begin("10");
  tracker.reset();
  receipt.reset();  // touches no freed memory (ASan)
}

}  // namespace
}  // namespace millrace::delivery
