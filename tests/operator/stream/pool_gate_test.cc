#include "operator/stream/pool_gate.h"

#include <gtest/gtest.h>

#include "operator/stream/head_placement.h"
#include "operator/stream/reshard_plan.h"

namespace millrace::op {
namespace {

using resources::ResourceKey;
using resources::ShardMap;

constexpr WallMs kNow = 1'763'700'000'000;
const ResourceKey kPool{"millrace", "default"};
const ResourceKey kMap{"shop", "orders.1"};

class PoolGateTest : public testing::Test {
 protected:
  PoolGateTest() {
    gate_.SetPods({{kPool, {{"default-0", ""}, {"default-1", ""}}}});
    AddUniformShards(map_, 1, kNow);
    HeadPlacement({{"default-0"}}, map_).OpenFirst(map_, kNow);
    gate_.MapChanged(kMap, map_);
  }
  // What the reconcilers and the shard processes do of it.
  void MoveAndSeal() {
    HeadPlacement({{"default-0", PoolPod::State::kLeaving}, {"default-1"}}, map_)
        .MoveHeads(map_, kNow);
    for (auto& shard : map_.shards) shard.extents[0].end_index = 1;
    gate_.MapChanged(kMap, map_);
  }

  int told_ = 0;
  ShardFleet fleet_{SystemClock(), "token", [](uint64_t) {}, [] {}};
  PoolGate gate_{fleet_, [this](const ResourceKey& key) {
                   EXPECT_EQ(key, kPool);
                   ++told_;
                 }};
  ShardMap map_;
};

TEST_F(PoolGateTest, APodIsDrainedOnceItsHeadsAreElsewhereAndItsControllerIsTold) {
  gate_.SetMapsKnown();
  gate_.SetDraining(kPool, {"default-0"});
  EXPECT_FALSE(gate_.IsDrained(kPool, "default-0"));
  MoveAndSeal();
  EXPECT_TRUE(gate_.IsDrained(kPool, "default-0"));
  EXPECT_EQ(told_, 1);
  EXPECT_FALSE(gate_.IsEmpty(kPool, "default-0"));
  gate_.MapGone(kMap);
  EXPECT_TRUE(gate_.IsEmpty(kPool, "default-0"));
}

TEST_F(PoolGateTest, BeforeEveryMapIsKnownNoPodIsDrained) {
  gate_.SetDraining(kPool, {"default-0"});
  gate_.MapGone(kMap);
  EXPECT_FALSE(gate_.IsDrained(kPool, "default-0"));
  gate_.SetMapsKnown();
  EXPECT_TRUE(gate_.IsDrained(kPool, "default-0"));
}

TEST_F(PoolGateTest, APodThatIsNotToGoIsNeverDrained) {
  gate_.SetMapsKnown();
  gate_.MapGone(kMap);
  EXPECT_FALSE(gate_.IsDrained(kPool, "default-1"));
}

TEST_F(PoolGateTest, TheOnlyPodOfAPoolNeedNotWait) {
  gate_.SetMapsKnown();
  gate_.SetPods({{kPool, {{"default-0", ""}}}});
  gate_.SetDraining(kPool, {"default-0"});
  EXPECT_TRUE(gate_.IsDrained(kPool, "default-0"));
  EXPECT_FALSE(gate_.IsEmpty(kPool, "default-0"));
}

TEST_F(PoolGateTest, APoolWithoutItsWorkloadIsForgotten) {
  EXPECT_TRUE(fleet_.Observe("default", 1).exists);
  gate_.SetPods({});
  EXPECT_FALSE(fleet_.Observe("default", 1).exists);
}

TEST_F(PoolGateTest, AWorkloadThatIsGoneIsNoPool) {
  gate_.SetDraining({"millrace", "clicks-delivery"}, {});
  EXPECT_FALSE(fleet_.Observe("clicks-delivery", 1).exists);
}

TEST(FleetPodsOf, LeavesOutPodsOfOtherComponents) {
  auto pod = [](const std::string& component) {
    return *json::ParseJson(R"({"metadata":{"name":"a-0","namespace":"millrace","labels":
               {"app.kubernetes.io/component":")" +
                            component + R"("},"ownerReferences":
               [{"kind":"Workload","name":"a","controller":true}]}})");
  };
  EXPECT_EQ(FleetPodsOf({pod("shard")}, 8080).size(), 1u);
  EXPECT_TRUE(FleetPodsOf({pod("delivery")}, 8080).empty());
}

TEST(FleetPodsOf, TakesPodsThatAWorkloadOwnsAndWhereTheyAnswer) {
  auto pod = [](const char* text) { return *json::ParseJson(text); };
  auto found =
      FleetPodsOf({pod(R"({"metadata":{"name":"default-0","namespace":"millrace","ownerReferences":
               [{"kind":"Workload","name":"default","controller":true}]},
               "status":{"podIP":"10.0.0.7"}})"),
                   pod(R"({"metadata":{"name":"default-1","namespace":"millrace","ownerReferences":
               [{"kind":"Workload","name":"default","controller":true}]},
               "status":{"podIP":"fd00::7"}})"),
                   pod(R"({"metadata":{"name":"default-2","namespace":"millrace","ownerReferences":
               [{"kind":"Workload","name":"default","controller":true}]}})"),
                   pod(R"({"metadata":{"name":"web-0","namespace":"millrace","ownerReferences":
               [{"kind":"ReplicaSet","name":"web","controller":true}]}})")},
                  8080);
  ASSERT_EQ(found.size(), 1u);
  ASSERT_EQ(found[kPool].size(), 3u);
  EXPECT_EQ(found[kPool][0].admin_endpoint, "http://10.0.0.7:8080");
  EXPECT_EQ(found[kPool][1].admin_endpoint, "http://[fd00::7]:8080");
  EXPECT_EQ(found[kPool][2].admin_endpoint, "");
}

}  // namespace
}  // namespace millrace::op
