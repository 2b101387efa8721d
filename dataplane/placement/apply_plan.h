#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/resources/shard_map.h"
#include "dataplane/format/extent.h"

namespace millrace::shard {

struct ExtentStep {
  storage::ExtentId id;
  bool encrypted = false;
};

// What has to happen on the lanes to bring one stream to a map. In this order: all opens, all
// seals, publish, drops. Opens come first, so that a parent's range is never without a shard that
// takes records; the seal is what ends the parent, and until the table is published writers wait.
struct ApplyPlan {
  std::vector<ExtentStep> open;
  std::vector<ExtentStep> seal;  // each is there, or opened by the step before
  std::vector<storage::ExtentId> drop;
  // Something is to be dropped, but not yet: records in it are younger than retention, or the
  // stream's grace runs.
  bool drop_later = false;
  // The stream is gone: all of its extents are dropped and none may be left.
  bool gone = false;
  // A write head that is sealed here already, "" for none: the map is older than what this volume
  // saw.
  std::string conflict;
};

// Pure. `here` are the extents of the stream on this process's lanes.
ApplyPlan PlanApply(const resources::ShardMap& map, const std::string& owner,
                    const std::vector<storage::ExtentInfo>& here, WallMs now);

}  // namespace millrace::shard
