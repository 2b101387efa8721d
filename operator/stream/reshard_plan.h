#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/resources/shard_map.h"

namespace millrace::op {

// Pure changes of the shards of a map: close parents, add children. New shards have no extents yet;
// HeadPlacement gives one to each that stays open. Shards closed in the same plan that made
// them are left without: they never hold a record.

// The open shards, in the order of their ranges.
std::vector<uint32_t> OpenShards(const resources::ShardMap& map);

// `count` equal ranges over the whole key space, the last one to its end.
std::vector<resources::HashKey> UniformStarts(uint32_t count);

// Shards of a new stream.
void AddUniformShards(resources::ShardMap& map, uint32_t count, WallMs now);

// Splits an open shard in two at `new_start`, which must lie inside its range and not at its start
// (InvalidArgument, with AWS's message).
Status SplitShard(resources::ShardMap& map, uint32_t shard, resources::HashKey new_start,
                  WallMs now);

// Merges two open shards whose ranges touch.
Status MergeShards(resources::ShardMap& map, uint32_t shard, uint32_t adjacent, WallMs now);

// Brings the open shards to `count` equal ranges (UpdateShardCount, UNIFORM_SCALING): splits at the
// new boundaries, then merges the pieces. Nothing changes where the ranges are right already.
Status ScaleUniformly(resources::ShardMap& map, uint32_t count, WallMs now);

// The greatest epoch the map has given.
uint64_t LastEpoch(const resources::ShardMap& map);

// Opens one more extent for every open shard that `place_of` names a pod for, with epochs above all
// before.
struct HeadPlace {
  std::string pod;
  std::string volume{};  // the only one of the pod's that may open it; "": not known
};
using PlaceOf = std::function<std::optional<HeadPlace>(const resources::MapShard&)>;
void OpenExtents(resources::ShardMap& map, const PlaceOf& place_of, WallMs now);

}  // namespace millrace::op
