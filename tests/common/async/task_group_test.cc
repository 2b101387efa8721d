#include "common/async/task_group.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace millrace {
namespace {

TEST(TaskGroup, StopOfAnIdleGroupReturnsAtOnce) {
  TaskGroup group;
  group.Stop();
  EXPECT_TRUE(group.stopping());
}

TEST(TaskGroup, NothingEntersOnceItStops) {
  TaskGroup group;
  group.Close();
  EXPECT_FALSE(group.TryEnter().has_value());
}

TEST(TaskGroup, StopWaitsForTheLastWork) {
  TaskGroup group;
  std::atomic<int> finished = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    auto hold = group.TryEnter();
    ASSERT_TRUE(hold.has_value());
    threads.emplace_back([&finished, hold = std::move(hold)]() mutable {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      ++finished;
      hold.reset();
    });
  }
  group.Stop();
  EXPECT_EQ(finished, 8);
  for (auto& thread : threads) thread.join();
}

TEST(TaskGroup, HoldMovesWithTheWork) {
  TaskGroup group;
  auto first = group.TryEnter();
  TaskGroup::Hold second = std::move(*first);
  first.reset();
  EXPECT_EQ(group.outstanding(), 1U);
  auto third = group.TryEnter();
  second = std::move(*third);
  EXPECT_EQ(group.outstanding(), 1U);
}

TEST(TaskGroupDeathTest, DestroyingItWithWorkOutstandingAborts) {
  EXPECT_DEATH(
      {
        auto group = std::make_unique<TaskGroup>();
        auto hold = group->TryEnter();
        group.reset();
      },
      "outstanding");
}

}  // namespace
}  // namespace millrace
