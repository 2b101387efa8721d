#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/async/io_threads.h"
#include "dataplane/storage/lane.h"

namespace millrace::storage {

struct LogOptions {
  std::string folder;
  size_t lanes = 0;  // 0: one per io thread; extents stay in the lane they were made in
  LaneOptions lane;
};

// The segments' size on a volume of `volume_bytes`: at most what `lane` says, and so small that
// each of `lanes` lanes has several. Pure.
uint64_t SegmentBytesFor(uint64_t volume_bytes, size_t lanes, const LaneOptions& lane);

// All lanes of a process on one data folder (lane-000, lane-001, ...), each on an io thread. Made
// in main before any server listens; Close before the io threads stop. A lock file refuses a second
// process on the same folder.
class Log {
 public:
  // Blocks until every lane has recovered.
  static Result<std::unique_ptr<Log>> Open(LogOptions options, IoThreads& io, Clock& clock);
  virtual ~Log() = default;

  virtual size_t lane_count() const = 0;
  virtual Lane& lane(size_t i) = 0;  // use on lane_executor(i) only
  virtual IoExecutor& lane_executor(size_t i) = 0;
  // Where a shard's extents are, or where its first would go: the same for every extent of a shard
  // as long as one of them exists. Any thread, lock-free after Open.
  virtual size_t LaneOf(uint64_t stream, uint32_t shard) const = 0;
  // Blocks until every lane is closed; from outside the executors.
  virtual void Close() = 0;
};

}  // namespace millrace::storage
