#pragma once

#include <map>
#include <set>
#include <string>

#include "operator/workload/workload_plan.h"

namespace millrace::op {

// A world of one workload: what the API would hold, and what a cluster would make of it. Actions
// have the API's preconditions.
class WorkloadSim {
 public:
  struct Pod {
    ObservedPod seen;
    bool by_our_hand = false;
  };
  struct Claim {
    ObservedClaim seen;
    bool has_data = false;
    WallMs resize_at = 0;
  };

  explicit WorkloadSim(int replicas) {
    in.key = {"default", "pool"};
    in.spec.replicas = replicas;
    in.spec.revision = "r1";
    in.spec.volume_size = "10Gi";
    in.storage_class = ClassState::kExpandable;
    in.now = 1'000'000;
  }

  // What the controller would read now.
  WorkloadInput Observe() const;
  // Writes the status and carries out the actions; what the API refuses has no effect.
  void Apply(const WorkloadPlan& plan);
  WorkloadPlan Step() {
    WorkloadPlan plan = PlanWorkload(Observe());
    Apply(plan);
    return plan;
  }
  // Time passes: pods start, stop and become ready, volumes grow, heads move.
  void Pass(WallMs ms);
  // Until no plan has an action and nothing is under way; false where that never comes.
  bool Settle(int steps_max = 400);
  // Settles from nothing.
  void Start();

  ObservedPod& pod(int ordinal) { return pods.at(MemberName("pool", ordinal)).seen; }
  std::string Revisions() const;  // "r1 r1 r2"
  int NotReady() const;           // of the wanted pods

  WorkloadInput in;  // spec, members and what else is recorded; pods and claims are filled in
  std::map<std::string, Pod> pods;
  std::map<std::string, Claim> claims;
  std::set<std::string> silent_pods;    // on a node that does not answer
  std::set<std::string> bad_revisions;  // never become ready
  int64_t volume_bytes_max = int64_t{1} << 50;
  bool budget_allows = true;
  bool data_expires = false;  // pods beyond the wanted ones whose claim has no data are empty
  int evictions = 0;
  std::string broken_rule;  // "" while every promise holds

 private:
  void Take(const WorkloadAction& action);
  void Remove(const WorkloadAction& action, bool force);
  void Evict(const WorkloadAction& action);
  bool HasData(const std::string& pod) const;
  void Break(const std::string& what) {
    if (broken_rule.empty()) broken_rule = what;
  }
  uint64_t next_uid_ = 1;
};

}  // namespace millrace::op
