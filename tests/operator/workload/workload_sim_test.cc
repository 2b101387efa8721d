#include "tests/operator/workload/workload_sim.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "common/base/quantity.h"

namespace millrace::op {

using Kind = WorkloadAction::Kind;

WorkloadInput WorkloadSim::Observe() const {
  WorkloadInput out = in;
  for (const auto& [name, pod] : pods) out.pods.push_back(pod.seen);
  for (const auto& [name, claim] : claims) out.claims.push_back(claim.seen);
  for (const Member& member : in.members) {
    auto claim = claims.find(ClaimName(member.name));
    const bool has_data = claim != claims.end() && claim->second.has_data;
    const bool is_wanted = OrdinalOf("pool", member.name) < in.spec.replicas;
    if (data_expires && !is_wanted && !has_data) out.empty.insert(member.name);
  }
  return out;
}

void WorkloadSim::Apply(const WorkloadPlan& plan) {
  in.members = plan.members;
  in.stable_revision = plan.stable_revision;
  in.failed_revision = plan.failed_revision;
  // Heads leave what is draining by the next look; what a pod beyond the wanted ones holds expires.
  in.drained = plan.draining;
  for (const WorkloadAction& action : plan.actions) Take(action);
}

void WorkloadSim::Take(const WorkloadAction& action) {
  switch (action.kind) {
    case Kind::kKeepRevision:
      in.revisions.emplace(action.revision, static_cast<int64_t>(next_uid_++));
      return;
    case Kind::kDropRevision:
      in.revisions.erase(action.revision);
      return;
    case Kind::kCreateClaim: {
      Claim& claim = claims[ClaimName(action.name)];
      if (!claim.seen.name.empty()) return;
      claim.seen.name = ClaimName(action.name);
      claim.seen.uid = "c" + std::to_string(next_uid_++);
      claim.seen.requested_bytes = *ParseQuantity(in.spec.volume_size);
      return;
    }
    case Kind::kCreatePod: {
      if (pods.contains(action.name)) return;
      ObservedPod& pod = pods[action.name].seen;
      pod.name = action.name;
      pod.uid = "p" + std::to_string(next_uid_++);
      pod.revision = action.revision;
      pod.created_ms = in.now;
      pod.ready_changed_ms = in.now;
      if (!in.revisions.contains(action.revision)) Break("a pod of a revision that is not kept");
      return;
    }
    case Kind::kAdoptPod:
      pods.at(action.name).seen.is_ours = true;
      pods.at(action.name).seen.is_orphan = false;
      return;
    case Kind::kEvictPod:
      return Evict(action);
    case Kind::kDeletePod:
      return Remove(action, false);
    case Kind::kForceDeletePod:
      return Remove(action, true);
    case Kind::kGrowClaim: {
      Claim& claim = claims.at(action.name);
      if (claim.seen.uid != action.uid) return;
      if (action.bytes <= claim.seen.capacity_bytes) Break("a volume shrinks");
      if (action.bytes < claim.seen.requested_bytes && !claim.seen.is_refused) {
        Break("a request is taken back though it was not refused");
      }
      claim.seen.requested_bytes = action.bytes;
      claim.seen.is_refused = false;
      claim.resize_at = in.now + 5'000;
      return;
    }
    case Kind::kDeleteClaim: {
      auto claim = claims.find(action.name);
      if (claim == claims.end() || claim->second.seen.uid != action.uid) return;
      if (claim->second.has_data) Break("a claim with data is deleted");
      if (pods.contains(action.name.substr(5))) Break("a mounted claim is deleted");
      claims.erase(claim);
      return;
    }
    case Kind::kReleaseWorkload:
      return;
  }
}

void WorkloadSim::Evict(const WorkloadAction& action) {
  auto pod = pods.find(action.name);
  if (pod == pods.end() || pod->second.seen.uid != action.uid || !budget_allows) return;
  // The promise: a pod that serves is taken down by us only while all others that are wanted are
  // ready.
  for (const Member& member : in.members) {
    if (member.name == action.name || OrdinalOf("pool", member.name) >= in.spec.replicas) continue;
    auto other = pods.find(member.name);
    const bool is_up =
        other != pods.end() && other->second.seen.is_ready && !other->second.seen.is_going;
    const bool is_empty = !HasData(action.name);
    if (!is_up && !is_empty) Break("a second pod is taken down while " + member.name + " is");
  }
  ++evictions;
  pod->second.by_our_hand = true;
  pod->second.seen.is_going = true;
}

bool WorkloadSim::HasData(const std::string& pod) const {
  auto claim = claims.find(ClaimName(pod));
  return claim != claims.end() && claim->second.has_data;
}

void WorkloadSim::Remove(const WorkloadAction& action, bool force) {
  auto pod = pods.find(action.name);
  if (pod == pods.end() || pod->second.seen.uid != action.uid) return;
  const ObservedPod& seen = pod->second.seen;
  if (seen.node_state == NodeState::kSilent && !seen.has_ended && HasData(seen.name))
    Break("a pod of a silent node is deleted");
  if (force && pod->second.seen.node_state != NodeState::kOff) Break("force without need");
  if (force) {
    pods.erase(pod);
    return;
  }
  if (pod->second.seen.is_ready) Break("a pod that serves is deleted past the budget");
  pod->second.seen.is_going = true;
}

void WorkloadSim::Pass(WallMs ms) {
  in.now += ms;
  for (auto it = pods.begin(); it != pods.end();) {
    ObservedPod& pod = it->second.seen;
    if (silent_pods.contains(pod.name)) {
      pod.node_state = NodeState::kSilent;
      if (pod.is_ready) pod.ready_changed_ms = in.now;
      pod.is_ready = false;
      ++it;
      continue;
    }
    if (pod.is_going && pod.node_state != NodeState::kOff) {
      it = pods.erase(it);
      continue;
    }
    if (pod.node_state == NodeState::kOff || pod.has_ended) {
      pod.is_ready = false;
      ++it;
      continue;
    }
    pod.node_state = NodeState::kUp;
    const bool ready = !bad_revisions.contains(pod.revision) && in.now - pod.created_ms >= 3'000;
    if (ready != pod.is_ready) pod.ready_changed_ms = in.now;
    pod.is_ready = ready;
    pod.trouble = bad_revisions.contains(pod.revision) ? "ImagePullBackOff: no such image" : "";
    if (ready && OrdinalOf("pool", pod.name) < in.spec.replicas) {
      claims.at(ClaimName(pod.name)).has_data = true;
    }
    ++it;
  }
  for (auto& [name, claim] : claims) {
    ObservedClaim& seen = claim.seen;
    if (!seen.is_bound) {
      seen.is_bound = true;
      seen.capacity_bytes = seen.requested_bytes;
    }
    if (seen.capacity_bytes >= seen.requested_bytes || in.now < claim.resize_at) continue;
    seen.is_refused = seen.requested_bytes > volume_bytes_max;
    if (!seen.is_refused) seen.capacity_bytes = seen.requested_bytes;
  }
}

bool WorkloadSim::Settle(int steps_max) {
  int quiet = 0;
  for (int i = 0; i < steps_max; ++i) {
    const WorkloadPlan plan = Step();
    Pass(4'000);
    quiet = plan.actions.empty() ? quiet + 1 : 0;
    // Longer than any soak or resize of these tests.
    if (quiet > 60) return true;
  }
  return false;
}

void WorkloadSim::Start() {
  Settle();
  evictions = 0;
}

std::string WorkloadSim::Revisions() const {
  std::string out;
  for (const auto& [name, pod] : pods) out += (out.empty() ? "" : " ") + pod.seen.revision;
  return out;
}

int WorkloadSim::NotReady() const {
  int ready = 0;
  for (const auto& [name, pod] : pods) {
    ready += pod.seen.is_ready && OrdinalOf("pool", name) < in.spec.replicas ? 1 : 0;
  }
  return in.spec.replicas - ready;
}

// The world itself tells when a promise is broken.
TEST(WorkloadSim, NoticesASecondPodThatIsTakenDown) {
  WorkloadSim sim(3);
  sim.Start();
  WorkloadPlan plan;
  plan.members = sim.in.members;
  for (int i = 0; i < 2; ++i) {
    plan.actions.push_back(
        {.kind = Kind::kEvictPod, .name = sim.pod(i).name, .uid = sim.pod(i).uid});
  }
  sim.Apply(plan);
  EXPECT_NE(sim.broken_rule, "");
}

}  // namespace millrace::op
