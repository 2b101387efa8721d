#include <algorithm>

#include "controlplane/kinesis/operations.h"

namespace millrace::controlplane {

using resources::Resource;
using resources::StreamSpec;

namespace {

constexpr int64_t kShardsPerPageDefault = 100;

json::Value Monitoring(const StreamSpec& spec) {
  json::Value metrics;
  metrics.Set("ShardLevelMetrics", ShardLevelMetrics(spec));
  json::Value list = json::Array{};
  list.Append(std::move(metrics));
  return list;
}

// What DescribeStream and DescribeStreamSummary have in common.
json::Value Common(const StreamView& view) {
  json::Value out;
  out.Set("StreamName", view.name);
  out.Set("StreamARN", view.arn);
  out.Set("StreamStatus", view.status);
  out.Set("StreamModeDetails", DescribeModeOf(view));
  out.Set("RetentionPeriodHours", int64_t{view.spec.retention_period_hours});
  WallMs created = resources::ParseTime(view.resource.creation_timestamp).value_or(0);
  out.Set("StreamCreationTimestamp", json::Timestamp{created});
  out.Set("EnhancedMonitoring", Monitoring(view.spec));
  bool encrypted = view.map ? view.map->encrypted : view.spec.encryption_type == "KMS";
  out.Set("EncryptionType", encrypted ? "KMS" : "NONE");
  if (encrypted) out.Set("KeyId", view.spec.key_id);
  return out;
}

Result<json::Value> DescribeShards(const StreamView& view, const json::Value& input,
                                   json::Value& out) {
  int64_t limit = std::min<int64_t>(input["Limit"].AsInt(kShardsPerPageDefault), 10'000);
  json::Value shards = json::Array{};
  bool more = false;
  std::optional<uint32_t> after;
  if (const json::Value& start = input["ExclusiveStartShardId"]; !start.is_null()) {
    after = resources::ParseShardId(start.AsString());
    if (!after)
      return InvalidArgument("ExclusiveStartShardId " + start.AsString() + " is not a shard id.");
  }
  if (view.map) {
    for (const resources::MapShard& shard : view.map->shards) {
      if (after && shard.index <= *after) continue;
      if (static_cast<int64_t>(shards.AsArray().size()) == limit) {
        more = true;
        break;
      }
      shards.Append(DescribeShard(shard));
    }
  }
  out.Set("Shards", std::move(shards));
  out.Set("HasMoreShards", more);
  json::Value answer;
  answer.Set("StreamDescription", std::move(out));
  return answer;
}

}  // namespace

Handler DescribeStream(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) -> Result<json::Value> {
    ASSIGN_OR_RETURN(StreamView view, control.catalog.FindFor(input));
    json::Value description = Common(view);
    return DescribeShards(view, input, description);
  };
}

Handler DescribeStreamSummary(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) -> Result<json::Value> {
    ASSIGN_OR_RETURN(StreamView view, control.catalog.FindFor(input));
    json::Value summary = Common(view);
    summary.Set("OpenShardCount", OpenShardCount(view));
    summary.Set("ConsumerCount", static_cast<int64_t>(view.spec.consumers.size()));
    summary.Set("MaxRecordSizeInKiB", int64_t{view.spec.max_record_size_kib});
    summary.Set("ChannelCount", 0);
    summary.Set("QueueCount", 0);
    summary.Set("RecordDistributionStrategy", view.spec.record_distribution_strategy);
    if (view.spec.warm_throughput_mibps) {
      json::Value warm;
      warm.Set("TargetMiBps", int64_t{*view.spec.warm_throughput_mibps});
      warm.Set("CurrentMiBps", int64_t{*view.spec.warm_throughput_mibps});
      summary.Set("WarmThroughput", std::move(warm));
    }
    json::Value answer;
    answer.Set("StreamDescriptionSummary", std::move(summary));
    return answer;
  };
}

}  // namespace millrace::controlplane
