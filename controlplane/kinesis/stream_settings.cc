#include <algorithm>

#include "controlplane/kinesis/operations.h"

namespace millrace::controlplane {

using resources::Resource;
using resources::StreamSpec;

namespace {

Status Conflict(const StreamView& view, const std::string& what) {
  return {Code::kValidation, what + " is only supported for on-demand streams; stream " +
                                 view.name + " is in PROVISIONED mode."};
}

void SetWarmThroughput(StreamSpec& spec, const json::Value& mibps) {
  if (mibps.is_null()) return;
  spec.warm_throughput_mibps.reset();
  if (mibps.AsInt() > 0) spec.warm_throughput_mibps = static_cast<int32_t>(mibps.AsInt());
}

// UPDATING for as long as the operator takes, which this waits for (bounded); the wish is durable
// at once.
Result<json::Value> ChangeSpec(KinesisControl& control, const StreamView& view,
                               const std::function<void(StreamSpec&)>& change) {
  RETURN_IF_ERROR(control.catalog.ChangeAndWait(view, [&](Resource&, StreamSpec& spec) {
    change(spec);
    return OkStatus();
  }));
  return json::Value(json::Object{});
}

}  // namespace

Handler UpdateStreamMode(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) -> Result<json::Value> {
    ASSIGN_OR_RETURN(StreamView view, control.catalog.FindActive(input));
    std::string mode = input.At("StreamModeDetails", "StreamMode").AsString();
    const json::Value& warm = input["WarmThroughputMiBps"];
    if (mode == "PROVISIONED" && warm.AsInt() > 0) {
      return Status(Code::kValidation,
                    "WarmThroughputMiBps can only be set for on-demand streams.");
    }
    return ChangeSpec(control, view, [&](StreamSpec& spec) {
      spec.stream_mode = mode;
      // The shards stay as they are; only their limits change.
      spec.shard_count = static_cast<int32_t>(std::max<int64_t>(OpenShardCount(view), 1));
      if (mode == "PROVISIONED") {
        spec.warm_throughput_mibps.reset();
        spec.record_distribution_strategy = "USER_PARTITION_KEY";
      } else {
        SetWarmThroughput(spec, warm);
      }
    });
  };
}

Handler UpdateMaxRecordSize(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) -> Result<json::Value> {
    ASSIGN_OR_RETURN(StreamView view, control.catalog.FindActive(input));
    auto size = static_cast<int32_t>(input["MaxRecordSizeInKiB"].AsInt());
    return ChangeSpec(control, view, [size](StreamSpec& spec) { spec.max_record_size_kib = size; });
  };
}

Handler UpdateStreamWarmThroughput(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) -> Result<json::Value> {
    ASSIGN_OR_RETURN(StreamView view, control.catalog.FindActive(input));
    if (view.spec.stream_mode != "ON_DEMAND") return Conflict(view, "UpdateStreamWarmThroughput");
    const json::Value& mibps = input["WarmThroughputMiBps"];
    constexpr int64_t kWarmMiBpsMax = 10 * 1024;
    if (mibps.AsInt() > kWarmMiBpsMax) {
      return Status(Code::kLimitExceeded,
                    "WarmThroughputMiBps must not exceed " + std::to_string(kWarmMiBpsMax) + ".");
    }
    Result<json::Value> changed =
        ChangeSpec(control, view, [&](StreamSpec& spec) { SetWarmThroughput(spec, mibps); });
    if (!changed.ok()) return changed.status();
    json::Value warm;
    warm.Set("TargetMiBps", mibps);
    warm.Set("CurrentMiBps", int64_t{view.spec.warm_throughput_mibps.value_or(0)});
    json::Value out;
    out.Set("StreamARN", view.arn);
    out.Set("StreamName", view.name);
    out.Set("WarmThroughput", std::move(warm));
    return out;
  };
}

Handler UpdateStreamRecordDistributionStrategy(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) -> Result<json::Value> {
    ASSIGN_OR_RETURN(StreamView view, control.catalog.FindActive(input));
    if (view.spec.stream_mode != "ON_DEMAND")
      return Conflict(view, "UpdateStreamRecordDistributionStrategy");
    std::string strategy = input["RecordDistributionStrategy"].AsString();
    RETURN_IF_ERROR(control.catalog.ChangeAndWait(view, [&](Resource&, StreamSpec& spec) {
      spec.record_distribution_strategy = strategy;
      return OkStatus();
    }));
    return json::Value(json::Object{});
  };
}

}  // namespace millrace::controlplane
