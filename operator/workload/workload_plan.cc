#include "operator/workload/workload_plan.h"

#include <algorithm>

#include "operator/workload/claim_plan.h"
#include "operator/workload/rollout_plan.h"

namespace millrace::op {
namespace {

using Kind = WorkloadAction::Kind;

WorkloadAction OnPod(Kind kind, const ObservedPod& pod, std::string why) {
  return {.kind = kind,
          .name = pod.name,
          .uid = pod.uid,
          .resource_version = pod.resource_version,
          .why = std::move(why)};
}

// One planning, from what is recorded to what is to be done.
class Planner {
 public:
  explicit Planner(const WorkloadInput& input) : in_(input) {
    plan_.members = input.members;
    plan_.stable_revision = input.stable_revision;
    plan_.failed_revision = input.failed_revision;
  }

  WorkloadPlan Plan() {
    if (in_.is_deleting) return PlanRemoval();
    KeepRevision();
    AddMembers();
    RecordClaims();
    const RolloutStep step = PlanRollout(in_, plan_);
    TakeStep(step);
    ScaleIn();
    SetDraining(step);
    for (const Member& member : plan_.members) Restore(member);
    DropOldRevision();
    PlanClaims(in_, plan_);
    Judge(step);
    return std::move(plan_);
  }

 private:
  bool IsWanted(const std::string& member) const {
    return OrdinalOf(in_.key.name, member) < in_.spec.replicas;
  }
  Member* FindMember(const std::string& name) {
    auto it = std::find_if(plan_.members.begin(), plan_.members.end(),
                           [&](const Member& m) { return m.name == name; });
    return it == plan_.members.end() ? nullptr : &*it;
  }
  bool CanMake(const std::string& revision) const {
    return revision == in_.spec.revision || in_.revisions.contains(revision);
  }

  void KeepRevision() {
    if (in_.revisions.contains(in_.spec.revision)) return;
    plan_.actions.push_back({.kind = Kind::kKeepRevision, .revision = in_.spec.revision});
  }

  // The oldest of too many that nothing runs or goes back to.
  void DropOldRevision() {
    constexpr size_t kSparesMax = 10;
    std::set<std::string> used = {in_.spec.revision, plan_.stable_revision};
    for (const Member& member : plan_.members) used.insert(member.revision);
    for (const ObservedPod& pod : in_.pods) used.insert(pod.revision);
    const std::pair<const std::string, int64_t>* oldest = nullptr;
    size_t spares = 0;
    for (const auto& kept : in_.revisions) {
      if (used.contains(kept.first)) continue;
      ++spares;
      if (!oldest || kept.second < oldest->second) oldest = &kept;
    }
    if (spares <= kSparesMax) return;
    plan_.actions.push_back({.kind = Kind::kDropRevision, .revision = oldest->first});
  }

  // The revision of a pod that there has not been: what a rollout that is held back has not let
  // through comes in by no other door either.
  std::string RevisionOfNew(int ordinal) const {
    const auto& rollout = in_.spec.rollout;
    const bool is_held = rollout.state == "Paused" || ordinal < rollout.partition ||
                         in_.failed_revision == in_.spec.revision;
    const bool has_stable = !in_.stable_revision.empty() && CanMake(in_.stable_revision);
    return is_held && has_stable ? in_.stable_revision : in_.spec.revision;
  }

  void AddMembers() {
    for (int i = 0; i < in_.spec.replicas; ++i) {
      const std::string name = MemberName(in_.key.name, i);
      if (FindMember(name)) continue;
      // A pod that is there already is taken as it is.
      const ObservedPod* pod = in_.FindPod(name);
      const bool has_revision = pod && pod->is_ours && CanMake(pod->revision);
      plan_.members.push_back(
          {.name = name, .revision = has_revision ? pod->revision : RevisionOfNew(i)});
    }
    // Nor is one forgotten whose record was lost.
    for (const ObservedPod& pod : in_.pods) {
      if (!pod.is_ours || OrdinalOf(in_.key.name, pod.name) < 0 || FindMember(pod.name)) continue;
      plan_.members.push_back({.name = pod.name, .revision = pod.revision});
    }
    for (Member& member : plan_.members) {
      // What was decided and not acted on is decided anew; a pod that is gone comes back as
      // decided.
      const ObservedPod* pod = in_.FindPod(member.name);
      if (pod && pod->is_ours && !pod->is_going) member.revision = pod->revision;
      if (!CanMake(member.revision)) member.revision = in_.spec.revision;
    }
  }

  void RecordClaims() {
    for (Member& member : plan_.members) {
      const ObservedClaim* claim = in_.FindClaim(ClaimName(member.name));
      if (claim && claim->is_ours && !claim->is_going) member.claim_uid = claim->uid;
    }
  }

  void TakeStep(const RolloutStep& step) {
    if (step.again) plan_.LookAgain(*step.again);
    if (step.pod.empty() || !step.is_now) return;
    Member* member = FindMember(step.pod);
    member->revision = step.revision;
    // The same decision again, where the budget said no, is no news.
    if (!WasDecided(*member)) member->moved_ms = in_.now;
    // The budget counts the pod that is down and would refuse.
    TakeDown(*in_.FindPod(step.pod), step.is_serving && !step.is_anyway, step.why);
  }

  bool WasDecided(const Member& member) const {
    return std::any_of(in_.members.begin(), in_.members.end(), [&](const Member& before) {
      return before.name == member.name && before.revision == member.revision;
    });
  }

  void TakeDown(const ObservedPod& pod, bool is_serving, const std::string& why) {
    took_down_ = true;
    plan_.actions.push_back(OnPod(is_serving ? Kind::kEvictPod : Kind::kDeletePod, pod, why));
    // The budget may refuse; then it is asked again.
    if (is_serving) plan_.LookAgain(std::chrono::seconds(5));
  }

  // The highest pod beyond spec.replicas goes once no stream needs it.
  void ScaleIn() {
    Member* last = nullptr;
    for (Member& member : plan_.members) {
      if (IsWanted(member.name)) continue;
      if (!last || OrdinalOf(in_.key.name, member.name) > OrdinalOf(in_.key.name, last->name)) {
        last = &member;
      }
    }
    if (!last || in_.is_paused) return;
    plan_.LookAgain(std::chrono::seconds(10));
    if (!in_.empty.contains(last->name)) return;
    leaving_ = last->name;
    const ObservedPod* pod = in_.FindPod(last->name);
    if (pod && pod->is_ours) {
      if (!pod->is_going && !took_down_) TakeDown(*pod, pod->is_ready, "to scale in");
      return;
    }
    if (RemoveClaim(*last)) std::erase(plan_.members, Member(*last));
  }

  // Whether nothing of the member's volume is left to be removed.
  bool RemoveClaim(const Member& member) {
    const ObservedClaim* claim = in_.FindClaim(ClaimName(member.name));
    if (!claim || in_.spec.deletion_policy != "Delete") return true;
    if (member.claim_uid.empty() || claim->uid != member.claim_uid) return true;
    if (!claim->is_going) {
      plan_.actions.push_back({.kind = Kind::kDeleteClaim,
                               .name = claim->name,
                               .uid = member.claim_uid,
                               .resource_version = claim->resource_version,
                               .why = "deletionPolicy is Delete and nothing needs it"});
    }
    return false;
  }

  void SetDraining(const RolloutStep& step) {
    if (!step.pod.empty()) plan_.draining.insert(step.pod);
    bool has_place = false;
    std::set<std::string> leaving;
    for (const Member& member : plan_.members) {
      if (!IsWanted(member.name)) plan_.draining.insert(member.name);
      const ObservedPod* pod = in_.FindPod(member.name);
      // Until it has ended it answers, and would be given write heads to even them out.
      if (pod && pod->is_ours && pod->is_going) plan_.draining.insert(member.name);
      if (!pod || !pod->is_ready || plan_.draining.contains(member.name)) continue;
      // A cordoned node is about to be emptied: heads leave before the eviction comes.
      if (pod->node_is_cordoned || pod->is_drain_asked) {
        leaving.insert(member.name);
      } else {
        has_place = true;
      }
    }
    if (has_place) plan_.draining.merge(leaving);
  }

  // Brings a pod back that is gone, or that will never serve again.
  void Restore(const Member& member) {
    const ObservedPod* pod = in_.FindPod(member.name);
    if (pod && pod->is_orphan) {
      plan_.actions.push_back(OnPod(Kind::kAdoptPod, *pod, "nobody controlled it"));
      return;
    }
    if (pod && !pod->is_ours) return;
    if (pod && pod->node_state == NodeState::kOff) {
      plan_.actions.push_back(OnPod(Kind::kForceDeletePod, *pod, "node " + pod->node + " is off"));
      return;
    }
    // Nothing is on it that another one could not have.
    if (pod && pod->node_state == NodeState::kSilent && !in_.spec.has_volumes()) {
      plan_.actions.push_back(
          OnPod(Kind::kForceDeletePod, *pod, "node " + pod->node + " does not answer"));
      return;
    }
    if (pod && pod->has_ended && !pod->is_going) {
      plan_.actions.push_back(OnPod(Kind::kDeletePod, *pod, "it has ended: " + pod->trouble));
      return;
    }
    if (pod || member.name == leaving_) return;
    if (in_.spec.has_volumes() && !RestoreClaim(member)) return;
    plan_.actions.push_back(
        {.kind = Kind::kCreatePod, .name = member.name, .revision = member.revision});
  }

  // Whether a pod can use it.
  bool RestoreClaim(const Member& member) {
    const ObservedClaim* claim = in_.FindClaim(ClaimName(member.name));
    if (claim) return !claim->is_going && claim->is_ours;
    plan_.actions.push_back(
        {.kind = Kind::kCreateClaim,
         .name = member.name,
         .why = member.claim_uid.empty() ? "" : "claim " + member.claim_uid + " is gone"});
    return true;
  }

  WorkloadPlan PlanRemoval() {
    bool all_gone = true;
    for (const Member& member : plan_.members) {
      const ObservedPod* pod = in_.FindPod(member.name);
      if (pod && pod->is_ours) {
        all_gone = false;
        if (!pod->is_going) {
          plan_.actions.push_back(OnPod(Kind::kDeletePod, *pod, "the workload is being deleted"));
        } else if (pod->node_state == NodeState::kOff) {
          plan_.actions.push_back(
              OnPod(Kind::kForceDeletePod, *pod, "node " + pod->node + " is off"));
        }
      } else if (!RemoveClaim(member)) {
        all_gone = false;
      }
    }
    if (all_gone) plan_.actions.push_back({.kind = Kind::kReleaseWorkload});
    plan_.conditions["Ready"] = {false, "Deleting", "pods and volumes are being removed"};
    return std::move(plan_);
  }

  void Judge(const RolloutStep& step) {
    std::string troubles;
    std::string lost;
    for (const Member& member : plan_.members) {
      const ObservedPod* pod = in_.FindPod(member.name);
      if (pod && pod->is_ours) {
        ++plan_.pods;
        plan_.updated += pod->revision == in_.spec.revision && !pod->is_going ? 1 : 0;
        if (pod->is_ready && !pod->is_going) plan_.ready += IsWanted(member.name) ? 1 : 0;
      }
      JudgePod(member, pod, troubles, lost);
    }
    const bool all_ready = plan_.ready == in_.spec.replicas;
    const std::string count = std::to_string(plan_.ready) + " of " +
                              std::to_string(in_.spec.replicas) + " pods are ready";
    plan_.conditions["Ready"] = {all_ready, all_ready ? "AllReady" : "WaitingForPods",
                                 count + troubles};
    plan_.conditions["Progressing"] = ScalingIn(step.progress);
    JudgeDamage(lost);
  }

  void JudgePod(const Member& member, const ObservedPod* pod, std::string& troubles,
                std::string& lost) const {
    const ObservedClaim* claim = in_.FindClaim(ClaimName(member.name));
    if (pod && !pod->is_ours) {
      troubles += "; " + member.name + " is somebody else's pod: remove it";
    } else if (claim && !claim->is_ours) {
      troubles += "; " + claim->name + " is somebody else's volume claim: remove it";
    } else if (claim && claim->is_going) {
      troubles += "; " + claim->name + " is being deleted, and is made anew once it is gone";
    } else if (claim && !claim->is_bound && in_.storage_class == ClassState::kMissing) {
      troubles += "; " + claim->name + " waits: " + StorageClassText(in_) + " does not exist";
    } else if (pod && pod->node_state == NodeState::kSilent && !in_.spec.has_volumes()) {
      troubles += "; " + member.name + " is replaced: node " + pod->node + " does not answer";
    } else if (pod && pod->node_state == NodeState::kSilent) {
      lost += (lost.empty() ? "" : ", ") + member.name + " (node " + pod->node + ")";
    } else if (pod && !pod->is_ready && !pod->trouble.empty()) {
      troubles += "; " + member.name + ": " + pod->trouble;
    }
  }

  Verdict ScalingIn(Verdict progress) const {
    if (progress.value) return progress;
    for (const Member& member : plan_.members) {
      if (IsWanted(member.name)) continue;
      return {true, "ScalingIn",
              member.name + (leaving_ == member.name
                                 ? " is leaving"
                                 : " stays until no stream needs what its volume holds")};
    }
    return progress;
  }

  // "default-1 (12 extents)"
  std::string WithoutTheirVolume() const {
    std::string text;
    for (const auto& [pod, extents] : in_.missing) {
      text += (text.empty() ? "" : ", ") + pod + " (" + std::to_string(extents) +
              (extents == 1 ? " extent)" : " extents)");
    }
    return text;
  }

  void JudgeDamage(const std::string& lost) {
    Verdict& degraded = plan_.conditions["Degraded"];
    if (!in_.missing.empty()) {
      degraded = {true, "VolumeReplaced",
                  "on another volume than the one that has their streams' records: " +
                      WithoutTheirVolume() +
                      "; readers wait there. Put the volume back (docs/streampool.md); or give "
                      "the records up, as the Degraded condition of each stream says"};
    } else if (!lost.empty()) {
      degraded = {true, "NodeSilent",
                  lost +
                      ": the node does not answer; a pod there may still write to its volume, so "
                      "it is not replaced until the node is back, deleted, or tainted "
                      "node.kubernetes.io/out-of-service"};
    } else if (plan_.failed_revision == in_.spec.revision) {
      degraded = {true, "PodNotComingBack",
                  "a pod did not become ready with revision " + in_.spec.revision + " within " +
                      std::to_string(in_.spec.rollout.progress_deadline_seconds) + " s"};
    } else {
      degraded = {false, "AllWell", ""};
    }
  }

  const WorkloadInput& in_;
  WorkloadPlan plan_;
  bool took_down_ = false;
  std::string leaving_;
};

}  // namespace

void WorkloadPlan::LookAgain(Duration delay) { again = again ? std::min(*again, delay) : delay; }

WorkloadPlan PlanWorkload(const WorkloadInput& input) { return Planner(input).Plan(); }

}  // namespace millrace::op
