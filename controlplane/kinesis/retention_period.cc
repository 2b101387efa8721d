#include "controlplane/kinesis/operations.h"

namespace millrace::controlplane {

using resources::Resource;
using resources::StreamSpec;

namespace {

constexpr int64_t kHoursMin = 24;
constexpr int64_t kHoursMax = 8760;

Result<json::Value> SetRetention(KinesisControl& control, const json::Value& input, bool increase) {
  ASSIGN_OR_RETURN(StreamView view, control.catalog.FindActive(input));
  int64_t hours = input["RetentionPeriodHours"].AsInt();
  int64_t current = view.spec.retention_period_hours;
  std::string requested = "Requested retention period (" + std::to_string(hours) + " hours)";
  if (hours < kHoursMin) {
    return InvalidArgument("Minimum allowed retention period is " + std::to_string(kHoursMin) +
                           " hours. " + requested + " is too short.");
  }
  if (hours > kHoursMax) {
    return InvalidArgument("Maximum allowed retention period is " + std::to_string(kHoursMax) +
                           " hours. " + requested + " is too long.");
  }
  std::string asked = requested + " for stream " + view.name;
  if (increase && hours < current) {
    return InvalidArgument(asked + " can not be shorter than existing retention period (" +
                           std::to_string(current) + " hours). Use DecreaseRetentionPeriod API.");
  }
  if (!increase && hours > current) {
    return InvalidArgument(asked + " can not be longer than existing retention period (" +
                           std::to_string(current) + " hours). Use IncreaseRetentionPeriod API.");
  }
  Status changed = control.catalog.ChangeAndWait(view, [&](Resource&, StreamSpec& spec) {
    spec.retention_period_hours = static_cast<int32_t>(hours);
    return OkStatus();
  });
  if (!changed.ok()) return changed;
  return json::Value(json::Object{});
}

}  // namespace

Handler IncreaseStreamRetentionPeriod(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) {
    return SetRetention(control, input, true);
  };
}

Handler DecreaseStreamRetentionPeriod(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) {
    return SetRetention(control, input, false);
  };
}

}  // namespace millrace::controlplane
