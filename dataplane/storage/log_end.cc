#include "dataplane/storage/log_end.h"

#include <algorithm>

namespace millrace::storage {
namespace {

// The lsn that follows `lsn` in the newest incarnation.
Lsn NextLsn(Lsn lsn, uint64_t incarnation) {
  return IncarnationOf(lsn) == incarnation ? lsn + 1 : FirstLsnOf(incarnation);
}

// A stretch of lsns that are all there, in the order of the segments.
struct Stretch {
  uint64_t segment = 0;
  Lsn first = 0;
  Lsn last = 0;
};

std::vector<Stretch> KeptStretches(const std::vector<FoundSegment>& segments, const LogEnd& end) {
  std::vector<Stretch> stretches;
  for (const FoundSegment& segment : segments) {
    if (segment.indexed) {
      stretches.push_back(
          {segment.number, segment.directory.first_lsn, segment.directory.last_lsn});
      continue;
    }
    for (const ScannedBlock& block : segment.blocks) {
      if (!end.Keeps(block.header.lsn)) continue;
      stretches.push_back({segment.number, block.header.lsn, block.header.lsn});
    }
  }
  std::sort(stretches.begin(), stretches.end(),
            [](const Stretch& a, const Stretch& b) { return a.first < b.first; });
  return stretches;
}

}  // namespace

bool LogEnd::Keeps(Lsn lsn) const {
  if (lsn > end_lsn) return false;
  for (auto it = prior_ends.upper_bound(IncarnationOf(lsn)); it != prior_ends.end(); ++it) {
    if (lsn > it->second) return false;
  }
  return true;
}

LogEnd FindLogEnd(const std::vector<FoundSegment>& segments) {
  LogEnd end;
  // Blocks that may extend the log past the watermark.
  std::vector<Lsn> whole;
  for (const FoundSegment& segment : segments) {
    if (segment.indexed) {
      // Written only once all of the segment was acknowledged.
      end.committed_lsn = std::max(end.committed_lsn, segment.directory.last_lsn);
      continue;
    }
    for (const ScannedBlock& block : segment.blocks) {
      const BlockHeader& header = block.header;
      end.committed_lsn = std::max(end.committed_lsn, header.committed_lsn);
      end.prior_ends[IncarnationOf(header.lsn)] = header.prior_end_lsn;
      if (!block.damaged) whole.push_back(header.lsn);
    }
  }
  end.incarnation = IncarnationOf(end.committed_lsn);
  if (!end.prior_ends.empty()) {
    end.incarnation = std::max(end.incarnation, end.prior_ends.rbegin()->first);
  }
  std::sort(whole.begin(), whole.end());
  end.end_lsn = end.committed_lsn;
  for (auto it = std::upper_bound(whole.begin(), whole.end(), end.end_lsn); it != whole.end();
       ++it) {
    if (*it != NextLsn(end.end_lsn, end.incarnation)) break;
    end.end_lsn = *it;
  }
  return end;
}

uint64_t CountCorruptBlocks(const std::vector<FoundSegment>& segments, const LogEnd& end) {
  uint64_t corrupt = 0;
  for (const FoundSegment& segment : segments) {
    for (const ScannedBlock& block : segment.blocks) {
      if (block.damaged && end.Keeps(block.header.lsn)) ++corrupt;
    }
  }
  std::vector<Stretch> stretches = KeptStretches(segments, end);
  for (size_t i = 0; i < stretches.size(); ++i) {
    Lsn last = stretches[i].last;
    uint64_t incarnation = IncarnationOf(last);
    if (i + 1 == stretches.size()) {
      // The watermark itself is of a block that is gone.
      if (IncarnationOf(end.end_lsn) == incarnation) corrupt += end.end_lsn - last;
      break;
    }
    const Stretch& next = stretches[i + 1];
    // Segments between them have been let go, and their blocks with them.
    if (next.segment > stretches[i].segment + 1) continue;
    if (IncarnationOf(next.first) == incarnation) {
      corrupt += next.first - last - 1;
      continue;
    }
    auto prior = end.prior_ends.find(IncarnationOf(next.first));
    if (prior != end.prior_ends.end() && IncarnationOf(prior->second) == incarnation) {
      corrupt += prior->second - last;
    }
    corrupt += next.first - FirstLsnOf(IncarnationOf(next.first));
  }
  return corrupt;
}

}  // namespace millrace::storage
