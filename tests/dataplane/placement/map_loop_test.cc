#include "dataplane/placement/map_loop.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "common/base/random.h"
#include "dataplane/placement/folder_map_source.h"
#include "dataplane/placement/lane_calls.h"
#include "tests/support/fake_lane.h"

namespace millrace::shard {
namespace {

namespace fs = std::filesystem;
using resources::HashKey;
using resources::MapExtent;
using resources::MapShard;
using resources::ShardMap;
using storage::ExtentId;
using testing::FakeLane;
using testing::FakeLog;

ShardMap OneShard(uint64_t version, uint64_t uid = 7, const std::string& name = "orders") {
  ShardMap map;
  map.version = version;
  map.stream_uid = uid;
  map.stream_name = name;
  map.stream_arn = "arn:aws:kinesis:us-east-1:000000000000:stream/" + name;
  MapShard shard{.index = 0, .start = {}, .end = HashKey::Max(), .created_ms = 1};
  shard.extents = {{.epoch = 10, .owner = "me"}};
  map.shards = {shard};
  return map;
}

ShardMap Split(uint64_t version) {
  ShardMap map = OneShard(version);
  map.shards[0].closed_ms = 2;
  MapShard left{.index = 1, .start = {}, .end = {(1ULL << 63) - 1, UINT64_MAX}, .parent = 0};
  left.extents = {{.epoch = 11, .owner = "me"}};
  MapShard right{.index = 2, .start = {1ULL << 63, 0}, .end = HashKey::Max(), .parent = 0};
  right.extents = {{.epoch = 12, .owner = "me"}};
  map.shards.push_back(left);
  map.shards.push_back(right);
  return map;
}

class MapLoopTest : public ::testing::Test {
 protected:
  MapLoopTest()
      : folder_(fs::temp_directory_path() / ("maps-" + NewUuid())), log_(io_, SystemClock()) {
    fs::create_directories(folder_);
  }
  ~MapLoopTest() override {
    loop_.reset();
    fs::remove_all(folder_);
  }

  std::string StoreFile(uint64_t uid) const {
    return StoreFolder() + "/default/s." + std::to_string(uid) + ".json";
  }
  std::string StoreFolder() const { return (folder_ / "store" / "shardmaps").string(); }

  void Put(const ShardMap& map) {
    fs::create_directories(StoreFolder() + "/default");
    const std::string path = StoreFile(map.stream_uid);
    std::ofstream(path + ".tmp") << json::WriteJson(
        json::Object{{"kind", "ShardMap"}, {"spec", map.ToValue()}});
    fs::rename(path + ".tmp", path);
  }

  // A process's life from here on, on the same folder and log.
  void Start() {
    loop_.reset();
    placement_ = std::make_unique<Placement>();
    status_ = std::make_unique<ApplyStatus>("incarnation");
    source_ = std::make_unique<FolderMapSource>(StoreFolder());
    applier_ = std::make_unique<MapApplier>(log_, *placement_, *status_, books_,
                                            *MapFolder::Open((folder_ / "maps").string()),
                                            SystemClock(), MapApplierOptions{.owner = "me"});
    loop_ = std::make_unique<MapLoop>(*source_, *applier_);
    loop_->Start();
  }

  template <typename Condition>
  bool Eventually(Condition condition) {
    for (int i = 0; i < 1000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }

  json::Value StatusOf(uint64_t uid) const {
    const json::Value all = status_->ToValue();
    for (const json::Value& stream : all["streams"].AsArray()) {
      if (stream["uid"].AsString() == std::to_string(uid)) return stream;
    }
    return {};
  }

  std::vector<storage::ExtentInfo> Extents() {
    std::vector<storage::ExtentInfo> all;
    std::mutex mu;
    LaneCalls calls(log_);
    for (size_t i = 0; i < log_.lane_count(); ++i) {
      calls.AddSimple(i, [&](storage::Lane& lane) {
        std::lock_guard lock(mu);
        for (auto& info : lane.Extents()) all.push_back(info);
      });
    }
    calls.Run();
    std::sort(all.begin(), all.end(), [](auto& a, auto& b) { return a.id < b.id; });
    return all;
  }

  void FailLanesWith(const Status& status) {
    LaneCalls calls(log_);
    for (size_t i = 0; i < log_.lane_count(); ++i) {
      calls.AddSimple(i,
                      [&](storage::Lane& lane) { static_cast<FakeLane&>(lane).FailWith(status); });
    }
    calls.Run();
  }

  const fs::path folder_;
  IoThreads io_{2, "lane"};
  FakeLog log_;
  metrics::Registry registry_;
  StreamMetricsBooks books_{registry_};
  std::unique_ptr<Placement> placement_;
  std::unique_ptr<ApplyStatus> status_;
  std::unique_ptr<FolderMapSource> source_;
  std::unique_ptr<MapApplier> applier_;
  std::unique_ptr<MapLoop> loop_;
};

TEST_F(MapLoopTest, AMapThatIsThereServesOnceStartReturns) {
  Put(OneShard(1));
  Start();
  const StreamPtr view = placement_->table()->ByName("orders");
  ASSERT_NE(view, nullptr);
  ASSERT_EQ(Extents().size(), 1u);
  EXPECT_EQ(Extents()[0].id, (ExtentId{7, 0, 10}));
  EXPECT_EQ(StatusOf(7)["appliedVersion"].AsInt(), 1);
}

TEST_F(MapLoopTest, AMapThatComesLaterIsFoundThroughInotifyWithinATick) {
  Start();
  EXPECT_EQ(placement_->table()->ByName("orders"), nullptr);
  Put(OneShard(1));
  EXPECT_TRUE(Eventually([&] { return placement_->table()->ByName("orders") != nullptr; }));
  const auto begin = std::chrono::steady_clock::now();
  Put(OneShard(2, 8, "second"));
  EXPECT_TRUE(Eventually([&] { return placement_->table()->ByName("second") != nullptr; }));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(300));
}

TEST_F(MapLoopTest, ASplitSealsTheParentAndReportsItsEnd) {
  Put(OneShard(1));
  Start();
  Put(Split(2));
  ASSERT_TRUE(Eventually([&] { return StatusOf(7)["appliedVersion"].AsInt() == 2; }));
  const StreamPtr view = placement_->table()->ByName("orders");
  EXPECT_EQ(view->OpenFor({})->index(), 1u);
  const auto extents = Extents();
  ASSERT_EQ(extents.size(), 3u);
  EXPECT_TRUE(extents[0].sealed);
  EXPECT_FALSE(extents[1].sealed);
  const json::Value sealed = StatusOf(7)["sealed"];
  ASSERT_EQ(sealed.AsArray().size(), 1u);
  EXPECT_EQ(sealed.AsArray()[0]["epoch"].AsInt(), 10);
  EXPECT_EQ(sealed.AsArray()[0]["endIndex"].AsInt(), 0);
}

TEST_F(MapLoopTest, AnOlderVersionChangesNothing) {
  Put(Split(5));
  Start();
  Put(OneShard(4));
  Put(OneShard(1, 8, "marker"));
  ASSERT_TRUE(Eventually([&] { return placement_->table()->ByName("marker") != nullptr; }));
  EXPECT_EQ(placement_->table()->ByName("orders")->map().version, 5u);
}

TEST_F(MapLoopTest, WithoutTheStoreTheLastKnownMapsAreServed) {
  Put(Split(2));
  Start();
  loop_.reset();
  fs::remove_all(folder_ / "store");
  Start();
  ASSERT_NE(placement_->table()->ByName("orders"), nullptr);
  EXPECT_EQ(placement_->table()->ByName("orders")->map().version, 2u);
}

TEST_F(MapLoopTest, AFileThatDoesNotParseLeavesTheOldMapServing) {
  Put(OneShard(1));
  Start();
  std::ofstream(StoreFile(7)) << "{\"spec\":{\"version\":2";
  Put(OneShard(1, 8, "marker"));
  ASSERT_TRUE(Eventually([&] { return placement_->table()->ByName("marker") != nullptr; }));
  EXPECT_NE(placement_->table()->ByName("orders"), nullptr);
}

TEST_F(MapLoopTest, AVersionThatCannotBeAppliedIsNamedAndTriedAgain) {
  Put(OneShard(1));
  Start();
  FailLanesWith(Status(Code::kNoSpace, "disk full"));
  Put(Split(2));
  ASSERT_TRUE(Eventually([&] { return !StatusOf(7)["error"].AsString().empty(); }));
  EXPECT_EQ(StatusOf(7)["appliedVersion"].AsInt(), 1);
  EXPECT_EQ(placement_->table()->ByName("orders")->map().version, 1u);
  FailLanesWith(OkStatus());
  EXPECT_TRUE(Eventually([&] { return StatusOf(7)["appliedVersion"].AsInt() == 2; }));
  EXPECT_EQ(StatusOf(7)["error"].AsString(), "");
}

TEST_F(MapLoopTest, ADeletedStreamIsRefusedAtOnceDroppedAfterItsGraceAndForgottenWithItsFile) {
  Put(OneShard(1));
  Start();
  ShardMap map = OneShard(2);
  map.deleting = true;
  map.drop_after_ms = SystemClock().WallNow() + 1500;
  Put(map);
  ASSERT_TRUE(Eventually([&] { return placement_->table()->ByName("orders") == nullptr; }));
  EXPECT_EQ(Extents().size(), 1u);
  ASSERT_TRUE(Eventually([&] { return StatusOf(7)["dropped"].AsBool(); }));
  EXPECT_TRUE(Extents().empty());
  EXPECT_FALSE(fs::exists(folder_ / "maps" / "7.json"));
  fs::remove(StoreFile(7));
  EXPECT_TRUE(Eventually([&] { return StatusOf(7).is_null(); }));
}

TEST_F(MapLoopTest, AWaiterIsCalledWhenTheTableIsNewer) {
  Put(OneShard(1));
  Start();
  std::atomic<bool> called = false;
  placement_->WhenNewer(placement_->table()->generation(), io_.at(0), [&] { called = true; });
  EXPECT_FALSE(called);
  Put(Split(2));
  EXPECT_TRUE(Eventually([&] { return called.load(); }));
}

TEST_F(MapLoopTest, ALongPollOfTheStatusEndsWithTheNextChange) {
  Put(OneShard(1));
  Start();
  std::atomic<bool> called = false;
  status_->WhenAfter(status_->sequence(), io_.at(0), [&] { called = true; });
  EXPECT_FALSE(called);
  Put(Split(2));
  EXPECT_TRUE(Eventually([&] { return called.load(); }));
}

TEST_F(MapLoopTest, ExtentsOfAStreamThatNoMapNamesAreLeftAlone) {
  LaneCalls calls(log_);
  calls.Add(0, [](storage::Lane& lane, const std::function<void()>& finished) {
    lane.OpenExtent({99, 0, 1}, false, [finished](const Status& status) {
      EXPECT_TRUE(status.ok());
      finished();
    });
  });
  calls.Run();
  Put(OneShard(1));
  Start();
  EXPECT_EQ(Extents().size(), 2u);
}

}  // namespace
}  // namespace millrace::shard
