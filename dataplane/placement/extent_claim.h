#pragma once

#include <cstdint>
#include <string>

#include "common/base/clock.h"
#include "common/resources/shard_map.h"
#include "dataplane/format/extent.h"

namespace millrace::shard {

// The data folder that a pod is on, as it tells itself from every other one
// (docs/formats/volume.md).
struct Volume {
  std::string id;      // "" where there is none: tests of what does not ask for it
  WallMs born_ms = 0;  // by this pod's clock; 0: it was in use before it had an id
};

// What a pod can vouch for of an extent that a map says is its own.
enum class Claim : uint8_t {
  kWhole,        // all of it is here
  kNeverOpened,  // nothing was ever acknowledged in it, since only this volume may have it
  kNothingOwed,  // it is not here, and the map says that nobody misses it
  kMissing,      // records may have been acknowledged in it that are not here
};

// Pure. `here` is what the lanes have under its name, null for nothing.
Claim ClaimOf(const resources::MapExtent& extent, const Volume& volume,
              const storage::ExtentInfo* here);

}  // namespace millrace::shard
