#include "dataplane/format/extent_index.h"

#include <gtest/gtest.h>

#include <map>

namespace millrace::storage {
namespace {

ChunkRef Ref(uint64_t first, uint32_t count, uint32_t segment) {
  ChunkRef ref;
  ref.first_index = first;
  ref.count = count;
  ref.segment = segment;
  ref.offset = static_cast<uint32_t>(first) * 100;
  ref.bytes = 10 * count;
  ref.arrival_ms = static_cast<WallMs>(first);
  return ref;
}

class ExtentIndexTest : public testing::Test {
 protected:
  // Ten chunks of ten records, five in segment 1, five in segment 2.
  ExtentIndexTest() {
    for (uint32_t i = 0; i < 10; ++i) index.Append(Ref(10 * i, 10, i < 5 ? 1 : 2));
  }
  ExtentIndex::OnDead OnDead() {
    return [this](uint32_t segment, uint64_t bytes) { dead[segment] += bytes; };
  }
  uint64_t Bytes() const {
    uint64_t bytes = 0;
    for (const ChunkSpan& span : index.spans()) bytes += span.bytes;
    return bytes;
  }
  std::vector<ChunkRef> Segment1() const {
    std::vector<ChunkRef> chunks;
    for (uint32_t i = 0; i < 5; ++i) chunks.push_back(Ref(10 * i, 10, 1));
    return chunks;
  }

  ExtentIndex index;
  std::map<uint32_t, uint64_t> dead;
};

TEST_F(ExtentIndexTest, ChunksOfOneSegmentShareASpan) {
  ASSERT_EQ(index.spans().size(), 2U);
  EXPECT_EQ(index.spans()[0].end_index, 50U);
  EXPECT_EQ(index.spans()[1].first_arrival_ms, 50);
  EXPECT_EQ(index.FindSpan(0), 0U);
  EXPECT_EQ(index.FindSpan(49), 0U);
  EXPECT_EQ(index.FindSpan(50), 1U);
  EXPECT_EQ(index.FindSpan(100), 2U);
}

TEST_F(ExtentIndexTest, TimesAreFoundExactlyWhereTheListIsInMemory) {
  EXPECT_EQ(index.IndexAtTime(-5), 0U);
  EXPECT_EQ(index.IndexAtTime(20), 20U);
  EXPECT_EQ(index.IndexAtTime(21), 30U);
  EXPECT_EQ(index.IndexAtTime(90), 90U);
  EXPECT_EQ(index.IndexAtTime(91), 100U);
  index.SetGroup({1, 0, 50, 64, 5, 1});
  index.Unload(1, 0, 50);
  EXPECT_EQ(index.IndexAtTime(21), 0U);
  EXPECT_EQ(index.IndexAtTime(60), 60U);
}

TEST_F(ExtentIndexTest, TrimmingTakesWholeChunks) {
  index.TrimBefore(25, OnDead());
  EXPECT_EQ(index.first_index(), 30U);
  EXPECT_EQ(dead[1], 300U);
  index.TrimBefore(60, OnDead());
  EXPECT_EQ(index.first_index(), 60U);
  EXPECT_EQ(dead[1], 500U);
  EXPECT_EQ(dead[2], 100U);
  index.TrimBefore(1000, OnDead());
  EXPECT_TRUE(index.empty());
  EXPECT_EQ(dead[2], 500U);
}

TEST_F(ExtentIndexTest, MovesSplitASpanAndJoinWhatFollowsInTheNewOne) {
  EXPECT_TRUE(index.Move(Ref(20, 10, 1), 3, 7000));
  EXPECT_TRUE(index.Move(Ref(30, 10, 1), 3, 8000));
  ASSERT_EQ(index.spans().size(), 4U);
  EXPECT_EQ(index.spans()[1].segment, 3U);
  EXPECT_EQ(index.spans()[1].first_index, 20U);
  EXPECT_EQ(index.spans()[1].end_index, 40U);
  EXPECT_EQ(index.spans()[1].chunks->at(1).offset, 8000U);
  EXPECT_EQ(Bytes(), 1000U);
  // Elsewhere by now.
  EXPECT_FALSE(index.Move(Ref(20, 10, 1), 4, 0));
  for (uint32_t first : {0U, 10U, 40U}) EXPECT_TRUE(index.Move(Ref(first, 10, 1), 3, first));
  for (const ChunkSpan& span : index.spans()) EXPECT_NE(span.segment, 1U);
}

TEST_F(ExtentIndexTest, LostChunksStayInTheListAndWeighNothing) {
  EXPECT_TRUE(index.MarkLost(Ref(20, 10, 1)));
  EXPECT_FALSE(index.MarkLost(Ref(20, 10, 1)));
  // Nor does the cleaner move it, that read it before it was found out.
  EXPECT_FALSE(index.Move(Ref(20, 10, 1), 3, 0));
  EXPECT_EQ(Bytes(), 900U);
  index.SetGroup({1, 0, 50, 64, 5, 1});
  // Its index does not know of the loss.
  EXPECT_EQ(index.Unload(1, 0, 50), 0U);
}

TEST_F(ExtentIndexTest, ListsGoOutOfMemoryAndComeBack) {
  EXPECT_EQ(index.Unload(1, 0, 50), 0U) << "no group is known";
  index.SetGroup({1, 0, 50, 64, 5, 1});
  EXPECT_GT(index.Unload(1, 0, 50), 0U);
  EXPECT_FALSE(index.spans()[0].loaded());
  EXPECT_FALSE(index.Move(Ref(20, 10, 1), 3, 0));
  EXPECT_GT(index.Load(1, 64, Segment1(), OnDead()), 0U);
  EXPECT_TRUE(index.spans()[0].loaded());
  EXPECT_EQ(index.spans()[0].chunks->size(), 5U);
  EXPECT_TRUE(dead.empty());
}

TEST_F(ExtentIndexTest, ASpanTakesOnlyItsPartOfTheGroup) {
  index.TrimBefore(15, OnDead());
  index.SetGroup({1, 0, 50, 64, 5, 1});
  index.Unload(1, 0, 50);
  index.Load(1, 64, Segment1(), OnDead());
  EXPECT_EQ(index.spans()[0].chunks->front().first_index, 20U);
  EXPECT_EQ(index.spans()[0].bytes, 300U);
}

TEST_F(ExtentIndexTest, WhatTheSegmentNoLongerHoldsIsMissing) {
  index.SetGroup({1, 0, 50, 64, 5, 1});
  index.Unload(1, 0, 50);
  auto chunks = Segment1();
  chunks.erase(chunks.begin() + 1, chunks.begin() + 3);
  EXPECT_EQ(index.LoadAll(1, chunks, OnDead()), 20U);
  EXPECT_EQ(dead[1], 200U);
  EXPECT_EQ(index.spans().size(), 3U);
  EXPECT_EQ(index.spans()[1].first_index, 30U);
  index.SetGroup({2, 50, 100, 64, 5, 1});
  index.Unload(2, 50, 100);
  EXPECT_EQ(index.LoadAll(2, {}, OnDead()), 50U);
  EXPECT_EQ(index.end_index(), 50U);
}

}  // namespace
}  // namespace millrace::storage
