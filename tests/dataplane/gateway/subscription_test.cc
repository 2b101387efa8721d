#include "common/codec/base64.h"
#include "common/log/log.h"
#include "tests/dataplane/gateway/running_shard.h"

namespace millrace::gateway {
namespace {

using aws::Protocol;

class SubscriptionTest : public ::testing::TestWithParam<Protocol> {
 protected:
  void SetUp() override {
    log::Configure("test", log::Level::kError);
    map_ = RunningShard::MapOf("orders", 1);
    map_.consumers.push_back({"other", map_.stream_arn + "/consumer/other:1", 1});
    shard_.PutMap(map_);
    shard_.options.fan_out.keep_alive_after = std::chrono::milliseconds(600);
    shard_.Start();
  }
  json::Value Input(const std::string& type, const std::string& consumer = "app:1763700000") {
    return json::Object{{"ConsumerARN", map_.stream_arn + "/consumer/" + consumer},
                        {"ShardId", "shardId-000000000000"},
                        {"StartingPosition", json::Object{{"Type", type}}}};
  }
  void Put(const std::string& data) {
    const auto answer = shard_.Call(
        "PutRecord",
        json::Object{{"StreamName", "orders"}, {"Data", json::Blob{data}}, {"PartitionKey", "k"}},
        Protocol::kCbor);
    ASSERT_EQ(answer.status, 200) << answer.message();
  }
  std::string Shown(const std::string& data) const {
    return GetParam() == Protocol::kCbor ? data : codec::Base64Encode(data);
  }
  static std::string_view HeaderOf(const aws::EventMessage& event, std::string_view name) {
    for (const auto& [n, value] : event.headers) {
      if (n == name) return value;
    }
    return {};
  }

  RunningShard shard_;
  RunningShard::Map map_;
};

TEST_P(SubscriptionTest, BeginsWithTheInitialResponseThenGivesWhatWasThereAndWhatComes) {
  Put("before");
  RunningSubscription subscription(shard_, Input("TRIM_HORIZON"), GetParam());
  EXPECT_EQ(subscription.Records(1), (std::vector<std::string>{Shown("before")}));
  Put("after");
  EXPECT_EQ(subscription.Records(2), (std::vector<std::string>{Shown("before"), Shown("after")}));
  const auto events = subscription.Events(3);
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(HeaderOf(events[0], ":message-type"), "event");
  EXPECT_EQ(HeaderOf(events[0], ":event-type"), "initial-response");
  EXPECT_EQ(HeaderOf(events[0], ":content-type"), aws::ContentType(GetParam()));
  EXPECT_EQ(subscription.Payload(events[0]), json::Value(json::Object{}));
  EXPECT_EQ(HeaderOf(events[1], ":event-type"), "SubscribeToShardEvent");
  EXPECT_EQ(HeaderOf(events[1], ":content-type"),
            GetParam() == Protocol::kCbor ? "application/x-amz-cbor-1.1" : "application/json");
  const json::Value event = subscription.Payload(events[2]);
  const json::Value& record = event["Records"].AsArray()[0];
  EXPECT_EQ(record["PartitionKey"].AsString(), "k");
  EXPECT_EQ(record["EncryptionType"].AsString(), "NONE");
  EXPECT_EQ(event["ContinuationSequenceNumber"], record["SequenceNumber"]);
  EXPECT_EQ(event["MillisBehindLatest"].AsInt(-1), 0);
  // CBOR's times are of their own type, JSON's are seconds with a fraction.
  const double seconds =
      GetParam() == Protocol::kCbor
          ? static_cast<double>(record["ApproximateArrivalTimestamp"].AsTimestampMs()) / 1000
          : record["ApproximateArrivalTimestamp"].AsDouble();
  EXPECT_NEAR(seconds, static_cast<double>(SystemClock().WallNow()) / 1000, 60);
}

TEST_P(SubscriptionTest, AnIdleOneIsKeptAliveWithANumberToGoOnFrom) {
  RunningSubscription subscription(shard_, Input("LATEST"), GetParam());
  const auto events = subscription.Events(2);
  ASSERT_EQ(events.size(), 2u);
  const json::Value event = subscription.Payload(events[1]);
  EXPECT_TRUE(event["Records"].AsArray().empty());
  json::Value input = Input("AFTER_SEQUENCE_NUMBER", "other:1");
  input["StartingPosition"].Set("SequenceNumber", event["ContinuationSequenceNumber"]);
  Put("next");
  RunningSubscription next(shard_, input, GetParam());
  EXPECT_EQ(next.Records(1), (std::vector<std::string>{Shown("next")}));
}

TEST_P(SubscriptionTest, EndsWithTheShardAndNamesItsChildren) {
  Put("last");
  RunningSubscription subscription(shard_, Input("TRIM_HORIZON"), GetParam());
  EXPECT_EQ(subscription.Records(1).size(), 1u);
  shard_.PutMap(RunningShard::Split(map_));
  EXPECT_TRUE(subscription.Ended());
  const auto events = subscription.Events(3);
  ASSERT_EQ(events.size(), 3u);
  const json::Value end = subscription.Payload(events[2]);
  EXPECT_FALSE(end.Has("ContinuationSequenceNumber"));
  ASSERT_EQ(end["ChildShards"].AsArray().size(), 2u);
  EXPECT_EQ(end["ChildShards"].AsArray()[0]["ParentShards"].AsArray()[0].AsString(),
            "shardId-000000000000");
}

TEST_P(SubscriptionTest, ASecondOneAtOnceIsRefused) {
  RunningSubscription first(shard_, Input("LATEST"), GetParam());
  ASSERT_EQ(first.Events(1).size(), 1u);
  const auto refused = shard_.Call("SubscribeToShard", Input("LATEST"), GetParam());
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.type, "ResourceInUseException");
}

TEST_P(SubscriptionTest, EndsWhenTheStreamIsDeleted) {
  RunningSubscription subscription(shard_, Input("LATEST"), GetParam());
  ASSERT_EQ(subscription.Events(1).size(), 1u);
  map_.version = 2;
  map_.deleting = true;
  map_.drop_after_ms = SystemClock().WallNow() + 3'600'000;
  shard_.PutMap(map_);
  EXPECT_TRUE(subscription.Ended());
  const auto events = subscription.Events(2);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(HeaderOf(events[1], ":message-type"), "exception");
  EXPECT_EQ(HeaderOf(events[1], ":exception-type"), "ResourceNotFoundException");
}

TEST_P(SubscriptionTest, EndsWhenTheServerStops) {
  RunningSubscription subscription(shard_, Input("LATEST"), GetParam());
  ASSERT_EQ(subscription.Events(1).size(), 1u);
  shard_.server->Stop();
  EXPECT_TRUE(subscription.Ended());
}

TEST_P(SubscriptionTest, ManyRecordsOfManySizesComeWholeAndInOrder) {
  RunningSubscription live(shard_, Input("LATEST"), GetParam());
  ASSERT_EQ(live.Events(1).size(), 1u);
  std::vector<std::string> sent;
  for (int call = 0; call < 20; ++call) {
    json::Array records;
    for (int i = 0; i < 40; ++i) {
      std::string data =
          std::to_string(call * 40 + i) + std::string(static_cast<size_t>(i * i * 20), 'x');
      records.push_back(RunningShard::Entry(data));
      sent.push_back(Shown(data));
    }
    const auto answer =
        shard_.Call("PutRecords", json::Object{{"StreamName", "orders"}, {"Records", records}},
                    Protocol::kCbor);
    ASSERT_EQ(std::as_const(answer.body)["FailedRecordCount"].AsInt(-1), 0);
  }
  EXPECT_EQ(live.Records(sent.size()), sent);
  RunningSubscription late(shard_, Input("TRIM_HORIZON", "other:1"), GetParam());
  EXPECT_EQ(late.Records(sent.size()), sent);
}

INSTANTIATE_TEST_SUITE_P(Protocols, SubscriptionTest,
                         ::testing::Values(Protocol::kJson, Protocol::kCbor),
                         [](const auto& protocol) {
                           return protocol.param == Protocol::kJson ? "Json" : "Cbor";
                         });

}  // namespace
}  // namespace millrace::gateway
