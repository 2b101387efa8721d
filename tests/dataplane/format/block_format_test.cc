#include "dataplane/format/block_format.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <string>

#include "common/codec/crc32.h"
#include "dataplane/format/segment_scan.h"

namespace millrace::storage {
namespace {

BlockHeader Header(Lsn lsn) {
  BlockHeader header;
  header.log_id = 0x0123456789abcdefULL;
  header.segment = 7;
  header.lsn = lsn;
  header.committed_lsn = lsn - 1;
  header.prior_end_lsn = 5;
  return header;
}

BlockEntry Entry(EntryKind kind, uint64_t first_index, uint32_t count) {
  BlockEntry entry;
  entry.kind = kind;
  entry.flags = kEntryMoved;
  entry.extent = {11, 22, 33};
  entry.first_index = first_index;
  entry.count = count;
  entry.arrival_ms = 1'763'700'000'123;
  return entry;
}

// A block with one chunk of this payload.
std::string Block(Lsn lsn, const std::string& payload) {
  std::string bytes(BlockBytes(1, payload.size()), '?');
  auto* p = reinterpret_cast<uint8_t*>(bytes.data());
  BlockEntry entry = Entry(EntryKind::kRecords, 100, 3);
  entry.payload_offset = static_cast<uint32_t>(PayloadBegin(1));
  entry.payload_bytes = static_cast<uint32_t>(payload.size());
  entry.payload_crc = codec::Crc32c(payload.data(), payload.size());
  std::memcpy(p + entry.payload_offset, payload.data(), payload.size());
  BlockHeader header = Header(lsn);
  header.block_bytes = static_cast<uint32_t>(bytes.size());
  SealBlock(header, {&entry, 1}, p);
  return bytes;
}

std::optional<ParsedBlock> Parse(const std::string& bytes) {
  return ParseBlock(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

std::vector<ScannedBlock> Scan(const std::string& bytes, std::optional<uint64_t> log_id) {
  SegmentScan scan(7, bytes.size(), log_id);
  while (auto want = scan.next()) {
    scan.Feed(Slice::FromString(bytes.substr(want->offset, want->bytes)));
  }
  return scan.blocks();
}

TEST(BlockFormat, WhatIsWrittenIsParsed) {
  auto block = Parse(Block(9, "payload"));
  ASSERT_TRUE(block.has_value());
  EXPECT_EQ(block->header.log_id, 0x0123456789abcdefULL);
  EXPECT_EQ(block->header.segment, 7U);
  EXPECT_EQ(block->header.lsn, 9U);
  EXPECT_EQ(block->header.committed_lsn, 8U);
  EXPECT_EQ(block->header.prior_end_lsn, 5U);
  EXPECT_EQ(block->header.block_bytes, kDiskAlignment);
  ASSERT_EQ(block->entries.size(), 1U);
  const BlockEntry& entry = block->entries[0];
  EXPECT_EQ(entry.kind, EntryKind::kRecords);
  EXPECT_EQ(entry.flags, kEntryMoved);
  EXPECT_EQ(entry.extent, (ExtentId{11, 22, 33}));
  EXPECT_EQ(entry.first_index, 100U);
  EXPECT_EQ(entry.count, 3U);
  EXPECT_EQ(entry.arrival_ms, 1'763'700'000'123);
  EXPECT_EQ(entry.payload_bytes, 7U);
}

TEST(BlockFormat, PaddingIsZero) {
  std::string bytes = Block(9, "payload");
  for (size_t i = PayloadBegin(1) + 7; i < bytes.size(); ++i) ASSERT_EQ(bytes[i], '\0');
}

TEST(BlockFormat, AFlippedBitInHeaderOrEntriesIsDetected) {
  std::string bytes = Block(9, "payload");
  for (size_t bit = 0; bit < PayloadBegin(1) * 8; ++bit) {
    std::string bad = bytes;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(Parse(bad).has_value()) << bit;
  }
}

TEST(BlockFormat, AStoredSampleIsStillRead) {
  // Bytes of version 1, as docs/formats/segment.md has them: a chunk of "sample-payload".
  std::ifstream file("tests/dataplane/format/samples/block_v1.bin", std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_TRUE(bytes == Block(9, "sample-payload"));
  auto blocks = Scan(bytes, std::nullopt);
  ASSERT_EQ(blocks.size(), 1U);
  EXPECT_FALSE(blocks[0].damaged);
}

TEST(SegmentScan, FindsBlocksBetweenWhateverElse) {
  std::string a = Block(1, "a");
  std::string b = Block(2, std::string(10'000, 'b'));
  std::string c = Block(3, "c");
  std::string stale = Block(4, "stale");
  std::string rubbish(2 * kDiskAlignment, 'r');
  // A block of another segment number.
  BlockHeader old = Header(99);
  old.segment = 6;
  old.block_bytes = kDiskAlignment;
  std::string other(kDiskAlignment, '\0');
  SealBlock(old, {}, reinterpret_cast<uint8_t*>(other.data()));
  std::string torn = b.substr(0, kDiskAlignment);
  torn[100] = static_cast<char>(~torn[100]);
  auto blocks =
      Scan(a + rubbish + b + other + torn + c + std::string(kDiskAlignment, '\0'), std::nullopt);
  ASSERT_EQ(blocks.size(), 3U);
  EXPECT_EQ(blocks[0].offset, 0U);
  EXPECT_EQ(blocks[1].offset, 3 * kDiskAlignment);
  EXPECT_EQ(blocks[2].header.lsn, 3U);
  // Entries tell where their payload is in the segment.
  EXPECT_EQ(blocks[1].entries[0].entry.payload_offset, 3 * kDiskAlignment + PayloadBegin(1));
}

TEST(SegmentScan, ADamagedPayloadIsSaidAndTheBlockKept) {
  std::string bytes = Block(1, "payload");
  bytes[PayloadBegin(1) + 3] ^= 4;
  auto blocks = Scan(bytes, std::nullopt);
  ASSERT_EQ(blocks.size(), 1U);
  EXPECT_TRUE(blocks[0].damaged);
  EXPECT_TRUE(blocks[0].entries[0].damaged);
}

TEST(SegmentScan, ABlockOfAnotherLogIsNone) {
  EXPECT_EQ(Scan(Block(1, "x"), 1).size(), 0U);
  EXPECT_EQ(Scan(Block(1, "x"), 0x0123456789abcdefULL).size(), 1U);
}

TEST(SegmentScan, BlocksLargerThanTheWindowAndAFileThatEndsEarlyAreFine) {
  std::string large = Block(1, std::string(5 * kMiB, 'l'));
  std::string bytes = Block(2, "a") + large + Block(3, "b");
  EXPECT_EQ(Scan(bytes, std::nullopt).size(), 3U);
  SegmentScan scan(7, bytes.size(), std::nullopt);
  std::string cut = bytes.substr(0, bytes.size() / 2);
  int steps = 0;
  while (auto want = scan.next()) {
    ASSERT_LT(++steps, 10'000);
    uint64_t from = std::min<uint64_t>(want->offset, cut.size());
    scan.Feed(Slice::FromString(cut.substr(from, want->bytes)));
  }
  EXPECT_EQ(scan.blocks().size(), 1U);
}

TEST(SegmentScan, HeadersThatLieAboutTheirSizeDoNotLeadAstray) {
  std::string lying = Block(1, "x");
  uint32_t huge = 1U << 30;
  std::memcpy(lying.data() + 16, &huge, sizeof huge);
  std::string many = Block(1, "x");
  uint32_t entries = 60;
  std::memcpy(many.data() + 12, &entries, sizeof entries);
  EXPECT_EQ(Scan(lying + many + Block(2, "y"), std::nullopt).size(), 1U);
}

}  // namespace
}  // namespace millrace::storage
