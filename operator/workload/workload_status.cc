#include "operator/workload/workload_status.h"

#include "common/base/quantity.h"
#include "common/resources/conditions.h"

namespace millrace::op {
namespace {

using json::Value;

Value MemberValue(const Member& member) {
  Value out;
  out.Set("name", member.name);
  out.Set("revision", member.revision);
  if (!member.claim_uid.empty()) out.Set("claimUID", member.claim_uid);
  if (member.moved_ms != 0) out.Set("movedTime", resources::FormatTime(member.moved_ms));
  return out;
}

void SetText(Value& status, std::string_view name, const std::string& text) {
  if (text.empty()) {
    status.Remove(name);
  } else {
    status.Set(name, text);
  }
}

std::string SelectorText(const resources::WorkloadSpec& spec) {
  std::string out;
  for (const auto& [key, text] : spec.selector) out += (out.empty() ? "" : ",") + key + "=" + text;
  return out;
}

}  // namespace

Value WorkloadStatus(const Value& before, const WorkloadInput& input, const WorkloadPlan& plan,
                     int64_t generation) {
  Value status = before.is_object() ? before : Value(json::Object{});
  status.Set("observedGeneration", generation);
  status.Set("replicas", int64_t{plan.pods});
  status.Set("readyReplicas", int64_t{plan.ready});
  status.Set("updatedReplicas", int64_t{plan.updated});
  SetText(status, "stableRevision", plan.stable_revision);
  SetText(status, "failedRevision", plan.failed_revision);
  SetText(status, "selector", SelectorText(input.spec));
  json::Array draining;
  for (const std::string& pod : plan.draining) draining.emplace_back(pod);
  status.Set("draining", std::move(draining));
  json::Array members;
  for (const Member& member : plan.members) members.push_back(MemberValue(member));
  status.Set("members", std::move(members));
  if (plan.conditions.contains("StorageResizing") && input.spec.has_volumes()) {
    Value storage;
    storage.Set("requested", input.spec.volume_size);
    if (plan.actual_bytes > 0) {
      storage.Set("actual", FormatQuantity(plan.actual_bytes));
    }
    storage.Set("resizing", int64_t{plan.resizing});
    status.Set("storage", std::move(storage));
  }
  for (const auto& [type, verdict] : plan.conditions) {
    resources::SetCondition(status, type, verdict.value, verdict.reason, verdict.message,
                            generation, input.now);
  }
  return status;
}

}  // namespace millrace::op
