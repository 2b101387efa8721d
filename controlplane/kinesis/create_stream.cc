#include <algorithm>

#include "controlplane/kinesis/operations.h"

namespace millrace::controlplane {

using resources::Resource;
using resources::StreamSpec;

namespace {

// The model gives the shape; what goes with what is checked here, in AWS's words.
Result<StreamSpec> SpecOf(const json::Value& input) {
  StreamSpec spec;
  const std::string& mode = input.At("StreamModeDetails", "StreamMode").AsString();
  spec.stream_mode = mode.empty() ? "PROVISIONED" : mode;
  const json::Value& count = input["ShardCount"];
  if (spec.stream_mode == "PROVISIONED") {
    if (count.is_null())
      return Status(Code::kValidation, "ShardCount must be provided for PROVISIONED streams.");
    spec.shard_count = static_cast<int32_t>(std::min<int64_t>(count.AsInt(), INT32_MAX));
  } else if (!count.is_null()) {
    return Status(Code::kValidation,
                  "Requests to create on-demand streams cannot include shard count.");
  }
  if (const json::Value& warm = input["WarmThroughputMiBps"]; !warm.is_null()) {
    if (spec.stream_mode != "ON_DEMAND") {
      return Status(Code::kValidation,
                    "WarmThroughputMiBps can only be set for on-demand streams.");
    }
    if (warm.AsInt() > 0) spec.warm_throughput_mibps = static_cast<int32_t>(warm.AsInt());
  }
  if (const json::Value& size = input["MaxRecordSizeInKiB"]; !size.is_null()) {
    spec.max_record_size_kib = static_cast<int32_t>(size.AsInt());
  }
  if (const json::Value& strategy = input["RecordDistributionStrategy"]; !strategy.is_null()) {
    if (strategy.AsString() == "AUTO" && spec.stream_mode != "ON_DEMAND") {
      return Status(Code::kValidation,
                    "RecordDistributionStrategy AUTO is only supported for on-demand streams.");
    }
    spec.record_distribution_strategy = strategy.AsString();
  }
  for (const auto& [key, value] : input["Tags"].AsObject()) spec.tags[key] = value.AsString();
  return spec;
}

Status CheckAccountLimits(KinesisControl& control, const StreamSpec& spec) {
  ASSIGN_OR_RETURN(const AccountUse use, control.catalog.Use());
  const int64_t shards = use.open_shards + spec.shard_count;
  const int64_t on_demand = use.on_demand + (spec.stream_mode == "ON_DEMAND" ? 1 : 0);
  if (shards > control.limits.shards_max) {
    return {
        Code::kLimitExceeded,
        "This request would exceed the shard limit for the account " +
            control.catalog.options().account + " in " + control.catalog.options().region +
            ". Current shard count for the account: " + std::to_string(shards - spec.shard_count) +
            ". Limit: " + std::to_string(control.limits.shards_max) +
            ". Number of additional shards that would have resulted from this request: " +
            std::to_string(spec.shard_count) + "."};
  }
  if (on_demand > control.limits.on_demand_streams_max) {
    return {Code::kLimitExceeded,
            "This request would exceed the on-demand stream limit of the account: " +
                std::to_string(control.limits.on_demand_streams_max) + "."};
  }
  return OkStatus();
}

}  // namespace

Handler CreateStream(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) -> Result<json::Value> {
    ASSIGN_OR_RETURN(StreamSpec spec, SpecOf(input));
    const std::string& name = input["StreamName"].AsString();
    if (control.catalog.Find(name).ok()) {
      return Status(Code::kResourceInUse, "Stream " + name + " under account " +
                                              control.catalog.options().account +
                                              " already exists.");
    }
    RETURN_IF_ERROR(CheckAccountLimits(control, spec));
    Result<StreamView> created = control.catalog.Create(name, spec);
    if (!created.ok()) return created.status();
    return json::Value(json::Object{});
  };
}

}  // namespace millrace::controlplane
