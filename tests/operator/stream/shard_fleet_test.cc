#include "operator/stream/shard_fleet.h"

#include <gtest/gtest.h>

#include <atomic>

namespace millrace::op {
namespace {

// Moves only when told to; read by the threads that follow the pods, which SimClock is not for.
class StillClock final : public Clock {
 public:
  WallMs WallNow() const override { return 0; }
  MonoTime Now() const override { return now_.load(); }
  void Advance(Duration by) { now_ = now_.load() + by; }

 private:
  std::atomic<MonoTime> now_{MonoTime(0)};
};

// Nobody listens on the discard port of loopback.
constexpr const char* kNobody = "http://127.0.0.1:9";

class ShardFleetTest : public testing::Test {
 protected:
  StillClock clock_;
  std::atomic<int> pods_changed_{0};
  ShardFleet fleet_{clock_, "token", [](uint64_t) {}, [this] { ++pods_changed_; }};
};

TEST_F(ShardFleetTest, APoolThatNobodyNamedDoesNotExist) {
  EXPECT_FALSE(fleet_.Observe("default", 1).exists);
  fleet_.SetPods("default", {});
  EXPECT_TRUE(fleet_.Observe("default", 1).exists);
  fleet_.RemovePool("default");
  EXPECT_FALSE(fleet_.Observe("default", 1).exists);
}

TEST_F(ShardFleetTest, ASilentPodBlinksAndThenIsAway) {
  fleet_.SetPods("default", {{"default-0", kNobody}, {"default-1", kNobody, true}});
  ObservedPool pool = fleet_.Observe("default", 1);
  ASSERT_EQ(pool.pods.size(), 2u);
  EXPECT_EQ(pool.pods[0].name, "default-0");
  EXPECT_EQ(pool.pods[0].state, PoolPod::State::kBlinking);
  clock_.Advance(ShardFleet::kAwayAfter);
  pool = fleet_.Observe("default", 1);
  EXPECT_EQ(pool.pods[0].state, PoolPod::State::kAway);
  EXPECT_EQ(pool.pods[1].state, PoolPod::State::kAway);
  EXPECT_FALSE(fleet_.AnyReady());
}

TEST_F(ShardFleetTest, APodThatWasNeverHeardIsNotSaidToHaveFallenSilent) {
  fleet_.SetPods("default", {{"default-0", kNobody}});
  clock_.Advance(ShardFleet::kAwayAfter);
  EXPECT_TRUE(fleet_.Answering("default").empty());
  EXPECT_TRUE(fleet_.Answering("nowhere").empty());
}

TEST_F(ShardFleetTest, NothingIsSettledBeforeEachPodHasAnsweredOrIsAway) {
  EXPECT_TRUE(fleet_.HasSettled());
  fleet_.SetPods("default", {{"default-0", kNobody}});
  EXPECT_FALSE(fleet_.HasSettled());
  EXPECT_FALSE(fleet_.AllOpen());
  clock_.Advance(ShardFleet::kAwayAfter);
  EXPECT_TRUE(fleet_.HasSettled());
  EXPECT_FALSE(fleet_.AllOpen());
}

TEST_F(ShardFleetTest, OnlyARealChangeOfThePodsIsTold) {
  fleet_.SetPods("default", {{"default-0", kNobody}});
  fleet_.SetPods("default", {{"default-0", kNobody}});
  EXPECT_EQ(pods_changed_, 1);
  fleet_.SetPods("default", {{"default-0", kNobody, true}});
  EXPECT_EQ(pods_changed_, 2);
  fleet_.SetPods("default", {});
  EXPECT_EQ(pods_changed_, 3);
}

}  // namespace
}  // namespace millrace::op
