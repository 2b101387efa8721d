#include "operator/stream/reshard_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "common/base/random.h"

namespace millrace::op {
namespace {

using resources::HashKey;
using resources::MapShard;
using resources::ShardMap;

const MapShard& ShardOf(const ShardMap& map, uint32_t index) {
  return *std::find_if(map.shards.begin(), map.shards.end(),
                       [&](auto& s) { return s.index == index; });
}

HashKey Next(HashKey key) {
  return key.low == UINT64_MAX ? HashKey{key.high + 1, 0} : HashKey{key.high, key.low + 1};
}

// I4 of the invariants: open shards partition the key space at every moment.
void ExpectWholeKeySpace(const ShardMap& map) {
  std::vector<uint32_t> open = OpenShards(map);
  ASSERT_FALSE(open.empty());
  HashKey expected{};
  for (uint32_t index : open) {
    const MapShard& shard = ShardOf(map, index);
    EXPECT_EQ(shard.start, expected);
    EXPECT_LE(shard.start, shard.end);
    expected = Next(shard.end);
  }
  EXPECT_EQ(ShardOf(map, open.back()).end, HashKey::Max());
}

// Children hold nothing that is older than their parents' last extent.
void ExpectEpochsRise(const ShardMap& map) {
  std::set<uint64_t> seen;
  for (const MapShard& shard : map.shards) {
    uint64_t last = 0;
    for (const auto& extent : shard.extents) {
      EXPECT_GT(extent.epoch, last);
      EXPECT_TRUE(seen.insert(extent.epoch).second) << "epoch used twice";
      last = extent.epoch;
    }
    for (auto parent : {shard.parent, shard.adjacent_parent}) {
      if (!parent || shard.extents.empty()) continue;
      const MapShard& p = ShardOf(map, *parent);
      EXPECT_TRUE(p.closed_ms);
      if (!p.extents.empty()) {
        EXPECT_LT(p.extents.back().epoch, shard.extents.front().epoch);
      }
    }
  }
}

void OpenFirst(ShardMap& map, WallMs now) {
  OpenExtents(
      map,
      [](const MapShard& shard) {
        return shard.extents.empty() ? std::optional(HeadPlace{"shard-0"}) : std::nullopt;
      },
      now);
}

void ReopenOnTheSame(ShardMap& map, WallMs now) {
  OpenExtents(map, [](const MapShard&) { return std::optional(HeadPlace{"shard-0"}); }, now);
}

ShardMap MapOf(uint32_t count, WallMs now = 1'700'000'000'000) {
  ShardMap map;
  AddUniformShards(map, count, now);
  OpenFirst(map, now);
  return map;
}

TEST(ReshardPlan, FourShardsStartWhereAwsStartsThem) {
  ShardMap map = MapOf(4);
  EXPECT_EQ(map.shards[0].start.ToDecimal(), "0");
  EXPECT_EQ(map.shards[1].start.ToDecimal(), "85070591730234615865843651857942052864");
  EXPECT_EQ(map.shards[3].end.ToDecimal(), "340282366920938463463374607431768211455");
  ExpectWholeKeySpace(map);
}

TEST(ReshardPlan, ThreeShardsGiveTheRestToTheLast) {
  ShardMap map = MapOf(3);
  EXPECT_EQ(map.shards[1].start.ToDecimal(), "113427455640312821154458202477256070485");
  ExpectWholeKeySpace(map);
}

TEST(ReshardPlan, SplitClosesTheParentAndOpensTwoChildren) {
  ShardMap map = MapOf(1);
  ASSERT_TRUE(SplitShard(map, 0, HashKey{1ULL << 63, 0}, 1'700'000'001'000).ok());
  OpenFirst(map, 1'700'000'001'000);
  EXPECT_EQ(OpenShards(map), (std::vector<uint32_t>{1, 2}));
  EXPECT_EQ(ShardOf(map, 1).parent, 0u);
  EXPECT_TRUE(ShardOf(map, 0).closed_ms);
  ExpectWholeKeySpace(map);
  ExpectEpochsRise(map);
}

TEST(ReshardPlan, SplitRefusesAKeyAtTheStartOrOutside) {
  ShardMap map = MapOf(2);
  EXPECT_FALSE(SplitShard(map, 1, map.shards[1].start, 1).ok());
  EXPECT_FALSE(SplitShard(map, 0, map.shards[1].start, 1).ok());
  EXPECT_FALSE(SplitShard(map, 7, HashKey{1, 1}, 1).ok());
}

TEST(ReshardPlan, MergeTakesNeighboursInEitherOrderAndNoOthers) {
  for (auto [a, b] : {std::pair{0u, 1u}, std::pair{1u, 0u}}) {
    ShardMap map = MapOf(3);
    ASSERT_TRUE(MergeShards(map, a, b, 1'700'000'001'000).ok());
    EXPECT_EQ(OpenShards(map), (std::vector<uint32_t>{3, 2}));
    EXPECT_EQ(ShardOf(map, 3).parent, a);
    EXPECT_EQ(ShardOf(map, 3).adjacent_parent, b);
    ExpectWholeKeySpace(map);
  }
  ShardMap map = MapOf(3);
  EXPECT_FALSE(MergeShards(map, 0, 2, 1).ok());
}

TEST(ReshardPlan, ScalingBetweenAnyTwoCountsEndsUniform) {
  for (uint32_t from = 1; from <= 12; ++from) {
    for (uint32_t to = 1; to <= 12; ++to) {
      ShardMap map = MapOf(from);
      ASSERT_TRUE(ScaleUniformly(map, to, 1'700'000'001'000).ok());
      OpenFirst(map, 1'700'000'001'000);
      std::vector<uint32_t> open = OpenShards(map);
      std::vector<HashKey> starts = UniformStarts(to);
      ASSERT_EQ(open.size(), starts.size());
      for (size_t i = 0; i < open.size(); ++i) EXPECT_EQ(ShardOf(map, open[i]).start, starts[i]);
      ExpectWholeKeySpace(map);
      ExpectEpochsRise(map);
    }
  }
}

TEST(ReshardPlan, ScalingToWhatIsThereChangesNothing) {
  ShardMap map = MapOf(5);
  ASSERT_TRUE(ScaleUniformly(map, 5, 1'700'000'001'000).ok());
  EXPECT_EQ(map.shards.size(), 5u);
}

TEST(ReshardPlan, RandomReshardsKeepTheKeySpaceWhole) {
  Random random(42);
  ShardMap map = MapOf(2);
  WallMs now = 1'700'000'000'000;
  for (int i = 0; i < 300; ++i) {
    now += static_cast<WallMs>(random.Below(2000));
    std::vector<uint32_t> open = OpenShards(map);
    uint32_t shard = open[random.Below(open.size())];
    const MapShard& chosen = ShardOf(map, shard);
    if (random.OneIn(2)) {
      HashKey middle{chosen.start.high / 2 + chosen.end.high / 2, chosen.end.low};
      SplitShard(map, shard, middle, now).IgnoreError();
    } else if (open.size() > 1) {
      size_t at = random.Below(open.size() - 1);
      MergeShards(map, open[at], open[at + 1], now).IgnoreError();
    }
    OpenFirst(map, now);
    ExpectWholeKeySpace(map);
  }
  ExpectEpochsRise(map);
}

TEST(ReshardPlan, EpochsRiseAlsoWhenTheClockGoesBack) {
  ShardMap map = MapOf(1, 1'700'000'000'000);
  ASSERT_TRUE(SplitShard(map, 0, HashKey{5, 5}, 1'600'000'000'000).ok());
  OpenFirst(map, 1'600'000'000'000);
  ReopenOnTheSame(map, 1'500'000'000'000);
  ExpectEpochsRise(map);
}

}  // namespace
}  // namespace millrace::op
