#include "dataplane/placement/apply_plan.h"

#include <gtest/gtest.h>

namespace millrace::shard {
namespace {

using resources::HashKey;
using resources::MapExtent;
using resources::MapShard;
using resources::ShardMap;
using storage::ExtentId;
using storage::ExtentInfo;

constexpr uint64_t kUid = 7;
constexpr WallMs kNow = 1'763'700'000'000;
constexpr WallMs kDayMs = 86'400'000;

MapShard Shard(uint32_t index, std::vector<MapExtent> extents, bool closed = false) {
  MapShard shard{.index = index, .start = {}, .end = HashKey::Max(), .created_ms = kNow};
  if (closed) shard.closed_ms = kNow;
  shard.extents = std::move(extents);
  return shard;
}

MapExtent Extent(uint64_t epoch, std::optional<uint64_t> end = {},
                 const std::string& owner = "me") {
  return {.epoch = epoch, .owner = owner, .end_index = end};
}

ShardMap Map(std::vector<MapShard> shards) {
  ShardMap map;
  map.stream_uid = kUid;
  map.stream_name = "s";
  map.shards = std::move(shards);
  return map;
}

ExtentInfo Here(uint32_t shard, uint64_t epoch, bool sealed, WallMs last = kNow) {
  ExtentInfo info;
  info.id = {kUid, shard, epoch};
  info.end_index = 10;
  info.sealed = sealed;
  info.last_arrival_ms = last;
  return info;
}

std::vector<ExtentId> Ids(const std::vector<ExtentStep>& steps) {
  std::vector<ExtentId> ids;
  for (const ExtentStep& step : steps) ids.push_back(step.id);
  return ids;
}

TEST(PlanApply, OpensTheWriteHeadsOfANewStream) {
  const ApplyPlan plan =
      PlanApply(Map({Shard(0, {Extent(1)}), Shard(1, {Extent(2)})}), "me", {}, kNow);
  EXPECT_EQ(Ids(plan.open), (std::vector<ExtentId>{{kUid, 0, 1}, {kUid, 1, 2}}));
  EXPECT_TRUE(plan.seal.empty());
  EXPECT_TRUE(plan.drop.empty());
}

TEST(PlanApply, DoesNothingWhenAllIsAsItShouldBe) {
  const ApplyPlan plan = PlanApply(Map({Shard(0, {Extent(1, 10), Extent(3)})}), "me",
                                   {Here(0, 1, true), Here(0, 3, false)}, kNow);
  EXPECT_TRUE(plan.open.empty());
  EXPECT_TRUE(plan.seal.empty());
  EXPECT_TRUE(plan.drop.empty());
  EXPECT_FALSE(plan.drop_later);
  EXPECT_EQ(plan.conflict, "");
}

TEST(PlanApply, SealsAClosedShardAndAnExtentThatHasASuccessor) {
  const ApplyPlan plan =
      PlanApply(Map({Shard(0, {Extent(1)}, true), Shard(1, {Extent(2), Extent(5)})}), "me",
                {Here(0, 1, false), Here(1, 2, false)}, kNow);
  EXPECT_EQ(Ids(plan.open), (std::vector<ExtentId>{{kUid, 1, 5}}));
  EXPECT_EQ(Ids(plan.seal), (std::vector<ExtentId>{{kUid, 0, 1}, {kUid, 1, 2}}));
}

TEST(PlanApply, OpensAndSealsAnExtentThatWasClosedBeforeThisProcessSawIt) {
  const ApplyPlan plan = PlanApply(Map({Shard(0, {Extent(1)}, true)}), "me", {}, kNow);
  EXPECT_EQ(Ids(plan.open), (std::vector<ExtentId>{{kUid, 0, 1}}));
  EXPECT_EQ(Ids(plan.seal), (std::vector<ExtentId>{{kUid, 0, 1}}));
}

TEST(PlanApply, LeavesAnExtentAloneWhoseEndIsKnownAndWhichIsNotHere) {
  const ApplyPlan plan = PlanApply(Map({Shard(0, {Extent(1, 4)}, true)}), "me", {}, kNow);
  EXPECT_TRUE(plan.open.empty());
  EXPECT_TRUE(plan.seal.empty());
}

TEST(PlanApply, LeavesExtentsOfOtherOwnersAlone) {
  const ApplyPlan plan = PlanApply(
      Map({Shard(0, {Extent(1, {}, "other")}), Shard(1, {Extent(2, {}, "other"), Extent(3)})}),
      "me", {}, kNow);
  EXPECT_EQ(Ids(plan.open), (std::vector<ExtentId>{{kUid, 1, 3}}));
  EXPECT_TRUE(plan.seal.empty());
}

TEST(PlanApply, DropsAForgottenExtentOnlyOnceItsRecordsHavePassedRetention) {
  const ShardMap map = Map({Shard(1, {Extent(2)})});
  ApplyPlan plan =
      PlanApply(map, "me", {Here(0, 1, true, kNow - kDayMs + 1000), Here(1, 2, false)}, kNow);
  EXPECT_TRUE(plan.drop.empty());
  EXPECT_TRUE(plan.drop_later);
  plan = PlanApply(map, "me", {Here(0, 1, true, kNow - kDayMs - 1000), Here(1, 2, false)}, kNow);
  EXPECT_EQ(plan.drop, (std::vector<ExtentId>{{kUid, 0, 1}}));
  EXPECT_FALSE(plan.drop_later);
}

TEST(PlanApply, KeepsADeletedStreamUntilItsGraceIsOver) {
  ShardMap map = Map({Shard(0, {Extent(1)})});
  map.deleting = true;
  map.drop_after_ms = kNow + 1;
  ApplyPlan plan = PlanApply(map, "me", {Here(0, 1, false)}, kNow);
  EXPECT_TRUE(plan.drop.empty());
  EXPECT_TRUE(plan.drop_later);
  EXPECT_FALSE(plan.gone);
  plan = PlanApply(map, "me", {Here(0, 1, false)}, kNow + 1);
  EXPECT_EQ(plan.drop, (std::vector<ExtentId>{{kUid, 0, 1}}));
  EXPECT_TRUE(plan.gone);
}

TEST(PlanApply, NamesAWriteHeadThatIsSealedHere) {
  const ApplyPlan plan = PlanApply(Map({Shard(0, {Extent(1)})}), "me", {Here(0, 1, true)}, kNow);
  EXPECT_NE(plan.conflict.find("sealed here"), std::string::npos);
}

}  // namespace
}  // namespace millrace::shard
