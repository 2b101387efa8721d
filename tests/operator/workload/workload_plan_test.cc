#include "operator/workload/workload_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/random.h"
#include "tests/operator/workload/workload_sim.h"

namespace millrace::op {
namespace {

using testing::HasSubstr;
using Kind = WorkloadAction::Kind;

std::string Reason(const WorkloadPlan& plan, const std::string& type) {
  return plan.conditions.at(type).reason;
}
std::string Message(const WorkloadPlan& plan, const std::string& type) {
  return plan.conditions.at(type).message;
}
int Count(const WorkloadPlan& plan, Kind kind) {
  return static_cast<int>(std::count_if(plan.actions.begin(), plan.actions.end(),
                                        [&](const auto& a) { return a.kind == kind; }));
}

TEST(WorkloadPlan, NewWorkloadGetsClaimsAndPodsAtOnce) {
  WorkloadSim sim(3);
  const WorkloadPlan plan = sim.Step();
  EXPECT_EQ(plan.members.size(), 3u);
  EXPECT_EQ(Count(plan, Kind::kCreateClaim), 3);
  EXPECT_EQ(Count(plan, Kind::kCreatePod), 3);
  EXPECT_EQ(Reason(plan, "Ready"), "WaitingForPods");
  EXPECT_TRUE(sim.Settle());
  const WorkloadPlan quiet = sim.Step();
  EXPECT_TRUE(quiet.actions.empty());
  EXPECT_TRUE(quiet.conditions.at("Ready").value);
  EXPECT_EQ(quiet.stable_revision, "r1");
  EXPECT_EQ(quiet.again, std::nullopt);
  EXPECT_EQ(sim.broken_rule, "");
}

TEST(WorkloadPlan, PlanningTwiceOnOneWorldIsTheSame) {
  WorkloadSim sim(2);
  const WorkloadInput world = sim.Observe();
  EXPECT_EQ(PlanWorkload(world).actions.size(), PlanWorkload(world).actions.size());
  EXPECT_EQ(PlanWorkload(world).members, PlanWorkload(world).members);
}

TEST(WorkloadPlan, PodThatIsGoneComesBackWithItsClaimAndRevision) {
  WorkloadSim sim(3);
  sim.Start();
  const std::string uid = sim.claims.at("data-pool-1").seen.uid;
  sim.pods.erase("pool-1");
  const WorkloadPlan plan = sim.Step();
  ASSERT_EQ(plan.actions.size(), 1u);
  EXPECT_EQ(plan.actions[0].kind, Kind::kCreatePod);
  EXPECT_EQ(plan.actions[0].name, "pool-1");
  EXPECT_EQ(sim.claims.at("data-pool-1").seen.uid, uid);
}

TEST(WorkloadPlan, PodThatHasEndedIsReplaced) {
  WorkloadSim sim(2);
  sim.Start();
  sim.pod(0).has_ended = true;
  sim.pod(0).is_ready = false;
  const WorkloadPlan plan = sim.Step();
  ASSERT_EQ(Count(plan, Kind::kDeletePod), 1);
  EXPECT_TRUE(sim.Settle());
  EXPECT_EQ(sim.NotReady(), 0);
}

TEST(WorkloadPlan, UpgradeMovesOnePodAtATimeFromTheHighestAndDrainsItFirst) {
  WorkloadSim sim(3);
  sim.Start();
  sim.in.spec.revision = "r2";
  WorkloadPlan plan = sim.Step();
  EXPECT_EQ(Reason(plan, "Progressing"), "Draining");
  EXPECT_EQ(plan.draining, std::set<std::string>{"pool-2"});
  EXPECT_EQ(Count(plan, Kind::kEvictPod), 0);
  plan = sim.Step();
  ASSERT_EQ(Count(plan, Kind::kEvictPod), 1);
  EXPECT_EQ(sim.pods.size(), 3u);
  plan = sim.Step();
  EXPECT_EQ(Reason(plan, "Progressing"), "WaitingForPod");
  EXPECT_TRUE(sim.Settle());
  EXPECT_EQ(sim.Revisions(), "r2 r2 r2");
  EXPECT_EQ(sim.evictions, 3);
  EXPECT_EQ(sim.in.stable_revision, "r2");
  EXPECT_EQ(sim.broken_rule, "");
}

TEST(WorkloadPlan, UpgradeStopsOnTheFirstPodThatDoesNotComeBackAndSaysSo) {
  WorkloadSim sim(3);
  sim.Start();
  sim.bad_revisions = {"r2"};
  sim.in.spec.revision = "r2";
  for (int i = 0; i < 20; ++i) {
    sim.Step();
    sim.Pass(4'000);
  }
  EXPECT_EQ(sim.Revisions(), "r1 r1 r2");
  WorkloadPlan plan = sim.Step();
  EXPECT_EQ(Reason(plan, "Progressing"), "WaitingForPod");
  EXPECT_THAT(Message(plan, "Ready"), HasSubstr("pool-2: ImagePullBackOff"));
  sim.Pass(700'000);
  plan = sim.Step();
  EXPECT_EQ(Reason(plan, "Progressing"), "PodNotComingBack");
  EXPECT_EQ(Reason(plan, "Degraded"), "PodNotComingBack");
  EXPECT_TRUE(sim.Settle());
  EXPECT_EQ(sim.Revisions(), "r1 r1 r2");
  EXPECT_EQ(sim.evictions, 1);
}

TEST(WorkloadPlan, BrokenRevisionIsMendedByTheNextOne) {
  WorkloadSim sim(3);
  sim.Start();
  sim.bad_revisions = {"r2"};
  sim.in.spec.revision = "r2";
  EXPECT_TRUE(sim.Settle());
  sim.in.spec.revision = "r3";
  EXPECT_TRUE(sim.Settle());
  EXPECT_EQ(sim.Revisions(), "r3 r3 r3");
  EXPECT_EQ(sim.NotReady(), 0);
  EXPECT_EQ(sim.broken_rule, "");
}

TEST(WorkloadPlan, APodThatIsDownHoldsRestartsUpUnlessAPersonSaysOtherwise) {
  WorkloadSim sim(3);
  sim.Start();
  sim.silent_pods = {"pool-0"};
  sim.Pass(1'000);
  sim.in.spec.revision = "r2";
  WorkloadPlan plan = sim.Step();
  EXPECT_EQ(Reason(plan, "Progressing"), "WaitingForPods");
  EXPECT_THAT(Message(plan, "Progressing"), HasSubstr("millrace.dev/restart-anyway"));
  sim.in.restarts_anyway = true;
  plan = sim.Step();
  EXPECT_EQ(Reason(plan, "Progressing"), "WaitingForPods");  // it may be back in a moment
  sim.Pass(61'000);
  sim.budget_allows = false;  // it counts the pod that is down
  for (int i = 0; i < 30; ++i) {
    sim.Step();
    EXPECT_LE(sim.NotReady(), 2);
    sim.Pass(4'000);
  }
  EXPECT_EQ(sim.Revisions(), "r1 r2 r2");
}

TEST(WorkloadPlan, APodThatIsStoppingGetsNoWriteHeadsBack) {
  WorkloadSim sim(3);
  sim.Start();
  sim.pod(1).is_going = true;
  EXPECT_EQ(sim.Step().draining, std::set<std::string>{"pool-1"});
}

TEST(WorkloadPlan, AClassThatIsNotThereIsNamedByThePodsThatWaitForIt) {
  WorkloadSim sim(1);
  sim.in.storage_class = ClassState::kMissing;
  sim.in.spec.storage_class = "nowhere";
  sim.Step();
  sim.claims.begin()->second.seen.is_bound = false;
  EXPECT_THAT(Message(sim.Step(), "Ready"), HasSubstr("storage class nowhere does not exist"));
}

TEST(WorkloadPlan, WorkloadThatNeverWorkedIsMendedByTheNextRevision) {
  WorkloadSim sim(3);
  sim.bad_revisions = {"r1"};
  EXPECT_TRUE(sim.Settle());
  EXPECT_EQ(sim.NotReady(), 3);
  sim.in.spec.revision = "r2";
  EXPECT_TRUE(sim.Settle());
  EXPECT_EQ(sim.Revisions(), "r2 r2 r2");
  EXPECT_EQ(sim.NotReady(), 0);
}

TEST(WorkloadPlan, GoingBackByHandIsARolloutLikeAnyOther) {
  WorkloadSim sim(2);
  sim.Start();
  sim.bad_revisions = {"r2"};
  sim.in.spec.revision = "r2";
  EXPECT_TRUE(sim.Settle());
  sim.in.spec.revision = "r1";
  EXPECT_TRUE(sim.Settle());
  EXPECT_EQ(sim.Revisions(), "r1 r1");
  EXPECT_EQ(sim.NotReady(), 0);
}

TEST(WorkloadPlan, RollbackOnFailureGoesBackToTheStableRevisionAndStaysThere) {
  WorkloadSim sim(3);
  sim.Start();
  sim.in.spec.rollout.on_failure = "Rollback";
  sim.bad_revisions = {"r2"};
  sim.in.spec.revision = "r2";
  for (int i = 0; i < 300; ++i) {
    sim.Step();
    sim.Pass(4'000);
  }
  EXPECT_EQ(sim.Revisions(), "r1 r1 r1");
  EXPECT_EQ(sim.NotReady(), 0);
  EXPECT_EQ(sim.evictions, 1);
  const WorkloadPlan plan = sim.Step();
  EXPECT_TRUE(plan.actions.empty());
  EXPECT_EQ(Reason(plan, "Degraded"), "PodNotComingBack");
  EXPECT_EQ(plan.failed_revision, "r2");
}

TEST(WorkloadPlan, PodThatComesBackLateLetsTheRolloutGoOn) {
  WorkloadSim sim(2);
  sim.Start();
  sim.bad_revisions = {"r2"};
  sim.in.spec.revision = "r2";
  for (int i = 0; i < 300; ++i) {
    sim.Step();
    sim.Pass(4'000);
  }
  EXPECT_EQ(sim.in.failed_revision, "r2");
  sim.bad_revisions.clear();
  EXPECT_TRUE(sim.Settle());
  EXPECT_EQ(sim.Revisions(), "r2 r2");
}

TEST(WorkloadPlan, CanariesAreWatchedBeforeTheOthersFollow) {
  WorkloadSim sim(3);
  sim.Start();
  sim.in.spec.rollout.canary_replicas = 1;
  sim.in.spec.rollout.canary_soak_seconds = 100;
  sim.in.spec.revision = "r2";
  for (int i = 0; i < 8; ++i) {
    sim.Step();
    sim.Pass(4'000);
  }
  WorkloadPlan plan = sim.Step();
  EXPECT_EQ(Reason(plan, "Progressing"), "Soaking");
  EXPECT_EQ(sim.Revisions(), "r1 r1 r2");
  ASSERT_TRUE(plan.again);
  EXPECT_LE(*plan.again, std::chrono::seconds(100));
  EXPECT_TRUE(sim.Settle());
  EXPECT_EQ(sim.Revisions(), "r2 r2 r2");
}

TEST(WorkloadPlan, PartitionAndPauseHoldPodsBack) {
  WorkloadSim sim(3);
  sim.Start();
  sim.in.spec.rollout.partition = 2;
  sim.in.spec.revision = "r2";
  EXPECT_TRUE(sim.Settle());
  EXPECT_EQ(sim.Revisions(), "r1 r1 r2");
  // A pod that is held back and dies comes back as it was.
  sim.pods.erase("pool-0");
  EXPECT_TRUE(sim.Settle());
  EXPECT_EQ(sim.Revisions(), "r1 r1 r2");
  sim.in.spec.rollout.partition = 0;
  sim.in.spec.rollout.state = "Paused";
  EXPECT_TRUE(sim.Settle());
  EXPECT_EQ(sim.Revisions(), "r1 r1 r2");
  EXPECT_EQ(Reason(sim.Step(), "Progressing"), "Paused");
  sim.in.spec.rollout.state = "Running";
  EXPECT_TRUE(sim.Settle());
  EXPECT_EQ(sim.Revisions(), "r2 r2 r2");
}

TEST(WorkloadPlan, PauseStopsAPodThatIsStillDraining) {
  WorkloadSim sim(2);
  sim.Start();
  sim.in.spec.revision = "r2";
  EXPECT_FALSE(sim.Step().draining.empty());
  sim.in.spec.rollout.state = "Paused";
  EXPECT_TRUE(sim.Step().draining.empty());
  EXPECT_EQ(sim.evictions, 0);
}

TEST(WorkloadPlan, ServingPodIsNotRestartedWhileAnotherOneIsDown) {
  WorkloadSim sim(3);
  sim.Start();
  sim.silent_pods = {"pool-0"};
  sim.Pass(1'000);
  sim.in.spec.revision = "r2";
  sim.Step();
  const WorkloadPlan plan = sim.Step();
  EXPECT_EQ(Count(plan, Kind::kEvictPod), 0);
  EXPECT_EQ(sim.evictions, 0);
}

TEST(WorkloadPlan, BudgetThatSaysNoIsAskedAgain) {
  WorkloadSim sim(2);
  sim.Start();
  sim.budget_allows = false;
  sim.in.spec.revision = "r2";
  sim.Step();
  const WorkloadPlan plan = sim.Step();
  EXPECT_EQ(Count(plan, Kind::kEvictPod), 1);
  ASSERT_TRUE(plan.again);
  EXPECT_LE(*plan.again, std::chrono::seconds(5));
  sim.Pass(5'000);
  EXPECT_EQ(sim.Step().members, plan.members) << "asking again is no news";
  sim.budget_allows = true;
  EXPECT_TRUE(sim.Settle());
  EXPECT_EQ(sim.Revisions(), "r2 r2");
}

TEST(WorkloadPlan, PoolOfOnePodHasNowhereToDrainTo) {
  WorkloadSim sim(1);
  sim.Start();
  sim.in.spec.revision = "r2";
  EXPECT_EQ(Count(sim.Step(), Kind::kEvictPod), 1);
}

TEST(WorkloadPlan, PodsWithoutVolumesGetNoClaimsAndAreReplacedWhereTheirNodeIsSilent) {
  WorkloadSim sim(2);
  sim.Start();
  sim.in.spec.volume_size.clear();
  sim.claims.clear();
  for (Member& member : sim.in.members) member.claim_uid.clear();
  EXPECT_TRUE(PlanWorkload(sim.Observe()).actions.empty());
  sim.pod(1).node_state = NodeState::kSilent;
  sim.pod(1).is_ready = false;
  const WorkloadPlan plan = PlanWorkload(sim.Observe());
  ASSERT_EQ(plan.actions.size(), 1u);
  EXPECT_EQ(plan.actions[0].kind, Kind::kForceDeletePod);
  EXPECT_EQ(Reason(plan, "Degraded"), "AllWell");
}

TEST(WorkloadPlan, PodOfASilentNodeStaysAndOneOfANodeThatIsOffIsReplaced) {
  WorkloadSim sim(3);
  sim.Start();
  sim.silent_pods = {"pool-1"};
  sim.Pass(600'000);
  WorkloadPlan plan = sim.Step();
  EXPECT_TRUE(plan.actions.empty());
  EXPECT_EQ(Reason(plan, "Degraded"), "NodeSilent");
  EXPECT_THAT(Message(plan, "Degraded"), HasSubstr("out-of-service"));
  sim.silent_pods.clear();
  sim.pod(1).node_state = NodeState::kOff;
  plan = sim.Step();
  EXPECT_EQ(Count(plan, Kind::kForceDeletePod), 1);
  EXPECT_TRUE(sim.Settle());
  EXPECT_EQ(sim.NotReady(), 0);
}

TEST(WorkloadPlan, HeadsLeaveACordonedNodeUnlessAllAreCordoned) {
  WorkloadSim sim(2);
  sim.Start();
  sim.pod(0).node_is_cordoned = true;
  EXPECT_EQ(sim.Step().draining, std::set<std::string>{"pool-0"});
  sim.pod(1).node_is_cordoned = true;
  EXPECT_TRUE(sim.Step().draining.empty());
}

TEST(WorkloadPlan, HeadsLeaveAPodThatAPersonAsksToDrainAndItGoesOnRunning) {
  WorkloadSim sim(2);
  sim.Start();
  sim.pod(1).is_drain_asked = true;
  const WorkloadPlan plan = sim.Step();
  EXPECT_EQ(plan.draining, std::set<std::string>{"pool-1"});
  EXPECT_EQ(Count(plan, Kind::kEvictPod) + Count(plan, Kind::kDeletePod), 0);
  sim.pod(0).is_drain_asked = true;
  EXPECT_TRUE(sim.Step().draining.empty()) << "somebody has to take writes";
  sim.pod(0).is_drain_asked = false;
  sim.pod(1).is_drain_asked = false;
  EXPECT_TRUE(sim.Step().draining.empty());
}

TEST(WorkloadPlan, ScaleInWaitsUntilNoStreamNeedsThePod) {
  WorkloadSim sim(3);
  sim.Start();
  sim.in.spec.replicas = 2;
  WorkloadPlan plan = sim.Step();
  EXPECT_TRUE(plan.actions.empty());
  EXPECT_EQ(plan.draining, std::set<std::string>{"pool-2"});
  EXPECT_EQ(Reason(plan, "Progressing"), "ScalingIn");
  EXPECT_TRUE(sim.Settle());
  EXPECT_EQ(sim.pods.size(), 3u);
  sim.in.empty = {"pool-2"};
  EXPECT_TRUE(sim.Settle());
  EXPECT_EQ(sim.pods.size(), 2u);
  EXPECT_EQ(sim.claims.size(), 3u) << "Retain keeps the volume";
  EXPECT_EQ(sim.in.members.size(), 2u);
}

TEST(WorkloadPlan, ScaledInVolumeIsDeletedByItsRecordedUidOnly) {
  WorkloadSim sim(3);
  sim.in.spec.deletion_policy = "Delete";
  sim.Start();
  sim.in.spec.replicas = 2;
  sim.in.empty = {"pool-2"};
  sim.claims.at("data-pool-2").has_data = false;
  for (int i = 0; i < 2; ++i) {
    sim.Step();
    sim.pods.erase("pool-2");
  }
  // Somebody made another claim of that name meanwhile.
  WorkloadSim other = sim;
  other.claims["data-pool-2"].seen.uid = "not-ours";
  other.claims["data-pool-2"].seen.is_ours = false;
  other.claims["data-pool-2"].has_data = true;
  EXPECT_TRUE(other.Settle());
  EXPECT_EQ(other.broken_rule, "");
  EXPECT_TRUE(other.claims.contains("data-pool-2"));
  EXPECT_TRUE(sim.Settle());
  EXPECT_FALSE(sim.claims.contains("data-pool-2"));
}

TEST(WorkloadPlan, DeletedWorkloadRemovesPodsThenRecordedVolumes) {
  WorkloadSim sim(2);
  sim.in.spec.deletion_policy = "Delete";
  sim.Start();
  for (auto& [name, claim] : sim.claims) claim.has_data = false;
  for (auto& [name, pod] : sim.pods) pod.seen.is_ready = false;
  sim.in.is_deleting = true;
  WorkloadPlan plan = sim.Step();
  EXPECT_EQ(Count(plan, Kind::kDeletePod), 2);
  EXPECT_EQ(Count(plan, Kind::kReleaseWorkload), 0);
  sim.pods.clear();
  plan = sim.Step();
  EXPECT_EQ(Count(plan, Kind::kDeleteClaim), 2);
  plan = sim.Step();
  EXPECT_EQ(Count(plan, Kind::kReleaseWorkload), 1);
  EXPECT_TRUE(sim.claims.empty());
}

TEST(WorkloadPlan, OrphanIsAdoptedAndAStrangersPodIsLeftAlone) {
  WorkloadSim sim(2);
  sim.Start();
  sim.pod(0).is_ours = false;
  sim.pod(0).is_orphan = true;
  EXPECT_EQ(Count(sim.Step(), Kind::kAdoptPod), 1);
  sim.pod(1).is_ours = false;
  const WorkloadPlan plan = sim.Step();
  EXPECT_TRUE(plan.actions.empty());
  EXPECT_THAT(Message(plan, "Ready"), HasSubstr("pool-1 is somebody else's pod"));
}

TEST(WorkloadPlan, OldRevisionsAreDroppedOnceNothingNeedsThem) {
  WorkloadSim sim(1);
  sim.Start();
  for (int i = 2; i < 20; ++i) {
    sim.in.spec.revision = "r" + std::to_string(i);
    EXPECT_TRUE(sim.Settle());
  }
  EXPECT_EQ(sim.in.revisions.size(), 11u);
  EXPECT_TRUE(sim.in.revisions.contains("r19"));
  EXPECT_TRUE(sim.in.revisions.contains("r18"));
  EXPECT_FALSE(sim.in.revisions.contains("r1"));
}

TEST(WorkloadPlan, PodWhoseRecordWasLostIsTakenUpAgain) {
  WorkloadSim sim(3);
  sim.Start();
  sim.in.spec.replicas = 2;
  sim.in.members.clear();
  const WorkloadPlan plan = sim.Step();
  EXPECT_EQ(plan.members.size(), 3u);
  EXPECT_EQ(plan.draining, std::set<std::string>{"pool-2"});
}

// Worlds of random events: whatever happens, the workload comes to rest as it should be, no promise
// is broken on the way, and one step after another leader took over nothing is different.
TEST(WorkloadPlan, RandomWorldsConvergeWithoutASecondPodDownOrAVolumeLost) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Random random(seed);
    WorkloadSim sim(1 + static_cast<int>(random.Below(4)));
    sim.in.spec.deletion_policy = random.OneIn(2) ? "Delete" : "Retain";
    sim.in.spec.rollout.canary_replicas = static_cast<int32_t>(random.Below(2));
    sim.data_expires = true;
    int revision = 1;
    for (int step = 0; step < 120; ++step) {
      const std::string any = MemberName(
          "pool", static_cast<int>(random.Below(static_cast<uint64_t>(sim.in.spec.replicas))));
      auto pod = sim.pods.find(any);
      const bool has_pod = pod != sim.pods.end();
      switch (random.Below(16)) {
        case 0:
          sim.in.spec.revision = "r" + std::to_string(++revision);
          if (random.OneIn(3)) sim.bad_revisions.insert(sim.in.spec.revision);
          break;
        case 1:
          if (has_pod && !sim.silent_pods.contains(any)) sim.pods.erase(pod);
          break;
        case 2:
          if (has_pod) sim.silent_pods.insert(any);
          break;
        case 3:
          sim.silent_pods.clear();
          break;
        case 4:
          if (has_pod && !sim.silent_pods.contains(any)) {
            pod->second.seen.node_state = NodeState::kOff;
            pod->second.seen.is_ready = false;
          }
          break;
        case 5:
          sim.in.spec.replicas = 1 + static_cast<int>(random.Below(4));
          break;
        case 6:
          sim.in.spec.volume_size = std::to_string(10 + random.Below(40)) + "Gi";
          break;
        case 7:
          sim.in.spec.rollout.state = random.OneIn(2) ? "Paused" : "Running";
          sim.in.spec.rollout.on_failure = random.OneIn(2) ? "Pause" : "Rollback";
          break;
        case 8:
          sim.budget_allows = !sim.budget_allows;
          break;
        case 9:
          if (has_pod && !sim.silent_pods.contains(any)) {
            pod->second.seen.has_ended = true;
            pod->second.seen.is_ready = false;
          }
          break;
        case 10:
          for (auto& [name, claim] : sim.claims) {
            if (OrdinalOf("pool", name.substr(5)) >= sim.in.spec.replicas) claim.has_data = false;
          }
          break;
        default:
          break;
      }
      // A leader may die between the write of its status and any of its actions.
      WorkloadPlan plan = PlanWorkload(sim.Observe());
      if (random.OneIn(5)) plan.actions.resize(random.Below(plan.actions.size() + 1));
      sim.Apply(plan);
      sim.Pass(static_cast<WallMs>(random.Below(6'000)));
      ASSERT_EQ(sim.broken_rule, "") << "seed " << seed << " step " << step;
    }
    sim.silent_pods.clear();
    sim.budget_allows = true;
    sim.bad_revisions.clear();
    sim.in.spec.rollout.state = "Running";
    sim.in.spec.rollout.on_failure = "Pause";
    sim.in.spec.revision = "last";
    ASSERT_TRUE(sim.Settle(1'000)) << "seed " << seed;
    ASSERT_EQ(sim.broken_rule, "") << "seed " << seed;
    ASSERT_EQ(sim.NotReady(), 0) << "seed " << seed;
    for (const auto& [name, pod] : sim.pods) {
      ASSERT_EQ(pod.seen.revision, "last") << "seed " << seed << " " << name;
    }
  }
}

TEST(WorkloadPlan, APodThatLacksWhatItsVolumeHadIsSaidWithWhatToDo) {
  WorkloadSim sim(3);
  sim.Start();
  EXPECT_EQ(Reason(sim.Step(), "Degraded"), "AllWell");
  sim.in.missing = {{"pool-1", 12}};
  const WorkloadPlan plan = sim.Step();
  EXPECT_EQ(Reason(plan, "Degraded"), "VolumeReplaced");
  EXPECT_THAT(Message(plan, "Degraded"), HasSubstr("pool-1 (12 extents)"));
}

TEST(WorkloadPlan, AClaimThatIsMadeAnewInPlaceOfOneThatIsGoneIsToldApart) {
  WorkloadSim sim(1);
  auto why = [&] {
    for (const WorkloadAction& action : PlanWorkload(sim.Observe()).actions) {
      if (action.kind == Kind::kCreateClaim) return action.why;
    }
    return std::string("no claim is made");
  };
  EXPECT_EQ(why(), "");
  sim.Start();
  sim.claims.clear();
  sim.pods.clear();
  EXPECT_THAT(why(), HasSubstr("is gone"));
}

}  // namespace
}  // namespace millrace::op
