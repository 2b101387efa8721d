#include "cli/cluster/pod_story.h"

#include "common/resources/conditions.h"

namespace millrace::cli {
namespace {

using json::Value;

Trouble Make(const char* kind, const Value& object, std::string reason, std::string message,
             std::string text, WallMs since) {
  const kube::ObjectName name = kube::NameOf(object);
  if (!message.empty()) text += ": " + message;
  return {
      {kind, name.ns, name.name, std::move(reason), std::move(message)}, std::move(text), since};
}

bool IsOnlyStarting(const std::string& reason) {
  return reason.empty() || reason == "ContainerCreating" || reason == "PodInitializing";
}

// Why the last run of a container ended: "exit code 137, OOMKilled".
std::string LastEnd(const Value& container) {
  const Value& ended = container.At("lastState", "terminated");
  if (!ended.is_object()) return "";
  std::string text = "last ended with exit code " + std::to_string(ended["exitCode"].AsInt());
  const std::string& reason = ended["reason"].AsString();
  return reason.empty() || reason == "Error" ? text : text + ", " + reason;
}

std::optional<Trouble> ContainerTrouble(const Value& pod, const Value& container) {
  const Value& waiting = container.At("state", "waiting");
  const std::string& reason = waiting["reason"].AsString();
  const std::string& name = container["name"].AsString();
  if (waiting.is_object() && !IsOnlyStarting(reason)) {
    std::string message = waiting["message"].AsString();
    const std::string end = LastEnd(container);
    if (!end.empty()) message += (message.empty() ? "" : "; ") + end;
    const bool was_killed = end.ends_with("OOMKilled");
    return Make("pod", pod, was_killed ? "OOMKilled" : reason, message,
                "container " + name + " is in " + reason, 0);
  }
  const Value& ended = container.At("state", "terminated");
  if (!ended.is_object() || ended["exitCode"].AsInt() == 0) return std::nullopt;
  return Make("pod", pod, ended["reason"].AsString(), ended["message"].AsString(),
              "container " + name + " has ended with exit code " +
                  std::to_string(ended["exitCode"].AsInt()) + " (" + ended["reason"].AsString() +
                  ")",
              TimeOf(ended["finishedAt"]));
}

const Value& ConditionOf(const Value& object, std::string_view type) {
  return resources::FindCondition(object["status"], type);
}

}  // namespace

std::optional<Trouble> PodTrouble(const Value& pod) {
  const Value& status = pod["status"];
  if (const Value* going = pod["metadata"].Find("deletionTimestamp")) {
    return Make("pod", pod, "Going", "", "is stopping", TimeOf(*going));
  }
  const Value& scheduled = ConditionOf(pod, "PodScheduled");
  if (scheduled["status"].AsString() == "False") {
    return Make("pod", pod, scheduled["reason"].AsString(), scheduled["message"].AsString(),
                "waits to be scheduled", TimeOf(scheduled["lastTransitionTime"]));
  }
  if (!status["reason"].AsString().empty()) {
    return Make("pod", pod, status["reason"].AsString(), status["message"].AsString(),
                "is " + status["phase"].AsString() + " (" + status["reason"].AsString() + ")", 0);
  }
  const Value& ready = ConditionOf(pod, "Ready");
  const WallMs since = TimeOf(ready["lastTransitionTime"]);
  for (const char* list : {"initContainerStatuses", "containerStatuses"}) {
    for (const Value& container : status[list].AsArray()) {
      if (std::optional<Trouble> trouble = ContainerTrouble(pod, container)) {
        if (trouble->since_ms == 0) trouble->since_ms = since;
        return trouble;
      }
    }
  }
  if (ready["status"].AsString() == "True") return std::nullopt;
  const bool runs = status["phase"].AsString() == "Running";
  return Make("pod", pod, runs ? "NotReady" : "Starting", ready["message"].AsString(),
              runs ? "runs and is not ready" : "is starting", since);
}

std::optional<Trouble> ClaimTrouble(const Value& claim) {
  const Value& status = claim["status"];
  const std::string& phase = status["phase"].AsString();
  const WallMs created = TimeOf(claim.At("metadata", "creationTimestamp"));
  if (phase != "Bound") {
    const std::string& storage_class = claim.At("spec", "storageClassName").AsString();
    const std::string of = storage_class.empty() ? "no class is named" : "class " + storage_class;
    const std::string reason = phase.empty() ? "Pending" : phase;
    return Make("claim", claim, reason, of, "is " + reason, created);
  }
  const std::string& resize = status.At("allocatedResourceStatuses", "storage").AsString();
  if (resize.ends_with("Infeasible") || resize.ends_with("ResizeFailed")) {
    return Make("claim", claim, "ResizeFailed", resize, "cannot be enlarged", 0);
  }
  for (const char* type : {"FileSystemResizePending", "Resizing"}) {
    const Value& condition = ConditionOf(claim, type);
    if (condition["status"].AsString() != "True") continue;
    return Make("claim", claim, type, condition["message"].AsString(), "is being enlarged",
                TimeOf(condition["lastTransitionTime"]));
  }
  return std::nullopt;
}

}  // namespace millrace::cli
