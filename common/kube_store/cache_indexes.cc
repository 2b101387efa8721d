#include "common/kube_store/cache_indexes.h"

#include <cstdlib>

#include "common/kube_store/shard_map_slices.h"
#include "common/resources/store.h"
#include "common/resources/stream_resource.h"

namespace millrace::resources {

using json::Value;

namespace {

constexpr std::string_view kDeliveryStreams = "DeliveryStream";

uint64_t NumberOf(const std::string& uid) {
  std::string hex;
  for (char c : uid) {
    if (c != '-' && hex.size() < 16) hex += c;
  }
  return hex.empty() ? 0 : std::strtoull(hex.c_str(), nullptr, 16);
}

}  // namespace

kube::CacheOptions CacheIndexesOf(std::string_view kind, bool lists_streams) {
  kube::CacheOptions options;
  if (kind == kShardMapSliceKind) {
    options.indexes["streamUid"] = [](const Value& slice) {
      return std::vector{slice["metadata"]["labels"][kSliceOfLabel].AsString()};
    };
  }
  const bool is_stream = kind == kStreamKind;
  const bool is_map = kind == kShardMapKind;
  if (!is_stream && !is_map && kind != kDeliveryStreams) return options;
  const auto names_of = [](const Value& object) {
    return std::vector{StreamNameIn(kube::NameOf(object).name, object["spec"])};
  };
  options.indexes["streamName"] = names_of;
  if (is_stream) {
    options.indexes["streamUid"] = [](const Value& object) {
      return std::vector{std::to_string(NumberOf(kube::UidOf(object)))};
    };
  }
  if (is_map) {
    options.indexes["deleting"] = [](const Value& object) {
      const bool deleting = object.At("spec", "deleting").AsBool();
      return deleting ? std::vector<std::string>{"true"} : std::vector<std::string>{};
    };
  }
  if (is_stream && lists_streams) {
    options.orders["streamName"] = names_of;
    options.sums["openShards"] = [](const Value& stream) {
      const Result<StreamSpec> spec = StreamSpec::Parse(stream["spec"]);
      return stream["status"]["openShardCount"].AsInt(spec.ok() ? spec->shard_count : 0);
    };
    options.sums["onDemand"] = [](const Value& stream) {
      const Result<StreamSpec> spec = StreamSpec::Parse(stream["spec"]);
      return int64_t{spec.ok() && spec->stream_mode == "ON_DEMAND"};
    };
  }
  return options;
}

}  // namespace millrace::resources
