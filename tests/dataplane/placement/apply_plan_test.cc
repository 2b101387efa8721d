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

Holder Me() { return {.owner = "me"}; }

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
      PlanApply(Map({Shard(0, {Extent(1)}), Shard(1, {Extent(2)})}), Me(), {}, kNow);
  EXPECT_EQ(Ids(plan.open), (std::vector<ExtentId>{{kUid, 0, 1}, {kUid, 1, 2}}));
  EXPECT_TRUE(plan.seal.empty());
  EXPECT_TRUE(plan.drop.empty());
}

TEST(PlanApply, DoesNothingWhenAllIsAsItShouldBe) {
  const ApplyPlan plan = PlanApply(Map({Shard(0, {Extent(1, 10), Extent(3)})}), Me(),
                                   {Here(0, 1, true), Here(0, 3, false)}, kNow);
  EXPECT_TRUE(plan.open.empty());
  EXPECT_TRUE(plan.seal.empty());
  EXPECT_TRUE(plan.drop.empty());
  EXPECT_FALSE(plan.drop_later);
  EXPECT_EQ(plan.conflict, "");
}

TEST(PlanApply, SealsAClosedShardAndAnExtentThatHasASuccessor) {
  const ApplyPlan plan =
      PlanApply(Map({Shard(0, {Extent(1)}, true), Shard(1, {Extent(2), Extent(5)})}), Me(),
                {Here(0, 1, false), Here(1, 2, false)}, kNow);
  EXPECT_EQ(Ids(plan.open), (std::vector<ExtentId>{{kUid, 1, 5}}));
  EXPECT_EQ(Ids(plan.seal), (std::vector<ExtentId>{{kUid, 0, 1}, {kUid, 1, 2}}));
}

TEST(PlanApply, OpensAndSealsAnExtentThatWasClosedBeforeThisProcessSawIt) {
  const ApplyPlan plan = PlanApply(Map({Shard(0, {Extent(1)}, true)}), Me(), {}, kNow);
  EXPECT_EQ(Ids(plan.open), (std::vector<ExtentId>{{kUid, 0, 1}}));
  EXPECT_EQ(Ids(plan.seal), (std::vector<ExtentId>{{kUid, 0, 1}}));
}

TEST(PlanApply, NeverOpensAnExtentWhoseEndIsKnown) {
  const ApplyPlan plan = PlanApply(Map({Shard(0, {Extent(1, 4)}, true)}), Me(), {}, kNow);
  EXPECT_TRUE(plan.open.empty());
  EXPECT_TRUE(plan.seal.empty());
}

TEST(PlanApply, LeavesExtentsOfOtherOwnersAlone) {
  const ApplyPlan plan = PlanApply(
      Map({Shard(0, {Extent(1, {}, "other")}), Shard(1, {Extent(2, {}, "other"), Extent(3)})}),
      Me(), {}, kNow);
  EXPECT_EQ(Ids(plan.open), (std::vector<ExtentId>{{kUid, 1, 3}}));
  EXPECT_TRUE(plan.seal.empty());
}

TEST(PlanApply, DropsAForgottenExtentOnlyOnceItsRecordsHavePassedRetention) {
  const ShardMap map = Map({Shard(1, {Extent(2)})});
  ApplyPlan plan =
      PlanApply(map, Me(), {Here(0, 1, true, kNow - kDayMs + 1000), Here(1, 2, false)}, kNow);
  EXPECT_TRUE(plan.drop.empty());
  EXPECT_TRUE(plan.drop_later);
  plan = PlanApply(map, Me(), {Here(0, 1, true, kNow - kDayMs - 1000), Here(1, 2, false)}, kNow);
  EXPECT_EQ(plan.drop, (std::vector<ExtentId>{{kUid, 0, 1}}));
  EXPECT_FALSE(plan.drop_later);
}

TEST(PlanApply, KeepsADeletedStreamUntilItsGraceIsOver) {
  ShardMap map = Map({Shard(0, {Extent(1)})});
  map.deleting = true;
  map.drop_after_ms = kNow + 1;
  ApplyPlan plan = PlanApply(map, Me(), {Here(0, 1, false)}, kNow);
  EXPECT_TRUE(plan.drop.empty());
  EXPECT_TRUE(plan.drop_later);
  EXPECT_FALSE(plan.gone);
  plan = PlanApply(map, Me(), {Here(0, 1, false)}, kNow + 1);
  EXPECT_EQ(plan.drop, (std::vector<ExtentId>{{kUid, 0, 1}}));
  EXPECT_TRUE(plan.gone);
}

TEST(PlanApply, NamesAWriteHeadThatIsSealedHere) {
  const ApplyPlan plan = PlanApply(Map({Shard(0, {Extent(1)})}), Me(), {Here(0, 1, true)}, kNow);
  EXPECT_NE(plan.conflict.find("sealed here"), std::string::npos);
}

MapExtent OnVolume(MapExtent extent, const std::string& volume) {
  extent.volume = volume;
  return extent;
}
std::vector<ExtentId> Ids(const std::vector<MissingExtent>& missing) {
  std::vector<ExtentId> ids;
  for (const MissingExtent& extent : missing) ids.push_back(extent.id);
  return ids;
}

TEST(PlanApply, OpensNoExtentOfAnotherVolumeAndCallsItMissing) {
  const Holder self{"me", {"new", kNow}};
  const ShardMap map =
      Map({Shard(0, {OnVolume(Extent(1), "old"), OnVolume(Extent(2), "old")}),
           Shard(1, {OnVolume(Extent(3), "new")}), Shard(2, {OnVolume(Extent(4), "new")}, true)});
  const ApplyPlan plan = PlanApply(map, self, {}, kNow);
  EXPECT_EQ(Ids(plan.open), (std::vector<ExtentId>{{kUid, 1, 3}, {kUid, 2, 4}}));
  EXPECT_EQ(Ids(plan.seal), (std::vector<ExtentId>{{kUid, 2, 4}}));
  EXPECT_EQ(Ids(plan.missing), (std::vector<ExtentId>{{kUid, 0, 1}, {kUid, 0, 2}}));
}

TEST(PlanApply, SealsTheWriteHeadThatItHasOnlyAnEarlierStateOf) {
  const Holder self{"me", {"new", kNow}};
  const ApplyPlan plan =
      PlanApply(Map({Shard(0, {OnVolume(Extent(1), "old")})}), self, {Here(0, 1, false)}, kNow);
  EXPECT_EQ(Ids(plan.missing), (std::vector<ExtentId>{{kUid, 0, 1}}));
  EXPECT_EQ(plan.missing[0].end_index, 10u);
  EXPECT_EQ(Ids(plan.seal), (std::vector<ExtentId>{{kUid, 0, 1}}));
}

TEST(PlanApply, AnExtentThatEndsBeforeTheMapSaysIsMissing) {
  const ApplyPlan plan = PlanApply(Map({Shard(0, {Extent(1, 11), Extent(2)})}), Me(),
                                   {Here(0, 1, true), Here(0, 2, false)}, kNow);
  EXPECT_EQ(Ids(plan.missing), (std::vector<ExtentId>{{kUid, 0, 1}}));
}

}  // namespace
}  // namespace millrace::shard
