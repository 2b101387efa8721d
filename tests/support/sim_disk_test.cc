#include "tests/support/sim_disk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <set>

namespace millrace::sim {
namespace {

constexpr size_t kBlock = storage::kDiskAlignment;

Slice AlignedBytes(size_t size, char fill) {
  auto* memory = static_cast<char*>(std::aligned_alloc(kBlock, size));
  std::fill_n(memory, size, fill);
  return {std::shared_ptr<void>(memory, std::free), memory, size};
}

struct World {
  explicit World(uint64_t seed, SimDiskOptions options = {}) : disk(options, executor, seed) {}
  Status Create(const std::string& name, uint64_t size) {
    Status result(Code::kInternal, "never ran");
    result.IgnoreError();
    disk.Create(name, size, [&](Status status) { result = std::move(status); });
    executor.RunUntilIdle();
    return result;
  }
  SimClock clock;
  SimExecutor executor{clock};
  SimDisk disk;
};

TEST(SimExecutor, RunsInTheOrderOfTimeAndThenOfPosting) {
  SimClock clock;
  SimExecutor executor(clock);
  std::string order;
  executor.RunAfter(std::chrono::milliseconds(2), [&] { order += "d"; });
  executor.RunAfter(std::chrono::milliseconds(1), [&] { order += "c"; });
  executor.Post([&] { order += "a"; });
  executor.Post([&] { order += "b"; });
  executor.RunUntilIdle();
  EXPECT_EQ(order, "abcd");
  EXPECT_EQ(clock.Now(), std::chrono::milliseconds(2));
}

TEST(SimExecutor, ACancelledTimerNeitherRunsNorMovesTheClock) {
  SimClock clock;
  SimExecutor executor(clock);
  auto timer = executor.RunAfter(std::chrono::seconds(5), [] { FAIL(); });
  executor.RunAfter(std::chrono::seconds(1), [] {});
  executor.Cancel(timer);
  executor.RunFor(std::chrono::seconds(2));
  EXPECT_EQ(clock.Now(), std::chrono::seconds(2));
  EXPECT_TRUE(executor.RunUntilIdle());
  EXPECT_EQ(clock.Now(), std::chrono::seconds(2));
}

TEST(SimDisk, ACompletedWriteSurvivesACrash) {
  World world(1);
  ASSERT_TRUE(world.Create("a", 4 * kBlock).ok());
  bool done = false;
  world.disk.Write("a", kBlock, AlignedBytes(kBlock, 'x'), [&](Status status) {
    EXPECT_TRUE(status.ok());
    done = true;
  });
  world.executor.RunUntilIdle();
  world.disk.Crash();
  EXPECT_TRUE(done);
  EXPECT_EQ(world.disk.Contents("a").substr(kBlock, kBlock), std::string(kBlock, 'x'));
}

TEST(SimDisk, AWriteInFlightIsLostDoneOrTornBySectorsInACrash) {
  std::set<std::string> outcomes;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    World world(seed);
    ASSERT_TRUE(world.Create("a", 2 * kBlock).ok());
    world.disk.Write("a", 0, AlignedBytes(2 * kBlock, 'x'), [](Status) { FAIL(); });
    world.executor.DropAll();
    world.disk.Crash();
    world.executor.RunUntilIdle();
    std::string bytes = world.disk.Contents("a");
    auto written = static_cast<size_t>(std::count(bytes.begin(), bytes.end(), 'x'));
    ASSERT_EQ(written % SimDisk::kSectorBytes, 0U);
    outcomes.insert(written == 0 ? "lost" : written == bytes.size() ? "done" : "torn");
  }
  EXPECT_EQ(outcomes, (std::set<std::string>{"lost", "done", "torn"}));
}

TEST(SimDisk, WritesFinishInAnyOrder) {
  std::set<std::string> orders;
  for (uint64_t seed = 0; seed < 30; ++seed) {
    World world(seed);
    ASSERT_TRUE(world.Create("a", 2 * kBlock).ok());
    std::string order;
    for (char name : {'0', '1'}) {
      world.disk.Write("a", name == '0' ? 0 : kBlock, AlignedBytes(kBlock, name),
                       [&order, name](const Status&) { order += name; });
    }
    world.executor.RunUntilIdle();
    orders.insert(order);
  }
  EXPECT_EQ(orders.size(), 2U);
}

TEST(SimDisk, AFullDiskRefusesNewFilesUntilOneGoes) {
  World world(1, {.capacity_bytes = 10 * kBlock});
  EXPECT_TRUE(world.Create("a", 8 * kBlock).ok());
  EXPECT_EQ(world.Create("b", 8 * kBlock).code(), Code::kNoSpace);
  EXPECT_EQ(world.disk.FreeBytes(), 2 * kBlock);
  world.disk.Remove("a", [](Status status) { EXPECT_TRUE(status.ok()); });
  world.executor.RunUntilIdle();
  EXPECT_TRUE(world.Create("b", 8 * kBlock).ok());
}

TEST(SimDisk, AWriteIsSettledOnceLaterOnesBeganAfterACalmAndWereDone) {
  World world(1);
  Random random(1);
  ASSERT_TRUE(world.Create("a", 4 * kBlock).ok());
  auto write = [&](uint64_t offset) {
    world.disk.Write("a", offset, AlignedBytes(kBlock, 'x'), [](Status s) { s.IgnoreError(); });
  };
  write(0);
  write(kBlock);
  world.executor.RunUntilIdle();
  EXPECT_FALSE(world.disk.PickSettledWrite(random).has_value());
  write(2 * kBlock);
  write(3 * kBlock);
  world.executor.RunUntilIdle();
  for (int i = 0; i < 20; ++i) {
    auto settled = world.disk.PickSettledWrite(random);
    ASSERT_TRUE(settled.has_value());
    EXPECT_LT(settled->offset, 2 * kBlock);
  }
}

TEST(SimDisk, TheSameSeedGivesTheSameTrace) {
  auto trace = [](uint64_t seed) {
    World world(seed);
    EXPECT_TRUE(world.Create("a", 8 * kBlock).ok());
    for (uint64_t i = 0; i < 8; ++i) {
      world.disk.Write("a", i * kBlock, AlignedBytes(kBlock, 'x'),
                       [](Status s) { s.IgnoreError(); });
    }
    world.executor.RunUntilIdle();
    return world.executor.trace_hash();
  };
  EXPECT_EQ(trace(7), trace(7));
  EXPECT_NE(trace(7), trace(8));
}

}  // namespace
}  // namespace millrace::sim
