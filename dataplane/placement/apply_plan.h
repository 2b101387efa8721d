#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/resources/shard_map.h"
#include "dataplane/format/extent.h"
#include "dataplane/placement/extent_claim.h"

namespace millrace::shard {

struct ExtentStep {
  storage::ExtentId id;
  bool encrypted = false;
};

struct MissingExtent {
  storage::ExtentId id;
  uint64_t end_index = 0;  // of what is here; 0 where nothing is
};

// What has to happen on the lanes to bring one stream to a map. In this order: all opens, all
// seals, publish, drops. Opens come first, so that a parent's range is never without a shard that
// takes records; the seal is what ends the parent, and until the table is published writers wait.
struct ApplyPlan {
  std::vector<ExtentStep> open;
  std::vector<ExtentStep> seal;  // each is there, or opened by the step before
  // This pod's by the map, without all that was acknowledged in them: never opened, never reported
  // as ended, and no reader gets past what is here of them.
  std::vector<MissingExtent> missing;
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

// A pod as maps name it, and the volume that it is on.
struct Holder {
  std::string owner;
  Volume volume{};
};

// Pure. `here` are the extents of the stream on this process's lanes.
ApplyPlan PlanApply(const resources::ShardMap& map, const Holder& self,
                    const std::vector<storage::ExtentInfo>& here, WallMs now);

}  // namespace millrace::shard
