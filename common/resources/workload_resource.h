#pragma once

#include <map>
#include <string>

#include "common/base/status.h"
#include "common/resources/field_reader.h"
#include "common/resources/resource.h"

namespace millrace::resources {

inline constexpr std::string_view kWorkloadKind = "Workload";
// On a pod, "true": a person asks that its write heads leave (`kubectl millrace drain`). It goes
// with the pod: the one that comes in its place takes heads again.
inline constexpr std::string_view kDrainAnnotation = "millrace.dev/drain";
// How a new revision reaches pods; the same in a StreamPool and in its Workload. A value.
struct RolloutSpec {
  std::string state = "Running";
  int32_t partition = 0;
  int32_t canary_replicas = 0;
  int32_t canary_soak_seconds = 120;
  int32_t progress_deadline_seconds = 600;
  std::string on_failure = "Pause";

  // Reads {<name>: {state, partition, ...}} of `in`.
  void Read(FieldReader& in, std::string_view name, Problems& problems);
  json::Value ToValue() const;
  bool operator==(const RolloutSpec&) const = default;
};

// The spec of a Workload (crds/workload.yaml), complete with defaults. A value.
struct WorkloadSpec {
  int32_t replicas = 1;
  std::string revision;
  json::Value pod_template;  // metadata {labels, annotations}, spec
  std::map<std::string, std::string> selector;
  std::string volume_size;    // "": pods without a volume of their own
  std::string storage_class;  // "": the cluster's default
  std::string deletion_policy = "Retain";
  RolloutSpec rollout;

  bool has_volumes() const { return !volume_size.empty(); }
  static Result<WorkloadSpec> Parse(const json::Value& spec);
  bool operator==(const WorkloadSpec&) const = default;
  json::Value ToValue() const;
};

}  // namespace millrace::resources
