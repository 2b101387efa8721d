#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "common/kube/client.h"
#include "operator/engine/controller.h"

namespace millrace::op {

// The reason of a Ready condition that was set here.
inline constexpr std::string_view kSilentReason = "MillraceSilent";

// Pure. The pod as it is to be told to the API where its Ready condition does not say whether it
// answers: nothing of the condition where somebody else has set it to False. No value: as it is.
std::optional<json::Value> WithReadiness(json::Value pod, bool answers, WallMs now);

// Takes pods that have ceased to answer out of their Services, as the node controller does after
// 40 s: whoever connects anew then reaches a pod that is there. Once for each silence, so that a
// kubelet that knows better has the last word; taken back when the pod answers again. Any process
// may do it, leading or not, since it comes to the same. Owned by main; any thread, calls block.
class SilentPods {
 public:
  SilentPods(kube::Client& client, Clock& clock) : client_(client), clock_(clock) {}
  // `answers`: the pods of one workload that have answered before, and whether each does now.
  Outcome Reconcile(const std::string& ns, const std::map<std::string, bool>& answers);

 private:
  Status Tell(const kube::ObjectName& name, bool answers);

  kube::Client& client_;
  Clock& clock_;
  std::mutex mu_;
  std::map<kube::ObjectName, bool> told_;  // what was told last of each; guarded by mu_
};

}  // namespace millrace::op
