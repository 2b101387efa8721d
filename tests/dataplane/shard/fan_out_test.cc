#include "dataplane/shard/fan_out.h"

#include "tests/dataplane/shard/shard_fixture.h"

namespace millrace::shard {
namespace {

using aws::Protocol;

// Frames that say what they are: "10:0-3" for the records [0, 3) of extent 10.
class FakeEncoder final : public EventEncoder {
 public:
  EncodedEvent Records(Protocol, const ShardRef&, std::span<const RecordRun> runs, Position from,
                       bool, WallMs) const override {
    ++encoded;
    EncodedEvent event;
    for (const RecordRun& run : runs) {
      const Position end{run.epoch, run.chunk.first_index + run.chunk.count};
      if (end <= from) continue;
      if (event.records == 0)
        event.next = from.epoch == run.epoch ? from : Position{run.epoch, run.from_index};
      if (event.next.epoch != run.epoch || event.records >= records_max) break;
      const uint64_t take =
          std::min<uint64_t>(end.index - event.next.index, records_max - event.records);
      event.next.index += take;
      event.records += static_cast<uint32_t>(take);
      event.bytes += run.chunk.records.size();
    }
    event.frame = Slice::FromString(std::to_string(event.next.epoch) + ":" +
                                    std::to_string(event.next.index - event.records) + "-" +
                                    std::to_string(event.next.index));
    return event;
  }
  Slice KeepAlive(Protocol, const ShardRef&, Position p, WallMs) const override {
    return Slice::FromString("alive " + std::to_string(p.index));
  }
  Slice EndOfShard(Protocol, const ShardRef&) const override { return Slice::Static("end"); }
  Slice Exception(Protocol, const Status& status) const override {
    return Slice::FromString("exception " + std::string(CodeName(status.code())));
  }
  uint32_t records_max = 1000;
  mutable int encoded = 0;
};

class FakeSink final : public EventSink {
 public:
  explicit FakeSink(Executor& executor) : executor_(executor) {}
  Executor& executor() override { return executor_; }
  void Write(Slice event) override {
    events.emplace_back(event.view());
    if (!stuck) queued_ -= event.size();
  }
  void End() override { ended = true; }
  void Reserve(size_t bytes) override { queued_ += bytes; }
  size_t QueuedBytes() const override { return queued_; }
  bool AskForDrained() override {
    asked = queued_ > 0;
    return asked;
  }
  void Drain() {
    stuck = false;
    queued_ = 0;
  }

  std::vector<std::string> events;
  bool ended = false;
  bool stuck = false;
  bool asked = false;

 private:
  Executor& executor_;
  size_t queued_ = 0;
};

class FanOutTest : public ShardFixture {
 protected:
  FanOutTest() {
    limits_.queued_bytes_max = 30;
    fan_out_.emplace(lane_, executor_, encoder_, clock_, limits_);
    lane_.SetCommitListener([this](const storage::ExtentId& id, const storage::Chunk& chunk) {
      if (id.epoch != unheard_) fan_out_->OnCommit(id, chunk);
    });
    fan_out_->Start();
    Open(0, 10);
    view_ = View(MapOf({Shard(0, {10})}));
  }
  ~FanOutTest() override {
    fan_out_->Stop();
    Settle();
  }

  Result<SubscriptionPtr> Ask(SubscribeRequest request) {
    Result<SubscriptionPtr> out = Internal("no answer");
    fan_out_->Subscribe(std::move(request),
                        [&](Result<SubscriptionPtr> found) { out = std::move(found); });
    Settle();
    return out;
  }
  std::shared_ptr<FakeSink> Subscribe(const std::string& consumer,
                                      StartPoint::Kind kind = StartPoint::Kind::kLatest,
                                      Protocol protocol = Protocol::kJson, WallMs ms = 0) {
    auto sink = std::make_shared<FakeSink>(executor_);
    const auto subscription =
        Ask({At(view_), ConsumerArn(consumer), protocol, {kind, {}, ms}, sink});
    EXPECT_TRUE(subscription.ok()) << subscription.status().ToString();
    last_ = *subscription;
    fan_out_->Run(last_);
    Settle();
    return sink;
  }
  void Publish(resources::ShardMap map) {
    view_ = View(std::move(map));
    fan_out_->OnPublished(view_);
    Settle();
  }
  using Events = std::vector<std::string>;

  FakeEncoder encoder_;
  FanOutLimits limits_;
  std::optional<FanOut> fan_out_;
  uint64_t unheard_ = 0;  // the epoch of an extent whose commits are made elsewhere
  StreamPtr view_;
  SubscriptionPtr last_;
};

TEST_F(FanOutTest, GivesWhatWasThereAndThenWhatComes) {
  Append(0, 10, 3);
  Settle();
  const auto sink = Subscribe("a", StartPoint::Kind::kTrimHorizon);
  EXPECT_EQ(sink->events, (Events{"10:0-3"}));
  Append(0, 10, 2);
  Settle();
  EXPECT_EQ(sink->events, (Events{"10:0-3", "10:3-5"}));
}

TEST_F(FanOutTest, ASubscriptionAtATimeGivesNothingFromBefore) {
  Append(0, 10, 3);
  executor_.RunFor(std::chrono::seconds(1));
  const WallMs then = clock_.WallNow();
  Append(0, 10, 2);
  Settle();
  lane_.FindTimesEarly(true);
  lane_.ReadSlowly(true);
  const auto sink = Subscribe("a", StartPoint::Kind::kAtTimestamp, Protocol::kJson, then);
  EXPECT_EQ(sink->events, (Events{"10:3-5"}));
}

TEST_F(FanOutTest, CommitsOfOneWriteShareAnEvent) {
  const auto sink = Subscribe("a");
  for (int i = 0; i < 4; ++i) Append(0, 10, 1);
  Settle();
  EXPECT_EQ(sink->events, (Events{"10:0-4"}));
}

TEST_F(FanOutTest, OneEncodingServesEveryConsumerOfAProtocol) {
  const auto a = Subscribe("a");
  const auto b = Subscribe("b");
  const auto c = Subscribe("c", StartPoint::Kind::kLatest, Protocol::kCbor);
  encoder_.encoded = 0;
  Append(0, 10, 5);
  Settle();
  EXPECT_EQ(encoder_.encoded, 2);
  for (const auto& sink : {a, b, c}) EXPECT_EQ(sink->events, (Events{"10:0-5"}));
}

TEST_F(FanOutTest, ConsumersThatCatchUpOneAfterTheOtherShareEncodingsToo) {
  encoder_.records_max = 2;
  Subscribe("c");
  Append(0, 10, 6);
  Settle();
  encoder_.encoded = 0;
  const auto a = Subscribe("a", StartPoint::Kind::kTrimHorizon);
  const auto b = Subscribe("b", StartPoint::Kind::kTrimHorizon);
  EXPECT_EQ(encoder_.encoded, 0);
  EXPECT_EQ(a->events, (Events{"10:0-2", "10:2-4", "10:4-6"}));
  EXPECT_EQ(b->events, a->events);
}

TEST_F(FanOutTest, LargeCommitsAreCutIntoEvents) {
  encoder_.records_max = 3;
  const auto sink = Subscribe("a");
  Append(0, 10, 8);
  Settle();
  EXPECT_EQ(sink->events, (Events{"10:0-3", "10:3-6", "10:6-8"}));
}

TEST_F(FanOutTest, ASlowConsumerIsNotFedPastItsLimitAndMissesNothing) {
  const auto slow = Subscribe("a");
  const SubscriptionPtr subscription = last_;
  const auto quick = Subscribe("b");
  slow->stuck = true;
  for (int i = 0; i < 10; ++i) {
    Append(0, 10, 1);
    Settle();
  }
  EXPECT_EQ(quick->events.size(), 10u);
  EXPECT_EQ(slow->events.size(), 6u);  // the sixth goes past 30 bytes
  EXPECT_TRUE(slow->asked);
  slow->Drain();
  fan_out_->Drained(subscription);
  Settle();
  EXPECT_EQ(slow->events.size(), 10u);
  EXPECT_EQ(slow->events.back(), "10:9-10");
}

TEST_F(FanOutTest, AnIdleSubscriptionIsKeptAliveEveryFewSeconds) {
  const auto sink = Subscribe("a");
  executor_.RunFor(std::chrono::seconds(13));
  EXPECT_GE(sink->events.size(), 3u);
  EXPECT_EQ(sink->events[0], "alive 0");
}

TEST_F(FanOutTest, EndsAfterFiveMinutes) {
  const auto sink = Subscribe("a");
  executor_.RunFor(std::chrono::seconds(299));
  EXPECT_FALSE(sink->ended);
  executor_.RunFor(std::chrono::seconds(2));
  EXPECT_TRUE(sink->ended);
}

TEST_F(FanOutTest, WithinFiveSecondsASecondSubscriptionIsRefusedAndLaterItTakesOver) {
  const auto first = Subscribe("a");
  const auto second = std::make_shared<FakeSink>(executor_);
  const SubscribeRequest again{
      At(view_), ConsumerArn("a"), Protocol::kJson, {StartPoint::Kind::kLatest, {}, 0}, second};
  const auto refused = Ask(again);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), Code::kResourceInUse);
  EXPECT_EQ(refused.status().message(),
            "Another active subscription exists for this consumer: "
            "000000000000:orders:shardId-000000000000:a");
  executor_.RunFor(std::chrono::milliseconds(4'900));
  EXPECT_FALSE(Ask(again).ok());
  executor_.RunFor(std::chrono::milliseconds(100));
  const auto taken = Ask(again);
  ASSERT_TRUE(taken.ok());
  fan_out_->Run(*taken);
  Append(0, 10, 1);
  Settle();
  EXPECT_TRUE(first->ended);
  EXPECT_EQ(first->events.back(), "exception ResourceInUse");
  EXPECT_EQ(second->events, (Events{"10:0-1"}));
}

TEST_F(FanOutTest, FollowsTheShardIntoItsNextExtent) {
  const auto sink = Subscribe("a");
  Append(0, 10, 2);
  Settle();
  Open(0, 20);
  Seal(0, 10);
  Publish(MapOf({Shard(0, {10, 20})}));
  Append(0, 20, 3);
  Settle();
  EXPECT_EQ(sink->events, (Events{"10:0-2", "20:0-3"}));
}

TEST_F(FanOutTest, ARecordOfTheNextExtentBeforeTheMapIsKnownIsNotLost) {
  const auto sink = Subscribe("a");
  Open(0, 20);
  Seal(0, 10);
  Append(0, 20, 1);
  Settle();
  Publish(MapOf({Shard(0, {10, 20})}));
  EXPECT_EQ(sink->events, (Events{"20:0-1"}));
}

TEST_F(FanOutTest, ARecordAfterAnExtentThatNobodyToldOfDoesNotPassThatExtentsRecordsOver) {
  const auto sink = Subscribe("a");
  Seal(0, 10);
  unheard_ = 15;
  Open(0, 15);
  Append(0, 15, 2);
  Settle();
  Seal(0, 15);
  Open(0, 20);
  Append(0, 20, 1);
  Settle();
  Publish(MapOf({Shard(0, {10, 15, 20})}));
  EXPECT_EQ(sink->events, (Events{"15:0-2", "20:0-1"}));
}

TEST_F(FanOutTest, EndsWithTheShardAndNamesItsChildren) {
  const auto sink = Subscribe("a");
  Append(0, 10, 2);
  Settle();
  Open(1, 20);
  Seal(0, 10);
  Publish(MapOf({Closed(Shard(0, {10})), ChildOf(0, Shard(1, {20}))}));
  EXPECT_EQ(sink->events, (Events{"10:0-2", "end"}));
  EXPECT_TRUE(sink->ended);
}

TEST_F(FanOutTest, EndsWithItsStreamAndWithItsConsumer) {
  const auto a = Subscribe("a");
  const auto b = Subscribe("b");
  resources::ShardMap map = MapOf({Shard(0, {10})});
  std::erase_if(map.consumers, [](const auto& c) { return c.name == "a"; });
  Publish(map);
  EXPECT_EQ(a->events, (Events{"exception NotFound"}));
  EXPECT_TRUE(a->ended);
  EXPECT_FALSE(b->ended);
  map.deleting = true;
  Publish(map);
  EXPECT_TRUE(b->ended);
}

TEST_F(FanOutTest, AClosedConnectionIsFedNoMore) {
  const auto sink = Subscribe("a");
  fan_out_->Remove(last_);
  Append(0, 10, 1);
  Settle();
  EXPECT_TRUE(sink->events.empty());
  EXPECT_EQ(fan_out_->subscriptions(), 0u);
}

TEST_F(FanOutTest, ADiskReadThatEndsAfterMoreWasCommittedLeavesNoGap) {
  lane_.ReadSlowly(true);
  Append(0, 10, 1);
  Settle();
  auto sink = std::make_shared<FakeSink>(executor_);
  const auto subscription = Ask({At(view_),
                                 ConsumerArn("a"),
                                 Protocol::kJson,
                                 {StartPoint::Kind::kTrimHorizon, {}, 0},
                                 sink});
  ASSERT_TRUE(subscription.ok());
  fan_out_->Run(*subscription);
  for (int i = 0; i < 50; ++i) {
    Append(0, 10, 1);
    executor_.RunOne();
  }
  Settle();
  uint64_t next = 0;
  for (const std::string& event : sink->events) {
    EXPECT_EQ(event.substr(3, event.find('-') - 3), std::to_string(next));
    next = std::stoull(event.substr(event.find('-') + 1));
  }
  EXPECT_EQ(next, 51u);
}

TEST_F(FanOutTest, WhereLimitsAreEnforcedAConsumerGetsTwoMebibytesASecond) {
  resources::ShardMap map = MapOf({Shard(0, {10})});
  map.enforce_shard_limits = true;
  Publish(map);
  const auto sink = Subscribe("a");
  for (int i = 0; i < 20; ++i) {
    Append(0, 10, 1, kMiB);
    Settle();
  }
  executor_.RunFor(std::chrono::milliseconds(600));
  EXPECT_LE(sink->events.size(), 5u);
  executor_.RunFor(std::chrono::seconds(10));
  EXPECT_EQ(sink->events.size(), 20u);
}

}  // namespace
}  // namespace millrace::shard
