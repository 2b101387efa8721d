#include "operator/workload/rollout_plan.h"

#include <algorithm>

#include "operator/workload/claim_plan.h"

namespace millrace::op {
namespace {

// A pod that was restarted a moment ago is always waited for.
constexpr WallMs kDownForLongMs = 60'000;
constexpr const char* kHowToGoOn =
    "; it waits until that pod is ready again, or annotate the pool "
    "millrace.dev/restart-anyway=true";

// Everything that the choice depends on, gathered once.
class Rollout {
 public:
  Rollout(const WorkloadInput& input, WorkloadPlan& plan) : in_(input), plan_(plan) {}

  void UpdateRevisions() {
    const std::string& target = in_.spec.revision;
    if (plan_.failed_revision != target) plan_.failed_revision.clear();
    const bool all_on_target =
        std::all_of(plan_.members.begin(), plan_.members.end(),
                    [&](const Member& m) { return IsReadyAt(m, target) || !IsWanted(m); });
    if (all_on_target && !plan_.members.empty()) {
      plan_.stable_revision = target;
      plan_.failed_revision.clear();
    }
    if (target == plan_.stable_revision) return;
    bool some_on_target = false;
    bool all_ready = true;
    for (const Member& m : plan_.members) {
      const ObservedPod* pod = in_.FindPod(m.name);
      if (!pod || pod->revision != target) continue;
      some_on_target = true;
      all_ready = all_ready && pod->is_ready;
      if (IsLate(*pod)) plan_.failed_revision = target;
    }
    // It came back after all. After a rollback none is left to say so, and nothing is tried again.
    if (some_on_target && all_ready) plan_.failed_revision.clear();
  }

  // What pods should run: the revision asked for, or the one before where it has failed.
  std::string Goal() const {
    const bool goes_back = plan_.failed_revision == in_.spec.revision &&
                           in_.spec.rollout.on_failure == "Rollback" &&
                           !plan_.stable_revision.empty();
    return goes_back ? plan_.stable_revision : in_.spec.revision;
  }

  RolloutStep Choose() {
    RolloutStep step = Look();
    if (step.pod.empty()) return step;
    const ObservedPod& pod = *in_.FindPod(step.pod);
    step.is_serving = pod.is_ready;
    if (!pod.is_ready) {
      step.is_now = true;
    } else if (const std::string down = SomeOtherThatIsDown(pod.name, in_.restarts_anyway);
               !down.empty()) {
      // Being down for long comes without an event.
      RolloutStep wait = Wait("WaitingForPods", "restarting " + pod.name +
                                                    " would take a second pod down: " + down +
                                                    (in_.restarts_anyway ? "" : kHowToGoOn));
      if (in_.restarts_anyway) wait.again = std::chrono::milliseconds(kDownForLongMs);
      return wait;
    } else {
      step.is_anyway = !SomeOtherThatIsDown(pod.name, false).empty();
      // With nowhere to go, write heads stay; the pod seals what it has when it stops.
      step.is_now = plan_.members.size() == 1 || in_.drained.contains(pod.name);
    }
    step.progress = {true, step.is_now ? "Restarting" : "Draining",
                     (step.is_now ? "restarting " : "waiting for the write heads to leave ") +
                         pod.name + " " + step.why};
    if (!step.is_now) step.again = std::chrono::seconds(2);
    return step;
  }

 private:
  bool IsWanted(const Member& m) const {
    return OrdinalOf(in_.key.name, m.name) < in_.spec.replicas;
  }
  bool IsReadyAt(const Member& m, const std::string& revision) const {
    const ObservedPod* pod = in_.FindPod(m.name);
    return pod && pod->is_ready && !pod->is_going && pod->revision == revision;
  }
  // On the revision asked for, and not ready past the deadline though its node is there.
  bool IsLate(const ObservedPod& pod) const {
    const WallMs deadline = int64_t{in_.spec.rollout.progress_deadline_seconds} * 1000;
    return pod.is_ours && !pod.is_ready && !pod.is_going && pod.revision == in_.spec.revision &&
           pod.node_state != NodeState::kSilent &&
           in_.now - std::max(pod.created_ms, pod.ready_changed_ms) > deadline;
  }
  bool IsDownForLong(const ObservedPod& pod) const {
    return !pod.is_ready &&
           in_.now - std::max(pod.created_ms, pod.ready_changed_ms) > kDownForLongMs;
  }
  std::string SomeOtherThatIsDown(const std::string& name, bool but_for_long) const {
    for (const Member& m : plan_.members) {
      if (m.name == name) continue;
      const ObservedPod* pod = in_.FindPod(m.name);
      if (pod && but_for_long && IsDownForLong(*pod)) continue;
      if (!pod) return m.name + " is being made";
      if (pod->is_going) return m.name + " is stopping";
      if (!pod->is_ready) return m.name + " is not ready" + Because(*pod);
    }
    return "";
  }
  static std::string Because(const ObservedPod& pod) {
    if (pod.node_state == NodeState::kSilent) return ": node " + pod.node + " does not answer";
    return pod.trouble.empty() ? "" : ": " + pod.trouble;
  }
  // A pod that is on its way to `goal` by our hand; null where none is.
  const ObservedPod* UnderWay(const std::string& goal) const {
    for (const Member& m : plan_.members) {
      const ObservedPod* pod = in_.FindPod(m.name);
      if (!pod || m.revision != goal || pod->node_state == NodeState::kSilent) continue;
      if (in_.restarts_anyway && IsDownForLong(*pod)) continue;
      if (pod->is_going || (pod->revision == goal && !pod->is_ready)) return pod;
    }
    return nullptr;
  }

  // The pod to move next: one that does not serve first, then from the highest number down.
  const ObservedPod* Candidate(const std::string& goal) const {
    const ObservedPod* best = nullptr;
    for (const Member& m : plan_.members) {
      const ObservedPod* pod = in_.FindPod(m.name);
      if (!pod || !pod->is_ours || pod->is_going || pod->revision == goal) continue;
      // To delete it would do nothing before its node is back.
      if (pod->node_state == NodeState::kSilent) continue;
      // Below the partition nothing moves, except back from a revision that failed.
      const bool is_held = OrdinalOf(in_.key.name, m.name) < in_.spec.rollout.partition &&
                           pod->revision != plan_.failed_revision;
      if (is_held) continue;
      const bool is_better =
          !best || (best->is_ready && !pod->is_ready) ||
          (best->is_ready == pod->is_ready &&
           OrdinalOf(in_.key.name, pod->name) > OrdinalOf(in_.key.name, best->name));
      if (is_better) best = pod;
    }
    return best;
  }

  // How long the canaries are still to be watched; nothing where they are through.
  std::optional<Duration> SoakLeft(const std::string& goal) const {
    const auto& rollout = in_.spec.rollout;
    if (rollout.canary_replicas == 0 || goal == plan_.stable_revision) return std::nullopt;
    int on_goal = 0;
    WallMs since = 0;
    for (const Member& m : plan_.members) {
      if (!IsReadyAt(m, goal)) continue;
      ++on_goal;
      since = std::max(since, in_.FindPod(m.name)->ready_changed_ms);
    }
    // Past the canaries every pod that follows has been let through already.
    if (on_goal != rollout.canary_replicas) return std::nullopt;
    const WallMs left = since + int64_t{rollout.canary_soak_seconds} * 1000 - in_.now;
    if (left <= 0) return std::nullopt;
    return std::chrono::milliseconds(left);
  }

  static RolloutStep Wait(std::string reason, std::string message) {
    RolloutStep step;
    step.progress = {true, std::move(reason), std::move(message)};
    return step;
  }

  RolloutStep Look() {
    const std::string goal = Goal();
    const ObservedPod* candidate = Candidate(goal);
    if (!candidate) return LookAtVolumes(goal);
    if (in_.spec.rollout.state == "Paused") {
      RolloutStep step;
      step.progress = {false, "Paused",
                       "rollout.state is Paused; revision " + goal + " has not reached every pod"};
      return step;
    }
    if (plan_.failed_revision == goal) {
      return Wait("PodNotComingBack",
                  "a pod did not become ready with revision " + goal +
                      " in time; no other pod is moved to it: change the spec, or set "
                      "rollout.onFailure to Rollback");
    }
    if (const ObservedPod* pod = UnderWay(goal)) return WaitFor(*pod);
    if (auto left = SoakLeft(goal)) {
      RolloutStep step = Wait("Soaking", "the first pods of revision " + goal +
                                             " are watched before the others follow");
      step.again = *left;
      return step;
    }
    RolloutStep step;
    step.pod = candidate->name;
    step.revision = goal;
    step.why = "to move it to revision " + goal;
    return step;
  }

  RolloutStep WaitFor(const ObservedPod& pod) const {
    RolloutStep step =
        Wait("WaitingForPod",
             pod.name + (pod.is_going ? " is stopping" : " is not ready yet") + Because(pod));
    // The deadline comes without an event.
    step.again = std::chrono::seconds(in_.spec.rollout.progress_deadline_seconds);
    return step;
  }

  // Nothing to move: a file system that waits for its pod to start again may have one restarted.
  RolloutStep LookAtVolumes(const std::string& goal) {
    RolloutStep step;
    step.progress = {false, "Idle", ""};
    if (const ObservedPod* pod = UnderWay(goal)) return WaitFor(*pod);
    if (in_.spec.rollout.state == "Paused") return step;
    for (const Member& m : plan_.members) {
      const ObservedPod* pod = in_.FindPod(m.name);
      const ObservedClaim* claim = in_.FindClaim(ClaimName(m.name));
      if (!pod || !claim || !pod->is_ours || pod->is_going) continue;
      if (!NeedsRestartToGrow(*claim, *pod, in_.now)) continue;
      step.pod = pod->name;
      step.revision = pod->revision;
      step.why = "so that its file system can grow";
      return step;
    }
    return step;
  }

  const WorkloadInput& in_;
  WorkloadPlan& plan_;
};

}  // namespace

RolloutStep PlanRollout(const WorkloadInput& input, WorkloadPlan& plan) {
  Rollout rollout(input, plan);
  rollout.UpdateRevisions();
  if (input.is_paused) {
    RolloutStep step;
    step.progress = {false, "Paused", "managementPolicy leaves the pods as they are"};
    return step;
  }
  return rollout.Choose();
}

}  // namespace millrace::op
