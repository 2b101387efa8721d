#include <algorithm>

#include "controlplane/kinesis/operations.h"

namespace millrace::controlplane {

using resources::Resource;
using resources::StreamSpec;

namespace {

constexpr std::string_view kMetrics[] = {"IncomingBytes",
                                         "IncomingRecords",
                                         "OutgoingBytes",
                                         "OutgoingRecords",
                                         "WriteProvisionedThroughputExceeded",
                                         "ReadProvisionedThroughputExceeded",
                                         "IteratorAgeMilliseconds"};

// The metrics a request names, ALL written out.
std::vector<std::string> Named(const json::Value& input) {
  std::vector<std::string> names;
  for (const json::Value& metric : input["ShardLevelMetrics"].AsArray()) {
    if (metric.AsString() == "ALL") return {std::begin(kMetrics), std::end(kMetrics)};
    names.push_back(metric.AsString());
  }
  return names;
}

Result<json::Value> SetMonitoring(KinesisControl& control, const json::Value& input, bool enable) {
  ASSIGN_OR_RETURN(StreamView view, control.catalog.FindActive(input));
  std::vector<std::string> named = Named(input);
  std::vector<std::string> desired;
  for (std::string_view metric : kMetrics) {
    auto& on = view.spec.shard_level_metrics;
    bool was = std::find(on.begin(), on.end(), metric) != on.end() ||
               std::find(on.begin(), on.end(), "ALL") != on.end();
    bool asked = std::find(named.begin(), named.end(), metric) != named.end();
    if (enable ? was || asked : was && !asked) desired.emplace_back(metric);
  }
  Status changed = control.catalog.ChangeAndWait(view, [&](Resource&, StreamSpec& spec) {
    spec.shard_level_metrics = desired;
    return OkStatus();
  });
  if (!changed.ok()) return changed;
  json::Value out;
  out.Set("StreamName", view.name);
  out.Set("StreamARN", view.arn);
  out.Set("CurrentShardLevelMetrics", ShardLevelMetrics(view.spec));
  StreamSpec wanted;
  wanted.shard_level_metrics = desired;
  out.Set("DesiredShardLevelMetrics", ShardLevelMetrics(wanted));
  return out;
}

}  // namespace

Handler EnableEnhancedMonitoring(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) {
    return SetMonitoring(control, input, true);
  };
}

Handler DisableEnhancedMonitoring(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) {
    return SetMonitoring(control, input, false);
  };
}

}  // namespace millrace::controlplane
