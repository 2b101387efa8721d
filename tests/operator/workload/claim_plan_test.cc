#include "operator/workload/claim_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/operator/workload/workload_sim.h"

namespace millrace::op {
namespace {

using testing::HasSubstr;
using Kind = WorkloadAction::Kind;

constexpr int64_t kGiB = int64_t{1} << 30;

TEST(ClaimPlan, RaisingTheSizeGrowsEveryVolumeWithoutARestart) {
  WorkloadSim sim(3);
  sim.Start();
  sim.in.spec.volume_size = "20Gi";
  const WorkloadPlan plan = sim.Step();
  EXPECT_EQ(plan.actions.size(), 3u);
  EXPECT_EQ(plan.conditions.at("StorageResizing").reason, "Resizing");
  EXPECT_EQ(plan.actual_bytes, 10 * kGiB);
  EXPECT_TRUE(sim.Settle());
  EXPECT_EQ(sim.Step().actual_bytes, 20 * kGiB);
  EXPECT_EQ(sim.Step().conditions.at("StorageResizing").reason, "Idle");
  EXPECT_EQ(sim.evictions, 0);
}

TEST(ClaimPlan, VolumeEnlargedFromOutsideIsTakenAsItIs) {
  WorkloadSim sim(2);
  sim.Start();
  ObservedClaim& claim = sim.claims.at("data-pool-0").seen;
  claim.requested_bytes = claim.capacity_bytes = 50 * kGiB;
  EXPECT_TRUE(sim.Step().actions.empty());
  sim.in.spec.volume_size = "20Gi";
  const WorkloadPlan plan = sim.Step();
  ASSERT_EQ(plan.actions.size(), 1u);
  EXPECT_EQ(plan.actions[0].name, "data-pool-1");
}

TEST(ClaimPlan, ClassThatCannotExpandIsNamedAndNothingIsTried) {
  WorkloadSim sim(2);
  sim.Start();
  sim.in.spec.volume_size = "20Gi";
  sim.in.storage_class = ClassState::kFixed;
  WorkloadPlan plan = sim.Step();
  EXPECT_TRUE(plan.actions.empty());
  EXPECT_EQ(plan.conditions.at("StorageResizing").reason, "ClassCannotExpand");
  sim.in.storage_class = ClassState::kMissing;
  EXPECT_EQ(sim.Step().conditions.at("StorageResizing").reason, "ClassMissing");
  // What is wrong with volumes holds up nothing else.
  sim.in.spec.revision = "r2";
  EXPECT_TRUE(sim.Settle());
  EXPECT_EQ(sim.Revisions(), "r2 r2");
}

TEST(ClaimPlan, RefusedEnlargementIsToldAndTakenBackWhenLessIsAsked) {
  WorkloadSim sim(1);
  sim.volume_bytes_max = 30 * kGiB;
  sim.Start();
  sim.in.spec.volume_size = "100Gi";
  EXPECT_TRUE(sim.Settle());
  WorkloadPlan plan = sim.Step();
  EXPECT_EQ(plan.conditions.at("StorageResizing").reason, "ExpansionRefused");
  EXPECT_THAT(plan.conditions.at("StorageResizing").message, HasSubstr("lower storage.size"));
  sim.in.spec.volume_size = "20Gi";
  plan = sim.Step();
  ASSERT_EQ(plan.actions.size(), 1u);
  EXPECT_EQ(plan.actions[0].bytes, 20 * kGiB);
  EXPECT_TRUE(sim.Settle());
  EXPECT_EQ(sim.claims.at("data-pool-0").seen.capacity_bytes, 20 * kGiB);
}

TEST(ClaimPlan, GoingBackToWhatTheVolumeHasAsksForALittleMore) {
  WorkloadSim sim(1);
  sim.volume_bytes_max = 30 * kGiB;
  sim.Start();
  sim.in.spec.volume_size = "100Gi";
  EXPECT_TRUE(sim.Settle());
  sim.in.spec.volume_size = "10Gi";
  EXPECT_TRUE(sim.Settle());
  EXPECT_EQ(sim.claims.at("data-pool-0").seen.capacity_bytes, 10 * kGiB + (1 << 20));
  EXPECT_EQ(sim.Step().conditions.at("StorageResizing").reason, "Idle");
  EXPECT_EQ(sim.broken_rule, "");
}

TEST(ClaimPlan, FileSystemThatWaitsForItsPodGetsOneRestartAtATime) {
  WorkloadSim sim(2);
  sim.Start();
  for (auto& [name, claim] : sim.claims) claim.seen.file_system_pending_since = sim.in.now;
  sim.Pass(60'000);
  EXPECT_TRUE(sim.Step().actions.empty()) << "drivers that grow online get their time";
  sim.Pass(200'000);
  sim.Step();
  const WorkloadPlan plan = sim.Step();
  ASSERT_EQ(plan.actions.size(), 1u);
  EXPECT_EQ(plan.actions[0].kind, Kind::kEvictPod);
  EXPECT_THAT(plan.actions[0].why, HasSubstr("file system"));
  EXPECT_EQ(sim.broken_rule, "");
}

TEST(ClaimPlan, UnboundClaimIsNotResized) {
  WorkloadSim sim(1);
  sim.Step();
  sim.in.spec.volume_size = "20Gi";
  EXPECT_TRUE(sim.Step().actions.empty());
  EXPECT_TRUE(sim.Settle());
  EXPECT_EQ(sim.Step().actual_bytes, 20 * kGiB);
}

}  // namespace
}  // namespace millrace::op
