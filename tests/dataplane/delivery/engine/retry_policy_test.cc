#include "dataplane/delivery/engine/retry_policy.h"

#include <gtest/gtest.h>

namespace millrace::delivery {
namespace {

using std::chrono::seconds;

void ExpectNear(Duration delay, Duration nominal) {
  EXPECT_GE(delay, nominal / 100 * 85);
  EXPECT_LE(delay, nominal / 100 * 115);
}

TEST(RetryDelay, DoublesUpToTwoMinutesWithJitter) {
  Random random(1);
  for (int round = 0; round < 200; ++round) {
    ExpectNear(RetryDelay(1, {}, random), seconds(1));
    ExpectNear(RetryDelay(2, {}, random), seconds(2));
    ExpectNear(RetryDelay(7, {}, random), seconds(64));
    ExpectNear(RetryDelay(8, {}, random), seconds(120));
    ExpectNear(RetryDelay(1'000'000, {}, random), seconds(120));
  }
}

TEST(RetryDelay, IsWhatTheDestinationAskedForWithinTheMaximum) {
  Random random(1);
  ExpectNear(RetryDelay(1, seconds(30), random), seconds(30));
  ExpectNear(RetryDelay(6, seconds(5), random), seconds(32));
  ExpectNear(RetryDelay(1, seconds(86'400), random), seconds(120));
}

TEST(IsGivenUp, AfterTheRetryTimeOrNever) {
  EXPECT_FALSE(IsGivenUp(seconds(10), seconds(309), seconds(300)));
  EXPECT_TRUE(IsGivenUp(seconds(10), seconds(310), seconds(300)));
  EXPECT_TRUE(IsGivenUp(seconds(10), seconds(10), seconds(0)));
  EXPECT_FALSE(IsGivenUp(seconds(10), seconds(1'000'000), std::nullopt));
}

}  // namespace
}  // namespace millrace::delivery
