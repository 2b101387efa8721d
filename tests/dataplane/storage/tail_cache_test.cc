#include "dataplane/storage/tail_cache.h"

#include <gtest/gtest.h>

namespace millrace::storage {
namespace {

Chunk MakeChunk(uint64_t first, uint32_t count, size_t bytes) {
  return {first, count, 0, Slice::FromString(std::string(bytes, 'x'))};
}
const ExtentId kA{1, 0, 1};
const ExtentId kB{1, 1, 1};

TEST(TailCache, AnswersOnlyWhereItReachesBackFarEnough) {
  TailCache cache(1000);
  std::vector<Chunk> chunks;
  EXPECT_FALSE(cache.Collect(kA, 0, 100, &chunks));
  cache.Add({{kA, MakeChunk(10, 5, 10)}, {kB, MakeChunk(0, 1, 10)}}, 100);
  cache.Add({{kA, MakeChunk(15, 5, 10)}}, 100);
  EXPECT_FALSE(cache.Collect(kA, 9, 100, &chunks));
  ASSERT_TRUE(cache.Collect(kA, 12, 100, &chunks));
  ASSERT_EQ(chunks.size(), 2U);
  EXPECT_EQ(chunks[0].first_index, 10U);
  chunks.clear();
  ASSERT_TRUE(cache.Collect(kA, 10, 1, &chunks));
  EXPECT_EQ(chunks.size(), 1U);
}

TEST(TailCache, EvictsWholeBlocksOldestFirst) {
  TailCache cache(250);
  for (uint64_t i = 0; i < 10; ++i) {
    cache.Add({{kA, MakeChunk(i, 1, 10)}, {kB, MakeChunk(i, 1, 10)}}, 100);
  }
  EXPECT_EQ(cache.bytes(), 200U);
  std::vector<Chunk> chunks;
  EXPECT_FALSE(cache.Collect(kA, 7, 1000, &chunks));
  EXPECT_TRUE(cache.Collect(kA, 8, 1000, &chunks));
  EXPECT_EQ(chunks.size(), 2U);
}

TEST(TailCache, AForgottenExtentIsNotServedAndDoesNotUpsetEviction) {
  TailCache cache(250);
  cache.Add({{kA, MakeChunk(0, 1, 10)}}, 100);
  cache.Forget(kA);
  std::vector<Chunk> chunks;
  EXPECT_FALSE(cache.Collect(kA, 0, 100, &chunks));
  for (uint64_t i = 0; i < 10; ++i) cache.Add({{kB, MakeChunk(i, 1, 10)}}, 100);
  EXPECT_LE(cache.bytes(), 250U);
}

TEST(TailCache, WithoutRoomItHoldsNothing) {
  TailCache cache(0);
  cache.Add({{kA, MakeChunk(0, 1, 10)}}, 100);
  EXPECT_EQ(cache.bytes(), 0U);
  std::vector<Chunk> chunks;
  EXPECT_FALSE(cache.Collect(kA, 0, 100, &chunks));
}

}  // namespace
}  // namespace millrace::storage
