#include <algorithm>

#include "controlplane/kinesis/operations.h"

namespace millrace::controlplane {

using resources::Resource;
using resources::StreamSpec;

using resources::MapExtent;
using resources::MapShard;
using resources::SequenceNumber;

namespace {

SequenceNumber FirstNumber(const MapShard& shard) {
  SequenceNumber number;
  number.epoch = shard.extents.empty() ? static_cast<uint64_t>(shard.created_ms / 1000)
                                       : shard.extents.front().epoch;
  number.shard = shard.index;
  number.arrival_s = shard.created_ms / 1000;
  return number;
}

// A number no smaller than that of any record of the shard; exact once the owner has told the end.
SequenceNumber LastNumber(const MapShard& shard) {
  SequenceNumber number = FirstNumber(shard);
  number.arrival_s = *shard.closed_ms / 1000;
  if (!shard.extents.empty()) {
    const MapExtent& last = shard.extents.back();
    number.epoch = last.epoch;
    number.index = last.end_index.value_or(INT64_MAX);
  }
  return number;
}

}  // namespace

json::Value DescribeShard(const MapShard& shard) {
  json::Value out;
  out.Set("ShardId", resources::ShardIdName(shard.index));
  if (shard.parent) out.Set("ParentShardId", resources::ShardIdName(*shard.parent));
  if (shard.adjacent_parent)
    out.Set("AdjacentParentShardId", resources::ShardIdName(*shard.adjacent_parent));
  json::Value range;
  range.Set("StartingHashKey", shard.start.ToDecimal());
  range.Set("EndingHashKey", shard.end.ToDecimal());
  out.Set("HashKeyRange", std::move(range));
  json::Value numbers;
  numbers.Set("StartingSequenceNumber", FirstNumber(shard).ToDecimal());
  if (shard.closed_ms) numbers.Set("EndingSequenceNumber", LastNumber(shard).ToDecimal());
  out.Set("SequenceNumberRange", std::move(numbers));
  return out;
}

json::Value DescribeModeOf(const StreamView& view) {
  json::Value mode;
  mode.Set("StreamMode", view.spec.stream_mode);
  return mode;
}

json::Value DescribeConsumer(const resources::MapConsumer& consumer, const StreamView& view,
                             bool with_stream) {
  json::Value out;
  out.Set("ConsumerName", consumer.name);
  out.Set("ConsumerARN", consumer.arn);
  out.Set("ConsumerStatus", view.status == "DELETING" ? "DELETING" : "ACTIVE");
  out.Set("ConsumerCreationTimestamp", json::Timestamp{consumer.created_ms / 1000 * 1000});
  if (with_stream) out.Set("StreamARN", view.arn);
  return out;
}

int64_t OpenShardCount(const StreamView& view) {
  if (!view.map) return 0;
  return std::count_if(view.map->shards.begin(), view.map->shards.end(),
                       [](const MapShard& shard) { return !shard.closed_ms; });
}

json::Value ShardLevelMetrics(const StreamSpec& spec) {
  json::Value metrics = json::Array{};
  for (const std::string& metric : spec.shard_level_metrics) metrics.Append(metric);
  return metrics;
}

}  // namespace millrace::controlplane
