#include "operator/delivery_stream/delivery_scaling.h"

#include <gtest/gtest.h>

namespace millrace::op {
namespace {

constexpr WallMs kNow = 1'700'000'000'000;

// Two of at most 16 run well, as decided two hours ago.
ScalingInput Two() {
  ScalingInput input;
  input.asked = 1;
  input.decided = 2;
  input.decided_ms = kNow - 7'200'000;
  input.useful_max = 16;
  input.behind_seconds = 60;  // neither late nor in time by far
  input.is_flowing = input.is_complete = true;
  input.now = kNow;
  return input;
}

TEST(DeliveryScaling, BeginsWithWhatIsAskedWithinTheBounds) {
  ScalingInput input = Two();
  input.decided = 0;
  EXPECT_EQ(DecideWorkers(input), (ScalingDecision{1, 1, "First"}));
  input.scaling.min_workers = 3;
  EXPECT_EQ(DecideWorkers(input).run, 3);
  input.useful_max = 2;
  EXPECT_EQ(DecideWorkers(input).run, 2);
}

TEST(DeliveryScaling, GrowsWhereRecordsAreLateForTheWindowAndWaitsForTheEffect) {
  ScalingInput input = Two();
  input.behind_seconds = 65;
  EXPECT_EQ(DecideWorkers(input), (ScalingDecision{2, 2, "Waiting"}));
  input.behind_seconds = 66;
  EXPECT_EQ(DecideWorkers(input), (ScalingDecision{4, 4, "Late"}));
  input.decided_ms = kNow - 59'000;
  EXPECT_EQ(DecideWorkers(input).run, 2);
}

TEST(DeliveryScaling, GrowsByOneAtLeastAndNeverPastTheShards) {
  ScalingInput input = Two();
  input.behind_seconds = 1'000;
  input.scaling.scale_up_max_factor_percent = 110;
  EXPECT_EQ(DecideWorkers(input).run, 3);
  input.useful_max = 2;
  EXPECT_EQ(DecideWorkers(input), (ScalingDecision{2, 2, "LateAtMost"}));
}

TEST(DeliveryScaling, AFailingDestinationOrAMissingProcessIsNoReasonToGrow) {
  ScalingInput input = Two();
  input.behind_seconds = 10'000;
  input.is_flowing = false;
  EXPECT_EQ(DecideWorkers(input).run, 2);
  input.is_flowing = true;
  input.is_complete = false;
  EXPECT_EQ(DecideWorkers(input).run, 2);
}

TEST(DeliveryScaling, ShrinksOnlyAfterItsWindow) {
  ScalingInput input = Two();
  input.decided = 8;
  input.behind_seconds = 0;
  EXPECT_EQ(DecideWorkers(input), (ScalingDecision{4, 4, "InTime"}));
  input.decided_ms = kNow - 3'599'000;
  EXPECT_EQ(DecideWorkers(input), (ScalingDecision{8, 8, "Steady"}));
}

TEST(DeliveryScaling, NarrowerBoundsCountAtOnce) {
  ScalingInput input = Two();
  input.scaling.max_workers = 1;
  input.decided_ms = kNow;
  EXPECT_EQ(DecideWorkers(input), (ScalingDecision{1, 1, "Bounds"}));
}

TEST(DeliveryScaling, OffAndDryRunLeaveItToThePersonAndNothingMeansNothing) {
  ScalingInput input = Two();
  input.behind_seconds = 1'000;
  input.scaling.mode = "DryRun";
  EXPECT_EQ(DecideWorkers(input), (ScalingDecision{1, 4, "Late"}));
  input.scaling.mode = "Off";
  input.asked = 5;
  EXPECT_EQ(DecideWorkers(input), (ScalingDecision{5, 5, "Off"}));
  input.asked = 0;
  EXPECT_EQ(DecideWorkers(input).run, 0);
}

}  // namespace
}  // namespace millrace::op
