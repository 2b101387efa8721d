#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/async/executor.h"
#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/base/unique_function.h"
#include "common/metrics/metrics.h"
#include "dataplane/disk/disk.h"
#include "dataplane/format/extent.h"

namespace millrace::storage {

// Wraps the data keys of encrypted extents with a master key, so that only wrapped keys reach the
// disk. Implementations are pure and safe on any thread.
class KeyWrapper {
 public:
  virtual ~KeyWrapper() = default;
  virtual Result<std::string> Wrap(std::string_view data_key) const = 0;
  // For an extent of this stream, which may have a key of its own.
  virtual Result<std::string> WrapFor(uint64_t /*stream*/, std::string_view data_key) const {
    return Wrap(data_key);
  }
  virtual Result<std::string> Unwrap(std::string_view wrapped) const = 0;
};

struct LaneOptions {
  uint64_t segment_bytes = 64 * kMiB;
  uint64_t segment_bytes_min = 20 * kMiB;  // where there is no room for one of segment_bytes
  size_t writes_in_flight_max = 4;
  size_t write_bytes_max = 1 * kMiB;       // of one durable write, unless one append is larger
  uint64_t pending_bytes_max = 64 * kMiB;  // appends waiting; past it kThrottled
  uint64_t tail_cache_bytes = 64 * kMiB;   // newest blocks kept in memory for live readers
  uint64_t index_cache_bytes = 16 * kMiB;  // lists of old segments' chunks kept in memory
  uint64_t bytes_max = UINT64_MAX;         // of all files of the lane; past it kNoSpace
  double clean_below_live_fraction = 0.5;  // segments emptier than this are rewritten
  const KeyWrapper* keys = nullptr;        // none: encrypted extents are refused
  metrics::Registry* metrics = nullptr;
};

struct Append {
  ExtentId extent;
  Slice records;  // encoded (record_format.h)
  uint32_t count = 0;
  std::optional<uint32_t> crc = std::nullopt;  // RecordBatch::crc(), where it is known
};
struct AppendResult {
  uint64_t first_index = 0;
  WallMs arrival_ms = 0;
};

struct ReadResult {
  std::vector<Chunk> chunks;   // in order; the first may begin before the index asked for
  uint64_t next_index = 0;     // read on from here
  bool end_of_extent = false;  // sealed, and next_index is its end
  uint64_t skipped_lost = 0;   // quarantined records passed over
};

// One write-ahead log for many extents: the unit of durability, of recovery and of parallelism.
//
// Lives on one executor; every method is called there and every callback runs there. Owned by Log.
// It does no I/O itself: `disk`, `clock` and `executor` come in from outside, so that tests/sim can
// run it through crashes thousands of times faster than real time.
//
// What is promised when a callback runs with success:
//   OpenExtent, Seal, Drop: the change is durable.
//   AppendRecords: the records are durable, and every append accepted before them in this lane is
//   too.
// A failed or misdirected write fences the lane: every waiting and later append fails with kFenced,
// `on_fenced` runs once, reads go on; the owner restarts the process, which recovers exactly the
// acknowledged prefix (and maybe whole appends that were never acknowledged, never a part of one).
// A full disk fails appends with kNoSpace; the lane tries again by itself and goes on when there is
// room. Corruption of acknowledged bytes is counted and passed over by readers, never served.
class Lane {
 public:
  virtual ~Lane() = default;

  // Reads what the disk holds and opens the log for appending; `done` gets the lane or why not.
  static void Recover(LaneOptions options, Disk& disk, Clock& clock, Executor& executor,
                      UniqueFunction<void(Result<std::unique_ptr<Lane>>)> done);

  // Makes an empty extent; succeeds without change where it exists. With `encrypted` its chunks are
  // sealed with AES-256-GCM under a data key of its own.
  virtual void OpenExtent(ExtentId id, bool encrypted, UniqueFunction<void(Status)> done) = 0;
  // Ends the extent after everything accepted so far; gives its end. Sealing twice gives the same.
  virtual void Seal(ExtentId id, UniqueFunction<void(Result<uint64_t>)> done) = 0;
  // Forgets the extent and lets its space go. Dropping what is not there succeeds.
  virtual void Drop(ExtentId id, UniqueFunction<void(Status)> done) = 0;
  // Records that arrived before `horizon_ms` may go; no reader sees them any more. In memory: the
  // owner repeats it as time passes.
  virtual void Trim(ExtentId id, WallMs horizon_ms) = 0;

  // Queues one append; `done` comes after it is durable, in the order of the calls. kNotFound for
  // an unknown extent, kResourceInUse for a sealed one, kThrottled, kNoSpace, kFenced.
  virtual void AppendRecords(Append append, UniqueFunction<void(Result<AppendResult>)> done) = 0;

  // Records from `from_index` on, at least one where there is one, about `bytes_max` in all. Before
  // begin_index it starts there. Runs `done` before it returns when memory holds them.
  virtual void Read(ExtentId id, uint64_t from_index, size_t bytes_max,
                    UniqueFunction<void(Result<ReadResult>)> done) = 0;
  // The first record that arrived at or after `ms`; the end where there is none. Of records whose
  // chunks are not listed in memory (index_cache_bytes) it may be a somewhat earlier one, never a
  // later: who needs it exactly passes over chunks that arrived before.
  virtual Result<uint64_t> IndexAtTime(ExtentId id, WallMs ms) const = 0;
  virtual std::optional<ExtentInfo> Info(ExtentId id) const = 0;
  virtual std::vector<ExtentInfo> Extents() const = 0;

  // Told of every chunk once it is durable, in order, before the append's own callback: what live
  // consumers are fed from. One listener.
  virtual void SetCommitListener(std::function<void(const ExtentId&, const Chunk&)> on_commit) = 0;
  virtual void SetFencedListener(std::function<void(const Status&)> on_fenced) = 0;

  struct Stats {
    uint64_t file_bytes = 0;
    uint64_t live_bytes = 0;
    uint64_t appended_records = 0;
    uint64_t durable_writes = 0;
    uint64_t cache_hits = 0;
    uint64_t cache_misses = 0;
    uint64_t corrupt_blocks = 0;
    uint64_t lost_records = 0;
    bool fenced = false;
    bool full = false;
    std::string full_reason;  // what is short of what
  };
  virtual Stats stats() const = 0;

  // Waits for writes in flight, writes the watermark, refuses everything after; then `done`.
  virtual void Close(UniqueFunction<void()> done) = 0;
};

}  // namespace millrace::storage
