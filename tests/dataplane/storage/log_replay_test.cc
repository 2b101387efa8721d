#include "dataplane/storage/log_replay.h"

#include <gtest/gtest.h>

#include "dataplane/storage/extent_table.h"
#include "dataplane/storage/log_end.h"

namespace millrace::storage {
namespace {

const ExtentId kA{1, 0, 1};

Lsn L(uint64_t incarnation, uint64_t n) { return FirstLsnOf(incarnation) + n; }

ScannedEntry Records(uint64_t first, uint32_t count) {
  ScannedEntry entry;
  entry.entry.kind = EntryKind::kRecords;
  entry.entry.extent = kA;
  entry.entry.first_index = first;
  entry.entry.count = count;
  entry.entry.payload_bytes = 10;
  return entry;
}

ScannedEntry Control(EntryKind kind, uint64_t index = 0) {
  ScannedEntry entry;
  entry.entry.kind = kind;
  entry.entry.extent = kA;
  entry.entry.first_index = index;
  return entry;
}

ScannedEntry Table(const std::vector<TableRow>& rows, uint64_t part = 0, uint32_t parts = 1) {
  ScannedEntry entry;
  entry.entry.kind = EntryKind::kTable;
  entry.entry.first_index = part;
  entry.entry.count = parts;
  for (const TableRow& row : rows) AppendTableRow(row, &entry.payload);
  return entry;
}

TableRow Row(uint64_t begin, uint64_t end) {
  TableRow row;
  row.id = kA;
  row.begin_index = begin;
  row.end_index = end;
  return row;
}

// Blocks one after another in one segment.
struct SegmentMaker {
  explicit SegmentMaker(uint64_t number) {
    segment.number = number;
    segment.size = 1 << 20;
  }
  SegmentMaker& Block(Lsn lsn, Lsn committed, std::vector<ScannedEntry> entries = {},
                      Lsn prior_end = 0) {
    ScannedBlock block;
    block.header.lsn = lsn;
    block.header.committed_lsn = committed;
    block.header.prior_end_lsn = prior_end;
    block.header.segment = segment.number;
    block.header.block_bytes = kDiskAlignment;
    block.offset = offset;
    for (ScannedEntry& entry : entries) {
      block.damaged |= entry.damaged;
      block.entries.push_back(std::move(entry));
    }
    segment.blocks.push_back(std::move(block));
    offset += kDiskAlignment;
    return *this;
  }
  FoundSegment segment;
  uint64_t offset = 0;
};

ReplayedLog Replay(std::vector<SegmentMaker> makers) {
  std::vector<FoundSegment> segments;
  for (SegmentMaker& maker : makers) segments.push_back(std::move(maker.segment));
  return ReplayLog(std::move(segments));
}

TEST(LogEnd, GoesOnPastTheWatermarkWhileNothingIsMissing) {
  SegmentMaker s(1);
  s.Block(L(1, 0), 0).Block(L(1, 1), 0).Block(L(1, 2), L(1, 0)).Block(L(1, 4), L(1, 1));
  LogEnd end = FindLogEnd({s.segment});
  EXPECT_EQ(end.committed_lsn, L(1, 1));
  EXPECT_EQ(end.end_lsn, L(1, 2));
  EXPECT_EQ(CountCorruptBlocks({s.segment}, end), 0U);
}

TEST(LogEnd, WhatIsMissingBelowTheWatermarkIsCorruption) {
  SegmentMaker s(1);
  s.Block(L(1, 0), 0).Block(L(1, 1), 0).Block(L(1, 4), L(1, 3));
  LogEnd end = FindLogEnd({s.segment});
  EXPECT_EQ(end.end_lsn, L(1, 4));
  EXPECT_EQ(CountCorruptBlocks({s.segment}, end), 2U);
}

TEST(LogEnd, DamagePastTheWatermarkIsATear) {
  SegmentMaker s(1);
  ScannedEntry damaged = Records(0, 1);
  damaged.damaged = true;
  s.Block(L(1, 0), 0).Block(L(1, 1), 0, {damaged}).Block(L(1, 2), 0);
  LogEnd end = FindLogEnd({s.segment});
  EXPECT_EQ(end.end_lsn, L(1, 0));
  EXPECT_FALSE(end.Keeps(L(1, 2)));
}

TEST(LogEnd, BlocksPastTheEndOfAnEarlierIncarnationAreVoid) {
  SegmentMaker s(1);
  s.Block(L(1, 0), 0).Block(L(1, 1), 0).Block(L(1, 3), 0);
  s.Block(L(2, 0), L(1, 1), {}, L(1, 1)).Block(L(2, 1), L(2, 0), {}, L(1, 1));
  LogEnd end = FindLogEnd({s.segment});
  EXPECT_EQ(end.incarnation, 2U);
  EXPECT_TRUE(end.Keeps(L(1, 1)));
  EXPECT_FALSE(end.Keeps(L(1, 3)));
  EXPECT_EQ(end.end_lsn, L(2, 1));
  EXPECT_EQ(CountCorruptBlocks({s.segment}, end), 0U);
}

TEST(LogEnd, BlocksMissingAcrossSegmentsAreCountedOnlyBetweenNeighbours) {
  SegmentMaker one(1);
  SegmentMaker two(2);
  SegmentMaker four(4);
  one.Block(L(1, 0), 0);
  two.Block(L(1, 3), L(1, 2));
  four.Block(L(1, 9), L(1, 8));
  std::vector<FoundSegment> segments{one.segment, two.segment, four.segment};
  LogEnd end = FindLogEnd(segments);
  EXPECT_EQ(CountCorruptBlocks(segments, end), 2U);
}

TEST(LogReplay, EntriesAfterTheTableChangeIt) {
  SegmentMaker s(1);
  s.Block(L(1, 0), 0, {Table({Row(5, 10)})});
  s.Block(L(1, 1), 0, {Records(10, 5), Control(EntryKind::kSeal, 15)});
  s.Block(L(1, 2), 0, {Control(EntryKind::kTrim, 10)});
  ReplayedLog log = Replay({s});
  ASSERT_EQ(log.extents.size(), 1U);
  EXPECT_EQ(log.extents[0].begin_index, 10U);
  EXPECT_EQ(log.extents[0].end_index, 15U);
  EXPECT_TRUE(log.extents[0].sealed);
  EXPECT_EQ(log.lost_records, 0U);
}

TEST(LogReplay, AnExtentThatTheTableDoesNotKnowIsGone) {
  SegmentMaker one(1);
  SegmentMaker two(2);
  one.Block(L(1, 0), 0, {Table({})}).Block(L(1, 1), 0, {Control(EntryKind::kOpen), Records(0, 5)});
  two.Block(L(1, 2), L(1, 1), {Table({})});
  EXPECT_TRUE(Replay({one, two}).extents.empty());
}

TEST(LogReplay, AnExtentMadeAnewHasNothingOfTheOneBefore) {
  SegmentMaker s(1);
  s.Block(L(1, 0), 0, {Table({Row(0, 0)})}).Block(L(1, 1), 0, {Records(0, 5)});
  s.Block(L(1, 2), 0, {Control(EntryKind::kDrop)}).Block(L(1, 3), 0, {Control(EntryKind::kOpen)});
  ReplayedLog log = Replay({s});
  ASSERT_EQ(log.extents.size(), 1U);
  EXPECT_TRUE(log.extents[0].chunks.empty());
  EXPECT_EQ(log.extents[0].end_index, 0U);
}

TEST(LogReplay, GapsAreLostRecords) {
  SegmentMaker s(1);
  s.Block(L(1, 0), 0, {Table({Row(0, 0)})});
  s.Block(L(1, 1), 0, {Records(0, 5)}).Block(L(1, 3), L(1, 2), {Records(8, 2)});
  ReplayedLog log = Replay({s});
  EXPECT_EQ(log.lost_records, 3U);
  EXPECT_EQ(log.extents[0].end_index, 10U);
}

TEST(LogReplay, TheEndThatATableTellsIsKeptThoughItsRecordsAreLost) {
  SegmentMaker one(1);
  SegmentMaker two(2);
  one.Block(L(1, 0), 0, {Table({Row(0, 0)})}).Block(L(1, 1), 0, {Records(0, 5)});
  two.Block(L(1, 3), L(1, 2), {Table({Row(0, 9)})});
  ReplayedLog log = Replay({one, two});
  EXPECT_EQ(log.extents[0].end_index, 9U);
  EXPECT_EQ(log.lost_records, 4U);
  EXPECT_EQ(log.corrupt_blocks, 1U);
}

TEST(LogReplay, AMovedChunkAndItsFirstCopyAreOne) {
  SegmentMaker one(1);
  SegmentMaker two(2);
  one.Block(L(1, 0), 0, {Table({Row(0, 0)})});
  one.Block(L(1, 1), 0, {Records(0, 5), Records(5, 5)});
  ScannedEntry moved = Records(0, 5);
  moved.entry.flags = kEntryMoved;
  two.Block(L(1, 2), 0, {Table({Row(0, 10)})}).Block(L(1, 3), 0, {moved});
  ReplayedLog log = Replay({one, two});
  ASSERT_EQ(log.extents[0].chunks.spans().size(), 2U);
  EXPECT_EQ(log.extents[0].chunks.spans()[0].segment, 2U);
  EXPECT_EQ(log.lost_records, 0U);
}

TEST(LogReplay, RowsOfIndexesThatOverlapAreCutToFit) {
  FoundSegment one;
  one.number = 1;
  one.indexed = true;
  one.directory = {1, 0, L(1, 1), L(1, 5), {}};
  FoundSegment two = one;
  two.number = 2;
  two.directory = {2, 0, L(1, 6), L(1, 9), {}};
  IndexRow row;
  row.extent = kA;
  row.first_index = 0;
  row.end_index = 100;
  row.chunks = 10;
  one.directory.rows.push_back(row);
  row.first_index = 50;
  row.end_index = 150;
  two.directory.rows.push_back(row);
  SegmentMaker three(3);
  three.Block(L(1, 10), L(1, 9), {Table({Row(0, 150)})});
  ReplayedLog log = ReplayLog({one, two, three.segment});
  const auto& spans = log.extents[0].chunks.spans();
  ASSERT_EQ(spans.size(), 2U);
  EXPECT_EQ(spans[0].end_index, 100U);
  EXPECT_EQ(spans[1].first_index, 100U);
  EXPECT_EQ(log.lost_records, 0U);
}

TEST(LogReplay, AnIncompleteTableIsNone) {
  SegmentMaker one(1);
  one.Block(L(1, 0), 0, {Table({Row(0, 0)})}).Block(L(1, 1), 0, {Records(0, 5)});
  SegmentMaker two(2);
  two.Block(L(1, 2), L(1, 1), {Table({}, 0, 2)});
  ReplayedLog log = Replay({one, two});
  ASSERT_EQ(log.extents.size(), 1U);
  EXPECT_EQ(log.extents[0].end_index, 5U);
}

TEST(LogReplay, AnIndexedSegmentAfterTheNewestTableIsScannedToo) {
  SegmentMaker one(1);
  one.Block(L(1, 0), 0, {Table({})});
  FoundSegment two;
  two.number = 2;
  two.indexed = true;
  two.directory = {2, 0, L(1, 1), L(1, 5), {}};
  EXPECT_EQ(SegmentToScanToo({one.segment, two}), 1U);
  SegmentMaker three(3);
  three.Block(L(1, 6), L(1, 5), {Table({})});
  EXPECT_FALSE(SegmentToScanToo({one.segment, two, three.segment}).has_value());
}

}  // namespace
}  // namespace millrace::storage
