#include "operator/workload/observe.h"

#include <algorithm>

#include "common/base/quantity.h"
#include "common/kube/object.h"
#include "operator/engine/drain_gate.h"

namespace millrace::op {
namespace {

using json::Value;

const Value& Condition(const Value& status, std::string_view type) {
  static const auto* const none = new Value();
  for (const Value& condition : status["conditions"].AsArray()) {
    if (condition["type"].AsString() == type) return condition;
  }
  return *none;
}

WallMs TimeIn(const Value& value) { return resources::ParseTime(value.AsString()).value_or(0); }

const std::string& LabelOf(const Value& object, std::string_view label) {
  return object.At("metadata", "labels")[label].AsString();
}

const Value& ControllerOf(const Value& object) {
  static const auto* const none = new Value();
  for (const Value& owner : object.At("metadata", "ownerReferences").AsArray()) {
    if (owner["controller"].AsBool()) return owner;
  }
  return *none;
}

std::string Shorten(const std::string& text) {
  constexpr size_t kMessageMax = 300;
  return text.substr(0, kMessageMax);
}

// The end of what a process said before it ended, on one line.
std::string LastWords(std::string text) {
  constexpr size_t kWordsMax = 200;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  if (text.size() > kWordsMax) text = "..." + text.substr(text.size() - kWordsMax);
  return text.empty() ? "no message" : text;
}

std::string ContainerTrouble(const Value& container) {
  const Value& waiting = container.At("state", "waiting");
  const std::string& reason = waiting["reason"].AsString();
  if (!reason.empty() && reason != "ContainerCreating" && reason != "PodInitializing") {
    const Value& last = container.At("lastState", "terminated");
    std::string exit;
    if (last.is_object()) {
      exit = " (last exit code " + std::to_string(last["exitCode"].AsInt()) + ": " +
             LastWords(last["message"].AsString()) + ")";
    }
    return reason + ": " + Shorten(waiting["message"].AsString()) + exit;
  }
  const Value& ended = container.At("state", "terminated");
  if (!ended.is_object()) return "";
  return ended["reason"].AsString() + " (exit code " + std::to_string(ended["exitCode"].AsInt()) +
         ")";
}

std::string TroubleOf(const Value& pod) {
  const Value& status = pod["status"];
  const Value& scheduled = Condition(status, "PodScheduled");
  if (scheduled["status"].AsString() == "False") {
    return scheduled["reason"].AsString() + ": " + Shorten(scheduled["message"].AsString());
  }
  if (!status["reason"].AsString().empty()) {
    return status["reason"].AsString() + ": " + Shorten(status["message"].AsString());
  }
  for (const Value& container : status["containerStatuses"].AsArray()) {
    if (std::string trouble = ContainerTrouble(container); !trouble.empty()) return trouble;
  }
  return "";
}

bool HasTaint(const Value& node, std::string_view key) {
  for (const Value& taint : node.At("spec", "taints").AsArray()) {
    if (taint["key"].AsString() == key) return true;
  }
  return false;
}

NodeState StateOf(const Value* node, bool nodes_known) {
  if (!nodes_known) return NodeState::kUp;
  if (IsOff(node)) return NodeState::kOff;
  const bool answers = Condition((*node)["status"], "Ready")["status"].AsString() == "True";
  return answers ? NodeState::kUp : NodeState::kSilent;
}

int64_t BytesIn(const Value& quantity) {
  if (quantity.is_int()) return quantity.AsInt();
  return ParseQuantity(quantity.AsString()).value_or(0);
}

}  // namespace

bool IsOff(const Value* node) {
  return !node || HasTaint(*node, "node.kubernetes.io/out-of-service");
}

ObservedPod ObservePod(const Value& pod, const Value& workload, const Value* node,
                       bool nodes_known) {
  ObservedPod out;
  out.name = kube::NameOf(pod).name;
  out.uid = kube::UidOf(pod);
  out.resource_version = kube::ResourceVersionOf(pod);
  out.revision = LabelOf(pod, kRevisionLabel);
  const Value& controller = ControllerOf(pod);
  const bool has_label = LabelOf(pod, kWorkloadLabel) == kube::NameOf(workload).name;
  out.is_ours = controller["uid"].AsString() == kube::UidOf(workload);
  out.is_orphan = controller.is_null() && has_label;
  out.is_going = pod.At("metadata").Has("deletionTimestamp");
  out.is_drain_asked =
      pod.At("metadata", "annotations")[resources::kDrainAnnotation].AsString() == "true";
  const Value& status = pod["status"];
  const std::string& phase = status["phase"].AsString();
  out.has_ended = phase == "Failed" || phase == "Succeeded";
  const Value& ready = Condition(status, "Ready");
  out.is_ready = ready["status"].AsString() == "True" && !out.has_ended;
  out.ready_changed_ms = TimeIn(ready["lastTransitionTime"]);
  out.created_ms = TimeIn(pod.At("metadata", "creationTimestamp"));
  out.node = pod.At("spec", "nodeName").AsString();
  if (!out.node.empty()) {
    out.node_state = StateOf(node, nodes_known);
    out.node_is_cordoned = node && node->At("spec", "unschedulable").AsBool();
  }
  // What a pod of a silent node last said of itself means nothing.
  if (out.node_state != NodeState::kUp) out.is_ready = false;
  if (!out.is_ready) out.trouble = TroubleOf(pod);
  return out;
}

ObservedClaim ObserveClaim(const Value& claim, const Value& workload) {
  ObservedClaim out;
  out.name = kube::NameOf(claim).name;
  out.uid = kube::UidOf(claim);
  out.resource_version = kube::ResourceVersionOf(claim);
  out.is_ours = LabelOf(claim, kWorkloadLabel) == kube::NameOf(workload).name;
  out.is_going = claim.At("metadata").Has("deletionTimestamp");
  const Value& status = claim["status"];
  out.is_bound = status["phase"].AsString() == "Bound";
  out.requested_bytes = BytesIn(claim.At("spec", "resources", "requests", "storage"));
  out.capacity_bytes = BytesIn(status.At("capacity", "storage"));
  const std::string& resize = status.At("allocatedResourceStatuses", "storage").AsString();
  out.is_refused = resize.ends_with("Infeasible") || resize.ends_with("ResizeFailed");
  const Value& pending = Condition(status, "FileSystemResizePending");
  if (pending["status"].AsString() == "True") {
    out.file_system_pending_since = TimeIn(pending["lastTransitionTime"]);
  }
  return out;
}

ClassState ObserveClass(const json::Array& classes, const std::string& name) {
  for (const Value& item : classes) {
    const bool is_default =
        item.At("metadata", "annotations")["storageclass.kubernetes.io/is-default-class"]
            .AsString() == "true";
    const bool fits = name.empty() ? is_default : kube::NameOf(item).name == name;
    if (!fits) continue;
    return item["allowVolumeExpansion"].AsBool() ? ClassState::kExpandable : ClassState::kFixed;
  }
  return ClassState::kMissing;
}

void ReadDecisions(const Value& workload, WorkloadInput& input) {
  const Value& status = workload["status"];
  input.restarts_anyway =
      workload.At("metadata", "annotations")[kRestartAnywayAnnotation].AsString() == "true";
  input.is_deleting = workload.At("metadata").Has("deletionTimestamp");
  input.stable_revision = status["stableRevision"].AsString();
  input.failed_revision = status["failedRevision"].AsString();
  for (const Value& member : status["members"].AsArray()) {
    input.members.push_back({.name = member["name"].AsString(),
                             .revision = member["revision"].AsString(),
                             .claim_uid = member["claimUID"].AsString(),
                             .moved_ms = TimeIn(member["movedTime"])});
  }
}

std::set<std::string> DrainingIn(const Value& workload) {
  std::set<std::string> out;
  for (const Value& name : workload.At("status", "draining").AsArray()) out.insert(name.AsString());
  return out;
}

}  // namespace millrace::op
