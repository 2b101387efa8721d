#pragma once

#include "operator/workload/workload_plan.h"

namespace millrace::op {

// Pure. Brings the volumes to spec.volume.size: enlarges, never shrinks; takes a volume enlarged
// from outside as it is; goes back where the driver has refused an enlargement and less is asked
// in its place. Adds actions, figures and the StorageResizing condition to `plan`.
void PlanClaims(const WorkloadInput& input, WorkloadPlan& plan);

// "storage class fast", "the default storage class".
std::string StorageClassText(const WorkloadInput& input);

// Whether the volume has grown, but its file system waits for the pod to start again: drivers that
// grow it online are done long before.
bool NeedsRestartToGrow(const ObservedClaim& claim, const ObservedPod& pod, WallMs now);

}  // namespace millrace::op
