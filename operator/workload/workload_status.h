#pragma once

#include "operator/workload/workload_plan.h"

namespace millrace::op {

// The status of a Workload after planning: `before`, with what has been decided and what is true.
// Equal to `before` where nothing has changed, so that nothing is written. Pure.
json::Value WorkloadStatus(const json::Value& before, const WorkloadInput& input,
                           const WorkloadPlan& plan, int64_t generation);

}  // namespace millrace::op
