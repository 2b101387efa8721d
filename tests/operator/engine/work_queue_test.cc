#include "operator/engine/work_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "operator/engine/controller.h"

namespace millrace::op {
namespace {

using resources::ResourceKey;

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
  ASSERT_EQ(queue.Take(), key);
  queue.Add(key);
  queue.Add({"ns", "b"});
  EXPECT_EQ(queue.Take(), (ResourceKey{"ns", "b"}));
  queue.Done(key);
  EXPECT_EQ(queue.Take(), key);
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
