#include "cli/cluster/pod_load.h"

namespace millrace::cli {

std::map<std::string, PodLoad> LoadsOf(const std::vector<resources::ShardMap>& maps) {
  std::map<std::string, PodLoad> loads;
  for (const resources::ShardMap& map : maps) {
    for (const resources::MapShard& shard : map.shards) {
      for (const resources::MapExtent& extent : shard.extents) {
        PodLoad& load = loads[extent.owner];
        ++load.extents;
        // Nobody waits for the ends of what is deleted.
        if (map.deleting) continue;
        const bool is_head = !shard.closed_ms && &extent == &shard.extents.back();
        if (is_head) {
          ++load.heads;
        } else if (!extent.end_index) {
          ++load.unsealed;
        } else {
          continue;
        }
        load.streams.insert(map.stream_name);
      }
    }
  }
  return loads;
}

}  // namespace millrace::cli
