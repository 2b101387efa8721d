#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "dataplane/format/block_format.h"
#include "dataplane/format/extent_index.h"

namespace millrace::storage {

// An entry found by a scan.
struct ScannedEntry {
  BlockEntry entry;      // payload_offset counted from the start of the segment
  bool damaged = false;  // the payload does not carry its checksum
  std::string payload;   // of control entries; records stay on the disk
};

// The chunk that an entry stands for, whose payload_offset is counted from the start of the
// segment.
ChunkRef RefOf(const BlockEntry& entry, uint64_t segment);

struct ScannedBlock {
  BlockHeader header;
  uint64_t offset = 0;
  bool damaged = false;  // any of its payloads is
  std::vector<ScannedEntry> entries;
};

// Finds the valid blocks of one segment, whatever lies between them: torn blocks, flipped bits,
// stale blocks of a recycled file. Pure: it says what to read next and is fed with it, so that
// neither memory nor the window is the size of the segment.
class SegmentScan {
 public:
  // Without a `log_id` the first block found tells it.
  SegmentScan(uint64_t segment, uint64_t size, std::optional<uint64_t> log_id);

  struct Want {
    uint64_t offset = 0;
    size_t bytes = 0;
  };
  // Nothing once the segment is scanned.
  std::optional<Want> next() const;
  // The bytes at next()->offset; fewer than asked for at the end of the file.
  void Feed(const Slice& data);

  uint64_t segment() const { return segment_; }
  uint64_t size() const { return size_; }
  std::optional<uint64_t> log_id() const { return log_id_; }
  std::vector<ScannedBlock>& blocks() { return blocks_; }
  const std::vector<ScannedBlock>& blocks() const { return blocks_; }

 private:
  // Bytes of the block at `at`; 0 where there is none, more than `left` where more must be read.
  size_t BlockAt(const uint8_t* at, size_t left, uint64_t offset);
  void Add(ParsedBlock parsed, const uint8_t* at, uint64_t offset);

  const uint64_t segment_;
  const uint64_t size_;
  std::optional<uint64_t> log_id_;
  uint64_t at_ = 0;
  size_t want_;
  std::vector<ScannedBlock> blocks_;
};

}  // namespace millrace::storage
