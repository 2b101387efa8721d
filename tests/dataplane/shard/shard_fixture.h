#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "dataplane/placement/placement.h"
#include "dataplane/shard/chain_reader.h"
#include "tests/support/fake_lane.h"
#include "tests/support/sim_clock.h"
#include "tests/support/sim_executor.h"

namespace millrace::shard {

// One lane on virtual time and maps of one stream on it.
class ShardFixture : public ::testing::Test {
 protected:
  static constexpr uint64_t kUid = 7;

  static resources::ShardMap MapOf(std::vector<resources::MapShard> shards) {
    resources::ShardMap map;
    map.stream_uid = kUid;
    map.stream_name = "orders";
    map.stream_arn = "arn:aws:kinesis:us-east-1:000000000000:stream/orders";
    map.shards = std::move(shards);
    for (const char* name : {"a", "b", "c"}) map.consumers.push_back({name, ConsumerArn(name), 1});
    return map;
  }
  static resources::MapShard Shard(uint32_t index, const std::vector<uint64_t>& epochs) {
    resources::MapShard shard{.index = index, .start = {}, .end = resources::HashKey::Max()};
    for (const uint64_t epoch : epochs) shard.extents.push_back({.epoch = epoch, .owner = "me"});
    return shard;
  }
  static resources::MapShard Closed(resources::MapShard shard) {
    shard.closed_ms = 5;
    return shard;
  }
  static resources::MapShard ChildOf(uint32_t parent, resources::MapShard shard) {
    shard.parent = parent;
    return shard;
  }
  static std::string ConsumerArn(const std::string& name) {
    return "arn:aws:kinesis:us-east-1:000000000000:stream/orders/consumer/" + name + ":1";
  }

  StreamPtr View(resources::ShardMap map) {
    if (state_ == nullptr) {
      state_ = std::make_shared<StreamState>();
      state_->metrics = books_.Open(map.stream_name);
    }
    return std::make_shared<const StreamView>(std::move(map), state_, [](uint32_t) { return 0; });
  }
  ShardRef At(const StreamPtr& view, uint32_t shard = 0) { return {view, view->Find(shard)}; }

  void Open(uint32_t shard, uint64_t epoch) {
    lane_.OpenExtent({kUid, shard, epoch}, false, [](const Status& s) { EXPECT_TRUE(s.ok()); });
    Settle();
  }
  void Seal(uint32_t shard, uint64_t epoch) {
    lane_.Seal({kUid, shard, epoch}, [](const Result<uint64_t>& end) { EXPECT_TRUE(end.ok()); });
    Settle();
  }
  // Appends `count` records of `bytes` bytes in all, and commits them.
  void Append(uint32_t shard, uint64_t epoch, uint32_t count, size_t bytes = 100) {
    lane_.AppendRecords({{kUid, shard, epoch}, Slice::FromString(std::string(bytes, 'x')), count},
                        [](const Result<storage::AppendResult>& r) { EXPECT_TRUE(r.ok()); });
  }
  void Settle() { executor_.RunFor(std::chrono::milliseconds(20)); }

  metrics::Registry registry_;
  StreamMetricsBooks books_{registry_};
  std::shared_ptr<StreamState> state_;
  sim::SimClock clock_;
  sim::SimExecutor executor_{clock_};
  testing::FakeLane lane_{executor_, clock_};
};

}  // namespace millrace::shard
