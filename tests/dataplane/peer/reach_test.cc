#include "dataplane/peer/reach.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/sim_clock.h"
#include "tests/support/sim_executor.h"

namespace millrace::peer {
namespace {

constexpr Duration kSecond = std::chrono::seconds(1);

class ReachTest : public ::testing::Test {
 protected:
  ReachTest() { clock_.AdvanceTo(clock_.Now() + kSecond); }
  sim::SimClock clock_;
  Reach reach_{clock_, {3 * kSecond, kSecond / 2}};
};

TEST_F(ReachTest, APodAloneAlwaysMay) {
  clock_.AdvanceTo(clock_.Now() + 100 * kSecond);
  EXPECT_FALSE(reach_.isolated());
}

TEST_F(ReachTest, OneAmongOthersMayNotBeforeItHasCaughtUp) {
  reach_.SetOthersKnown(true);
  EXPECT_TRUE(reach_.isolated());
  reach_.NoteHeard();
  EXPECT_TRUE(reach_.isolated());
  reach_.NoteCaughtUp(clock_.Now());
  EXPECT_FALSE(reach_.isolated());
}

TEST_F(ReachTest, AWordNowAndThenIsEnoughButNotAfterASilence) {
  reach_.SetOthersKnown(true);
  reach_.NoteCaughtUp(clock_.Now());
  for (int i = 0; i < 10; ++i) {
    clock_.AdvanceTo(clock_.Now() + 2 * kSecond);
    EXPECT_FALSE(reach_.isolated());
    reach_.NoteHeard();
  }
  clock_.AdvanceTo(clock_.Now() + 4 * kSecond);
  EXPECT_TRUE(reach_.isolated());
  reach_.NoteHeard();
  EXPECT_TRUE(reach_.isolated());
  // What was so before the silence does not end it.
  reach_.NoteCaughtUp(clock_.Now() - 4 * kSecond);
  EXPECT_TRUE(reach_.isolated());
  reach_.NoteCaughtUp(clock_.Now());
  EXPECT_FALSE(reach_.isolated());
}

TEST_F(ReachTest, OneThatStoodStillHasToCatchUpThoughItIsNotSilent) {
  reach_.SetOthersKnown(true);
  reach_.NoteAwake();
  reach_.NoteCaughtUp(clock_.Now());
  const MonoTime before = clock_.Now();
  for (int i = 0; i < 3; ++i) {
    clock_.AdvanceTo(clock_.Now() + kSecond / 3);
    EXPECT_FALSE(reach_.isolated());
    EXPECT_EQ(reach_.NoteAwake(), Duration(0));
  }

  clock_.AdvanceTo(clock_.Now() + kSecond);
  EXPECT_TRUE(reach_.isolated()) << "before its timer has run";
  reach_.NoteHeard();  // sent before it stood still, perhaps
  EXPECT_EQ(reach_.NoteAwake(), kSecond);
  EXPECT_TRUE(reach_.isolated());
  reach_.NoteHeard();
  reach_.NoteCaughtUp(before);
  EXPECT_TRUE(reach_.isolated());
  EXPECT_FALSE(reach_.silent()) << "what it took before may be acknowledged";
  reach_.NoteCaughtUp(clock_.Now());
  EXPECT_FALSE(reach_.isolated());
}

TEST_F(ReachTest, AWriteWaitsForAPodThatCatchesUpAndNotForLong) {
  sim::SimExecutor executor(clock_);
  std::vector<bool> told;
  reach_.SetOthersKnown(true);
  reach_.WhenReached(executor, kSecond, [&](bool reached) { told.push_back(reached); });
  executor.RunFor(kSecond / 2);
  EXPECT_TRUE(told.empty());
  reach_.NoteCaughtUp(clock_.Now());
  executor.RunFor(kSecond / 10);
  EXPECT_EQ(told, std::vector<bool>{true});

  clock_.AdvanceTo(clock_.Now() + 4 * kSecond);
  reach_.WhenReached(executor, kSecond, [&](bool reached) { told.push_back(reached); });
  executor.RunFor(2 * kSecond);
  EXPECT_EQ(told, (std::vector<bool>{true, false}));
}

}  // namespace
}  // namespace millrace::peer
