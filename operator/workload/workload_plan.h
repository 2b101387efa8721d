#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "operator/workload/workload_world.h"

namespace millrace::op {

// One call of the API. Creates may run twice; deletes carry uid and resource version.
struct WorkloadAction {
  enum class Kind {
    kKeepRevision,    // write down the template of spec.revision
    kDropRevision,    // revision, which nothing runs or goes back to
    kCreateClaim,     // name
    kCreatePod,       // name, revision
    kAdoptPod,        // of nobody's, with our labels
    kEvictPod,        // by the eviction API, which honours the budget
    kDeletePod,       // of a pod that serves nothing
    kForceDeletePod,  // of a pod whose node runs nothing any more
    kGrowClaim,       // name, bytes
    kDeleteClaim,     // by the uid that was recorded
    kReleaseWorkload  // remove our finalizer
  };
  Kind kind = Kind::kCreatePod;
  std::string name{};
  std::string uid{};
  std::string resource_version{};
  std::string revision{};
  int64_t bytes = 0;
  std::string why{};  // for the event: "to move it to revision 5d4f"
};

// What is true of one aspect, and what a person can do about it.
struct Verdict {
  bool value = false;
  std::string reason;
  std::string message;
};

// What to do next. `members`, the revisions and `draining` are written to status first; only when
// that write has been taken do actions follow, so that another leader goes on from here. At most
// one action takes down a pod that served.
struct WorkloadPlan {
  std::vector<Member> members;
  std::string stable_revision;
  std::string failed_revision;
  std::set<std::string> draining;
  std::vector<WorkloadAction> actions;
  std::map<std::string, Verdict> conditions;  // by type
  int pods = 0;
  int ready = 0;
  int updated = 0;
  int resizing = 0;
  int64_t actual_bytes = 0;  // of the smallest volume; 0 while there is none
  // When to look again though nothing is told; nothing where only a change can matter.
  std::optional<Duration> again{};

  void LookAgain(Duration delay);
};

// Pure. Planning on a world that is as it should be gives no actions.
WorkloadPlan PlanWorkload(const WorkloadInput& input);

}  // namespace millrace::op
