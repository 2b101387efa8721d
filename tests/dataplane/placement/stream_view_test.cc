#include "dataplane/placement/stream_view.h"

#include <gtest/gtest.h>

#include "dataplane/placement/placement.h"

namespace millrace::shard {
namespace {

using resources::HashKey;
using resources::MapShard;
using resources::ShardMap;

ShardMap SplitMap() {
  ShardMap map;
  map.stream_uid = 7;
  map.stream_name = "orders";
  map.stream_arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/orders";
  MapShard parent{.index = 0, .start = {}, .end = HashKey::Max(), .closed_ms = 5};
  parent.extents = {{.epoch = 1, .owner = "me", .end_index = 3}};
  MapShard right{.index = 1, .start = {1ULL << 63, 0}, .end = HashKey::Max(), .parent = 0};
  right.extents = {{.epoch = 2, .owner = "me"}};
  MapShard left{.index = 2, .start = {}, .end = {(1ULL << 63) - 1, UINT64_MAX}, .parent = 0};
  left.extents = {{.epoch = 3, .owner = "me"}};
  map.shards = {parent, right, left};
  map.consumers = {{"app", map.stream_arn + "/consumer/app:1", 1}};
  return map;
}

class StreamViewTest : public ::testing::Test {
 protected:
  StreamPtr Make(ShardMap map) {
    auto state = std::make_shared<StreamState>();
    state->metrics = books_.Open(map.stream_name);
    return std::make_shared<const StreamView>(std::move(map), state,
                                              [](uint32_t shard) { return shard % 2; });
  }
  metrics::Registry registry_;
  StreamMetricsBooks books_{registry_};
};

TEST_F(StreamViewTest, FindsTheOpenShardOfAHashKeyAtEveryEdge) {
  const StreamPtr view = Make(SplitMap());
  EXPECT_EQ(view->OpenFor({})->index(), 2u);
  EXPECT_EQ(view->OpenFor({(1ULL << 63) - 1, UINT64_MAX})->index(), 2u);
  EXPECT_EQ(view->OpenFor({1ULL << 63, 0})->index(), 1u);
  EXPECT_EQ(view->OpenFor(HashKey::Max())->index(), 1u);
  EXPECT_EQ(view->open_count(), 2u);
}

TEST_F(StreamViewTest, AGapInTheRangesHasNoShard) {
  ShardMap map = SplitMap();
  map.shards[2].end = {5, 0};
  const StreamPtr view = Make(std::move(map));
  EXPECT_EQ(view->OpenFor({6, 0}), nullptr);
}

TEST_F(StreamViewTest, ParentsKnowTheirChildren) {
  const StreamPtr view = Make(SplitMap());
  EXPECT_EQ(view->Find(0)->children, (std::vector<uint32_t>{1, 2}));
  EXPECT_TRUE(view->Find(1)->children.empty());
  EXPECT_FALSE(view->Find(0)->open());
  EXPECT_EQ(view->Find(9), nullptr);
  EXPECT_EQ(view->account(), "123456789012");
}

TEST_F(StreamViewTest, AShardKeepsItsLimitsOverMapVersions) {
  const StreamPtr first = Make(SplitMap());
  const auto second =
      std::make_shared<const StreamView>(SplitMap(), first->state(), [](uint32_t) { return 0; });
  EXPECT_EQ(first->Find(1)->state, second->Find(1)->state);
}

TEST_F(StreamViewTest, ConsumersAreFoundByArnOnly) {
  const StreamPtr view = Make(SplitMap());
  EXPECT_EQ(view->FindConsumer(view->map().stream_arn + "/consumer/app:1")->name, "app");
  EXPECT_EQ(view->FindConsumer(view->map().stream_arn + "/consumer/app:2"), nullptr);
}

TEST_F(StreamViewTest, ADeletedStreamIsFoundByNothingAndTheYoungerIncarnationByName) {
  ShardMap old_map = SplitMap();
  old_map.created_ms = 1;
  ShardMap young_map = SplitMap();
  young_map.stream_uid = 8;
  young_map.created_ms = 2;
  const StreamPtr old_view = Make(old_map);
  const StreamPtr young_view = Make(young_map);
  EXPECT_EQ(ShardTable(1, {old_view, young_view}).ByName("orders"), young_view);
  EXPECT_EQ(ShardTable(1, {young_view, old_view}).ByName("orders"), young_view);
  young_map.deleting = true;
  const ShardTable table(2, {old_view, Make(young_map)});
  EXPECT_EQ(table.ByName("orders"), old_view);
  EXPECT_EQ(table.ByUid(8), nullptr);
  EXPECT_EQ(table.ByName("other"), nullptr);
}

TEST_F(StreamViewTest, SeriesOfADeletedStreamGoWithItsLastView) {
  {
    const StreamPtr view = Make(SplitMap());
    view->metrics().stream().incoming_records->Add(3);
    EXPECT_NE(registry_.Render().find("stream=\"orders\""), std::string::npos);
  }
  EXPECT_EQ(registry_.Render().find("stream=\"orders\""), std::string::npos);
}

TEST_F(StreamViewTest, ShardSeriesAreThoseAskedFor) {
  ShardMap map = SplitMap();
  map.shard_level_metrics = {"IncomingBytes"};
  const StreamPtr view = Make(map);
  EXPECT_NE(view->Find(1)->metrics.incoming_bytes, nullptr);
  EXPECT_EQ(view->Find(1)->metrics.outgoing_bytes, nullptr);
}

}  // namespace
}  // namespace millrace::shard
