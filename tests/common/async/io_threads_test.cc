#include "common/async/io_threads.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <future>
#include <thread>

namespace millrace {
namespace {

using std::chrono::milliseconds;

// Runs `fn` on the executor and returns its result.
template <typename F>
auto On(Executor& executor, F fn) {
  std::promise<decltype(fn())> done;
  auto result = done.get_future();
  executor.Post([&] { done.set_value(fn()); });
  return result.get();
}

TEST(IoThreads, MakesTheThreadsItIsToldAndNamesThem) {
  IoThreads threads(3, "unit");
  ASSERT_EQ(threads.size(), 3U);
  std::string name = On(threads.at(2), [] {
    char text[16] = {};
    pthread_getname_np(pthread_self(), text, sizeof text);
    return std::string(text);
  });
  EXPECT_EQ(name, "unit-2");
}

TEST(IoThreads, ZeroMeansOneThreadACore) {
  IoThreads threads(0, "unit");
  EXPECT_EQ(threads.size(), std::thread::hardware_concurrency());
}

TEST(IoThreads, KnowsWhichExecutorItIsOn) {
  IoThreads threads(2, "unit");
  EXPECT_FALSE(threads.at(0).OnThisExecutor());
  EXPECT_TRUE(On(threads.at(0), [&] { return threads.at(0).OnThisExecutor(); }));
  EXPECT_FALSE(On(threads.at(0), [&] { return threads.at(1).OnThisExecutor(); }));
}

TEST(IoThreads, PostsRunInTheirOrder) {
  IoThreads threads(1, "unit");
  std::vector<int> seen;
  for (int i = 0; i < 1000; ++i) threads.at(0).Post([&seen, i] { seen.push_back(i); });
  ASSERT_EQ(On(threads.at(0), [&] { return seen.size(); }), 1000U);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TEST(IoThreads, PostedWorkMayOwnWhatItMoves) {
  IoThreads threads(1, "unit");
  std::promise<int> done;
  auto value = std::make_unique<int>(7);
  threads.at(0).Post([&done, value = std::move(value)] { done.set_value(*value); });
  EXPECT_EQ(done.get_future().get(), 7);
}

TEST(IoThreads, TimersRunOnceInTheOrderOfTheirTime) {
  IoThreads threads(1, "unit");
  std::promise<std::string> done;
  std::string order;
  threads.at(0).Post([&] {
    Executor& executor = threads.at(0);
    executor.RunAfter(milliseconds(20), [&] {
      order += "c";
      done.set_value(order);
    });
    executor.RunAfter(milliseconds(10), [&] { order += "b"; });
    executor.RunAfter(milliseconds(0), [&] { order += "a"; });
  });
  EXPECT_EQ(done.get_future().get(), "abc");
}

TEST(IoThreads, CancelledTimerDoesNotRun) {
  IoThreads threads(1, "unit");
  std::atomic<bool> ran = false;
  std::promise<void> done;
  threads.at(0).Post([&] {
    Executor& executor = threads.at(0);
    auto id = executor.RunAfter(milliseconds(1), [&] { ran = true; });
    // Lets it expire, so that its completion is queued when it is cancelled.
    std::this_thread::sleep_for(milliseconds(5));
    executor.Cancel(id);
    executor.Cancel(id);
    executor.RunAfter(milliseconds(5), [&] { done.set_value(); });
  });
  done.get_future().get();
  EXPECT_FALSE(ran);
}

TEST(IoThreads, TimerMayCancelItselfAndSetTheNext) {
  IoThreads threads(1, "unit");
  std::promise<void> done;
  Executor& executor = threads.at(0);
  executor.Post([&] {
    auto id = std::make_shared<Executor::TimerId>();
    *id = executor.RunAfter(milliseconds(0), [&, id] {
      executor.Cancel(*id);
      executor.RunAfter(milliseconds(0), [&] { done.set_value(); });
    });
  });
  EXPECT_EQ(done.get_future().wait_for(std::chrono::seconds(5)), std::future_status::ready);
}

TEST(IoThreads, QueuedWorkIsDroppedAndDestroyedAtTheEnd) {
  auto held = std::make_shared<int>(1);
  {
    IoThreads threads(1, "unit");
    std::promise<void> started;
    threads.at(0).Post([&] {
      threads.at(0).RunAfter(std::chrono::hours(1), [held] {});
      started.set_value();
      std::this_thread::sleep_for(milliseconds(20));
    });
    started.get_future().get();
    threads.at(0).Post([held] {});
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(IoThreads, NothingRunsOnceTheyAreStopped) {
  IoThreads io(2, "test");
  std::atomic<int> ran = 0;
  io.Stop();
  io.Stop();
  io.at(1).Post([&] { ++ran; });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(ran, 0);
}

TEST(IoThreads, ThreadsMayPostToEachOther) {
  IoThreads threads(2, "unit");
  std::promise<void> done;
  std::atomic<int> hops = 0;
  std::function<void(size_t)> hop = [&](size_t to) {
    if (++hops == 1000) return done.set_value();
    threads.at(to).Post([&hop, to] { hop(1 - to); });
  };
  threads.at(0).Post([&hop] { hop(1); });
  done.get_future().get();
  EXPECT_EQ(hops, 1000);
}

}  // namespace
}  // namespace millrace
