#include "dataplane/peer/reach.h"

#include <gtest/gtest.h>

#include "tests/support/sim_clock.h"

namespace millrace::peer {
namespace {

constexpr Duration kSecond = std::chrono::seconds(1);

class ReachTest : public ::testing::Test {
 protected:
  ReachTest() { clock_.AdvanceTo(clock_.Now() + kSecond); }
  sim::SimClock clock_;
  Reach reach_{clock_, 3 * kSecond};
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

}  // namespace
}  // namespace millrace::peer
