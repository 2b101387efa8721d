#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "common/base/unique_function.h"
#include "dataplane/disk/disk.h"
#include "dataplane/format/segment_scan.h"

namespace millrace::storage {

// Reads a whole segment, a window at a time, and finds its blocks. On the executor of the disk's
// callbacks; `done` runs once. Neither the segment nor the disk may go before.
struct ScannedSegment {
  std::optional<uint64_t> log_id;
  std::vector<ScannedBlock> blocks;
};
void ReadSegment(Disk& disk, uint64_t segment, uint64_t size, std::optional<uint64_t> log_id,
                 UniqueFunction<void(Result<ScannedSegment>)> done);

}  // namespace millrace::storage
