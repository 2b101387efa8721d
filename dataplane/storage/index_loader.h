#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "common/base/status.h"
#include "common/base/unique_function.h"
#include "dataplane/storage/lane_context.h"
#include "dataplane/storage/segment_reader.h"
#include "dataplane/storage/segment_set.h"

namespace millrace::storage {

// Brings the chunk lists of old segments into memory when a reader or the cleaner needs them, and
// takes the oldest out again past index_cache_bytes. A list that does not carry its checksum is
// made again from the segment itself. Owned by the lane; lives on its executor.
class IndexLoader {
 public:
  IndexLoader(LaneContext& lane, SegmentSet& segments) : lane_(lane), segments_(segments) {}

  using Done = UniqueFunction<void(const Status&)>;
  // Loads the list of a span that is out of memory; it is loaded when `done` runs, unless it went
  // meanwhile.
  void Load(const std::shared_ptr<ExtentState>& extent, const ChunkSpan& span, Done done);
  // Loads every list of the segment and keeps them until Release.
  void LoadSegment(uint64_t segment, Done done);
  void Release(uint64_t segment);
  // Recovery: what is in memory already.
  void AdoptLoaded();
  // The segment has an index now: its lists may go out of memory.
  void Indexed(const SegmentDirectory& directory);

 private:
  // A span that is out of memory.
  struct Wanted {
    std::shared_ptr<ExtentState> extent;
    uint32_t segment = 0;
    uint64_t first_index = 0;
    uint64_t end_index = 0;
    uint64_t group_offset = 0;
    size_t group_bytes = 0;
    uint32_t group_crc = 0;
    bool encrypted = false;
  };
  static Wanted WantedOf(const std::shared_ptr<ExtentState>& extent, const ChunkSpan& span);
  struct Loaded {
    std::weak_ptr<ExtentState> extent;
    uint32_t segment = 0;
    uint64_t first_index = 0;
    uint64_t end_index = 0;
    size_t bytes = 0;
  };
  void Track(const std::shared_ptr<ExtentState>& extent, const ChunkSpan& span, size_t bytes);
  void Evict();
  // Reads from the segment's index what all of `wanted` want, which is of one segment.
  void Read(std::vector<Wanted> wanted, Done done);
  void Arrived(const std::vector<Wanted>& wanted, uint64_t offset, const Result<Slice>& data,
               Done done);
  Status Attach(const Wanted& wanted, std::string_view group);
  void LoadByScan(uint64_t segment, Done done);
  void Scanned(Segment& segment, const std::vector<ScannedBlock>& blocks);

  LaneContext& lane_;
  SegmentSet& segments_;
  std::deque<Loaded> loaded_;  // oldest first
  size_t loaded_bytes_ = 0;
  uint64_t kept_segment_ = 0;
  std::vector<Loaded> kept_;  // of the kept segment, as far as it was loaded for that
};

}  // namespace millrace::storage
