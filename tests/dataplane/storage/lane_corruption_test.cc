#include "dataplane/format/segment_index.h"
#include "dataplane/format/segment_scan.h"
#include "tests/dataplane/storage/lane_fixture.h"

namespace millrace::storage {
namespace {

using Strings = std::vector<std::string>;

class LaneCorruption : public LaneFixture {
 protected:
  // Three appends, each acknowledged before the next, and the watermark after them.
  void WriteThree(bool settle) {
    Open();
    ASSERT_TRUE(OpenExtent(Id(0)).ok());
    for (const char* data : {"a", "b", "c"}) ASSERT_TRUE(Put(Id(0), {data, data}).ok());
    if (settle) Settle();
    Kill();
    segment = OnlySegment();
    blocks = Blocks(segment);
  }
  std::vector<ScannedBlock> Blocks(const std::string& name) const {
    std::string bytes = disk.Contents(name);
    SegmentScan scan(ParseFileName(name).number, bytes.size(), std::nullopt);
    while (auto want = scan.next()) {
      scan.Feed(Slice::FromString(bytes.substr(want->offset, want->bytes)));
    }
    return scan.blocks();
  }
  const ScannedBlock& BlockOf(uint64_t first_index) const {
    for (const ScannedBlock& block : blocks) {
      for (const ScannedEntry& entry : block.entries) {
        if (entry.entry.kind == EntryKind::kRecords && entry.entry.first_index == first_index) {
          return block;
        }
      }
    }
    ADD_FAILURE() << "no block with index " << first_index;
    return blocks[0];
  }

  std::string segment;
  std::vector<ScannedBlock> blocks;
};

const Strings kAll = {"0:a", "1:a", "2:b", "3:b", "4:c", "5:c"};

TEST_F(LaneCorruption, AFlippedBitInAnyByteOfAMiddleBlockIsDetectedAndCostsOnlyItsRecords) {
  WriteThree(true);
  const ScannedBlock& block = BlockOf(2);
  const BlockEntry& entry = block.entries[0].entry;
  std::string good = disk.Contents(segment);
  size_t used = entry.payload_offset + entry.payload_bytes - block.offset;
  for (size_t i = 0; i < used; ++i) {
    disk.FlipBit(segment, block.offset + i, static_cast<int>(i % 8));
    Open();
    ASSERT_EQ(ReadAll(Id(0)), (Strings{"0:a", "1:a", "4:c", "5:c"})) << i;
    ASSERT_EQ(skipped, 2U);
    ASSERT_EQ(lane->stats().corrupt_blocks, 1U) << i;
    ASSERT_EQ(lane->stats().lost_records, 2U);
    ASSERT_EQ(lane->Info(Id(0))->lost_records, 2U);
    Kill();
    for (const std::string& name : disk.FileNames()) {
      if (name.ends_with(".idx")) FAIL() << "an index hides what the scan must see";
    }
    disk.SetContents(segment, good);
  }
}

TEST_F(LaneCorruption, AFlippedBitInTheLastAcknowledgedBlockIsNotTakenForATornTail) {
  WriteThree(true);
  const ScannedBlock& block = BlockOf(4);
  for (uint64_t at : {uint64_t{0}, uint64_t{45}, uint64_t{70}, uint64_t{140}}) {
    std::string good = disk.Contents(segment);
    disk.FlipBit(segment, block.offset + at, 3);
    Open();
    EXPECT_EQ(lane->stats().corrupt_blocks, 1U) << at;
    EXPECT_EQ(ReadAll(Id(0)), (Strings{"0:a", "1:a", "2:b", "3:b"}));
    Kill();
    disk.SetContents(segment, good);
  }
}

TEST_F(LaneCorruption, ALaterBlockTellsRotFromATearWithoutAnyPause) {
  WriteThree(false);
  std::string good = disk.Contents(segment);
  for (uint64_t first : {0U, 2U}) {
    const ScannedBlock& block = BlockOf(first);
    for (uint64_t at = 0; at < 140; at += 7) {
      disk.FlipBit(segment, block.offset + at, 5);
      Open();
      EXPECT_EQ(lane->stats().corrupt_blocks, 1U) << at;
      EXPECT_EQ(lane->stats().lost_records, 2U) << at;
      Strings rest = kAll;
      rest.erase(rest.begin() + static_cast<ptrdiff_t>(first),
                 rest.begin() + static_cast<ptrdiff_t>(first) + 2);
      EXPECT_EQ(ReadAll(Id(0)), rest) << at;
      Kill();
      disk.SetContents(segment, good);
    }
  }
}

TEST_F(LaneCorruption, ABlockWithoutAnyAfterItIsTakenForATornTail) {
  // docs/formats/segment.md says why nothing else can be done about this one.
  WriteThree(false);
  const ScannedBlock& last = BlockOf(4);
  ASSERT_EQ(last.offset, blocks.back().offset);
  disk.FlipBit(segment, last.offset + 130, 3);
  Open();
  EXPECT_EQ(lane->stats().corrupt_blocks, 0U);
  EXPECT_EQ(ReadAll(Id(0)), (Strings{"0:a", "1:a", "2:b", "3:b"}));
  EXPECT_EQ(Put(Id(0), {"new"})->first_index, 4U);
}

TEST_F(LaneCorruption, AnIndexThatItsChecksumHoldsForButItsSegmentDoesNotIsReplacedByAScan) {
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(Put(Id(0), {std::string(20'000, 'x')}).ok());
  Settle();
  Kill();
  int changed = 0;
  for (const std::string& name : disk.FileNames()) {
    if (!name.ends_with(".idx")) continue;
    auto directory = ParseDirectory(disk.Contents(name));
    ASSERT_TRUE(directory.ok());
    ASSERT_FALSE(directory->rows.empty());
    // One chunk in place of all, larger than the segment.
    uint32_t chunks = directory->rows[0].chunks;
    ChunkRef chunk;
    chunk.count = chunks;
    chunk.bytes = static_cast<uint32_t>(2 * options.segment_bytes);
    std::vector<IndexRun> runs{{Id(0), {chunk}}};
    disk.SetContents(name, EncodeSegmentIndex(runs, &*directory));
    ++changed;
  }
  ASSERT_GT(changed, 2);
  Open();
  EXPECT_EQ(ReadAll(Id(0)).size(), 60U);
  EXPECT_EQ(lane->stats().corrupt_blocks, 0U);
}

TEST_F(LaneCorruption, ASegmentNumberedZeroIsNobodys) {
  WriteThree(true);
  disk.SetContents(SegmentFileName(0), disk.Contents(segment));
  Open();
  EXPECT_EQ(ReadAll(Id(0)), kAll);
  EXPECT_TRUE(disk.Exists(SegmentFileName(0)));
}

TEST_F(LaneCorruption, ATailTornAtAnyByteIsCutAndNothingBeforeIt) {
  WriteThree(false);
  const ScannedBlock& last = BlockOf(4);
  std::string good = disk.Contents(segment);
  size_t used = last.entries[0].entry.payload_offset + last.entries[0].entry.payload_bytes;
  for (size_t at = last.offset; at <= used; ++at) {
    std::string torn = good;
    std::fill(torn.begin() + static_cast<ptrdiff_t>(at), torn.end(), '\0');
    disk.SetContents(segment, torn);
    Open();
    ASSERT_EQ(lane->stats().corrupt_blocks, 0U) << at;
    Strings expected(kAll.begin(), kAll.begin() + (at == used ? 6 : 4));
    ASSERT_EQ(ReadAll(Id(0)), expected) << at;
    ASSERT_EQ(Put(Id(0), {"new"})->first_index, expected.size());
    Kill();
    disk.SetContents(segment, good);
  }
}

TEST_F(LaneCorruption, WhatWasTornAwayNeverComesBack) {
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  ASSERT_TRUE(OpenExtent(Id(1)).ok());
  Settle();
  // Large enough that several blocks are in flight at once.
  for (uint32_t i = 0; i < 3; ++i) {
    lane->AppendRecords(MakeAppend(Id(i % 2), {std::string(66'000, static_cast<char>('a' + i))}),
                        [](const Result<AppendResult>& result) { (void)result.ok(); });
  }
  executor.RunFor(std::chrono::microseconds(40));
  ASSERT_GE(disk.writes_in_flight(), 3U);
  executor.RunUntil([&] { return disk.writes_in_flight() == 0; });
  Kill();
  // The first of them is torn, those after it are whole.
  segment = OnlySegment();
  blocks = Blocks(segment);
  uint64_t torn = 0;
  Lsn torn_lsn = 0;
  for (const ScannedBlock& block : blocks) {
    for (const ScannedEntry& entry : block.entries) {
      bool first = entry.entry.kind == EntryKind::kRecords && entry.entry.first_index == 0;
      if (first && torn == 0) {
        torn = block.offset;
        torn_lsn = block.header.lsn;
      }
    }
  }
  ASSERT_GT(torn, 0U);
  std::string bytes = disk.Contents(segment);
  ASSERT_GE(blocks.back().header.lsn, torn_lsn + 2);
  for (ScannedBlock& block : blocks) ASSERT_LT(block.header.committed_lsn, torn_lsn);
  bytes[torn] = static_cast<char>(~bytes[torn]);
  disk.SetContents(segment, bytes);
  for (int life = 0; life < 3; ++life) {
    Open();
    EXPECT_EQ(lane->stats().corrupt_blocks, 0U);
    uint64_t end0 = lane->Info(Id(0))->end_index;
    EXPECT_EQ(end0, static_cast<uint64_t>(life));
    uint64_t end1 = lane->Info(Id(1))->end_index;
    EXPECT_EQ(Put(Id(0), {"n"})->first_index, end0);
    EXPECT_EQ(ReadAll(Id(0)).size(), end0 + 1);
    EXPECT_EQ(ReadAll(Id(1)).size(), end1);
    EXPECT_EQ(end1, 0U);
    Kill();
  }
}

TEST_F(LaneCorruption, RotInAFullSegmentIsFoundWhenItIsRead) {
  options.tail_cache_bytes = 0;
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(Put(Id(0), {std::string(20'000, 'x')}).ok());
  Settle();
  CloseAndReopen();
  std::string name = OnlySegment();
  const auto found = Blocks(name);
  const ScannedEntry* victim = nullptr;
  for (const ScannedBlock& block : found) {
    for (const ScannedEntry& entry : block.entries) {
      if (entry.entry.kind == EntryKind::kRecords) victim = &entry;
    }
  }
  ASSERT_NE(victim, nullptr);
  disk.FlipBit(name, victim->entry.payload_offset + 5000, 1);
  EXPECT_EQ(lane->stats().corrupt_blocks, 0U);
  EXPECT_EQ(ReadAll(Id(0)).size(), 40U - victim->entry.count);
  EXPECT_EQ(skipped, victim->entry.count);
  EXPECT_EQ(lane->stats().corrupt_blocks, 1U);
  EXPECT_EQ(lane->stats().lost_records, victim->entry.count);
  EXPECT_EQ(lane->Info(Id(0))->lost_records, victim->entry.count);
  // Once is enough.
  ReadAll(Id(0));
  EXPECT_EQ(lane->stats().corrupt_blocks, 1U);
}

TEST_F(LaneCorruption, ADamagedIndexIsReplacedByAScan) {
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(Put(Id(0), {std::string(20'000, 'x')}).ok());
  Settle();
  Kill();
  int damaged = 0;
  for (const std::string& name : disk.FileNames()) {
    if (!name.ends_with(".idx")) continue;
    disk.FlipBit(name, 60, 2);
    ++damaged;
  }
  ASSERT_GT(damaged, 2);
  Open();
  EXPECT_EQ(ReadAll(Id(0)).size(), 60U);
  EXPECT_EQ(lane->stats().corrupt_blocks, 0U);
}

TEST_F(LaneCorruption, ADamagedListOfChunksIsMadeAgainFromItsSegment) {
  options.tail_cache_bytes = 0;
  options.index_cache_bytes = 0;
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(Put(Id(0), {std::string(20'000, 'x')}).ok());
  Settle();
  CloseAndReopen();
  auto info = lane->Info(Id(0));
  int damaged = 0;
  for (const std::string& name : disk.FileNames()) {
    if (!name.ends_with(".idx")) continue;
    disk.FlipBit(name, kIndexHeaderBytes + kIndexRowBytes + 3, 2);
    ++damaged;
  }
  ASSERT_GT(damaged, 2);
  EXPECT_EQ(ReadAll(Id(0)).size(), 60U);
  EXPECT_EQ(lane->stats().corrupt_blocks, 0U);
  Settle();
  // The indexes were written again.
  CloseAndReopen();
  EXPECT_EQ(ReadAll(Id(0)).size(), 60U);
  EXPECT_EQ(lane->Info(Id(0))->bytes, info->bytes);
}

TEST_F(LaneCorruption, ADamagedListOfChunksAndARottenBlockCostOnlyThatBlock) {
  options.tail_cache_bytes = 0;
  options.index_cache_bytes = 0;
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  // So many in flight that the last blocks of a segment do not know of each other.
  int put = 0;
  for (int i = 0; i < 60; ++i) {
    lane->AppendRecords(MakeAppend(Id(0), {std::string(20'000, 'x')}),
                        [&](const Result<AppendResult>& result) { put += result.ok() ? 1 : 0; });
  }
  ASSERT_TRUE(executor.RunUntil([&] { return put == 60; }));
  Settle();
  CloseAndReopen();
  std::string name = OnlySegment();
  auto found = Blocks(name);
  const ScannedBlock& rotten = found[found.size() - 2];
  ASSERT_LT(found.back().header.committed_lsn, rotten.header.lsn);
  const BlockEntry& victim = rotten.entries[0].entry;
  ASSERT_EQ(victim.kind, EntryKind::kRecords);
  disk.FlipBit(name, victim.payload_offset + 50, 1);
  disk.FlipBit(IndexFileName(ParseFileName(name).number), kIndexHeaderBytes + kIndexRowBytes + 3,
               2);
  EXPECT_EQ(ReadAll(Id(0)).size(), 60U - victim.count);
  EXPECT_EQ(skipped, victim.count);
}

TEST_F(LaneCorruption, ADamagedTableIsReplacedByTheOneBefore) {
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  ASSERT_TRUE(OpenExtent(Id(1)).ok());
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(Put(Id(0), {std::string(20'000, 'x')}).ok());
  ASSERT_TRUE(Drop(Id(1)).ok());
  Settle();
  Kill();
  std::string newest;
  for (const std::string& name : disk.FileNames()) {
    if (name.starts_with("seg-") && name.ends_with(".wal") && !Blocks(name).empty()) newest = name;
  }
  disk.FlipBit(newest, 70, 2);
  Open();
  EXPECT_EQ(ReadAll(Id(0)).size(), 60U);
  EXPECT_FALSE(lane->Info(Id(1)).has_value());
  EXPECT_EQ(lane->stats().corrupt_blocks, 1U);
  EXPECT_EQ(lane->stats().lost_records, 0U);
}

TEST_F(LaneCorruption, APayloadThatLooksLikeABlockIsNone) {
  WriteThree(true);
  // A block that carries everything right but the secret of the log, where a scan would find it.
  BlockHeader forged = blocks.back().header;
  forged.log_id ^= 1;
  forged.lsn += 1;
  forged.committed_lsn = forged.lsn + 100;
  forged.block_bytes = kDiskAlignment;
  std::string bytes(kDiskAlignment, '\0');
  SealBlock(forged, {}, reinterpret_cast<uint8_t*>(bytes.data()));
  std::string contents = disk.Contents(segment);
  contents.replace(blocks.back().offset + 2 * kDiskAlignment, bytes.size(), bytes);
  disk.SetContents(segment, contents);
  Open();
  EXPECT_EQ(lane->stats().corrupt_blocks, 0U);
  EXPECT_EQ(ReadAll(Id(0)), kAll);
}

}  // namespace
}  // namespace millrace::storage
