#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"
#include "common/resources/resource.h"

namespace millrace::resources {

inline constexpr std::string_view kShardMapSliceKind = "ShardMapSlice";

// A ShardMap of many shards does not fit one object of the Kubernetes API: its shards stand in
// ShardMapSlices then, and its own spec names them in `slices` (docs/designs/0002). Pure.
struct SlicedShardMap {
  Resource map;                  // as it is written; without slices where it fits as it is
  std::vector<Resource> slices;  // to be written before it
};
inline constexpr size_t kShardsInOneObject = 500;
// Slices are "<map>.<version>.<ordinal>.<attempt>" and carry kSliceOfLabel. `attempt` is unlike
// that of every other try, so that one that loses its compare-and-set has changed nothing of the
// winner's.
SlicedShardMap SplitShardMap(Resource map, std::string_view attempt);

// The names of the slices that hold the map's shards; none where it has them itself.
std::vector<std::string> SliceNames(const Resource& map);
// Puts the shards of `slices`, in the order of their names in the map, back into it.
Status JoinShardMap(Resource& map, const std::vector<Resource>& slices);

// On every slice: the stream's uid as the map has it.
inline constexpr std::string_view kSliceOfLabel = "millrace.dev/stream-uid";
std::string SliceLabelOf(const Resource& map);

}  // namespace millrace::resources
