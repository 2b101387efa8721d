#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/format/extent_index.h"
#include "dataplane/format/segment_index.h"
#include "dataplane/format/segment_scan.h"

namespace millrace::storage {

// What recovery found in one segment: the directory of its index, or else its blocks.
struct FoundSegment {
  uint64_t number = 0;
  uint64_t size = 0;
  bool has_index_file = false;  // whether or not it could be used
  uint64_t index_bytes = 0;     // of that file
  bool indexed = false;
  SegmentDirectory directory;  // where indexed
  // The chunks of the rows, as far as they were read, in the rows' order.
  std::vector<std::vector<ChunkRef>> lists;
  std::vector<ScannedBlock> blocks;  // where not indexed, in the order of their offsets
};

struct ReplayedExtent {
  ExtentId id;
  bool sealed = false;
  bool encrypted = false;
  std::string wrapped_key;
  uint64_t begin_index = 0;
  uint64_t end_index = 0;
  WallMs last_arrival_ms = 0;
  uint64_t lost_records = 0;
  ExtentIndex chunks;
};

// What recovery keeps of one segment.
struct ReplayedSegment {
  uint64_t number = 0;
  uint64_t size = 0;
  bool has_index_file = false;
  uint64_t index_bytes = 0;
  bool indexed = false;
  uint64_t end_offset = 0;  // one past its last block that is kept; 0 where indexed
  Lsn first_lsn = 0;
  Lsn last_lsn = 0;
};

struct ReplayedLog {
  Lsn end_lsn = 0;           // the last block kept
  uint64_t incarnation = 0;  // the highest there ever was, as far as the disk tells
  std::vector<ReplayedSegment> segments;
  std::vector<ReplayedExtent> extents;
  uint64_t corrupt_blocks = 0;  // acknowledged, but missing or damaged
  uint64_t lost_records = 0;
};

// Decides which blocks belong to the log and what they mean. Pure.
//
// Kept is every block up to the highest watermark that any block carries, and after it those that
// follow one another without a gap or damage: the acknowledged prefix, and whole appends that were
// on the disk in their turn. What is missing or damaged below the watermark was acknowledged and is
// corruption; the first gap above it is where the crash tore the log. Blocks past the end of an
// earlier incarnation, as the next one recorded it, are void.
//
// The newest complete table says what the extents were at its lsn; entries after it are replayed.
ReplayedLog ReplayLog(std::vector<FoundSegment> segments);

// The newest segment whose index is not enough, since what it holds besides chunks comes after the
// newest complete table that was scanned: recovery has to scan it too. Nothing where all is there.
std::optional<size_t> SegmentToScanToo(const std::vector<FoundSegment>& segments);

}  // namespace millrace::storage
