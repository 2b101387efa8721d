#include "dataplane/shard/chain_reader.h"

#include "dataplane/shard/start_position.h"
#include "tests/dataplane/shard/shard_fixture.h"

namespace millrace::shard {
namespace {

class ChainReaderTest : public ShardFixture {
 protected:
  ChainRead Read(const ShardRef& at, Position from, size_t bytes_max = 1'000'000) {
    std::optional<ChainRead> out;
    ReadChain(lane_, at, from, bytes_max, [&](Result<ChainRead> read) {
      EXPECT_TRUE(read.ok());
      out = std::move(read).value();
    });
    Settle();
    return std::move(out).value_or(ChainRead{});
  }
  Result<Position> Start(const ShardRef& at, StartPoint::Kind kind,
                         resources::SequenceNumber number = {}, WallMs ms = 0) {
    Result<Position> out = Internal("no answer");
    ResolveStart(lane_, at, {kind, number, ms}, [&](Result<Position> p) { out = std::move(p); });
    Settle();
    return out;
  }
};

TEST_F(ChainReaderTest, ReadsToTheTipAndSaysSo) {
  const StreamPtr view = View(MapOf({Shard(0, {10})}));
  Open(0, 10);
  EXPECT_TRUE(Read(At(view), {10, 0}).at_tip);
  Append(0, 10, 3);
  Append(0, 10, 2);
  Settle();
  const ChainRead read = Read(At(view), {10, 1});
  ASSERT_EQ(read.runs.size(), 2u);
  EXPECT_EQ(read.runs[0].from_index, 1u);
  EXPECT_EQ(read.runs[1].from_index, 3u);
  EXPECT_EQ(read.next, (Position{10, 5}));
  EXPECT_TRUE(read.at_tip);
  EXPECT_FALSE(read.end_of_shard);
}

TEST_F(ChainReaderTest, StopsAtTheBytesAskedForAndIsNotAtTheTip) {
  const StreamPtr view = View(MapOf({Shard(0, {10})}));
  Open(0, 10);
  for (int i = 0; i < 5; ++i) Append(0, 10, 1, 100);
  Settle();
  const ChainRead read = Read(At(view), {10, 0}, 250);
  EXPECT_EQ(read.next, (Position{10, 2}));
  EXPECT_FALSE(read.at_tip);
}

TEST_F(ChainReaderTest, PassesFromExtentToExtent) {
  const StreamPtr view = View(MapOf({Shard(0, {10, 20, 30})}));
  for (const uint64_t epoch : {10, 20, 30}) Open(0, epoch);
  Append(0, 10, 2);
  Append(0, 30, 1);
  Settle();
  Seal(0, 10);
  Seal(0, 20);
  ChainRead read = Read(At(view), {10, 0});
  EXPECT_EQ(read.next, (Position{20, 0}));
  EXPECT_FALSE(read.at_tip);
  read = Read(At(view), read.next);
  EXPECT_EQ(read.next, (Position{30, 1}));
  ASSERT_EQ(read.runs.size(), 1u);
  EXPECT_EQ(read.runs[0].epoch, 30u);
  EXPECT_TRUE(read.at_tip);
}

TEST_F(ChainReaderTest, DoesNotPassAnExtentBeforeItIsSealed) {
  const StreamPtr view = View(MapOf({Shard(0, {10, 20})}));
  Open(0, 10);
  Open(0, 20);
  Append(0, 20, 1);
  Settle();
  const ChainRead read = Read(At(view), {10, 0});
  EXPECT_TRUE(read.runs.empty());
  EXPECT_EQ(read.next, (Position{10, 0}));
  EXPECT_FALSE(read.at_tip);
}

TEST_F(ChainReaderTest, AClosedShardHasAnEndAndASealedOpenOneDoesNot) {
  const StreamPtr closed = View(MapOf({Closed(Shard(0, {10})), ChildOf(0, Shard(1, {20}))}));
  const StreamPtr open = View(MapOf({Shard(0, {10})}));
  Open(0, 10);
  Append(0, 10, 2);
  Settle();
  Seal(0, 10);
  const ChainRead read = Read(At(closed), {10, 0});
  EXPECT_EQ(read.runs.size(), 1u);
  EXPECT_TRUE(read.end_of_shard);
  EXPECT_FALSE(Read(At(open), {10, 2}).end_of_shard);
  EXPECT_TRUE(Read(At(open), {10, 2}).at_tip);
}

TEST_F(ChainReaderTest, AClosedShardThatNeverHadAnExtentIsAtItsEnd) {
  const StreamPtr view = View(MapOf({Closed(Shard(0, {}))}));
  EXPECT_TRUE(Read(At(view), {}).end_of_shard);
}

TEST_F(ChainReaderTest, APositionInADroppedExtentGoesOnAtTheNext) {
  const StreamPtr view = View(MapOf({Shard(0, {20})}));
  Open(0, 20);
  Append(0, 20, 1);
  Settle();
  EXPECT_EQ(Read(At(view), {10, 99}).next, (Position{20, 1}));
}

TEST_F(ChainReaderTest, ADiskReadAnswersLater) {
  lane_.ReadSlowly(true);
  const StreamPtr view = View(MapOf({Shard(0, {10, 20})}));
  Open(0, 10);
  Open(0, 20);
  Append(0, 20, 4);
  Settle();
  Seal(0, 10);
  EXPECT_EQ(Read(At(view), {10, 0}).next, (Position{20, 4}));
}

TEST_F(ChainReaderTest, TrimHorizonAndLatestAreTheEndsOfTheChain) {
  const StreamPtr view = View(MapOf({Shard(0, {10, 20})}));
  Open(0, 10);
  Open(0, 20);
  Append(0, 20, 4);
  Settle();
  EXPECT_EQ(*Start(At(view), StartPoint::Kind::kTrimHorizon), (Position{10, 0}));
  EXPECT_EQ(*Start(At(view), StartPoint::Kind::kLatest), (Position{20, 4}));
}

TEST_F(ChainReaderTest, ASequenceNumberIsARecordAndAfterItIsTheNext) {
  const StreamPtr view = View(MapOf({Shard(0, {10})}));
  Open(0, 10);
  Append(0, 10, 4);
  Settle();
  const auto at = [&](uint64_t place) {
    return *Start(At(view), StartPoint::Kind::kAtSequenceNumber, {10, 0, place, 0});
  };
  const auto after = [&](uint64_t place) {
    return *Start(At(view), StartPoint::Kind::kAfterSequenceNumber, {10, 0, place, 0});
  };
  EXPECT_EQ(at(0), (Position{10, 0}));
  EXPECT_EQ(after(0), (Position{10, 0}));
  EXPECT_EQ(at(1), (Position{10, 0}));
  EXPECT_EQ(after(1), (Position{10, 1}));
  EXPECT_EQ(after(4), (Position{10, 4}));
}

TEST_F(ChainReaderTest, ASequenceNumberThatWasNeverGivenIsRefused) {
  const StreamPtr view = View(MapOf({Shard(0, {10})}));
  Open(0, 10);
  Append(0, 10, 4);
  Settle();
  const auto code = [&](uint64_t epoch, uint64_t place) {
    const auto start = Start(At(view), StartPoint::Kind::kAtSequenceNumber, {epoch, 0, place, 0});
    return start.ok() ? Code::kOk : start.status().code();
  };
  EXPECT_EQ(code(10, 5), Code::kInvalidArgument);
  EXPECT_EQ(code(11, 1), Code::kInvalidArgument);
  EXPECT_EQ(code(9, 1), Code::kOk);  // of an extent that is gone: the horizon
  Seal(0, 10);
  EXPECT_EQ(code(10, 1000), Code::kOk);  // a bound on the end of a closed shard
}

TEST_F(ChainReaderTest, ATimeFindsTheFirstRecordThatArrivedAtOrAfterIt) {
  const StreamPtr view = View(MapOf({Shard(0, {10, 20})}));
  Open(0, 10);
  Open(0, 20);
  Append(0, 10, 2);
  Settle();
  const WallMs between = clock_.WallNow();
  executor_.RunFor(std::chrono::seconds(1));
  Append(0, 20, 3);
  Settle();
  const auto at = [&](WallMs ms) {
    return *Start(At(view), StartPoint::Kind::kAtTimestamp, {}, ms);
  };
  EXPECT_EQ(at(0), (Position{10, 0}));
  EXPECT_EQ(at(between), (Position{20, 0}));
  EXPECT_EQ(at(clock_.WallNow() + 1), (Position{20, 3}));
}

TEST_F(ChainReaderTest, ATimeIsFoundExactlyWhereTheLaneAnswersEarly) {
  const StreamPtr view = View(MapOf({Shard(0, {10, 20})}));
  Open(0, 10);
  Open(0, 20);
  std::vector<WallMs> arrivals;
  for (const uint64_t epoch : {10, 10, 10, 20, 20}) {
    arrivals.push_back(clock_.WallNow());
    Append(0, epoch, 2);
    executor_.RunFor(std::chrono::seconds(1));
  }
  lane_.FindTimesEarly(true);
  for (const bool slowly : {false, true}) {
    lane_.ReadSlowly(slowly);
    const auto at = [&](WallMs ms) {
      return *Start(At(view), StartPoint::Kind::kAtTimestamp, {}, ms);
    };
    EXPECT_EQ(at(0), (Position{10, 0}));
    EXPECT_EQ(at(arrivals[1]), (Position{10, 2}));
    EXPECT_EQ(at(arrivals[2]), (Position{10, 4}));
    EXPECT_EQ(at(arrivals[2] + 1), (Position{20, 0}));
    EXPECT_EQ(at(arrivals[4]), (Position{20, 2}));
    EXPECT_EQ(at(arrivals[4] + 1), (Position{20, 4}));
  }
}

// ---- where the volume of an extent is away

class MissingExtentTest : public ChainReaderTest {
 protected:
  StreamPtr Missing(resources::ShardMap map, std::set<storage::ExtentId> missing) {
    View(map);  // makes the state
    return std::make_shared<const StreamView>(
        std::move(map), state_, [](uint32_t) { return 0; }, "me", std::move(missing));
  }
};

TEST_F(MissingExtentTest, AReaderWaitsAtItAndPassesNothing) {
  const StreamPtr view = Missing(MapOf({Shard(0, {10, 20})}), {{kUid, 0, 10}});
  Open(0, 20);
  Append(0, 20, 3);
  Settle();
  const ChainRead read = Read(At(view), {10, 0});
  EXPECT_TRUE(read.waiting);
  EXPECT_TRUE(read.runs.empty());
  EXPECT_FALSE(read.at_tip);
  EXPECT_EQ(read.next, (Position{10, 0}));
  EXPECT_EQ(Read(At(view), {20, 0}).runs.size(), 1u) << "who is past it reads on";
}

TEST_F(MissingExtentTest, WhatIsThereOfItIsReadAndThenTheReaderWaits) {
  const StreamPtr view = Missing(MapOf({Shard(0, {10, 20})}), {{kUid, 0, 10}});
  Open(0, 10);
  Append(0, 10, 3);
  Settle();
  Seal(0, 10);
  Open(0, 20);
  ChainRead read = Read(At(view), {10, 1});
  EXPECT_EQ(read.runs.size(), 1u);
  EXPECT_EQ(read.next, (Position{10, 3}));
  read = Read(At(view), read.next);
  EXPECT_TRUE(read.waiting && read.runs.empty());
  EXPECT_EQ(read.next, (Position{10, 3}));
  EXPECT_EQ(Read(At(view), {10, 7}).next, (Position{10, 7})) << "nobody is set back";
}

TEST_F(MissingExtentTest, AClosedShardDoesNotEndBeforeIt) {
  const StreamPtr view = Missing(MapOf({Closed(Shard(0, {10}))}), {{kUid, 0, 10}});
  const ChainRead read = Read(At(view), {10, 0});
  EXPECT_TRUE(read.waiting);
  EXPECT_FALSE(read.end_of_shard);
}

TEST_F(MissingExtentTest, GivenUpItIsPassed) {
  resources::ShardMap map = MapOf({Shard(0, {10, 20})});
  map.shards[0].extents[0].end_index = 0;
  map.shards[0].extents[0].lost = true;
  const StreamPtr view = Missing(std::move(map), {});
  Open(0, 20);
  Append(0, 20, 3);
  Settle();
  EXPECT_EQ(Read(At(view), {10, 0}).next, (Position{20, 3}));
  EXPECT_EQ(Read(At(view), {10, 400}).next, (Position{20, 3}));
}

TEST_F(MissingExtentTest, ATimeIsNotSearchedForBehindItUnlessAllOfItIsTooOld) {
  const StreamPtr view = Missing(MapOf({Shard(0, {10, 20})}), {{kUid, 0, 10}});
  Open(0, 20);
  Append(0, 20, 1);
  Settle();
  using Kind = StartPoint::Kind;
  EXPECT_EQ(*Start(At(view), Kind::kAtTimestamp, {}, 20'000), (Position{10, 0}));
  EXPECT_EQ(Start(At(view), Kind::kAtTimestamp, {}, 20'000 + 60'000)->epoch, 20u);
}

TEST_F(MissingExtentTest, ACheckpointInItIsKeptAndTheLatestOfItIsNotKnown) {
  const StreamPtr view = Missing(MapOf({Closed(Shard(0, {10}))}), {{kUid, 0, 10}});
  Open(0, 10);
  Append(0, 10, 3);
  Settle();
  Seal(0, 10);
  using Kind = StartPoint::Kind;
  EXPECT_EQ(*Start(At(view), Kind::kAfterSequenceNumber, {.epoch = 10, .shard = 0, .index = 9}),
            (Position{10, 9}));
  EXPECT_EQ(Start(At(view), Kind::kLatest).status().code(), Code::kUnavailable);
}

// Another pod that says the same of every extent.
class OtherPod final : public RemoteExtents {
 public:
  void Read(Executor& executor, const ShardRef&, const resources::MapExtent&,
            const RemoteReadOptions&, UniqueFunction<void(Result<RemoteRead>)> done) override {
    executor.Post([done = std::move(done)]() mutable { done(NotFound("no such extent")); });
  }
  void Find(Executor& executor, const ShardRef&, const resources::MapExtent&, WallMs,
            UniqueFunction<void(Result<RemoteInfo>)> done) override {
    executor.Post([done = std::move(done)]() mutable { done(NotFound("no such extent")); });
  }
};

TEST_F(MissingExtentTest, ThatAnotherPodHasNoSuchExtentIsNoReasonToPassOneThatTheMapHas) {
  resources::ShardMap map = MapOf({Shard(0, {10, 20})});
  map.shards[0].extents[0].owner = "other";
  const StreamPtr view = Missing(std::move(map), {});
  Open(0, 20);
  Append(0, 20, 3);
  Settle();
  OtherPod other;
  const ChainSource source{lane_, &executor_, &other};
  std::optional<ChainRead> read;
  ReadChain(source, At(view), {10, 0}, {.bytes_max = 1000},
            [&](Result<ChainRead> r) { read = std::move(r).value(); });
  Settle();
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(read->waiting);
  EXPECT_TRUE(read->runs.empty());
  EXPECT_EQ(read->next, (Position{10, 0}));
  Result<Position> start = Internal("no answer");
  ResolveStart(source, At(view), {StartPoint::Kind::kAtTimestamp, {}, 15'000},
               [&](Result<Position> p) { start = std::move(p); });
  Settle();
  EXPECT_EQ(*start, (Position{10, 0}));
}

}  // namespace
}  // namespace millrace::shard
