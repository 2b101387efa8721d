#include "operator/stream/head_index.h"

#include <gtest/gtest.h>

#include "operator/stream/head_placement.h"
#include "operator/stream/reshard_plan.h"

namespace millrace::op {
namespace {

using resources::ShardMap;

constexpr WallMs kNow = 1'763'700'000'000;

ShardMap MapOn(const std::string& pod) {
  ShardMap map;
  AddUniformShards(map, 2, kNow);
  HeadPlacement({{pod}}, map).OpenFirst(map, kNow);
  return map;
}

TEST(HeadIndex, APodIsDrainedOnceItsHeadsHaveMovedAndTheirEndsAreKnown) {
  HeadIndex index;
  ShardMap map = MapOn("p-0");
  index.Update({"shop", "orders.1"}, map);
  EXPECT_EQ(index.Of("p-0").heads, 2u);
  HeadPlacement({{"p-0", PoolPod::State::kLeaving}, {"p-1"}}, map).MoveHeads(map, kNow);
  index.Update({"shop", "orders.1"}, map);
  EXPECT_EQ(index.Of("p-0").heads, 0u);
  EXPECT_EQ(index.Of("p-0").unsealed, 2u);
  EXPECT_FALSE(index.Of("p-0").drained());
  for (auto& shard : map.shards) shard.extents[0].end_index = 7;
  index.Update({"shop", "orders.1"}, map);
  EXPECT_TRUE(index.Of("p-0").drained());
  EXPECT_FALSE(index.Of("p-0").empty());
  EXPECT_EQ(index.Of("p-1").heads, 2u);
}

TEST(HeadIndex, MapsThatAreGoneOrDeletingCountNoMore) {
  HeadIndex index;
  ShardMap map = MapOn("p-0");
  index.Update({"shop", "orders.1"}, map);
  index.Update({"shop", "clicks.2"}, map);
  EXPECT_EQ(index.Of("p-0").heads, 4u);
  index.Remove({"shop", "clicks.2"});
  index.Remove({"shop", "clicks.2"});
  EXPECT_EQ(index.Of("p-0").heads, 2u);
  map.deleting = true;
  index.Update({"shop", "orders.1"}, map);
  EXPECT_TRUE(index.Of("p-0").drained());
  EXPECT_FALSE(index.Of("p-0").empty());
  index.Remove({"shop", "orders.1"});
  EXPECT_TRUE(index.Of("p-0").empty());
}

TEST(HeadIndex, APodWithoutItsVolumeIsDrainedOfWhatItCanTell) {
  PodLoad load{.heads = 0, .unsealed = 3, .extents = 3};
  EXPECT_FALSE(load.drained());
  EXPECT_FALSE(load.drained(2));
  EXPECT_TRUE(load.drained(3));
  load.heads = 1;
  EXPECT_FALSE(load.drained(3));
}

}  // namespace
}  // namespace millrace::op
