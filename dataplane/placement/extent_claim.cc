#include "dataplane/placement/extent_claim.h"

namespace millrace::shard {
namespace {

// Between the clock that made the epoch and the one that dated the volume. It decides only on
// extents that the map gives no volume.
constexpr WallMs kClocksDifferMs = 60'000;

}  // namespace

Claim ClaimOf(const resources::MapExtent& extent, const Volume& volume,
              const storage::ExtentInfo* here) {
  const bool on_this_volume = extent.volume.empty() || extent.volume == volume.id;
  if (here != nullptr) {
    if (extent.lost) return Claim::kWhole;
    // A known end tells a volume that went back in time, too.
    if (extent.end_index)
      return here->end_index >= *extent.end_index ? Claim::kWhole : Claim::kMissing;
    return on_this_volume ? Claim::kWhole : Claim::kMissing;
  }
  if (extent.lost || extent.end_index == 0) return Claim::kNothingOwed;
  if (extent.end_index || !on_this_volume) return Claim::kMissing;
  if (!extent.volume.empty()) return Claim::kNeverOpened;
  const auto made_ms = static_cast<WallMs>(extent.epoch) * 1000;
  return made_ms + kClocksDifferMs < volume.born_ms ? Claim::kMissing : Claim::kNeverOpened;
}

}  // namespace millrace::shard
