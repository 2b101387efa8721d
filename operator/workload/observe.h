#pragma once

#include "common/json/value.h"
#include "operator/workload/workload_world.h"

namespace millrace::op {

inline constexpr std::string_view kWorkloadLabel = "millrace.dev/workload";
inline constexpr std::string_view kRevisionLabel = "millrace.dev/revision";

// Readers of what the API says, into what plans are made of. Pure.

// `node` is null where there is no such node, `nodes_known` whether that means anything.
ObservedPod ObservePod(const json::Value& pod, const json::Value& workload, const json::Value* node,
                       bool nodes_known);
ObservedClaim ObserveClaim(const json::Value& claim, const json::Value& workload);
// `name` "": the default class among `classes`.
ClassState ObserveClass(const json::Array& classes, const std::string& name);
// Whether nothing can run on the node any more: it is gone (null), or declared to be off.
bool IsOff(const json::Value* node);

// members, revisions and is_deleting of what status and metadata say.
void ReadDecisions(const json::Value& workload, WorkloadInput& input);
// status.draining.
std::set<std::string> DrainingIn(const json::Value& workload);

}  // namespace millrace::op
