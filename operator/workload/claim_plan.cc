#include "operator/workload/claim_plan.h"

#include <algorithm>

#include "common/base/quantity.h"

namespace millrace::op {
namespace {

using Kind = WorkloadAction::Kind;

constexpr WallMs kOnlineGrowthMsMax = 180'000;

WorkloadAction Resize(const ObservedClaim& claim, int64_t bytes, std::string why) {
  return {.kind = Kind::kGrowClaim,
          .name = claim.name,
          .uid = claim.uid,
          .resource_version = claim.resource_version,
          .bytes = bytes,
          .why = std::move(why)};
}

// The API takes back a request only to more than the volume has.
int64_t LowestRequest(const ObservedClaim& claim, int64_t wanted) {
  constexpr int64_t kStep = 1 << 20;
  return std::max(wanted, claim.capacity_bytes + kStep);
}

bool IsToBeDeleted(const ObservedClaim& claim, const WorkloadPlan& plan) {
  return std::any_of(plan.actions.begin(), plan.actions.end(), [&](const auto& action) {
    return action.kind == Kind::kDeleteClaim && action.name == claim.name;
  });
}

Verdict Blocked(std::string reason, std::string message) {
  return {false, std::move(reason), std::move(message)};
}

// What the storage class has to say against growing a claim; an empty reason where nothing.
Verdict ClassProblem(const WorkloadInput& input) {
  const std::string name = StorageClassText(input);
  if (input.storage_class == ClassState::kFixed) {
    return Blocked("ClassCannotExpand",
                   name +
                       " does not allow expansion (allowVolumeExpansion); the volumes keep "
                       "their size: make a pool with another class and move the streams");
  }
  if (input.storage_class == ClassState::kMissing) {
    return Blocked("ClassMissing", name + " does not exist; the volumes keep their size");
  }
  return {};
}

}  // namespace

std::string StorageClassText(const WorkloadInput& input) {
  const std::string& name = input.spec.storage_class;
  return name.empty() ? "the default storage class" : "storage class " + name;
}

void PlanClaims(const WorkloadInput& input, WorkloadPlan& plan) {
  const int64_t wanted = ParseQuantity(input.spec.volume_size).value_or(0);
  Verdict verdict = {false, "Idle", ""};
  for (const Member& member : plan.members) {
    const ObservedClaim* claim = input.FindClaim(ClaimName(member.name));
    if (!claim || !claim->is_ours || claim->is_going || !claim->is_bound) continue;
    if (IsToBeDeleted(*claim, plan)) continue;
    if (plan.actual_bytes == 0 || claim->capacity_bytes < plan.actual_bytes) {
      plan.actual_bytes = claim->capacity_bytes;
    }
    if (claim->is_refused && claim->requested_bytes > LowestRequest(*claim, wanted)) {
      plan.actions.push_back(
          Resize(*claim, LowestRequest(*claim, wanted),
                 "the driver refused " + FormatQuantity(claim->requested_bytes)));
    } else if (claim->is_refused && wanted > claim->capacity_bytes) {
      verdict = Blocked("ExpansionRefused",
                        "the driver cannot give " + claim->name + " " +
                            FormatQuantity(claim->requested_bytes) + "; it has " +
                            FormatQuantity(claim->capacity_bytes) + ": lower storage.size");
    } else if (claim->requested_bytes < wanted) {
      if (Verdict problem = ClassProblem(input); !problem.reason.empty()) {
        if (verdict.reason == "Idle") verdict = problem;
        continue;
      }
      plan.actions.push_back(Resize(*claim, wanted, "storage.size is " + input.spec.volume_size));
      ++plan.resizing;
    } else if (claim->capacity_bytes < claim->requested_bytes && !claim->is_refused) {
      ++plan.resizing;
    }
  }
  if (plan.resizing > 0) {
    const std::string count =
        std::to_string(plan.resizing) + " of " + std::to_string(plan.members.size()) + " volumes";
    verdict = {true, "Resizing", count + " are being enlarged to " + input.spec.volume_size};
    // A pending file system is judged by time.
    plan.LookAgain(std::chrono::seconds(30));
  }
  plan.conditions["StorageResizing"] = verdict;
}

bool NeedsRestartToGrow(const ObservedClaim& claim, const ObservedPod& pod, WallMs now) {
  if (!claim.file_system_pending_since || claim.is_refused) return false;
  // Only a pod that was there all the time has had its chance.
  const WallMs since = std::max(*claim.file_system_pending_since, pod.created_ms);
  return now - since > kOnlineGrowthMsMax;
}

}  // namespace millrace::op
