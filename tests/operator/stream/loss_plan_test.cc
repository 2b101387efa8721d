#include "operator/stream/loss_plan.h"

#include <gtest/gtest.h>

#include "common/resources/conditions.h"

namespace millrace::op {
namespace {

using resources::MapExtent;
using resources::ShardMap;
using State = PoolPod::State;

constexpr WallMs kNow = 1'763'700'000'000;

// One stream of two shards on two pods, as the reconciler sees it, and pods that keep what they are
// told on volumes that can be taken away.
struct World {
  StreamSettings settings;
  StreamInput input;
  std::map<std::string, std::set<std::pair<uint32_t, uint64_t>>> on_volume;

  World() {
    resources::Resource& stream = input.stream;
    stream.kind = resources::kStreamKind;
    stream.key = {"shop", "orders"};
    stream.uid = "0123456789abcdef-0000";
    stream.generation = 1;
    stream.creation_timestamp = resources::FormatTime(kNow);
    stream.finalizers = {std::string(kStreamFinalizer)};
    stream.spec =
        *json::ParseJson(R"({"streamModeDetails":{"streamMode":"PROVISIONED"},"shardCount":2})");
    for (const char* name : {"p-0", "p-1"}) {
      PoolPod pod;
      pod.name = name;
      pod.volume = std::string("v-") + name;
      input.pool.pods.push_back(pod);
    }
    input.now = kNow;
    Settle();
  }
  PoolPod& Pod(size_t i) { return input.pool.pods[i]; }
  StreamPlan Step() {
    StreamPlan plan = PlanStream(settings, input);
    if (plan.map) input.map = plan.map;
    if (plan.status) input.stream.status = *plan.status;
    if (plan.clear_accept_loss) input.stream.annotations.clear();
    return plan;
  }
  // Each pod that answers applies the map as data planes do.
  void Apply() {
    for (PoolPod& pod : input.pool.pods) {
      if (pod.state == State::kAway) continue;
      ObservedStream observed;
      observed.applied_version = input.map->version;
      observed.volume = pod.volume;
      for (auto& shard : input.map->shards) {
        for (auto& extent : shard.extents) {
          const std::pair<uint32_t, uint64_t> id{shard.index, extent.epoch};
          if (extent.owner != pod.name) continue;
          if (extent.volume != pod.volume) {
            if (!extent.lost && extent.end_index != 0)
              observed.missing.push_back({id.first, id.second, 0});
          } else {
            on_volume[pod.volume].insert(id);
            if (&extent != &shard.extents.back())
              observed.sealed.push_back({id.first, id.second, 9});
          }
        }
      }
      pod.lacks = !observed.missing.empty();
      pod.missing.clear();
      for (const auto& extent : observed.missing) pod.missing.emplace(extent.shard, extent.epoch);
      input.pool.streams[pod.name] = observed;
    }
  }
  void Settle() {
    for (int i = 0; i < 4; ++i) {
      Step();
      if (input.map) Apply();
    }
  }
  void LoseVolume(size_t i) {
    Pod(i).volume = "new";
    Settle();
  }
  void Annotate(const std::string& names) {
    input.stream.annotations[std::string(kAcceptLossAnnotation)] = names;
  }
  std::string Degraded(const char* field) const {
    return resources::FindCondition(input.stream.status, "Degraded")[field].AsString();
  }
  size_t Lost() const {
    size_t lost = 0;
    for (auto& shard : input.map->shards) {
      for (auto& extent : shard.extents) lost += extent.lost ? 1 : 0;
    }
    return lost;
  }
};

TEST(BindVolumes, NamesTheVolumeOfWhatAPodHasAndTheMapGivesNone) {
  ShardMap map;
  map.shards.resize(1);
  for (const uint64_t epoch : {1, 2, 3, 4}) {
    MapExtent extent;
    extent.epoch = epoch;
    extent.owner = epoch == 3 ? "p-1" : "p-0";
    map.shards[0].extents.push_back(extent);
  }
  map.shards[0].extents[1].volume = "another";  // the pod's map was older
  ObservedStream observed;
  observed.unbound = {{0, 1}, {0, 2}, {0, 3}};
  EXPECT_FALSE(BindVolumes("p-0", observed, map)) << "a pod that does not say which it is on";
  observed.volume = "v";
  EXPECT_TRUE(BindVolumes("p-0", observed, map));
  std::vector<std::string> volumes;
  for (const MapExtent& extent : map.shards[0].extents) volumes.push_back(extent.volume);
  EXPECT_EQ(volumes, (std::vector<std::string>{"v", "another", "", ""}));
  EXPECT_FALSE(BindVolumes("p-0", observed, map));
}

TEST(LossPlan, ALostVolumeIsNamedWithWhatToDoAndWritesGoOnElsewhere) {
  World world;
  EXPECT_EQ(world.Degraded("reason"), "NoDataLost");
  world.LoseVolume(1);
  EXPECT_EQ(HeadsByPod(*world.input.map), (std::map<std::string, size_t>{{"p-0", 2}}));
  EXPECT_EQ(world.Degraded("status"), "True");
  EXPECT_EQ(world.Degraded("reason"), "ExtentsMissing");
  const std::string message = world.Degraded("message");
  for (const char* part : {"p-1 is without 1 extent of shards", "volume v-p-1", "volume new",
                           "millrace.dev/accept-loss-of=v-p-1", "Readers wait"}) {
    EXPECT_NE(message.find(part), std::string::npos) << part << " in " << message;
  }
  EXPECT_EQ(world.input.stream.status["streamStatus"].AsString(), "ACTIVE");
}

TEST(LossPlan, NoEndIsBelievedOfAPodThatIsOnAnotherVolume) {
  World world;
  world.LoseVolume(1);
  ObservedStream& liar = world.input.pool.streams["p-1"];
  for (auto& shard : world.input.map->shards) {
    for (auto& extent : shard.extents) liar.sealed.push_back({shard.index, extent.epoch, 0});
  }
  EXPECT_FALSE(world.Step().map);
  liar.volume = "";  // of a version that knows of no volumes
  EXPECT_FALSE(world.Step().map);
}

TEST(LossPlan, WhenTheVolumeIsBackNothingIsMissingAndHeadsReturn) {
  World world;
  world.LoseVolume(1);
  world.Pod(1).volume = "v-p-1";
  world.Settle();
  EXPECT_EQ(world.Degraded("reason"), "NoDataLost");
  EXPECT_EQ(HeadsByPod(*world.input.map).size(), 2u);
  EXPECT_FALSE(world.Step().map);
}

TEST(LossPlan, AnAcceptedLossIsCountedOnceAndEndsTheWaiting) {
  World world;
  world.LoseVolume(1);
  world.Annotate(" v-p-1, other");
  const StreamPlan plan = world.Step();
  EXPECT_EQ(plan.lost.extents, 1u);
  EXPECT_EQ(plan.lost.extents_of_unknown_end, 1u);
  EXPECT_TRUE(plan.clear_accept_loss);
  ASSERT_TRUE(plan.map);
  EXPECT_EQ(plan.map->serving_version, plan.map->version);
  world.Settle();
  EXPECT_EQ(world.Lost(), 1u);
  EXPECT_EQ(world.Degraded("status"), "False");
  EXPECT_EQ(world.Degraded("reason"), "LossAccepted");
  world.Annotate("v-p-1");
  EXPECT_EQ(world.Step().lost.extents, 0u);
}

TEST(LossPlan, NothingThatIsThereIsGivenUp) {
  World world;
  for (const char* names : {"v-p-0", "p-0", "p-1", "v-p-0,v-p-1,p-0,p-1"}) {
    world.Annotate(names);
    const StreamPlan plan = world.Step();
    EXPECT_EQ(plan.lost.extents, 0u) << names;
    EXPECT_TRUE(plan.clear_accept_loss) << "a later loss is another question";
  }
  world.LoseVolume(1);
  world.Annotate("v-p-0 p-0");
  EXPECT_EQ(world.Step().lost.extents, 0u);
}

TEST(LossPlan, ByItsNameOnlyAPodThatSaysSoLosesAnything) {
  World world;
  world.Pod(1).state = State::kAway;
  world.Settle();
  world.Annotate("p-1");
  EXPECT_EQ(world.Step().lost.extents, 0u) << "it may be back with all it has";
  world.Pod(1).state = State::kOpen;
  world.LoseVolume(1);
  world.Annotate("p-1");
  EXPECT_EQ(world.Step().lost.extents, 1u);
}

TEST(LossPlan, AVolumeThatIsNamedIsGivenUpAlsoWhereItsPodIsGoneForGood) {
  World world;
  world.input.pool.pods.pop_back();
  world.input.pool.streams.erase("p-1");
  world.Settle();
  world.Annotate("v-p-1");
  EXPECT_EQ(world.Step().lost.extents, 1u);
}

TEST(LossPlan, AnOrderThatComesBeforeThePodHasSpokenWaits) {
  World world;
  world.Pod(1).volume = "new";
  world.Annotate("v-p-1");
  StreamPlan plan = world.Step();
  EXPECT_EQ(plan.lost.extents, 0u);
  EXPECT_FALSE(plan.clear_accept_loss);
  world.Apply();
  world.Step();
  EXPECT_EQ(world.Lost(), 1u);
}

TEST(LossPlan, ThePoolsOrderCountsForEachOfItsStreams) {
  World world;
  world.LoseVolume(1);
  world.input.pool.volumes_given_up = {"v-p-1"};
  EXPECT_EQ(world.Step().lost.extents, 1u);
  EXPECT_EQ(world.Step().lost.extents, 0u);
}

TEST(LossPlan, WhatIsThereOfAnExtentStaysAndTheRestIsCounted) {
  World world;
  MapExtent& extent = world.input.map->shards[0].extents[0];
  extent.end_index = 100;
  world.input.map->shards[0].extents.push_back({.epoch = extent.epoch + 9, .owner = "p-0"});
  ObservedStream& observed = world.input.pool.streams[world.input.map->shards[0].extents[0].owner];
  observed.missing = {{0, world.input.map->shards[0].extents[0].epoch, 60}};
  ShardMap map = *world.input.map;
  const LossAccepted lost = AcceptLosses({map.shards[0].extents[0].volume}, world.input.pool, map);
  EXPECT_EQ(lost.records, 40u);
  EXPECT_EQ(map.shards[0].extents[0].end_index, 60u);
}

TEST(LossPlan, ExtentsOfAnEarlierVersionAreBoundToTheVolumeThatHasThem) {
  World world;
  for (auto& shard : world.input.map->shards) shard.extents[0].volume.clear();
  ObservedStream& observed = world.input.pool.streams["p-0"];
  observed.unbound = {{0, world.input.map->shards[0].extents[0].epoch},
                      {1, world.input.map->shards[1].extents[0].epoch}};
  const StreamPlan plan = world.Step();
  ASSERT_TRUE(plan.map);
  EXPECT_LT(plan.map->serving_version, plan.map->version) << "nothing that is served changes";
  for (auto& shard : plan.map->shards) {
    const MapExtent& extent = shard.extents[0];
    EXPECT_EQ(extent.volume, extent.owner == "p-0" ? "v-p-0" : "");
  }
}

}  // namespace
}  // namespace millrace::op
