#include "operator/stream/head_placement.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "common/base/random.h"
#include "operator/stream/reshard_plan.h"

namespace millrace::op {
namespace {

using resources::MapShard;
using resources::ShardMap;
using State = PoolPod::State;

constexpr WallMs kNow = 1'763'700'000'000;

std::vector<PoolPod> Pods(std::initializer_list<State> states) {
  std::vector<PoolPod> pods;
  for (State state : states) pods.push_back({"p-" + std::to_string(pods.size()), state});
  return pods;
}

ShardMap MapOf(uint32_t shards, const std::vector<PoolPod>& pods, uint64_t uid = 0) {
  ShardMap map;
  map.stream_uid = uid;
  AddUniformShards(map, shards, kNow);
  HeadPlacement(pods, map).OpenFirst(map, kNow);
  return map;
}

void ExpectEven(const ShardMap& map, const std::vector<PoolPod>& pods) {
  std::map<std::string, size_t> heads = HeadsByPod(map);
  size_t least = SIZE_MAX;
  size_t most = 0;
  for (const PoolPod& pod : pods) {
    if (pod.state != State::kOpen) continue;
    least = std::min(least, heads[pod.name]);
    most = std::max(most, heads[pod.name]);
  }
  EXPECT_LE(most - least, 1u);
}

TEST(HeadPlacement, NewShardsAreSpreadEvenly) {
  std::vector<PoolPod> pods = Pods({State::kOpen, State::kOpen, State::kOpen});
  for (uint32_t shards : {1u, 2u, 3u, 4u, 10u}) ExpectEven(MapOf(shards, pods), pods);
}

TEST(HeadPlacement, StreamsOfOneShardBeginAtDifferentPods) {
  std::vector<PoolPod> pods = Pods({State::kOpen, State::kOpen, State::kOpen});
  std::map<std::string, int> used;
  for (uint64_t uid = 0; uid < 30; ++uid) ++used[MapOf(1, pods, uid).shards[0].extents[0].owner];
  EXPECT_EQ(used.size(), 3u);
}

TEST(HeadPlacement, APodThatIsNotOpenGetsNothingNew) {
  std::vector<PoolPod> pods = Pods({State::kOpen, State::kBlinking, State::kAway, State::kLeaving});
  EXPECT_EQ(HeadsByPod(MapOf(8, pods)), (std::map<std::string, size_t>{{"p-0", 8}}));
}

TEST(HeadPlacement, WithNoPodOpenShardsStillGetAnExtent) {
  EXPECT_EQ(HeadsByPod(MapOf(2, Pods({State::kAway, State::kBlinking}))).at("p-1"), 2u);
  EXPECT_EQ(HeadsByPod(MapOf(2, Pods({State::kAway}))).at("p-0"), 2u);
}

TEST(HeadPlacement, HeadsOfAPodThatIsAwayMoveAndItsExtentsStay) {
  std::vector<PoolPod> pods = Pods({State::kOpen, State::kOpen});
  ShardMap map = MapOf(4, pods);
  pods[1].state = State::kAway;
  ASSERT_TRUE(HeadPlacement(pods, map).MoveHeads(map, kNow));
  EXPECT_EQ(HeadsByPod(map), (std::map<std::string, size_t>{{"p-0", 4}}));
  EXPECT_TRUE(HasExtentOn(map, "p-1"));
  for (const MapShard& shard : map.shards) {
    ASSERT_FALSE(shard.extents.empty());
    for (size_t i = 1; i < shard.extents.size(); ++i) {
      EXPECT_LT(shard.extents[i - 1].epoch, shard.extents[i].epoch);
    }
  }
}

TEST(HeadPlacement, APodThatOnlyBlinksKeepsItsHeads) {
  std::vector<PoolPod> pods = Pods({State::kOpen, State::kOpen});
  ShardMap map = MapOf(4, pods);
  pods[1].state = State::kBlinking;
  EXPECT_FALSE(HeadPlacement(pods, map).MoveHeads(map, kNow));
}

TEST(HeadPlacement, TheOnlyPodKeepsItsHeadsWhateverItsState) {
  for (State state : {State::kOpen, State::kBlinking, State::kAway, State::kLeaving}) {
    std::vector<PoolPod> pods = Pods({State::kOpen});
    ShardMap map = MapOf(2, pods);
    pods[0].state = state;
    EXPECT_FALSE(HeadPlacement(pods, map).MoveHeads(map, kNow));
  }
}

TEST(HeadPlacement, HeadsOfAPodThatLeftThePoolMove) {
  ShardMap map = MapOf(4, Pods({State::kOpen, State::kOpen}));
  EXPECT_TRUE(HeadPlacement({{"p-0"}}, map).MoveHeads(map, kNow));
  EXPECT_EQ(HeadsByPod(map).size(), 1u);
}

TEST(HeadPlacement, ANewPodGetsItsShareOnceAllAreOpen) {
  ShardMap map = MapOf(6, Pods({State::kOpen, State::kOpen}));
  std::vector<PoolPod> pods = Pods({State::kOpen, State::kOpen, State::kBlinking});
  EXPECT_FALSE(HeadPlacement(pods, map).MoveHeads(map, kNow));
  pods[2].state = State::kOpen;
  EXPECT_TRUE(HeadPlacement(pods, map).MoveHeads(map, kNow));
  ExpectEven(map, pods);
}

TEST(HeadPlacement, AnyWorldComesToRestInOneMove) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Random random(seed);
    auto some = [&](uint64_t most) { return random.Below(most) + 1; };
    std::vector<PoolPod> pods(some(5));
    for (size_t i = 0; i < pods.size(); ++i) pods[i].name = "p-" + std::to_string(i);
    ShardMap map = MapOf(static_cast<uint32_t>(some(20)), pods, random.Below(100));
    for (PoolPod& pod : pods) pod.state = static_cast<State>(random.Below(4));
    HeadPlacement(pods, map).MoveHeads(map, kNow);
    ShardMap again = map;
    EXPECT_FALSE(HeadPlacement(pods, again).MoveHeads(again, kNow)) << "seed " << seed;
    const bool any_open = std::any_of(pods.begin(), pods.end(),
                                      [](const PoolPod& pod) { return pod.state == State::kOpen; });
    std::map<std::string, size_t> heads = HeadsByPod(map);
    for (const PoolPod& pod : pods) {
      if (any_open && (pod.state == State::kAway || pod.state == State::kLeaving)) {
        EXPECT_EQ(heads[pod.name], 0u) << "seed " << seed;
      }
    }
  }
}

TEST(HeadPlacement, AHeadIsBoundToTheVolumeOfItsPod) {
  std::vector<PoolPod> pods = Pods({State::kOpen, State::kOpen});
  pods[0].volume = "v0";
  pods[1].volume = "v1";
  for (const MapShard& shard : MapOf(4, pods).shards) {
    const resources::MapExtent& head = shard.extents.back();
    EXPECT_EQ(head.volume, head.owner == "p-0" ? "v0" : "v1");
  }
}

TEST(HeadPlacement, AHeadWhoseVolumeIsGoneMovesToAPodThatLacksNothing) {
  std::vector<PoolPod> pods = Pods({State::kOpen, State::kOpen});
  pods[0].volume = "v0";
  pods[1].volume = "v1";
  ShardMap map = MapOf(4, pods);
  pods[1].volume = "other";
  pods[1].lacks = true;
  ASSERT_TRUE(HeadPlacement(pods, map).MoveHeads(map, kNow));
  EXPECT_EQ(HeadsByPod(map), (std::map<std::string, size_t>{{"p-0", 4}}));
  EXPECT_FALSE(HeadPlacement(pods, map).MoveHeads(map, kNow)) << "and none goes back";
  pods[1].lacks = false;
  pods[1].volume = "v1";
  ASSERT_TRUE(HeadPlacement(pods, map).MoveHeads(map, kNow)) << "until the volume is back";
  ExpectEven(map, pods);
}

TEST(HeadPlacement, TheOnlyPodGoesOnInANewExtentOfItsNewVolume) {
  std::vector<PoolPod> pods = Pods({State::kOpen});
  pods[0].volume = "v0";
  ShardMap map = MapOf(1, pods);
  const uint64_t epoch = map.shards[0].extents.back().epoch;
  pods[0].volume = "v1";
  pods[0].lacks = true;
  ASSERT_TRUE(HeadPlacement(pods, map).MoveHeads(map, kNow));
  ASSERT_EQ(map.shards[0].extents.size(), 2u);
  EXPECT_GT(map.shards[0].extents[1].epoch, epoch);
  EXPECT_EQ(map.shards[0].extents[1].volume, "v1");
  EXPECT_FALSE(HeadPlacement(pods, map).MoveHeads(map, kNow));
}

TEST(HeadPlacement, AHeadThatItsPodMissesMovesWhereTheMapKnowsOfNoVolume) {
  std::vector<PoolPod> pods = Pods({State::kOpen});
  ShardMap map = MapOf(1, pods);
  pods[0].volume = "v1";
  EXPECT_FALSE(HeadPlacement(pods, map).MoveHeads(map, kNow));
  pods[0].missing = {{0, map.shards[0].extents.back().epoch}};
  EXPECT_TRUE(HeadPlacement(pods, map).MoveHeads(map, kNow));
}

TEST(HeadPlacement, ASilentPodsHeadIsBoundToTheVolumeThatTheMapHasOfIt) {
  std::vector<PoolPod> pods = Pods({State::kOpen});
  pods[0].volume = "v0";
  ShardMap map = MapOf(1, pods);
  AddUniformShards(map, 1, kNow);
  pods[0] = {"p-0", State::kAway};
  HeadPlacement(pods, map).OpenFirst(map, kNow);
  EXPECT_EQ(map.shards[1].extents.back().volume, "v0");
}

}  // namespace
}  // namespace millrace::op
