#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "dataplane/format/block_format.h"
#include "dataplane/format/extent_index.h"

namespace millrace::storage {

// What a full segment holds, in a file beside it, so that recovery reads neither the segment nor,
// of this file, more than the directory (docs/formats/segment.md): a row for each run of chunks of
// one extent that follow one another, and behind the rows, run by run, the chunks. Pure.
struct IndexRow {
  ExtentId extent;
  bool encrypted = false;
  uint64_t first_index = 0;
  uint64_t end_index = 0;
  WallMs first_arrival_ms = 0;
  WallMs last_arrival_ms = 0;
  uint64_t bytes = 0;   // of payload
  uint64_t offset = 0;  // of the run's chunks in the file
  uint32_t chunks = 0;
  uint32_t crc = 0;  // over the run's chunks
};

struct SegmentDirectory {
  uint64_t segment = 0;
  uint64_t log_id = 0;
  Lsn first_lsn = 0;
  Lsn last_lsn = 0;
  std::vector<IndexRow> rows;
};

// One run, to be encoded. Its chunks follow one another without a gap.
struct IndexRun {
  ExtentId extent;
  std::vector<ChunkRef> chunks;
};

constexpr size_t kIndexHeaderBytes = 64;
constexpr size_t kIndexRowBytes = 80;
constexpr size_t kIndexChunkBytes = 32;

// The whole file; sets directory->rows.
std::string EncodeSegmentIndex(const std::vector<IndexRun>& runs, SegmentDirectory* directory);
// The bytes of header and rows, as a file's first kIndexHeaderBytes say; 0 where they are no
// header.
size_t DirectoryBytes(std::string_view header);
// kCorrupt where the checksum or a length does not hold.
Result<SegmentDirectory> ParseDirectory(std::string_view bytes);
// Whether the directory can be of a segment of `segment_bytes` and an index file of `index_bytes`:
// checksums hold for what a writer with a bug wrote, too.
bool DirectoryFits(const SegmentDirectory& directory, uint64_t segment_bytes, uint64_t index_bytes);
// Whether the chunks are the row's: they follow one another from its beginning to its end.
bool ChunksFit(const IndexRow& row, const std::vector<ChunkRef>& chunks, uint64_t segment_bytes);
// The chunks of a run; kCorrupt where they do not carry the run's checksum.
Result<std::vector<ChunkRef>> ParseRun(std::string_view bytes, uint64_t segment, bool encrypted,
                                       uint32_t crc);

// Segments are counted from 1; the low half of a number is what extents remember (ChunkRef).
constexpr uint64_t kSegmentNumberMin = 1;
constexpr uint64_t kSegmentNumberMax = UINT32_MAX;

// File names; any other file in the folder is nobody's. A free file holds nothing of worth and
// waits to become a segment.
std::string SegmentFileName(uint64_t number);
std::string IndexFileName(uint64_t number);
std::string FreeFileName(uint64_t number);
constexpr std::string_view kLogIdFileName = "log.id";

enum class FileKind { kSegment, kIndex, kFree, kOther };
struct ParsedName {
  FileKind kind = FileKind::kOther;
  uint64_t number = 0;
};
ParsedName ParseFileName(std::string_view name);

}  // namespace millrace::storage
