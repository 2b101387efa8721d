#include "operator/stream/stream_plan.h"

#include <gtest/gtest.h>

#include "common/resources/conditions.h"
#include "operator/stream/reshard_plan.h"

namespace millrace::op {
namespace {

using resources::Resource;

constexpr WallMs kNow = 1'763'700'000'000;

// A world of one stream: what the reconciler would read, and the effect of what it would do.
struct World {
  StreamSettings settings;
  StreamInput input;

  World() {
    Resource& stream = input.stream;
    stream.kind = resources::kStreamKind;
    stream.key = {"default", "orders"};
    stream.uid = "0123456789abcdef-0000";
    stream.generation = 1;
    stream.creation_timestamp = resources::FormatTime(kNow);
    stream.finalizers = {std::string(kStreamFinalizer)};
    stream.spec = json::Object{};
    input.pool.pods = {{"shard-0"}};
    input.now = kNow;
  }
  void Spec(std::string_view text) { input.stream.spec = *json::ParseJson(text); }
  // One reconcile, carried out.
  StreamPlan Step() {
    StreamPlan plan = PlanStream(settings, input);
    if (plan.map) input.map = plan.map;
    if (plan.status) input.stream.status = *plan.status;
    if (plan.clear_reshard) input.stream.annotations.clear();
    return plan;
  }
  // The data plane takes up the map there is.
  void Apply() {
    ObservedStream observed;
    observed.applied_version = input.map->version;
    for (auto& shard : input.map->shards) {
      for (auto& extent : shard.extents) {
        bool last_open = !shard.closed_ms && &extent == &shard.extents.back();
        if (!last_open) observed.sealed.push_back({shard.index, extent.epoch, 100});
      }
    }
    input.pool.streams["shard-0"] = observed;
  }
  void Settle() {
    for (int i = 0; i < 5; ++i) {
      Step();
      Apply();
    }
  }
  std::string StatusWord() const { return input.stream.status["streamStatus"].AsString(); }
  std::string Reason(std::string_view type) const {
    return resources::FindCondition(input.stream.status, type)["reason"].AsString();
  }
};

TEST(StreamPlan, FinalizerComesFirst) {
  World world;
  world.input.stream.finalizers.clear();
  StreamPlan plan = world.Step();
  EXPECT_TRUE(plan.add_finalizer);
  EXPECT_FALSE(plan.map);
}

TEST(StreamPlan, NewStreamGetsItsShardsAndIsActiveOnceApplied) {
  World world;
  StreamPlan plan = world.Step();
  ASSERT_TRUE(plan.map);
  EXPECT_EQ(plan.map->shards.size(), 4u);
  EXPECT_EQ(plan.map->stream_arn, "arn:aws:kinesis:us-east-1:000000000000:stream/orders");
  EXPECT_EQ(plan.map->stream_uid, 0x0123456789abcdefu);
  EXPECT_EQ(world.StatusWord(), "CREATING");
  world.Apply();
  world.Step();
  EXPECT_EQ(world.StatusWord(), "ACTIVE");
  EXPECT_EQ(world.Reason("Ready"), "Active");
}

TEST(StreamPlan, TheFirstStatusMayWaitForTheShards) {
  World world;
  world.settings.first_status_after = std::chrono::seconds(1);
  StreamPlan plan = world.Step();
  ASSERT_TRUE(plan.map);
  EXPECT_FALSE(plan.status);
  EXPECT_EQ(plan.again, Duration(std::chrono::seconds(1)));
  world.input.now += 400;
  plan = world.Step();
  EXPECT_FALSE(plan.status);
  EXPECT_EQ(plan.again, Duration(std::chrono::milliseconds(600)));
  World late = world;
  late.input.now += 600;
  EXPECT_TRUE(late.Step().status);
  EXPECT_EQ(late.StatusWord(), "CREATING");
  world.Apply();
  EXPECT_TRUE(world.Step().status);
  EXPECT_EQ(world.StatusWord(), "ACTIVE");
}

TEST(StreamPlan, AFirstStatusThatIsNewsWaitsForNothing) {
  World world;
  world.settings.first_status_after = std::chrono::seconds(1);
  world.Step();
  world.input.pool.streams["shard-0"].error = "no room";
  EXPECT_TRUE(world.Step().status);
  EXPECT_EQ(world.Reason("Ready"), "MapNotApplied");
  World without;
  without.settings.first_status_after = std::chrono::seconds(1);
  without.input.pool.exists = false;
  EXPECT_TRUE(without.Step().status);
  EXPECT_EQ(without.Reason("Ready"), "PoolNotFound");
}

TEST(StreamPlan, PlanningTwiceOnTheSameWorldChangesNothing) {
  World world;
  world.Settle();
  StreamPlan plan = world.Step();
  EXPECT_FALSE(plan.map);
  EXPECT_FALSE(plan.status);
  EXPECT_FALSE(plan.add_finalizer || plan.clear_reshard || plan.remove_finalizer);
}

TEST(StreamPlan, TheMapSaysWhereAPoolOutsideTheReleasesNamespaceIs) {
  World world;
  world.settings.ns = world.input.pool.ns = "millrace";
  world.Settle();
  EXPECT_EQ(world.input.map->pool_namespace, "");
  const uint64_t version = world.input.map->version;
  world.input.pool.ns = "elsewhere";
  world.Settle();
  EXPECT_EQ(world.input.map->pool_namespace, "elsewhere");
  EXPECT_EQ(world.input.map->version, version + 1);
  // A pool that is not known for a moment is where it was.
  world.input.pool = {};
  world.input.pool.exists = false;
  world.Step();
  EXPECT_EQ(world.input.map->pool_namespace, "elsewhere");
}

TEST(StreamPlan, ProvisionedShardCountIsReached) {
  World world;
  world.Spec(R"({"streamModeDetails":{"streamMode":"PROVISIONED"},"shardCount":2})");
  world.Settle();
  world.Spec(R"({"streamModeDetails":{"streamMode":"PROVISIONED"},"shardCount":3})");
  world.input.stream.generation = 2;
  world.Step();
  EXPECT_EQ(world.StatusWord(), "UPDATING");
  EXPECT_EQ(OpenShards(*world.input.map).size(), 3u);
  world.Settle();
  EXPECT_EQ(world.StatusWord(), "ACTIVE");
  EXPECT_EQ(world.input.stream.status["openShardCount"].AsInt(), 3);
}

TEST(StreamPlan, SealedEndsAreNotedWithoutGoingThroughUpdating) {
  World world;
  world.Spec(R"({"streamModeDetails":{"streamMode":"PROVISIONED"},"shardCount":1})");
  world.Settle();
  world.input.stream.annotations[std::string(resources::kReshardAnnotation)] =
      R"({"op":"split","shard":0,"newStartingHashKey":"170141183460469231731687303715884105728"})";
  world.Spec(R"({"streamModeDetails":{"streamMode":"PROVISIONED"},"shardCount":2})");
  StreamPlan split = world.Step();
  EXPECT_TRUE(split.clear_reshard);
  world.Apply();
  StreamPlan noted = world.Step();
  ASSERT_TRUE(noted.map);
  EXPECT_EQ(world.StatusWord(), "ACTIVE");
  EXPECT_GT(noted.map->version, noted.map->serving_version);
  EXPECT_EQ(noted.map->shards[0].extents.back().end_index, 100u);
  // An end that is known stays what it is, whatever is said of it later.
  world.input.pool.streams["shard-0"].sealed.front().end_index = 90;
  EXPECT_FALSE(world.Step().map);
}

TEST(StreamPlan, AReshardThatCannotBeDoneIsAnsweredAndDropped) {
  World world;
  world.Spec(R"({"streamModeDetails":{"streamMode":"PROVISIONED"},"shardCount":4})");
  world.Settle();
  world.input.stream.annotations[std::string(resources::kReshardAnnotation)] =
      R"({"op":"merge","shard":0,"adjacent":2})";
  StreamPlan plan = world.Step();
  EXPECT_TRUE(plan.clear_reshard);
  EXPECT_FALSE(plan.map);
  EXPECT_EQ(world.Reason("Reconciled"), "RequestRefused");
}

TEST(StreamPlan, EncryptionOpensNewExtents) {
  World world;
  world.Settle();
  world.Spec(R"({"encryption":{"encryptionType":"KMS","keyID":"alias/x"}})");
  StreamPlan plan = world.Step();
  ASSERT_TRUE(plan.map);
  for (const auto& shard : plan.map->shards) {
    ASSERT_EQ(shard.extents.size(), 2u);
    EXPECT_FALSE(shard.extents[0].encrypted);
    EXPECT_TRUE(shard.extents[1].encrypted);
  }
}

TEST(StreamPlan, AKeyOfItsOwnIsAwaitedAndItsRotationOpensNewExtents) {
  World world;
  world.settings.in_cluster = true;
  world.Spec(R"({"encryption":{"encryptionType":"KMS","keySecretRef":{"name":"s","key":"k"}}})");
  world.input.key.problem = NotFound("there is no Secret s");
  world.Step();
  EXPECT_FALSE(world.input.map);
  EXPECT_EQ(world.Reason("Ready"), "KeySecretNotFound");

  world.input.key = {"aa", OkStatus()};
  world.Settle();
  ASSERT_TRUE(world.input.map);
  EXPECT_EQ(world.input.map->key_id, "secret:aa");
  EXPECT_EQ(world.StatusWord(), "ACTIVE");
  const size_t extents = world.input.map->shards[0].extents.size();

  world.input.key = {"bb", OkStatus()};
  world.Settle();
  EXPECT_EQ(world.input.map->key_id, "secret:bb");
  EXPECT_EQ(world.input.map->shards[0].extents.size(), extents + 1);

  // What is encrypted is served on when the Secret is gone, and it is said.
  world.input.key = {"", InvalidArgument("32 bytes")};
  world.Settle();
  EXPECT_EQ(world.input.map->key_id, "secret:bb");
  EXPECT_EQ(world.input.map->shards[0].extents.size(), extents + 1);
  EXPECT_EQ(world.Reason("Ready"), "Active");
  EXPECT_EQ(world.Reason("Reconciled"), "KeySecretInvalid");
}

TEST(StreamPlan, ConsumersKeepTheirArn) {
  World world;
  world.Spec(R"({"consumers":[{"consumerName":"a"}]})");
  world.Settle();
  std::string arn = world.input.map->consumers[0].arn;
  world.input.now += 60'000;
  world.Spec(R"({"consumers":[{"consumerName":"a"},{"consumerName":"b"}]})");
  world.Settle();
  ASSERT_EQ(world.input.map->consumers.size(), 2u);
  EXPECT_EQ(world.input.map->consumers[0].arn, arn);
}

TEST(StreamPlan, ClosedShardsLeaveAfterRetention) {
  World world;
  world.Spec(R"({"streamModeDetails":{"streamMode":"PROVISIONED"},"shardCount":1})");
  world.Settle();
  world.Spec(R"({"streamModeDetails":{"streamMode":"PROVISIONED"},"shardCount":2})");
  world.Settle();
  EXPECT_EQ(world.input.map->shards.size(), 3u);
  ASSERT_TRUE(PlanStream(world.settings, world.input).again);
  world.input.now += 23 * 3'600'000;
  world.Settle();
  EXPECT_EQ(world.input.map->shards.size(), 3u);
  world.input.now += 2 * 3'600'000;
  world.Settle();
  EXPECT_EQ(world.input.map->shards.size(), 2u);
  EXPECT_EQ(world.input.map->next_shard_index, 3u);
}

TEST(StreamPlan, InvalidSpecIsACondition) {
  World world;
  world.Spec(R"({"retentionPeriodHours":12})");
  StreamPlan plan = world.Step();
  EXPECT_FALSE(plan.map);
  EXPECT_EQ(world.Reason("Ready"), "InvalidSpec");
}

TEST(StreamPlan, InvalidSpecOfARunningStreamLeavesItServing) {
  World world;
  world.Settle();
  world.Spec(R"({"retentionPeriodHours":12})");
  StreamPlan plan = world.Step();
  EXPECT_FALSE(plan.map);
  EXPECT_EQ(world.Reason("Reconciled"), "InvalidSpec");
}

TEST(StreamPlan, PausedStreamIsLeftAlone) {
  World world;
  world.Settle();
  world.Spec(R"({"managementPolicy":"Paused","retentionPeriodHours":48})");
  EXPECT_FALSE(world.Step().map);
}

TEST(StreamPlan, DeletingTellsTheDataPlaneThenLetsGo) {
  World world;
  world.Settle();
  world.input.stream.deletion_timestamp = resources::FormatTime(kNow);
  StreamPlan first = world.Step();
  ASSERT_TRUE(first.map);
  EXPECT_TRUE(first.map->deleting);
  EXPECT_EQ(first.map->drop_after_ms, kNow + 24 * 3'600'000);
  EXPECT_FALSE(first.remove_finalizer);
  EXPECT_FALSE(world.Step().remove_finalizer);
  world.Apply();
  EXPECT_TRUE(world.Step().remove_finalizer);
}

TEST(StreamPlan, DeletionPolicyDeleteDropsAtOnce) {
  World world;
  world.Spec(R"({"deletionPolicy":"Delete"})");
  world.Settle();
  world.input.stream.deletion_timestamp = resources::FormatTime(kNow);
  EXPECT_EQ(world.Step().map->drop_after_ms, kNow);
}

TEST(StreamPlan, AnAwayShardProcessIsSaidAndChangesNoMap) {
  World world;
  world.Settle();
  world.input.pool.pods[0].state = PoolPod::State::kBlinking;
  StreamPlan plan = world.Step();
  EXPECT_FALSE(plan.map);
  EXPECT_EQ(world.Reason("Ready"), "ShardProcessAway");
  EXPECT_EQ(world.StatusWord(), "ACTIVE");
}

TEST(StreamPlan, ANewStreamStartsAboveTheEpochsOfWhatHadItsName) {
  World world;
  world.input.retired_epoch = kNow / 1000 + 500;
  StreamPlan plan = world.Step();
  ASSERT_TRUE(plan.map);
  EXPECT_EQ(plan.map->shards[0].extents.at(0).epoch, kNow / 1000 + 501);
  World later;
  later.input.retired_epoch = kNow / 1000 - 1;
  EXPECT_EQ(later.Step().map->shards[0].extents.at(0).epoch, kNow / 1000);
}

TEST(StreamPlan, ASecondStreamOfTheSameNameGetsNoShards) {
  World world;
  world.input.name_taken_by = "default/first";
  EXPECT_FALSE(world.Step().map);
  EXPECT_EQ(world.Reason("Ready"), "NameTaken");
}

TEST(StreamPlan, LostRecordsDegradeTheStream) {
  World world;
  world.Settle();
  world.input.pool.streams["shard-0"].lost_records = 7;
  world.Step();
  EXPECT_EQ(world.Reason("Degraded"), "CorruptRecords");
}

// Several pods: each takes up the map and reports of its own extents.
struct PoolWorld : World {
  explicit PoolWorld(size_t count) {
    input.pool.pods.clear();
    for (size_t i = 0; i < count; ++i) input.pool.pods.push_back({"p-" + std::to_string(i)});
  }
  void ApplyOn(const std::string& pod) {
    ObservedStream observed;
    observed.applied_version = input.map->version;
    for (auto& shard : input.map->shards) {
      for (auto& extent : shard.extents) {
        bool head = !shard.closed_ms && &extent == &shard.extents.back();
        if (extent.owner == pod && !head) observed.sealed.push_back({shard.index, extent.epoch, 9});
      }
    }
    input.pool.streams[pod] = observed;
  }
};

TEST(StreamPlan, IsActiveOnceEveryPodWithAWriteHeadHasAppliedTheMap) {
  PoolWorld world(2);
  world.Step();
  world.ApplyOn("p-0");
  world.Step();
  EXPECT_EQ(world.StatusWord(), "CREATING");
  world.ApplyOn("p-1");
  world.Step();
  EXPECT_EQ(world.StatusWord(), "ACTIVE");
}

TEST(StreamPlan, HeadsOfALostPodMoveAndItsEndsAreNotedOnceItIsBack) {
  PoolWorld world(2);
  world.Step();
  for (const char* pod : {"p-0", "p-1"}) world.ApplyOn(pod);
  world.Step();
  world.input.pool.pods[1].state = PoolPod::State::kAway;
  StreamPlan plan = world.Step();
  ASSERT_TRUE(plan.map);
  EXPECT_EQ(HeadsByPod(*plan.map), (std::map<std::string, size_t>{{"p-0", 4}}));
  world.ApplyOn("p-0");
  world.Step();
  EXPECT_EQ(world.StatusWord(), "ACTIVE");
  EXPECT_EQ(world.Reason("Degraded"), "ExtentsAway");
  world.input.pool.pods[1].state = PoolPod::State::kLeaving;  // back, but gets nothing yet
  world.ApplyOn("p-1");
  world.Step();
  for (auto& shard : world.input.map->shards) {
    for (size_t i = 0; i + 1 < shard.extents.size(); ++i) EXPECT_EQ(shard.extents[i].end_index, 9u);
  }
  world.Step();
  EXPECT_EQ(world.Reason("Degraded"), "NoDataLost");
}

TEST(StreamPlan, APodsWordOnAnothersExtentDoesNotCount) {
  PoolWorld world(2);
  world.Step();
  ObservedStream lies;
  lies.applied_version = world.input.map->version;
  for (auto& shard : world.input.map->shards) {
    lies.sealed.push_back({shard.index, shard.extents[0].epoch, 1});
  }
  world.input.pool.streams["p-2"] = lies;
  EXPECT_FALSE(world.Step().map);
}

TEST(StreamPlan, WithoutItsPoolAStreamSaysWhichOneIsMissing) {
  World world;
  world.Spec(R"({"placement":{"poolRef":{"name":"fast"}}})");
  world.input.pool = {};
  world.input.pool.exists = false;
  EXPECT_FALSE(world.Step().map);
  EXPECT_EQ(world.Reason("Ready"), "PoolNotFound");
  world.input.pool.exists = true;
  world.Step();
  EXPECT_EQ(world.Reason("Ready"), "PoolNotReady");
  world.input.pool.pods = {{"fast-0", PoolPod::State::kBlinking}};
  EXPECT_FALSE(world.Step().map);
  world.input.pool.pods[0].state = PoolPod::State::kOpen;
  EXPECT_TRUE(world.Step().map);
}

TEST(StreamPlan, AnExtentLeavesTheChainOnceItsRecordsHaveExpiredWhetherItsEndIsKnownOrNot) {
  for (const bool comes_back : {true, false}) {
    PoolWorld world(2);
    world.Step();
    for (const char* pod : {"p-0", "p-1"}) world.ApplyOn(pod);
    world.input.pool.pods[1].state = PoolPod::State::kAway;
    world.Step();
    auto extents = [&] {
      size_t count = 0;
      for (auto& shard : world.input.map->shards) count += shard.extents.size();
      return count;
    };
    ASSERT_EQ(extents(), 6u);
    constexpr WallMs kHour = 3'600'000;
    world.input.now = kNow + 23 * kHour;
    if (comes_back) {
      world.input.pool.pods[1].state = PoolPod::State::kBlinking;
      world.ApplyOn("p-1");
    }
    world.Step();
    EXPECT_EQ(extents(), 6u) << "their records are still read";
    world.input.now = kNow + 30 * kHour;
    world.Step();
    EXPECT_EQ(extents(), 4u);
    EXPECT_FALSE(HasExtentOn(*world.input.map, "p-1"));
  }
}

}  // namespace
}  // namespace millrace::op
