#include "common/kube_store/shard_map_slices.h"

#include <algorithm>

namespace millrace::resources {

using json::Value;

std::string SliceLabelOf(const Resource& map) { return map.spec["streamUid"].AsString(); }

SlicedShardMap SplitShardMap(Resource map, std::string_view attempt) {
  SlicedShardMap out;
  map.spec.Remove("slices");
  json::Array shards = map.spec["shards"].AsArray();
  if (shards.size() <= kShardsInOneObject) {
    out.map = std::move(map);
    return out;
  }
  const std::string version = std::to_string(map.spec["version"].AsInt());
  Value names = json::Array{};
  for (size_t from = 0; from < shards.size(); from += kShardsInOneObject) {
    Resource slice;
    slice.kind = kShardMapSliceKind;
    slice.key = {map.key.ns, map.key.name + "." + version + "." +
                                 std::to_string(out.slices.size()) + "." + std::string(attempt)};
    slice.labels[std::string(kSliceOfLabel)] = SliceLabelOf(map);
    slice.spec.Set("version", map.spec["version"]);
    const size_t to = std::min(from + kShardsInOneObject, shards.size());
    Value part = json::Array{};
    for (size_t i = from; i < to; ++i) part.Append(std::move(shards[i]));
    slice.spec.Set("shards", std::move(part));
    names.Append(slice.key.name);
    out.slices.push_back(std::move(slice));
  }
  map.spec.Set("shards", json::Array{});
  map.spec.Set("slices", std::move(names));
  out.map = std::move(map);
  return out;
}

std::vector<std::string> SliceNames(const Resource& map) {
  std::vector<std::string> names;
  for (const Value& name : map.spec["slices"].AsArray()) names.push_back(name.AsString());
  return names;
}

Status JoinShardMap(Resource& map, const std::vector<Resource>& slices) {
  const std::vector<std::string> names = SliceNames(map);
  if (names.size() != slices.size())
    return Internal("slices of " + map.key.ToString() + " missing");
  Value shards = json::Array{};
  for (size_t i = 0; i < names.size(); ++i) {
    const Resource& slice = slices[i];
    if (slice.key.name != names[i] || !(slice.spec["version"] == map.spec["version"])) {
      return Corrupt("slice " + slice.key.ToString() + " is not of version " +
                     std::to_string(map.spec["version"].AsInt()) + " of its map");
    }
    for (const Value& shard : slice.spec["shards"].AsArray()) shards.Append(shard);
  }
  map.spec.Set("shards", std::move(shards));
  map.spec.Remove("slices");
  return OkStatus();
}

}  // namespace millrace::resources
