#include "dataplane/format/segment_index.h"

#include <gtest/gtest.h>

namespace millrace::storage {
namespace {

ChunkRef Ref(uint64_t first, uint32_t count, uint32_t offset) {
  ChunkRef ref;
  ref.first_index = first;
  ref.count = count;
  ref.offset = offset;
  ref.bytes = 10 * count;
  ref.crc = 77;
  ref.segment = 5;
  ref.arrival_ms = static_cast<WallMs>(1000 + first);
  return ref;
}

SegmentDirectory Directory() {
  SegmentDirectory directory;
  directory.segment = 5;
  directory.log_id = 99;
  directory.first_lsn = 10;
  directory.last_lsn = 20;
  return directory;
}

std::vector<IndexRun> Runs() {
  ChunkRef encrypted = Ref(7, 1, 64);
  encrypted.encrypted = true;
  return {{{1, 2, 3}, {Ref(0, 2, 4096), Ref(2, 3, 8192)}}, {{1, 2, 4}, {encrypted}}};
}

TEST(SegmentIndex, DirectoryAndChunksAreReadBack) {
  SegmentDirectory written = Directory();
  std::string file = EncodeSegmentIndex(Runs(), &written);
  EXPECT_EQ(DirectoryBytes(file), kIndexHeaderBytes + 2 * kIndexRowBytes);
  auto read = ParseDirectory(std::string_view(file).substr(0, DirectoryBytes(file)));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->segment, 5U);
  EXPECT_EQ(read->log_id, 99U);
  EXPECT_EQ(read->first_lsn, 10U);
  EXPECT_EQ(read->last_lsn, 20U);
  ASSERT_EQ(read->rows.size(), 2U);
  const IndexRow& row = read->rows[0];
  EXPECT_EQ(row.extent, (ExtentId{1, 2, 3}));
  EXPECT_EQ(row.first_index, 0U);
  EXPECT_EQ(row.end_index, 5U);
  EXPECT_EQ(row.first_arrival_ms, 1000);
  EXPECT_EQ(row.last_arrival_ms, 1002);
  EXPECT_EQ(row.bytes, 50U);
  EXPECT_TRUE(read->rows[1].encrypted);
  auto chunks = ParseRun(std::string_view(file).substr(row.offset, row.chunks * kIndexChunkBytes),
                         5, row.encrypted, row.crc);
  ASSERT_TRUE(chunks.ok());
  ASSERT_EQ(chunks->size(), 2U);
  EXPECT_EQ((*chunks)[1].first_index, 2U);
  EXPECT_EQ((*chunks)[1].count, 3U);
  EXPECT_EQ((*chunks)[1].offset, 8192U);
  EXPECT_EQ((*chunks)[1].bytes, 30U);
  EXPECT_EQ((*chunks)[1].crc, 77U);
  EXPECT_EQ((*chunks)[1].arrival_ms, 1002);
}

TEST(SegmentIndex, EveryFlippedBitIsDetectedByTheDirectoryOrItsRun) {
  SegmentDirectory written = Directory();
  std::string file = EncodeSegmentIndex(Runs(), &written);
  for (size_t bit = 0; bit < file.size() * 8; ++bit) {
    std::string bad = file;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    auto directory = ParseDirectory(bad);
    bool whole = directory.ok();
    for (size_t i = 0; whole && i < directory->rows.size(); ++i) {
      const IndexRow& row = directory->rows[i];
      whole = ParseRun(std::string_view(bad).substr(row.offset, row.chunks * kIndexChunkBytes), 5,
                       row.encrypted, row.crc)
                  .ok();
    }
    EXPECT_FALSE(whole) << bit;
  }
}

TEST(SegmentIndex, EveryCutIsDetected) {
  SegmentDirectory written = Directory();
  std::string file = EncodeSegmentIndex(Runs(), &written);
  for (size_t size = 0; size < DirectoryBytes(file); ++size) {
    EXPECT_FALSE(ParseDirectory(std::string_view(file).substr(0, size)).ok());
  }
}

TEST(SegmentIndex, FileNamesAreParsedAndOthersAreNot) {
  EXPECT_EQ(SegmentFileName(42), "seg-00000000000000000042.wal");
  EXPECT_EQ(ParseFileName(SegmentFileName(42)).kind, FileKind::kSegment);
  EXPECT_EQ(ParseFileName(SegmentFileName(42)).number, 42U);
  EXPECT_EQ(ParseFileName(IndexFileName(kSegmentNumberMax)).number, kSegmentNumberMax);
  EXPECT_EQ(ParseFileName(IndexFileName(kSegmentNumberMax + 1)).kind, FileKind::kOther);
  EXPECT_EQ(ParseFileName(SegmentFileName(0)).kind, FileKind::kOther);
  EXPECT_EQ(ParseFileName(FreeFileName(7)).kind, FileKind::kFree);
  for (const char* name : {"seg-42.wal", "seg-0000000000000000004x.wal", "log.id", "",
                           "seg-99999999999999999999.wal", "xseg-00000000000000000042.wal"}) {
    EXPECT_EQ(ParseFileName(name).kind, FileKind::kOther) << name;
  }
}

}  // namespace
}  // namespace millrace::storage
