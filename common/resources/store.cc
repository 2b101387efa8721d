#include "common/resources/store.h"

#include <algorithm>

#include "common/resources/stream_resource.h"

namespace millrace::resources {

std::string StreamNameIn(std::string_view name, const json::Value& spec) {
  const std::string& given = spec["streamName"].AsString();
  return given.empty() ? std::string(name) : given;
}

Result<std::vector<Resource>> ResourceStore::ListByStreamName(std::string_view kind,
                                                              std::string_view stream_name) {
  ASSIGN_OR_RETURN(std::vector<Resource> all, List(kind, ""));
  std::erase_if(all, [&](const Resource& resource) {
    return StreamNameIn(resource.key.name, resource.spec) != stream_name;
  });
  return all;
}

Result<std::vector<Resource>> ResourceStore::ListStreamsAfter(std::string_view stream_name,
                                                              size_t count) {
  ASSIGN_OR_RETURN(std::vector<Resource> all, List(kStreamKind, ""));
  std::erase_if(all, [&](const Resource& stream) { return StreamNameOf(stream) <= stream_name; });
  std::stable_sort(all.begin(), all.end(), [](const Resource& a, const Resource& b) {
    return StreamNameOf(a) < StreamNameOf(b);
  });
  if (all.size() > count) all.erase(all.begin() + static_cast<ptrdiff_t>(count), all.end());
  return all;
}

StreamTotals TotalsIn(const json::Value& spec, const json::Value& status) {
  StreamTotals totals;
  const Result<StreamSpec> parsed = StreamSpec::Parse(spec);
  if (!parsed.ok()) return totals;
  totals.open_shards = status["openShardCount"].AsInt(parsed->shard_count);
  totals.on_demand = parsed->stream_mode == "ON_DEMAND" ? 1 : 0;
  return totals;
}

Result<StreamTotals> ResourceStore::TotalOfStreams() {
  ASSIGN_OR_RETURN(const std::vector<Resource> all, List(kStreamKind, ""));
  StreamTotals totals;
  for (const Resource& stream : all) {
    const StreamTotals share = TotalsIn(stream.spec, stream.status);
    totals.open_shards += share.open_shards;
    totals.on_demand += share.on_demand;
  }
  return totals;
}

Result<std::vector<Resource>> ResourceStore::ListDeletingMaps() {
  ASSIGN_OR_RETURN(std::vector<Resource> all, List("ShardMap", ""));
  std::erase_if(all, [](const Resource& map) { return !map.spec["deleting"].AsBool(); });
  return all;
}

}  // namespace millrace::resources
