#include <algorithm>

#include "common/resources/conditions.h"
#include "operator/delivery_stream/delivery_stream_plan.h"

namespace millrace::op {

using resources::DeliveryContact;
using resources::DeliveryStreamSpec;

namespace {

constexpr const char* kDrained = "Drained";
// A process that ends so often is not going to stay.
constexpr int kRestartsWorrying = 3;

DeliveryVerdict Ready(const DeliveryInput& input, const Result<DeliveryStreamSpec>& spec,
                      const DeliveryVerdict& resolved) {
  if (input.resource.deletion_timestamp) {
    if (IsDrained(input)) return {false, kDrained, "all is delivered; the processes stop"};
    return {false, "Deleting", "what was accepted is delivered before the processes stop"};
  }
  if (!resolved.value) return resolved;
  if (spec->management_policy != "Full") {
    return {false, spec->management_policy,
            "managementPolicy is " + spec->management_policy + ": nothing is delivered"};
  }
  const DeliveryObservation& seen = input.observed;
  if (!seen.report) {
    return {false, "WorkerAway",
            "no delivery process answers; it is started again by itself" +
                (seen.last_exit.empty() ? "" : " (the last one " + seen.last_exit + ")") +
                (seen.trouble.empty() ? "" : ": " + seen.trouble)};
  }
  if (!seen.report->plan_error.empty()) return {false, "PlanRefused", seen.report->plan_error};
  if (seen.report->generation != input.resource.generation) {
    return {false, "Updating", "the delivery process is taking up the new spec"};
  }
  return {true, "Delivering", seen.report->notes};
}

// A place that said nothing yet is as good as its word: False would alarm without cause.
DeliveryVerdict Reachable(const DeliveryContact& contact, std::string_view ok_reason) {
  if (contact.state == "Failing") {
    const std::string code = contact.code.empty() ? "" : contact.code + ": ";
    return {false, "LastTryFailed", code + contact.message};
  }
  return {true, contact.state == "Ok" ? std::string(ok_reason) : "NotTriedYet", ""};
}

DeliveryVerdict Degraded(const DeliveryInput& input) {
  const auto& report = input.observed.report;
  if (report && report->records_lost > 0) {
    return {true, "RecordsLost",
            std::to_string(report->records_lost) +
                " records left the source's retention before they could be delivered"};
  }
  if (report && report->source.state == "Failing") {
    return {true, "SourceFailing", report->source.code + ": " + report->source.message};
  }
  if (input.observed.restarts >= kRestartsWorrying && !report) {
    return {true, "WorkerEnds",
            "the delivery process " + input.observed.last_exit + " " +
                std::to_string(input.observed.restarts) + " times; its log says why"};
  }
  return {false, "NothingLost", ""};
}

// Coarse, so that a status is not written with every look: 0 below 10 s, tens below a minute, then
// minutes.
int64_t CoarseSeconds(int64_t seconds) {
  const int64_t step = seconds < 60 ? 10 : 60;
  return seconds - seconds % step;
}

void SetFigures(const DeliveryInput& input, json::Value& status) {
  const auto& report = input.observed.report;
  if (!report) return;
  const WallMs oldest = report->oldest_undelivered_ms;
  const int64_t behind = oldest == 0 ? 0 : std::max<int64_t>(0, (input.now - oldest) / 1000);
  status.Set("secondsBehind", CoarseSeconds(behind));
  status.Set("failedRecords", report->records_failed);
  status.Set("lostRecords", report->records_lost);
}

void SetScaling(const DeliverySettings& settings, const DeliveryInput& input,
                const DeliveryStreamSpec& spec, json::Value& status) {
  const ScalingDecision decision = ScaleDelivery(settings, input, spec);
  const json::Value before = status["scaling"];
  json::Value scaling = json::Object{};
  scaling.Set("recommendedWorkers", int64_t{decision.recommended});
  if (before["recommendedWorkers"].AsInt() == decision.recommended && before.is_object()) {
    scaling = before;
  } else {
    scaling.Set("lastScaleTime", resources::FormatTime(input.now));
    scaling.Set("lastReason", decision.reason);
  }
  status.Set("scaling", std::move(scaling));
}

std::string StatusWord(const DeliveryInput& input, const DeliveryVerdict& resolved) {
  if (input.resource.deletion_timestamp) return "DELETING";
  const std::string& before = input.resource.status["deliveryStreamStatus"].AsString();
  if (before == "ACTIVE" || resolved.value) return "ACTIVE";
  const bool waits = resolved.reason == "Creating" || resolved.reason == "StreamNotActive";
  return waits ? "CREATING" : "CREATING_FAILED";
}

std::string EncryptionWord(const DeliveryInput& input, const DeliveryStreamSpec& spec) {
  const bool wanted = spec.encryption_type == "KMS";
  const bool there = input.source && input.source->status["encryptionType"].AsString() == "KMS";
  if (wanted) return there ? "ENABLED" : "ENABLING";
  return there ? "DISABLING" : "DISABLED";
}

}  // namespace

bool IsDrained(const DeliveryInput& input) {
  const auto& report = input.observed.report;
  if (report && report->state == "Flushing" && report->drained) return true;
  const json::Value& told = resources::FindCondition(input.resource.status, "Ready");
  return input.resource.deletion_timestamp && told["reason"].AsString() == kDrained;
}

json::Value DeliveryStatus(const DeliverySettings& settings, const DeliveryInput& input,
                           const Result<DeliveryStreamSpec>& spec) {
  json::Value status = input.resource.status;
  if (status.is_null()) status = json::Object{};
  const int64_t generation = input.resource.generation;
  const DeliveryVerdict resolved = ResolveDelivery(input, spec);
  const auto set = [&](std::string_view type, const DeliveryVerdict& v) {
    resources::SetCondition(status, type, v.value, v.reason, v.message, generation, input.now);
  };
  status.Set("observedGeneration", generation);
  status.Set("deliveryStreamStatus", StatusWord(input, resolved));
  const std::string name = DeliveryStreamNameOf(input.resource);
  status.Set("deliveryStreamARN", DeliveryStreamArn(settings, name));
  if (!settings.endpoint.empty()) status.Set("endpoint", settings.endpoint);
  status.Remove("failure");
  if (status["deliveryStreamStatus"].AsString() == "CREATING_FAILED") {
    status["failure"].Set("type", "UNKNOWN_ERROR");
    status["failure"].Set("details", resolved.reason + ": " + resolved.message.substr(0, 900));
  }
  if (spec.ok()) {
    status.Set("versionID", std::to_string(VersionOf(input.resource, *spec)));
    if (spec->source.type == "DirectPut") {
      status.Set("encryptionStatus", EncryptionWord(input, *spec));
    }
  }
  if (resolved.value) status.Set("sourceResolved", resolved.message);
  status.Set("workers", int64_t{input.observed.running});
  SetFigures(input, status);
  if (resolved.value) SetScaling(settings, input, *spec, status);
  set("SourceResolved", resolved);
  set("Ready", Ready(input, spec, resolved));
  set("Degraded", Degraded(input));
  if (const auto& report = input.observed.report) {
    set("DestinationReachable", Reachable(report->destination, "LastWriteSucceeded"));
    if (spec.ok() && !spec->backup.empty()) {
      set("BackupReachable", Reachable(report->backup, "LastWriteSucceeded"));
    }
  }
  return status;
}

}  // namespace millrace::op
