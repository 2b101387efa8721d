#include "dataplane/placement/apply_plan.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace millrace::shard {
namespace {

using resources::MapExtent;
using resources::MapShard;
using resources::ShardMap;
using storage::ExtentId;
using storage::ExtentIdHash;
using storage::ExtentInfo;

constexpr WallMs kHourMs = 3'600'000;

using Here = std::unordered_map<ExtentId, const ExtentInfo*, ExtentIdHash>;

const ExtentInfo* Find(const Here& here, const ExtentId& id) {
  const auto known = here.find(id);
  return known != here.end() ? known->second : nullptr;
}

// Takes no record from now on: what was given on another volume must not be given again here.
void PlanMissing(const ExtentId& id, const MapExtent& extent, const ExtentInfo* here,
                 ApplyPlan& plan) {
  plan.missing.push_back({id, here != nullptr ? here->end_index : 0});
  if (here != nullptr && !here->sealed) plan.seal.push_back({id, extent.encrypted});
}

void PlanHead(const ExtentId& id, const MapExtent& extent, const ExtentInfo* here,
              ApplyPlan& plan) {
  if (here == nullptr) {
    plan.open.push_back({id, extent.encrypted});
  } else if (here->sealed) {
    plan.conflict = "shard " + std::to_string(id.shard) + ": extent " + std::to_string(id.epoch) +
                    " is sealed here but open in the map";
  }
}

void PlanSealed(const ExtentId& id, const MapExtent& extent, const ExtentInfo* here,
                ApplyPlan& plan) {
  if (here != nullptr) {
    if (!here->sealed) plan.seal.push_back({id, extent.encrypted});
  } else if (!extent.end_index) {
    // Opened and closed by versions that this process never saw: it ends empty.
    plan.open.push_back({id, extent.encrypted});
    plan.seal.push_back({id, extent.encrypted});
  }
}

void PlanDrops(const ShardMap& map, const std::vector<ExtentInfo>& here,
               const std::unordered_set<ExtentId, ExtentIdHash>& wanted, WallMs now,
               ApplyPlan& plan) {
  const WallMs horizon = now - map.retention_hours * kHourMs;
  for (const ExtentInfo& extent : here) {
    if (wanted.contains(extent.id)) continue;
    // A map that forgot a shard must not cost records that are still to be kept.
    const bool expired = extent.end_index == extent.begin_index || extent.last_arrival_ms < horizon;
    if (expired) {
      plan.drop.push_back(extent.id);
    } else {
      plan.drop_later = true;
    }
  }
}

}  // namespace

ApplyPlan PlanApply(const ShardMap& map, const Holder& self, const std::vector<ExtentInfo>& here,
                    WallMs now) {
  ApplyPlan plan;
  if (map.deleting) {
    plan.gone = now >= map.drop_after_ms;
    plan.drop_later = !plan.gone;
    if (plan.gone) {
      for (const ExtentInfo& extent : here) plan.drop.push_back(extent.id);
    }
    return plan;
  }
  Here by_id;
  for (const ExtentInfo& extent : here) by_id.emplace(extent.id, &extent);
  std::unordered_set<ExtentId, ExtentIdHash> wanted;
  for (const MapShard& shard : map.shards) {
    for (const MapExtent& extent : shard.extents) {
      const ExtentId id{map.stream_uid, shard.index, extent.epoch};
      wanted.insert(id);
      if (extent.owner != self.owner) continue;
      const ExtentInfo* found = Find(by_id, id);
      const bool head = !shard.closed_ms && &extent == &shard.extents.back();
      const Claim claim = ClaimOf(extent, self.volume, found);
      if (claim == Claim::kMissing) {
        PlanMissing(id, extent, found, plan);
      } else if (head) {
        PlanHead(id, extent, found, plan);
      } else if (claim != Claim::kNothingOwed) {
        PlanSealed(id, extent, found, plan);
      }
    }
  }
  PlanDrops(map, here, wanted, now, plan);
  return plan;
}

}  // namespace millrace::shard
