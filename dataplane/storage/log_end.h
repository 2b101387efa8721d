#pragma once

#include <map>
#include <vector>

#include "dataplane/storage/log_replay.h"

namespace millrace::storage {

// Where the log ends, and which blocks of earlier incarnations are void.
struct LogEnd {
  Lsn committed_lsn = 0;  // the highest watermark
  Lsn end_lsn = 0;        // the last block kept
  uint64_t incarnation = 0;
  // By incarnation: the last lsn kept of all earlier ones.
  std::map<uint64_t, Lsn> prior_ends;

  bool Keeps(Lsn lsn) const;
};

// Pure; see ReplayLog.
LogEnd FindLogEnd(const std::vector<FoundSegment>& segments);

// Acknowledged blocks that are not there or damaged. Pure.
uint64_t CountCorruptBlocks(const std::vector<FoundSegment>& segments, const LogEnd& end);

}  // namespace millrace::storage
