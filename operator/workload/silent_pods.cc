#include "operator/workload/silent_pods.h"

#include <algorithm>

#include "common/kube/object.h"
#include "common/log/log.h"
#include "common/resources/conditions.h"

namespace millrace::op {

using json::Value;

namespace {

constexpr Duration kTryAgain = std::chrono::milliseconds(50);

}  // namespace

std::optional<Value> WithReadiness(Value pod, bool answers, WallMs now) {
  if (pod.At("metadata").Has("deletionTimestamp")) return std::nullopt;
  json::Array conditions = pod.At("status", "conditions").AsArray();
  for (Value& condition : conditions) {
    if (condition["type"].AsString() != "Ready") continue;
    const bool is_ready = condition["status"].AsString() == "True";
    const bool is_ours = condition["reason"].AsString() == kSilentReason;
    if (is_ready == answers || (answers && !is_ours)) return std::nullopt;
    condition.Set("status", answers ? "True" : "False");
    condition.Set("lastTransitionTime", resources::FormatTime(now));
    if (answers) {
      condition.Remove("reason");
      condition.Remove("message");
    } else {
      condition.Set("reason", kSilentReason);
      condition.Set("message", "the pod does not answer the operator");
    }
    pod["status"].Set("conditions", std::move(conditions));
    return pod;
  }
  return std::nullopt;
}

Outcome SilentPods::Reconcile(const std::string& ns, const std::map<std::string, bool>& answers) {
  // Somebody has to be left: a Service with no endpoint helps nobody.
  const bool any_answers =
      std::any_of(answers.begin(), answers.end(), [](const auto& pod) { return pod.second; });
  Status failure;
  for (const auto& [pod, does] : answers) {
    if (!any_answers) break;
    const kube::ObjectName name{ns, pod};
    {
      std::lock_guard lock(mu_);
      const auto told = told_.find(name);
      if (told != told_.end() && told->second == does) continue;
    }
    Status told = Tell(name, does);
    if (told.code() == Code::kConflict) return Outcome::After(kTryAgain);
    if (!told.ok() && failure.ok()) failure = std::move(told);
  }
  return failure.ok() ? Outcome::Done() : Outcome::Failed(std::move(failure));
}

Status SilentPods::Tell(const kube::ObjectName& name, bool answers) {
  Result<Value> pod = client_.Get(kube::types::Pod(), name);
  if (!pod.ok() && pod.status().code() != Code::kNotFound) return pod.status();
  std::optional<Value> changed;
  if (pod.ok()) changed = WithReadiness(std::move(*pod), answers, clock_.WallNow());
  if (changed) {
    RETURN_IF_ERROR(client_.UpdateStatus(kube::types::Pod(), std::move(*changed)).status());
    log::Info(answers ? "pod answers again" : "pod is silent and taken out of its Services",
              {{"pod", name.ToString()}});
  }
  std::lock_guard lock(mu_);
  told_[name] = answers;
  return OkStatus();
}

}  // namespace millrace::op
