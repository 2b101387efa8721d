#pragma once

#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/resources/stream_pool_resource.h"

namespace millrace::op {

// What is measured of a pool's volumes and was decided before.
struct VolumeUse {
  // Of the fullest volume, in percent; nothing where it is not known, which is not nothing used.
  std::optional<int> used_percent_max;
  int64_t requested_bytes = 0;  // what every volume is to have now
  int64_t actual_bytes = 0;     // what the smallest has
  WallMs last_expanded_ms = 0;  // 0: never
  WallMs now = 0;
};

struct ExpandDecision {
  std::optional<int64_t> bytes;  // grow to this
  std::string reason;            // "WithinTarget", "CoolingDown", ...
  std::string message;
};

// autoExpand's rule, as MSK has it: past the target, by the larger of 10 GiB and 10 %, never beyond
// maxSize, once a cool-down, and not while the last step is under way. Pure.
ExpandDecision DecideExpansion(const resources::StreamPoolSpec::AutoExpand& rule,
                               const VolumeUse& use);

}  // namespace millrace::op
