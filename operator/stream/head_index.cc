#include "operator/stream/head_index.h"

namespace millrace::op {

using resources::MapExtent;
using resources::MapShard;

void HeadIndex::Update(const resources::ResourceKey& key, const resources::ShardMap& map) {
  Loads loads;
  for (const MapShard& shard : map.shards) {
    for (const MapExtent& extent : shard.extents) {
      // Nobody comes back for what was given up.
      if (extent.lost && extent.end_index == 0) continue;
      PodLoad& load = loads[extent.owner];
      ++load.extents;
      // What is deleted takes no writes, and nobody waits for its ends.
      if (map.deleting) continue;
      const bool head = !shard.closed_ms && &extent == &shard.extents.back();
      if (head) {
        ++load.heads;
      } else if (!extent.end_index) {
        ++load.unsealed;
      }
    }
  }
  std::lock_guard lock(mu_);
  Loads& known = by_map_[key];
  Forget(known);
  for (const auto& [pod, load] : loads) {
    total_[pod].heads += load.heads;
    total_[pod].unsealed += load.unsealed;
    total_[pod].extents += load.extents;
  }
  known = std::move(loads);
}

void HeadIndex::Remove(const resources::ResourceKey& key) {
  std::lock_guard lock(mu_);
  auto known = by_map_.find(key);
  if (known == by_map_.end()) return;
  Forget(known->second);
  by_map_.erase(known);
}

PodLoad HeadIndex::Of(const std::string& pod) const {
  std::lock_guard lock(mu_);
  auto found = total_.find(pod);
  return found == total_.end() ? PodLoad{} : found->second;
}

void HeadIndex::Forget(const Loads& loads) {
  for (const auto& [pod, load] : loads) {
    PodLoad& total = total_[pod];
    total.heads -= load.heads;
    total.unsealed -= load.unsealed;
    total.extents -= load.extents;
    if (total.empty()) total_.erase(pod);
  }
}

}  // namespace millrace::op
