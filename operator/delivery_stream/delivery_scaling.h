#pragma once

#include <string>

#include "common/base/clock.h"
#include "common/delivery/delivery_stream_resource.h"

namespace millrace::op {

// What the number of a DeliveryStream's processes is decided by.
struct ScalingInput {
  resources::DeliveryScaling scaling;
  int32_t asked = 1;           // spec.workers
  int32_t decided = 0;         // before; 0: nothing yet
  WallMs decided_ms = 0;       // when that was
  int32_t useful_max = 1;      // what there is to share: the source's shards, or one on a laptop
  int64_t behind_seconds = 0;  // age of the oldest undelivered record beyond its buffer's time
  bool is_flowing = false;     // processes answer, and neither source nor destination fails
  bool is_complete = false;    // as many run as were decided
  WallMs now = 0;
};

struct ScalingDecision {
  int32_t run = 1;          // so many processes are to run
  int32_t recommended = 1;  // so many it takes; another number with mode DryRun
  std::string reason;       // one word
  bool operator==(const ScalingDecision&) const = default;
};

// Pure. Grows where records have been late for scaleUp's window, shrinks where nothing has changed
// for scaleDown's, never past what can share the work. A destination that fails is no reason to
// grow: more processes would only ask it more often.
ScalingDecision DecideWorkers(const ScalingInput& input);

}  // namespace millrace::op
