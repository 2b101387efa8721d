#include "common/resources/shard_map.h"

#include <gtest/gtest.h>

#include "common/base/random.h"

namespace millrace::resources {
namespace {

TEST(HashKey, DecimalRoundTripsAtTheEdges) {
  EXPECT_EQ(HashKey{}.ToDecimal(), "0");
  EXPECT_EQ(HashKey::Max().ToDecimal(), "340282366920938463463374607431768211455");
  EXPECT_EQ((HashKey{1, 0}).ToDecimal(), "18446744073709551616");
  for (const char* text : {"0", "9", "18446744073709551615", "18446744073709551616",
                           "340282366920938463463374607431768211455"}) {
    ASSERT_TRUE(HashKey::FromDecimal(text)) << text;
    EXPECT_EQ(HashKey::FromDecimal(text)->ToDecimal(), text);
  }
}

TEST(HashKey, RefusesWhatIsNoKey) {
  for (const char* text :
       {"", "00", "01", "-1", "+1", " 1", "1 ", "1e3", "0x1",
        "340282366920938463463374607431768211456", "999999999999999999999999999999999999999",
        "1000000000000000000000000000000000000000"}) {
    EXPECT_FALSE(HashKey::FromDecimal(text)) << text;
  }
}

TEST(HashKey, OrdersAsANumber) {
  EXPECT_LT((HashKey{0, UINT64_MAX}), (HashKey{1, 0}));
  EXPECT_LT((HashKey{1, 0}), (HashKey{1, 1}));
}

TEST(ShardIds, AreTwelveDigits) {
  EXPECT_EQ(ShardIdName(7), "shardId-000000000007");
  EXPECT_EQ(ShardIdName(UINT32_MAX), "shardId-004294967295");
  EXPECT_EQ(ParseShardId("shardId-000000000007"), 7u);
  for (const char* text :
       {"", "shardId-7", "shardId-00000000000x", "shard-000000000007", "shardId-999999999999",
        "shardId-0000000000071", "shardId--00000000001"}) {
    EXPECT_FALSE(ParseShardId(text)) << text;
  }
}

ShardMap Example() {
  ShardMap map;
  map.version = 3;
  map.serving_version = 2;
  map.stream_uid = UINT64_MAX - 1;
  map.stream_name = "orders";
  map.stream_arn = "arn:aws:kinesis:us-east-1:000000000000:stream/orders";
  map.deleting = true;
  map.drop_after_ms = 1'800'000'000'000;
  map.on_demand = false;
  map.enforce_shard_limits = true;
  map.auto_distribution = true;
  map.encrypted = true;
  map.key_id = "alias/aws/kinesis";
  map.retention_hours = 48;
  map.max_record_kib = 2048;
  map.created_ms = 1'763'700'000'000;
  map.shard_level_metrics = {"IncomingBytes"};
  map.next_shard_index = 3;
  map.last_epoch = 1'763'700'002;
  MapShard parent{.index = 0, .start = {}, .end = HashKey::Max(), .created_ms = 1, .closed_ms = 2};
  parent.extents = {{.epoch = 1'763'700'000, .owner = "shard-0", .end_index = 4711}};
  MapShard left{.index = 1,
                .start = {},
                .end = {0x7fffffffffffffff, UINT64_MAX},
                .parent = 0,
                .created_ms = 2};
  left.extents = {{.epoch = 1'763'700'001, .owner = "shard-0", .encrypted = true}};
  MapShard right{.index = 2,
                 .start = {0x8000000000000000, 0},
                 .end = HashKey::Max(),
                 .parent = 0,
                 .adjacent_parent = 1,
                 .created_ms = 2};
  right.extents = {{.epoch = 1'763'700'002, .owner = "shard-0"}};
  map.shards = {parent, left, right};
  map.consumers = {{"app", map.stream_arn + "/consumer/app:1763700000", 5}};
  return map;
}

TEST(ShardMap, EveryFieldSurvivesTheTripThroughItsDocument) {
  const json::Value document = Example().ToValue();
  const auto again = ShardMap::Parse(document);
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ(again->ToValue(), document);
  EXPECT_EQ(again->serving_version, 2u);
  EXPECT_EQ(again->stream_uid, UINT64_MAX - 1);
  EXPECT_EQ(again->drop_after_ms, 1'800'000'000'000);
  EXPECT_EQ(again->shards[2].adjacent_parent, 1u);
  EXPECT_EQ(again->shards[0].extents[0].end_index, 4711u);
  EXPECT_EQ(again->shards[1].closed_ms, std::nullopt);
  EXPECT_TRUE(again->shards[1].extents[0].encrypted);
  EXPECT_EQ(again->consumers[0].name, "app");
}

TEST(ShardMap, NamesTheFieldThatIsWrong) {
  json::Value document = Example().ToValue();
  document["shards"].MutableArray()[1].Set("startingHashKey", "nonsense");
  const auto bad_key = ShardMap::Parse(document);
  ASSERT_FALSE(bad_key.ok());
  EXPECT_EQ(bad_key.status().message(),
            "spec.shards[1].startingHashKey: must be a decimal string below 2^128");

  document = Example().ToValue();
  document.Remove("streamUid");
  const auto missing = ShardMap::Parse(document);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.status().message(), "spec.streamUid: is missing");
}

TEST(ShardMap, RefusesAnOpenShardWithoutExtentAndEpochsThatFall) {
  ShardMap map = Example();
  map.shards[1].extents.clear();
  EXPECT_FALSE(ShardMap::Parse(map.ToValue()).ok());
  map = Example();
  map.shards[1].extents.push_back({.epoch = 5, .owner = "shard-0"});
  EXPECT_FALSE(ShardMap::Parse(map.ToValue()).ok());
}

}  // namespace
}  // namespace millrace::resources
