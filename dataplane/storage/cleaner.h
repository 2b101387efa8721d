#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/storage/lane_context.h"
#include "dataplane/storage/lane_reader.h"
#include "dataplane/storage/lane_writer.h"
#include "dataplane/storage/segment_set.h"

namespace millrace::storage {

// Gives space back. Segments that nothing refers to are let go, once what their loss takes for
// granted (where the extents begin now) is in the log; the live chunks of a nearly empty segment
// are first rewritten at the end of the log, one segment at a time. Owned by the lane; lives on its
// executor.
class Cleaner {
 public:
  Cleaner(LaneContext& lane, SegmentSet& segments, IndexLoader& indexes, LaneWriter& writer,
          LaneReader& reader)
      : lane_(lane), segments_(segments), indexes_(indexes), writer_(writer), reader_(reader) {}

  ~Cleaner();

  // Begins what there is to do; called whenever a segment may have died or emptied.
  void Poll();
  void Stop() { stopped_ = true; }

 private:
  struct LiveChunk {
    std::shared_ptr<ExtentState> extent;
    ChunkRef ref;
  };
  void Reclaim();
  void LetGo(bool logged);
  void Clean();
  Segment* Candidate() const;
  void Collect();
  void CleanBatch();
  void Rewrite(size_t end, uint64_t begin_offset, const Result<Slice>& data);
  void MoveDone(const Status& status);
  void EndClean();

  LaneContext& lane_;
  SegmentSet& segments_;
  IndexLoader& indexes_;
  LaneWriter& writer_;
  LaneReader& reader_;
  bool stopped_ = false;

  // Segments that are being let go, while their trims are logged.
  std::vector<uint64_t> dying_;

  // The segment that is rewritten, what is live in it, and how far that is done.
  uint64_t cleaning_ = 0;
  std::vector<LiveChunk> live_;
  size_t next_ = 0;
  size_t moves_outstanding_ = 0;
  size_t moved_ = 0;
  bool move_failed_ = false;
  bool resting_ = false;
  Executor::TimerId rest_timer_ = 0;
};

}  // namespace millrace::storage
