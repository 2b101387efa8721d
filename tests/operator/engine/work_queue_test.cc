#include "operator/engine/work_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "operator/engine/controller.h"

namespace millrace::op {
namespace {

using resources::ResourceKey;

// The next key that is due, "" where none is.
std::string Next(WorkQueue& queue) {
  const auto taken = queue.Take();
  return taken ? taken->key.ToString() : "";
}

std::vector<std::string> NextOf(WorkQueue& queue, size_t count) {
  std::vector<std::string> keys;
  while (keys.size() < count) keys.push_back(Next(queue));
  return keys;
}

TEST(WorkQueue, AKeyStandsInItOnce) {
  WorkQueue queue(SystemClock());
  queue.Add({"ns", "a"});
  queue.Add({"ns", "a"});
  EXPECT_EQ(queue.depth(), 1u);
}

TEST(WorkQueue, AKeyAddedWhileTakenComesBackAfterDone) {
  WorkQueue queue(SystemClock());
  ResourceKey key{"ns", "a"};
  queue.Add(key);
  ASSERT_EQ(Next(queue), "ns/a");
  queue.Add(key);
  queue.Add({"ns", "b"});
  EXPECT_EQ(Next(queue), "ns/b");
  queue.Done(key);
  EXPECT_EQ(Next(queue), "ns/a");
}

TEST(WorkQueue, StopWakesAWaitingWorker) {
  WorkQueue queue(SystemClock());
  std::thread worker([&] { EXPECT_EQ(queue.Take(), std::nullopt); });
  queue.Stop();
  worker.join();
}

TEST(WorkQueue, AnEarlierTimeStands) {
  WorkQueue queue(SystemClock());
  queue.AddAfter({"ns", "a"}, std::chrono::hours(1));
  queue.Add({"ns", "a"});
  EXPECT_TRUE(queue.Take());
}

TEST(WorkQueue, AChangeGoesBeforeABacklog) {
  WorkQueue queue(SystemClock());
  for (int i = 0; i < 3; ++i) queue.Add({"old", std::to_string(i)}, Priority::kBacklog);
  queue.Add({"ns", "a"});
  queue.Add({"ns", "b"});
  EXPECT_EQ(NextOf(queue, 5),
            (std::vector<std::string>{"ns/a", "ns/b", "old/0", "old/1", "old/2"}));
}

TEST(WorkQueue, AChangeLiftsAKeyOutOfTheBacklog) {
  WorkQueue queue(SystemClock());
  for (int i = 0; i < 3; ++i) queue.Add({"old", std::to_string(i)}, Priority::kBacklog);
  queue.Add({"old", "2"});
  // And does not sink back.
  queue.Add({"old", "2"}, Priority::kBacklog);
  EXPECT_EQ(queue.depth(), 3u);
  const auto first = queue.Take();
  EXPECT_EQ(first, (WorkQueue::Taken{{"old", "2"}, Priority::kChange}));
  EXPECT_EQ(queue.Take(), (WorkQueue::Taken{{"old", "0"}, Priority::kBacklog}));
}

TEST(WorkQueue, ABacklogGetsItsShareUnderChangesWithoutEnd) {
  WorkQueue queue(SystemClock());
  for (int i = 0; i < 20; ++i) queue.Add({"old", std::to_string(i)}, Priority::kBacklog);
  int backlog = 0;
  for (int i = 0; i < 90; ++i) {
    queue.Add({"ns", "a"});
    const auto taken = queue.Take();
    if (taken->priority == Priority::kBacklog) ++backlog;
    queue.Done(taken->key);
  }
  EXPECT_EQ(backlog, 90 / (WorkQueue::kChangesInARow + 1));
}

TEST(WorkQueue, ABacklogThatIsNotDueYetHoldsNothingUp) {
  WorkQueue queue(SystemClock());
  queue.AddAfter({"old", "0"}, std::chrono::hours(1), Priority::kBacklog);
  for (int i = 0; i < 20; ++i) {
    queue.Add({"ns", std::to_string(i)});
    EXPECT_EQ(Next(queue), "ns/" + std::to_string(i));
  }
  queue.AddAfter({"ns", "later"}, std::chrono::hours(1));
  queue.Add({"old", "1"}, Priority::kBacklog);
  EXPECT_EQ(Next(queue), "old/1");
  EXPECT_EQ(queue.depth(), 2u);
}

TEST(WorkQueue, AddedWhileTakenItKeepsTheHigherPriority) {
  WorkQueue queue(SystemClock());
  const ResourceKey key{"ns", "a"};
  queue.Add(key, Priority::kBacklog);
  ASSERT_EQ(Next(queue), "ns/a");
  queue.AddWithBackoff(key, Priority::kBacklog);
  EXPECT_EQ(queue.figures().failing, 1u);
  queue.Add(key);
  queue.Done(key);
  EXPECT_EQ(queue.Take(), (WorkQueue::Taken{key, Priority::kChange}));
  queue.Forget(key);
  EXPECT_EQ(queue.figures().failing, 0u);
}

// Read by one thread, moved when told to.
class StillClock final : public Clock {
 public:
  WallMs WallNow() const override { return 0; }
  MonoTime Now() const override { return now_; }
  void Advance(Duration by) { now_ += by; }

 private:
  MonoTime now_{std::chrono::hours(1)};
};

TEST(WorkQueue, WhatHasFailedForFiveMinutesIsStuckUntilItSucceeds) {
  StillClock clock;
  WorkQueue queue(clock);
  const ResourceKey failing{"ns", "failing"};
  const ResourceKey late{"ns", "late"};
  const auto fail = [&](const ResourceKey& key) {
    ASSERT_EQ(Next(queue), key.ToString());
    queue.AddWithBackoff(key);
    queue.Done(key);
  };
  queue.Add(failing);
  fail(failing);
  clock.Advance(WorkQueue::kStuckAfter - std::chrono::seconds(1));
  queue.Add(late);
  fail(failing);  // due again, and for longer
  fail(late);
  EXPECT_EQ(queue.figures().failing, 2u);
  EXPECT_EQ(queue.figures().stuck, 0u);
  clock.Advance(std::chrono::seconds(1));
  EXPECT_EQ(queue.figures().stuck, 1u);
  queue.Forget(failing);
  EXPECT_EQ(queue.figures().failing, 1u);
  EXPECT_EQ(queue.figures().stuck, 0u);
}

TEST(WorkQueue, WhatAWorkerHasForFiveMinutesIsStuck) {
  StillClock clock;
  WorkQueue queue(clock);
  const ResourceKey key{"ns", "a"};
  queue.Add(key);
  ASSERT_EQ(Next(queue), "ns/a");
  clock.Advance(WorkQueue::kStuckAfter);
  EXPECT_EQ(queue.figures().stuck, 1u);
  queue.AddWithBackoff(key);
  clock.Advance(WorkQueue::kStuckAfter);
  EXPECT_EQ(queue.figures().stuck, 1u);  // failing and taken, and one object all the same
  queue.Forget(key);
  queue.Done(key);
  EXPECT_EQ(queue.figures().stuck, 0u);
  EXPECT_EQ(queue.figures().waiting, 1u);
}

TEST(Controller, TellsHowLongReconcilesTake) {
  metrics::Registry registry;
  metrics::Histogram& seconds = registry.GetHistogram("millrace_test_seconds", "Help.");
  std::atomic<int> runs{0};
  {
    Controller controller(
        "test", 1, SystemClock(),
        [&](const ResourceKey&) {
          ++runs;
          return Outcome::Done();
        },
        &seconds);
    controller.Add({"ns", "a"});
    while (runs < 1) std::this_thread::yield();
  }
  EXPECT_NE(registry.Render().find("millrace_test_seconds_count 1\n"), std::string::npos);
}

TEST(Controller, FailuresAreTriedAgainUntilTheySucceed) {
  std::atomic<int> calls{0};
  Controller controller("test", 2, SystemClock(), [&](const ResourceKey&) {
    return ++calls < 4 ? Outcome::Failed(Unavailable("not yet")) : Outcome::Done();
  });
  controller.Add({"ns", "a"});
  while (calls < 4) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  controller.Stop();
  EXPECT_EQ(calls, 4);
}

TEST(Controller, OneWorkerAKey) {
  std::atomic<int> inside{0};
  std::atomic<int> calls{0};
  Controller controller("test", 4, SystemClock(), [&](const ResourceKey&) {
    EXPECT_EQ(++inside, 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    --inside;
    return ++calls < 20 ? Outcome::After(Duration::zero()) : Outcome::Done();
  });
  for (int i = 0; i < 20; ++i) controller.Add({"ns", "a"});
  while (calls < 20) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace
}  // namespace millrace::op
