#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "operator/pool/auto_expand.h"
#include "operator/pool/pool_objects.h"

namespace millrace::op {

// What a reconcile of a pool has read.
struct PoolWorld {
  PoolSettings settings;
  json::Value pool;      // the StreamPool
  json::Value workload;  // null where there is none
  std::optional<VolumeFigures> volumes;
  std::string name_taken_in;                      // the namespace of an older pool of its name
  std::vector<std::string> missing_pull_secrets;  // that its pods name
  WallMs now = 0;
};

struct PoolPlan {
  Status problem;     // of the spec: nothing is made or changed
  bool acts = false;  // managementPolicy Full: objects are to be as `input` says
  PoolInput input;
  std::optional<int64_t> expanded_bytes;  // autoExpand has decided now
  std::string expand_reason;
  std::string expand_message;
};

// Pure. What the pool's objects are to be made of.
PoolPlan PlanPool(const PoolWorld& world);

// status of the StreamPool (pool_status.cc): what the Workload tells and what has been decided;
// `failure` is the first object that could not be written. Equal to the one before where nothing
// has changed. Pure.
json::Value PoolStatus(const PoolWorld& world, const PoolPlan& plan, const Status& failure);

}  // namespace millrace::op
