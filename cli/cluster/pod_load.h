#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/resources/shard_map.h"

namespace millrace::cli {

// What stands on one pod according to the shard maps of all streams.
struct PodLoad {
  size_t heads = 0;     // extents that take writes
  size_t unsealed = 0;  // extents that take none any more, whose end is not known yet
  size_t extents = 0;
  std::set<std::string> streams;  // those with a head or an unsealed extent there
  bool drained() const { return heads == 0 && unsealed == 0; }
};

// By pod. Streams that are being deleted have no heads.
std::map<std::string, PodLoad> LoadsOf(const std::vector<resources::ShardMap>& maps);

}  // namespace millrace::cli
