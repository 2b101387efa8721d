#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/resources/workload_resource.h"

namespace millrace::resources {

inline constexpr std::string_view kStreamPoolKind = "StreamPool";

// The spec of a StreamPool (crds/streampool.yaml), complete with defaults. A value.
struct StreamPoolSpec {
  int32_t replicas = 3;
  std::string image;  // "": the operator's on the day the pool is made
  std::string image_pull_policy = "IfNotPresent";
  std::vector<std::string> image_pull_secrets;

  struct AutoExpand {
    int32_t target_utilization_percent = 75;
    std::string max_size;
    int32_t cooldown_seconds = 21'600;
    bool operator==(const AutoExpand&) const = default;
  };
  std::string storage_size = "10Gi";
  std::string storage_class;  // "": the cluster's default
  std::optional<AutoExpand> auto_expand;

  std::string cpu_request = "500m";
  std::string memory_request = "512Mi";
  std::string cpu_limit;
  std::string memory_limit = "1Gi";

  std::vector<std::string> topology_keys = {"topology.kubernetes.io/zone",
                                            "kubernetes.io/hostname"};
  std::map<std::string, std::string> node_selector;
  json::Value tolerations;  // a list as a pod has it
  std::string priority_class;
  std::string authentication = "SigV4";
  std::string tls_secret;
  std::string log_level = "info";
  RolloutSpec rollout;
  std::string deletion_policy = "Retain";
  std::string deletion_protection = "Disabled";
  std::string management_policy = "Full";

  // Defaults filled in, every rule of the CRD checked; what is wrong is named with its field.
  static Result<StreamPoolSpec> Parse(const json::Value& spec);
  bool operator==(const StreamPoolSpec&) const = default;
};

// The CRD's transition rules. `actual_size` is status.storage.actual, "" where it is not known.
Status CheckStreamPoolTransition(const StreamPoolSpec& before, const StreamPoolSpec& after,
                                 const std::string& actual_size);

// What is wrong with a pool's name, which Services and pods are named after; "" where it is fine.
std::string PoolNameProblem(std::string_view name);

}  // namespace millrace::resources
