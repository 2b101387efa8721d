#pragma once

#include <optional>
#include <string>

#include "operator/workload/workload_plan.h"

namespace millrace::op {

// One pod that is to be taken down on purpose, or why none is just now.
struct RolloutStep {
  std::string pod{};       // "": none
  std::string revision{};  // it is to come back with this one
  std::string why{};
  bool is_now = false;      // else its write heads are still on their way
  bool is_serving = false;  // the pod serves, so the budget has a say
  bool is_anyway = false;   // ... but a person has said that it has none
  Verdict progress{};       // the Progressing condition
  std::optional<Duration> again{};
};

// Pure. `plan` has its members; its stable and failed revision are brought up to date. Judges
// whether a restart makes things worse: a pod that serves is taken down only while every other one
// is ready, one that does not may be replaced so that a broken state can be mended, but never while
// another one is on its way to the new revision. Where a person says so (restarts_anyway), a pod
// that has been down for longer than a restart takes is not waited for.
RolloutStep PlanRollout(const WorkloadInput& input, WorkloadPlan& plan);

}  // namespace millrace::op
