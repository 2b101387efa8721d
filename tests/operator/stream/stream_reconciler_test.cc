#include "operator/stream/stream_reconciler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "common/resources/file_store.h"
#include "operator/stream/reshard_plan.h"
#include "tests/support/sim_clock.h"
#include "tests/support/temp_folder.h"

namespace millrace::op {
namespace {

using resources::Resource;
using resources::ResourceKey;
using resources::ShardMap;

// The reconciler over a real store, with a data plane that has taken up every map there is, and
// forgets what is deleted at once.
class StreamReconcilerTest : public testing::Test {
 protected:
  StreamReconcilerTest() {
    store_ = std::move(resources::FileStore::Open(folder_.path(), clock_)).value();
    reconciler_ = std::make_unique<StreamReconciler>(
        *store_, clock_, StreamSettings{},
        [](const std::string&, uint64_t) { return Forgotten(); });
  }
  static ObservedPool Forgotten() {
    ObservedPool pool;
    pool.pods = {{"shard-0"}};
    pool.streams["shard-0"].applied_version = 1'000'000;
    pool.streams["shard-0"].dropped = true;
    return pool;
  }
  void Settle() {
    for (int i = 0; i < 6; ++i) {
      const Outcome outcome = reconciler_->Reconcile(key_);
      EXPECT_TRUE(outcome.error().ok()) << outcome.error().ToString();
    }
  }
  void Create(int shards) {
    Resource stream;
    stream.kind = resources::kStreamKind;
    stream.key = key_;
    stream.spec.Set("deletionPolicy", "Delete");
    stream.spec.Set("shardCount", shards);
    ASSERT_TRUE(store_->Create(stream).ok());
    Settle();
  }
  void Delete() {
    ASSERT_TRUE(store_->Delete(resources::kStreamKind, key_).ok());
    Settle();
    ASSERT_FALSE(store_->Get(resources::kStreamKind, key_).ok());
  }
  std::vector<ShardMap> Maps() {
    std::vector<ShardMap> maps;
    const auto objects = store_->List(resources::kShardMapKind, "").value();
    for (const Resource& object : objects) maps.push_back(ShardMap::Parse(object.spec).value());
    return maps;
  }
  // The lowest epoch of the stream that is there now.
  uint64_t FirstEpoch() {
    uint64_t first = UINT64_MAX;
    for (const ShardMap& map : Maps()) {
      if (map.deleting) continue;
      for (const auto& shard : map.shards) first = std::min(first, shard.extents.at(0).epoch);
    }
    return first;
  }

  const ResourceKey key_{"default", "orders"};
  testing_support::TempFolder folder_;
  sim::SimClock clock_;
  std::unique_ptr<resources::ResourceStore> store_;
  std::unique_ptr<StreamReconciler> reconciler_;
};

TEST_F(StreamReconcilerTest, AStreamMadeAnewNeverRepeatsAnEpoch) {
  uint64_t last = 0;
  // All in one second of the clock, which gave epochs of the next hundred already.
  for (int i = 0; i < 3; ++i) {
    Create(100);
    EXPECT_GT(FirstEpoch(), last);
    for (const ShardMap& map : Maps()) last = std::max(last, LastEpoch(map));
    Delete();
    ASSERT_TRUE(reconciler_->CollectDroppedMaps().ok());
  }
  EXPECT_GE(last, static_cast<uint64_t>(clock_.WallNow() / 1000 + 299));
}

TEST_F(StreamReconcilerTest, ADroppedMapGoesWhenTheClockHasPassedItsEpochs) {
  Create(100);
  Delete();
  ASSERT_TRUE(reconciler_->CollectDroppedMaps().ok());
  EXPECT_EQ(Maps().size(), 1u);
  clock_.JumpWall(101'000);
  ASSERT_TRUE(reconciler_->CollectDroppedMaps().ok());
  EXPECT_EQ(Maps().size(), 0u);
}

}  // namespace
}  // namespace millrace::op
