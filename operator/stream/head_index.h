#pragma once

#include <map>
#include <memory_resource>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/resources/resource.h"
#include "common/resources/shard_map.h"

namespace millrace::op {

// What stands on a pod according to all shard maps.
struct PodLoad {
  size_t heads = 0;     // extents that take writes
  size_t unsealed = 0;  // extents that take none any more, whose end is not known yet
  size_t extents = 0;   // all of them, those of deleted streams too until their data is gone
  // Whether the pod can go down without a write that waits for it, and without readers of newer
  // extents that wait for an end only it can tell.
  // `missing`: those of the pod's extents whose end it cannot tell, since they are not there.
  bool drained(size_t missing = 0) const { return heads == 0 && unsealed <= missing; }
  bool empty() const { return extents == 0; }
};

// Counts what stands on each pod, kept up to date by a watch of shard maps: the gate of every
// planned restart. Some 60 bytes a map. Safe on any thread; owned by main.
class HeadIndex {
 public:
  void Update(const resources::ResourceKey& key, const resources::ShardMap& map);
  void Remove(const resources::ResourceKey& key);
  PodLoad Of(const std::string& pod) const;

 private:
  // A map's share of a pod's load.
  struct Share {
    uint32_t pod;  // in pods_
    uint32_t heads;
    uint32_t unsealed;
    uint32_t extents;
  };
  using Shares = std::pmr::vector<Share>;
  using Loads = std::map<std::string, PodLoad>;  // by pod

  static Loads LoadsIn(const resources::ShardMap& map);
  // All with mu_ held.
  uint32_t NumberOf(const std::string& pod);
  void Forget(const Shares& shares);

  mutable std::mutex mu_;
  static constexpr size_t kBlocksOfAChunk = 512;  // a pool's room grows by no more
  // Guarded by mu_. What lives long stands together. By a hash of the map's key, whose name ends in
  // the stream's random uid: nobody can choose two alike.
  std::pmr::unsynchronized_pool_resource memory_{
      {.max_blocks_per_chunk = kBlocksOfAChunk, .largest_required_pool_block = 0}};
  std::pmr::unordered_map<uint64_t, Shares> by_map_{&memory_};
  std::map<std::string, uint32_t> numbers_;  // of pods, for good
  std::vector<PodLoad> pods_;
};

}  // namespace millrace::op
