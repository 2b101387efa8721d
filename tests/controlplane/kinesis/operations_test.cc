#include "controlplane/kinesis/operations.h"

#include <gtest/gtest.h>

#include <thread>

#include "common/resources/file_store.h"
#include "tests/support/temp_folder.h"

namespace millrace::controlplane {
namespace {

using resources::MapConsumer;
using resources::MapShard;
using resources::Resource;
using resources::ResourceKey;
using resources::ShardMap;

// Stands in for the operator and the data plane, which these tests do not link: takes every change
// up at once, with shards enough to answer from.
class InstantOperator {
 public:
  explicit InstantOperator(resources::ResourceStore& store) : store_(store) {
    watch_ = store.Watch(resources::kStreamKind,
                         [this](resources::WatchEvent event, const Resource& stream) {
                           if (event != resources::WatchEvent::kDeleted) TakeUp(stream.key);
                         });
  }

 private:
  void TakeUp(const ResourceKey& key) {
    Result<Resource> stream = store_.Get(resources::kStreamKind, key);
    if (!stream.ok() || stream->status["observedGeneration"].AsInt() == stream->generation) return;
    ShardMap map;
    map.stream_name = StreamNameOf(*stream);
    auto spec = resources::StreamSpec::Parse(stream->spec);
    auto count = static_cast<uint64_t>(spec->shard_count);
    for (uint64_t i = 0; i < count; ++i) {
      MapShard shard;
      shard.index = static_cast<uint32_t>(i);
      shard.start = {UINT64_MAX / count * i, 0};
      shard.end = i + 1 == count ? resources::HashKey::Max()
                                 : resources::HashKey{UINT64_MAX / count * (i + 1) - 1, UINT64_MAX};
      resources::MapExtent extent;
      extent.epoch = 1'700'000'000 + i;
      shard.extents.push_back(extent);
      map.shards.push_back(shard);
    }
    for (const auto& consumer : spec->consumers) {
      map.consumers.push_back({consumer.name,
                               "arn:aws:kinesis:us-east-1:000000000000:stream/" + map.stream_name +
                                   "/consumer/" + consumer.name + ":1700000000",
                               1'700'000'000'000});
    }
    std::string hex;
    for (char c : stream->uid) {
      if (c != '-' && hex.size() < 16) hex += c;
    }
    Resource object;
    object.kind = resources::kShardMapKind;
    object.key = {key.ns, key.name + "." + hex};
    Result<Resource> before = store_.Get(resources::kShardMapKind, object.key);
    if (before.ok()) object = *before;
    object.spec = map.ToValue();
    auto written = before.ok() ? store_.Update(object) : store_.Create(object);
    ASSERT_TRUE(written.ok()) << written.status().ToString();
    stream->status.Set("observedGeneration", stream->generation);
    stream->status.Set("streamStatus", "ACTIVE");
    store_.UpdateStatus(*stream).status().IgnoreError();
  }

  resources::ResourceStore& store_;
  std::unique_ptr<resources::WatchHandle> watch_;
};

class KinesisControlTest : public testing::Test {
 protected:
  KinesisControlTest() {
    store_ = std::move(resources::FileStore::Open(folder_.path(), SystemClock())).value();
    operator_ = std::make_unique<InstantOperator>(*store_);
    catalog_ = std::make_unique<Catalog>(*store_, CatalogOptions{});
    control_.reset(new KinesisControl{*catalog_, SystemClock(), tokens_, {}});
  }
  Result<json::Value> Call(const Handler& handler, std::string_view input) {
    aws::RequestContext context;
    return handler(context, *json::ParseJson(input));
  }
  void Create(const std::string& name, int shards = 2) {
    auto made = Call(CreateStream(*control_), R"({"StreamName":")" + name + R"(","ShardCount":)" +
                                                  std::to_string(shards) + "}");
    ASSERT_TRUE(made.ok()) << made.status().ToString();
    auto active =
        catalog_->WaitUntil(name, [](const StreamView& view) { return view.status == "ACTIVE"; });
    ASSERT_TRUE(active.ok()) << active.status().ToString();
  }
  // Consumers c0, c1, … up to `count` of them, in one change.
  void FillWithConsumers(const std::string& name, int count) {
    Result<StreamView> view = catalog_->Find(name);
    ASSERT_TRUE(view.ok());
    auto changed = catalog_->Change(*view, [&](Resource&, resources::StreamSpec& spec) {
      spec.consumers.clear();
      for (int i = 0; i < count; ++i) spec.consumers.push_back({"c" + std::to_string(i), {}, ""});
      return OkStatus();
    });
    ASSERT_TRUE(changed.ok()) << changed.status().ToString();
  }
  Result<json::Value> RegisterConsumer(const std::string& stream) {
    return Call(RegisterStreamConsumer(*control_),
                R"({"StreamARN":"arn:aws:kinesis:us-east-1:000000000000:stream/)" + stream +
                    R"(","ConsumerName":"one-more"})");
  }
  static Code CodeOf(const Result<json::Value>& result) { return result.status().code(); }

  testing_support::TempFolder folder_;
  std::unique_ptr<resources::ResourceStore> store_;
  std::unique_ptr<InstantOperator> operator_;
  std::unique_ptr<Catalog> catalog_;
  PageTokens tokens_{SystemClock(), "key"};
  std::unique_ptr<KinesisControl> control_;
};

TEST_F(KinesisControlTest, CreatedStreamIsDescribed) {
  Create("orders");
  auto summary = Call(DescribeStreamSummary(*control_), R"({"StreamName":"orders"})");
  ASSERT_TRUE(summary.ok());
  const json::Value& s = (*summary)["StreamDescriptionSummary"];
  EXPECT_EQ(s["StreamStatus"].AsString(), "ACTIVE");
  EXPECT_EQ(s["OpenShardCount"].AsInt(), 2);
  EXPECT_EQ(s["StreamARN"].AsString(), "arn:aws:kinesis:us-east-1:000000000000:stream/orders");
  auto whole =
      Call(DescribeStream(*control_),
           R"({"StreamARN":"arn:aws:kinesis:us-east-1:000000000000:stream/orders","Limit":1})");
  ASSERT_TRUE(whole.ok());
  EXPECT_TRUE(whole->At("StreamDescription", "HasMoreShards").AsBool());
}

TEST_F(KinesisControlTest, NamesThatDnsRefusesAreStreamsToo) {
  Create("My_Stream.v1");
  Create("my-stream-v1");
  auto streams = Call(ListStreams(*control_), "{}");
  ASSERT_TRUE(streams.ok());
  EXPECT_EQ((*streams)["StreamNames"].AsArray().size(), 2u);
}

TEST_F(KinesisControlTest, ASecondStreamOfTheNameIsRefusedInAwsWords) {
  Create("orders");
  auto again = Call(CreateStream(*control_), R"({"StreamName":"orders","ShardCount":1})");
  EXPECT_EQ(CodeOf(again), Code::kResourceInUse);
  EXPECT_EQ(again.status().message(), "Stream orders under account 000000000000 already exists.");
}

TEST_F(KinesisControlTest, MissingStreamIsSaidInAwsWords) {
  auto found = Call(DescribeStream(*control_), R"({"StreamName":"nope"})");
  EXPECT_EQ(CodeOf(found), Code::kNotFound);
  EXPECT_EQ(found.status().message(), "Stream nope under account 000000000000 not found.");
}

TEST_F(KinesisControlTest, NameAndArnMustAgree) {
  Create("orders");
  auto found = Call(
      DescribeStream(*control_),
      R"({"StreamName":"orders","StreamARN":"arn:aws:kinesis:us-east-1:000000000000:stream/other"})");
  EXPECT_EQ(CodeOf(found), Code::kInvalidArgument);
}

TEST_F(KinesisControlTest, RetentionMovesOneWayAnOperation) {
  Create("orders");
  EXPECT_EQ(CodeOf(Call(DecreaseStreamRetentionPeriod(*control_),
                        R"({"StreamName":"orders","RetentionPeriodHours":48})")),
            Code::kInvalidArgument);
  EXPECT_TRUE(Call(IncreaseStreamRetentionPeriod(*control_),
                   R"({"StreamName":"orders","RetentionPeriodHours":48})")
                  .ok());
  auto active =
      catalog_->WaitUntil("orders", [](const StreamView& view) { return view.status == "ACTIVE"; });
  ASSERT_TRUE(active.ok());
  EXPECT_EQ(active->spec.retention_period_hours, 48);
  EXPECT_EQ(CodeOf(Call(IncreaseStreamRetentionPeriod(*control_),
                        R"({"StreamName":"orders","RetentionPeriodHours":24})")),
            Code::kInvalidArgument);
  EXPECT_EQ(CodeOf(Call(IncreaseStreamRetentionPeriod(*control_),
                        R"({"StreamName":"orders","RetentionPeriodHours":8761})")),
            Code::kInvalidArgument);
  EXPECT_TRUE(Call(IncreaseStreamRetentionPeriod(*control_),
                   R"({"StreamName":"orders","RetentionPeriodHours":8760})")
                  .ok());
  EXPECT_EQ(CodeOf(Call(DecreaseStreamRetentionPeriod(*control_),
                        R"({"StreamName":"orders","RetentionPeriodHours":23})")),
            Code::kInvalidArgument);
}

TEST_F(KinesisControlTest, TagsGoBothWays) {
  Create("orders");
  EXPECT_TRUE(
      Call(AddTagsToStream(*control_), R"({"StreamName":"orders","Tags":{"a":"1","b":"2"}})").ok());
  EXPECT_TRUE(
      Call(
          UntagResource(*control_),
          R"({"ResourceARN":"arn:aws:kinesis:us-east-1:000000000000:stream/orders","TagKeys":["a","zz"]})")
          .ok());
  auto tags = Call(ListTagsForStream(*control_), R"({"StreamName":"orders"})");
  ASSERT_TRUE(tags.ok());
  EXPECT_EQ(json::WriteJson((*tags)["Tags"]), R"([{"Key":"b","Value":"2"}])");
}

TEST_F(KinesisControlTest, ConsumersAreRegisteredListedAndGuardTheStream) {
  Create("orders");
  std::string arn = R"("StreamARN":"arn:aws:kinesis:us-east-1:000000000000:stream/orders")";
  auto made = Call(RegisterStreamConsumer(*control_), "{" + arn + R"(,"ConsumerName":"a"})");
  ASSERT_TRUE(made.ok()) << made.status().ToString();
  EXPECT_EQ(CodeOf(Call(RegisterStreamConsumer(*control_), "{" + arn + R"(,"ConsumerName":"a"})")),
            Code::kResourceInUse);
  auto found =
      Call(DescribeStreamConsumer(*control_),
           R"({"ConsumerARN":")" + made->At("Consumer", "ConsumerARN").AsString() + R"("})");
  EXPECT_TRUE(found.ok());
  EXPECT_EQ(CodeOf(Call(DeleteStream(*control_), R"({"StreamName":"orders"})")),
            Code::kResourceInUse);
  EXPECT_TRUE(
      Call(DeregisterStreamConsumer(*control_), "{" + arn + R"(,"ConsumerName":"a"})").ok());
  EXPECT_TRUE(Call(DeleteStream(*control_), R"({"StreamName":"orders"})").ok());
}

TEST_F(KinesisControlTest, OnlyOnDemandStreamsOfACommittedAccountMayHaveFiftyConsumers) {
  Create("provisioned");
  ASSERT_TRUE(Call(CreateStream(*control_),
                   R"({"StreamName":"on-demand","StreamModeDetails":{"StreamMode":"ON_DEMAND"}})")
                  .ok());
  ASSERT_TRUE(
      catalog_
          ->WaitUntil("on-demand", [](const StreamView& view) { return view.status == "ACTIVE"; })
          .ok());
  FillWithConsumers("provisioned", 20);
  FillWithConsumers("on-demand", 20);
  EXPECT_EQ(CodeOf(RegisterConsumer("provisioned")), Code::kLimitExceeded);
  EXPECT_EQ(CodeOf(RegisterConsumer("on-demand")), Code::kLimitExceeded);
  ASSERT_TRUE(Call(UpdateAccountSettings(*control_),
                   R"({"MinimumThroughputBillingCommitment":{"Status":"ENABLED"}})")
                  .ok());
  EXPECT_EQ(CodeOf(RegisterConsumer("provisioned")), Code::kLimitExceeded);
  EXPECT_TRUE(RegisterConsumer("on-demand").ok());
  FillWithConsumers("on-demand", 50);
  EXPECT_EQ(CodeOf(RegisterConsumer("on-demand")), Code::kLimitExceeded);
}

TEST_F(KinesisControlTest, AtLatestListsOpenShardsOnly) {
  Create("orders", 3);
  auto maps = store_->List(resources::kShardMapKind, "default");
  ASSERT_TRUE(maps.ok());
  ASSERT_EQ(maps->size(), 1u);
  Result<ShardMap> map = ShardMap::Parse(maps->front().spec);
  ASSERT_TRUE(map.ok()) << map.status().ToString();
  map->shards[1].closed_ms = SystemClock().WallNow();
  maps->front().spec = map->ToValue();
  ASSERT_TRUE(store_->Update(maps->front()).ok());
  auto all = Call(ListShards(*control_), R"({"StreamName":"orders"})");
  ASSERT_TRUE(all.ok());
  EXPECT_EQ((*all)["Shards"].AsArray().size(), 3u);
  auto latest =
      Call(ListShards(*control_), R"({"StreamName":"orders","ShardFilter":{"Type":"AT_LATEST"}})");
  ASSERT_TRUE(latest.ok());
  ASSERT_EQ((*latest)["Shards"].AsArray().size(), 2u);
  EXPECT_EQ((*latest)["Shards"].AsArray()[1]["ShardId"].AsString(), "shardId-000000000002");
}

TEST_F(KinesisControlTest, ListShardsPagesWithTokensThatAreItsOwn) {
  Create("orders", 5);
  auto first = Call(ListShards(*control_), R"({"StreamName":"orders","MaxResults":3})");
  ASSERT_TRUE(first.ok());
  std::string token = (*first)["NextToken"].AsString();
  auto second = Call(ListShards(*control_), R"({"NextToken":")" + token + R"("})");
  ASSERT_TRUE(second.ok()) << second.status().ToString();
  EXPECT_EQ((*second)["Shards"].AsArray().size(), 2u);
  EXPECT_FALSE(second->Has("NextToken"));
  EXPECT_EQ(CodeOf(Call(ListShards(*control_), R"({"NextToken":"AAAA"})")), Code::kInvalidArgument);
  EXPECT_EQ(CodeOf(Call(ListStreams(*control_), R"({"NextToken":")" + token + R"("})")),
            Code::kInvalidArgument);
  EXPECT_EQ(CodeOf(Call(ListShards(*control_),
                        R"({"StreamName":"orders","NextToken":")" + token + R"("})")),
            Code::kInvalidArgument);
}

TEST_F(KinesisControlTest, UpdateShardCountKeepsAwsBounds) {
  Create("orders", 2);
  auto call = [&](int target) {
    return Call(UpdateShardCount(*control_),
                R"({"StreamName":"orders","ScalingType":"UNIFORM_SCALING","TargetShardCount":)" +
                    std::to_string(target) + "}");
  };
  EXPECT_EQ(CodeOf(call(5)), Code::kInvalidArgument);
  auto scaled = call(4);
  ASSERT_TRUE(scaled.ok());
  EXPECT_EQ((*scaled)["CurrentShardCount"].AsInt(), 2);
}

TEST_F(KinesisControlTest, SplitOfAnOnDemandStreamIsRefused) {
  ASSERT_TRUE(Call(CreateStream(*control_),
                   R"({"StreamName":"od","StreamModeDetails":{"StreamMode":"ON_DEMAND"}})")
                  .ok());
  ASSERT_TRUE(
      catalog_->WaitUntil("od", [](const StreamView& view) { return view.status == "ACTIVE"; })
          .ok());
  EXPECT_EQ(
      CodeOf(Call(
          SplitShard(*control_),
          R"({"StreamName":"od","ShardToSplit":"shardId-000000000000","NewStartingHashKey":"9"})")),
      Code::kValidation);
}

TEST_F(KinesisControlTest, PoliciesAreStoredAndReturned) {
  Create("orders");
  std::string arn = R"("ResourceARN":"arn:aws:kinesis:us-east-1:000000000000:stream/orders")";
  EXPECT_EQ(CodeOf(Call(GetResourcePolicy(*control_), "{" + arn + "}")), Code::kNotFound);
  EXPECT_EQ(CodeOf(Call(PutResourcePolicy(*control_), "{" + arn + R"(,"Policy":"not json"})")),
            Code::kInvalidArgument);
  ASSERT_TRUE(
      Call(PutResourcePolicy(*control_), "{" + arn + R"(,"Policy":"{\"Statement\":[]}"})").ok());
  EXPECT_EQ((*Call(GetResourcePolicy(*control_), "{" + arn + "}"))["Policy"].AsString(),
            R"({"Statement":[]})");
  EXPECT_TRUE(Call(DeleteResourcePolicy(*control_), "{" + arn + "}").ok());
}

TEST_F(KinesisControlTest, CommitmentEndsNotBeforeItsDay) {
  auto status = [&](const Result<json::Value>& r) {
    return r->At("MinimumThroughputBillingCommitment", "Status").AsString();
  };
  EXPECT_EQ(status(Call(DescribeAccountSettings(*control_), "{}")), "DISABLED");
  auto set = [&](const std::string& to) {
    return Call(UpdateAccountSettings(*control_),
                R"({"MinimumThroughputBillingCommitment":{"Status":")" + to + R"("}})");
  };
  EXPECT_EQ(status(set("ENABLED")), "ENABLED");
  EXPECT_EQ(status(set("DISABLED")), "ENABLED_UNTIL_EARLIEST_ALLOWED_END");
}

}  // namespace
}  // namespace millrace::controlplane
