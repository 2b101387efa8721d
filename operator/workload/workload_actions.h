#pragma once

#include "common/kube/client.h"
#include "common/kube/events.h"
#include "operator/engine/informer.h"
#include "operator/workload/workload_plan.h"

namespace millrace::op {

// The caches that a workload's writes are told to, so that the next reconcile sees them.
struct WorkloadCaches {
  kube::ObjectCache& workloads;
  kube::ObjectCache& pods;
  kube::ObjectCache& claims;
  kube::ObjectCache& revisions;
};

// Carries out the actions of one plan, each by one call, and notes an event for each decision.
// Lives for one reconcile, on its thread; calls block.
class WorkloadActions {
 public:
  WorkloadActions(kube::Client& client, kube::EventRecorder& events, WorkloadCaches caches,
                  const json::Value& workload, const resources::WorkloadSpec& spec)
      : client_(client), events_(events), caches_(caches), workload_(workload), spec_(spec) {}

  // All of them, also where one fails; the first failure. A budget that says no is none: see
  // `budget_said_no`.
  Status Run(const std::vector<WorkloadAction>& actions);
  bool budget_said_no() const { return budget_said_no_; }

 private:
  Status Take(const WorkloadAction& action);
  Status KeepRevision();
  Status Settle(const kube::ResourceType& type, kube::ObjectCache& cache,
                const kube::ObjectName& name, const Result<json::Value>& made);
  Status DropRevision(const WorkloadAction& action);
  Status CreateClaim(const WorkloadAction& action);
  Status CreatePod(const WorkloadAction& action);
  Status Adopt(const WorkloadAction& action);
  Status Evict(const WorkloadAction& action);
  Status DeletePod(const WorkloadAction& action, bool force);
  Status Grow(const WorkloadAction& action);
  Status DeleteClaim(const WorkloadAction& action);
  Status Release();
  Result<json::Value> TemplateOf(const std::string& revision) const;
  // An answer to a delete: the object on its way out, or the API's word that it is gone.
  void NoteDeleted(kube::ObjectCache& cache, const kube::ObjectName& name, const std::string& uid,
                   const Result<json::Value>& answer);
  void Note(bool is_warning, std::string reason, std::string action, std::string note);
  kube::ObjectName NameOfPart(const std::string& name) const;

  kube::Client& client_;
  kube::EventRecorder& events_;
  WorkloadCaches caches_;
  const json::Value& workload_;
  const resources::WorkloadSpec& spec_;
  bool budget_said_no_ = false;
};

}  // namespace millrace::op
