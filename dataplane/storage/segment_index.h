#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "dataplane/storage/block_format.h"

namespace millrace::storage {

// One chunk of a segment: its entry, with payload_offset counted from the start of the segment, and
// the lsn of its block.
struct IndexedChunk {
  BlockEntry entry;
  Lsn lsn = 0;
};

// What a full segment holds, kept beside it so that recovery need not read it
// (docs/formats/segment.md).
struct SegmentContents {
  uint64_t segment = 0;
  uint64_t log_id = 0;
  Lsn first_lsn = 0;
  Lsn last_lsn = 0;
  std::vector<IndexedChunk> chunks;
};

std::string EncodeSegmentIndex(const SegmentContents& contents);
// kCorrupt where the checksum or a length does not hold.
Result<SegmentContents> ParseSegmentIndex(std::string_view bytes);

// File names. A free file holds nothing of worth and waits to become a segment.
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
