#include "operator/stream/head_index.h"

#include <functional>

namespace millrace::op {

using resources::MapExtent;
using resources::MapShard;
using resources::ResourceKey;

namespace {

uint64_t HashOf(const ResourceKey& key) { return std::hash<std::string>()(key.ToString()); }

}  // namespace

HeadIndex::Loads HeadIndex::LoadsIn(const resources::ShardMap& map) {
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
  return loads;
}

void HeadIndex::Update(const ResourceKey& key, const resources::ShardMap& map) {
  const Loads loads = LoadsIn(map);
  std::lock_guard lock(mu_);
  Shares& known = by_map_[HashOf(key)];
  Forget(known);
  Shares shares(&memory_);
  shares.reserve(loads.size());
  for (const auto& [pod, load] : loads) {
    const uint32_t number = NumberOf(pod);
    shares.push_back({number, static_cast<uint32_t>(load.heads),
                      static_cast<uint32_t>(load.unsealed), static_cast<uint32_t>(load.extents)});
    pods_[number].heads += load.heads;
    pods_[number].unsealed += load.unsealed;
    pods_[number].extents += load.extents;
  }
  known = std::move(shares);
}

void HeadIndex::Remove(const ResourceKey& key) {
  std::lock_guard lock(mu_);
  auto known = by_map_.find(HashOf(key));
  if (known == by_map_.end()) return;
  Forget(known->second);
  by_map_.erase(known);
}

PodLoad HeadIndex::Of(const std::string& pod) const {
  std::lock_guard lock(mu_);
  auto found = numbers_.find(pod);
  return found == numbers_.end() ? PodLoad{} : pods_[found->second];
}

uint32_t HeadIndex::NumberOf(const std::string& pod) {
  const auto [at, is_new] = numbers_.try_emplace(pod, static_cast<uint32_t>(pods_.size()));
  if (is_new) pods_.emplace_back();
  return at->second;
}

void HeadIndex::Forget(const Shares& shares) {
  for (const Share& share : shares) {
    PodLoad& load = pods_[share.pod];
    load.heads -= share.heads;
    load.unsealed -= share.unsealed;
    load.extents -= share.extents;
  }
}

}  // namespace millrace::op
