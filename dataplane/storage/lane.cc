#include "dataplane/storage/lane.h"

#include <algorithm>

#include "common/log/log.h"
#include "dataplane/storage/lane_impl.h"
#include "dataplane/storage/lane_recovery.h"

namespace millrace::storage {
namespace {

// Offsets in a segment are 32 bits wide.
constexpr uint64_t kSegmentBytesMax = 2 * kGiB;
constexpr uint64_t kSegmentBytesMin = 64 * kKiB;
// A lane needs room for the segment it writes, the one prepared, and one that dies meanwhile.
constexpr uint64_t kSegmentsMin = 4;

uint64_t SegmentBytes(const LaneOptions& options, const ReplayedLog& log) {
  uint64_t bytes = std::min(options.segment_bytes, options.bytes_max / kSegmentsMin);
  // The table of what there is already takes no more than a quarter.
  uint64_t table = kDiskAlignment;
  for (const ReplayedExtent& extent : log.extents) {
    table += kTableRowBytes + extent.wrapped_key.size();
  }
  bytes = std::clamp(std::max(bytes, 4 * table), kSegmentBytesMin, kSegmentBytesMax);
  return RoundUpToDisk(bytes);
}

}  // namespace

void Lane::Recover(LaneOptions options, Disk& disk, Clock& clock, Executor& executor,
                   UniqueFunction<void(Result<std::unique_ptr<Lane>>)> done) {
  DCHECK(executor.OnThisExecutor());
  uint64_t list_bytes_max = options.index_cache_bytes;
  LaneRecovery::Run(
      disk, list_bytes_max,
      [options = std::move(options), &disk, &clock, &executor,
       done = std::move(done)](Result<RecoveredLane> recovered) mutable {
        if (!recovered.ok()) return done(recovered.status());
        const ReplayedLog& log = recovered->log;
        if (log.corrupt_blocks > 0) {
          log::Error("acknowledged blocks of the log are corrupt",
                     {{"blocks", log.corrupt_blocks}, {"lost_records", log.lost_records}});
        }
        uint64_t segment_bytes = SegmentBytes(options, log);
        auto lane = std::make_unique<LaneImpl>(std::move(options), disk, clock, executor,
                                               std::move(recovered).value(), segment_bytes);
        lane->Start();
        done(Result<std::unique_ptr<Lane>>(std::move(lane)));
      });
}

}  // namespace millrace::storage
