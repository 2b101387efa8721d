#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "dataplane/format/extent_index.h"
#include "dataplane/format/segment_index.h"
#include "dataplane/storage/lane_context.h"

namespace millrace::storage {

// One file of the log. Closed once it takes no more blocks; dead once it is closed, all its blocks
// are acknowledged, a durable block says so, and no extent refers to any of its chunks.
struct Segment {
  uint64_t number = 0;
  uint64_t size = 0;
  uint64_t index_bytes = 0;  // of its index file, 0 while there is none
  uint64_t write_offset = 0;
  uint64_t live_bytes = 0;  // of chunks that extents refer to
  uint32_t blocks_unacknowledged = 0;
  uint32_t pins = 0;  // reads and moves under way
  bool closed = false;
  bool indexed = false;  // its index is on the disk
  bool indexing = false;
  bool letting_go = false;
  bool table_durable = false;  // a complete table in it is acknowledged
  Lsn first_lsn = 0;           // of its acknowledged blocks
  Lsn last_lsn = 0;
};

// The files of a lane: the segment that is written, the one after it, the closed ones, and free
// files to recycle. The next segment is prepared once the one that is written is begun in earnest,
// so that the writer does not wait for it and an idle lane takes no room from others on its volume.
// Where there is no room for a whole one, a smaller one does. It writes no blocks: the writer does,
// where TakeForBlock says.
//
// Owned by the lane; lives on its executor. Every call returns at once and is in memory only; files
// are made, renamed and removed behind it, and `events` tell how that went. After Stop it begins
// nothing more; what is under way ends by itself (operations()) or with the lane.
class SegmentSet {
 public:
  struct Events {
    std::function<void()> changed;      // a segment was prepared, or there is no space for one
    std::function<void()> may_reclaim;  // a segment may have died
    std::function<void(const Status&)> failed;             // the disk did
    std::function<void(const SegmentDirectory&)> indexed;  // a segment's index is on the disk
    // Where the extents begin now is to be in the log; tells whether it is.
    std::function<void(std::function<void(bool)>)> log_begins;
  };
  SegmentSet(LaneContext& lane, uint64_t segment_bytes, Events events);
  ~SegmentSet();

  // Recovery: what there is. The newest segment goes on being written where it has room.
  void Adopt(std::unique_ptr<Segment> segment);
  void AdoptFree(std::string name, uint64_t size);
  // Whether there is room enough in it for a table and more.
  bool IsWorthResuming(const Segment& segment) const;
  void ResumeActive(uint64_t number);
  void SetNextNumber(uint64_t number) { next_number_ = number; }
  // Begins to prepare and to index what is closed.
  void Start();

  uint64_t segment_bytes() const { return segment_bytes_; }
  Segment* active() { return active_; }
  const Segment* active() const { return active_; }
  // Takes the next `bytes` of the active segment for a block; gives where it begins.
  uint64_t TakeForBlock(size_t bytes);
  bool next_ready() const { return next_ != nullptr; }
  // The active segment is too full for what is to be written.
  void NeedNext();
  bool out_of_space() const { return out_of_space_; }
  // What is short of what, for an administrator; "" while nothing is.
  const std::string& shortage() const { return shortage_; }
  // Closes the active segment and goes on in the prepared one, of which there must be one. What is
  // in flight to the old one stays its own; its index is written once all of that is acknowledged.
  void Advance();
  Segment* Find(uint64_t number);
  const std::map<uint64_t, std::unique_ptr<Segment>>& all() const { return segments_; }

  // A block of `segment` is durable and acknowledged, and carries that watermark.
  void BlockAcknowledged(Segment& segment, Lsn lsn, Lsn watermark);
  // No durable block says of all closed segments that they were acknowledged: none of those may go.
  bool WaitsForWatermark() const;
  void AddLive(uint32_t segment, uint64_t bytes);
  void SubLive(uint32_t segment, uint64_t bytes);
  // Counts what the extent does not refer to any more.
  ExtentIndex::OnDead Dead(ExtentState& extent);
  void Pin(Segment& segment) { ++segment.pins; }
  void Unpin(Segment& segment);
  void TableDurable(Segment& segment);
  // Those that may be let go, but for the trims that the caller logs first. Each is dead, and a
  // recovery that finds it gone comes to the same log: the rules are docs/formats/segment.md's,
  // "Space". None while the active segment has no durable table.
  std::vector<uint64_t> DeadSegments() const;
  // Gives a dead segment's space back: as the next segment, or to the volume. It is gone from here
  // on return; on the disk, some time after.
  void LetGo(uint64_t number);

  uint64_t file_bytes() const { return file_bytes_; }
  // Writes the index of a closed segment again, whose file turned out to be damaged.
  void IndexAgain(Segment& segment);
  // Files being made, renamed, written or removed.
  size_t operations() const { return operations_; }
  void Stop();

 private:
  struct FreeFile {
    std::string name;
    uint64_t size = 0;
  };
  bool WantsNext() const;
  void Prepare();
  void Create();
  void Prepared(uint64_t number, uint64_t size, bool recycled, const Status& status);
  // The size to try after one that found no room; 0 where there is none smaller.
  uint64_t SmallerThan(uint64_t size) const;
  uint64_t TableBytes() const;
  void NoRoomFor(uint64_t size);
  void OutOfSpace();
  std::string DescribeShortage() const;
  void WriteIndex(Segment& segment);
  void IndexWritten(const SegmentDirectory& directory, uint64_t bytes, const Status& status);
  void IndexRemoved(uint64_t number, uint64_t bytes, const Status& status);
  std::vector<IndexRun> Runs(uint64_t segment) const;
  void IndexClosed();
  void Freed(uint64_t number, uint64_t size, const Status& status);
  void Remove(const std::string& name, uint64_t size);

  LaneContext& lane_;
  const uint64_t segment_bytes_;
  const Events events_;

  std::map<uint64_t, std::unique_ptr<Segment>> segments_;
  Segment* active_ = nullptr;
  std::unique_ptr<Segment> next_;
  std::deque<FreeFile> free_;
  uint64_t next_number_ = 1;
  uint64_t file_bytes_ = 0;
  Lsn watermark_ = 0;    // the highest that a durable block of this run carries
  uint64_t next_bytes_;  // the size to try
  bool next_needed_ = false;
  bool preparing_ = false;
  bool out_of_space_ = false;
  std::string shortage_;
  bool stopped_ = false;
  size_t operations_ = 0;
  Executor::TimerId retry_timer_ = 0;
  bool retry_armed_ = false;
};

}  // namespace millrace::storage
