#include "tests/dataplane/storage/lane_fixture.h"

namespace millrace::storage {
namespace {

class LaneRead : public LaneFixture {};

TEST_F(LaneRead, MemoryAnswersBeforeReadReturns) {
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  ASSERT_TRUE(Put(Id(0), {"a"}).ok());
  bool answered = false;
  lane->Read(Id(0), 0, 1000, [&](const Result<ReadResult>& result) {
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(result->next_index, 1U);
    EXPECT_FALSE(result->end_of_extent);
    answered = true;
  });
  EXPECT_TRUE(answered);
  EXPECT_EQ(lane->stats().cache_hits, 1U);
}

TEST_F(LaneRead, ReadersOfOneChunkShareItsBytes) {
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  ASSERT_TRUE(Put(Id(0), {"a"}).ok());
  auto one = Read(Id(0), 0);
  auto two = Read(Id(0), 0);
  EXPECT_EQ(one->chunks[0].records.data(), two->chunks[0].records.data());
}

TEST_F(LaneRead, AReaderPassesFromTheDiskToTheCache) {
  options.tail_cache_bytes = 100'000;
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  ASSERT_TRUE(OpenExtent(Id(1)).ok());
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(Put(Id(static_cast<uint32_t>(i % 2)), {std::string(10'000, 'x')}).ok());
  }
  EXPECT_EQ(ReadAll(Id(0), 0, 30'000).size(), 50U);
  EXPECT_GT(lane->stats().cache_hits, 0U);
  EXPECT_GT(lane->stats().cache_misses, 0U);
}

TEST_F(LaneRead, BytesMaxBoundsAReadButNeverToNothing) {
  options.tail_cache_bytes = 0;
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(Put(Id(0), {std::string(10'000, 'x')}).ok());
  EXPECT_EQ(Read(Id(0), 0, 1)->chunks.size(), 1U);
  EXPECT_EQ(Read(Id(0), 0, 25'000)->chunks.size(), 2U);
  EXPECT_EQ(Read(Id(0), 9, 25'000)->chunks.size(), 1U);
}

TEST_F(LaneRead, ReadingBelowTheBeginStartsThere) {
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  ASSERT_TRUE(Put(Id(0), {"a"}).ok());
  executor.RunFor(std::chrono::milliseconds(10));
  WallMs horizon = clock.WallNow();
  ASSERT_TRUE(Put(Id(0), {"b"}).ok());
  lane->Trim(Id(0), horizon);
  auto result = Read(Id(0), 0);
  EXPECT_EQ(result->chunks.at(0).first_index, 1U);
  EXPECT_EQ(result->skipped_lost, 0U);
  EXPECT_EQ(lane->Info(Id(0))->begin_index, 1U);
  lane->Trim(Id(0), clock.WallNow() + 1);
  EXPECT_EQ(Read(Id(0), 0)->next_index, 2U);
  EXPECT_TRUE(Read(Id(0), 0)->chunks.empty());
}

TEST_F(LaneRead, IndexAtTimeFindsTheFirstRecordNotBefore) {
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  std::vector<WallMs> arrivals;
  for (int i = 0; i < 5; ++i) {
    arrivals.push_back(Put(Id(0), {"x", "y"})->arrival_ms);
    executor.RunFor(std::chrono::milliseconds(100));
  }
  EXPECT_EQ(*lane->IndexAtTime(Id(0), 0), 0U);
  EXPECT_EQ(*lane->IndexAtTime(Id(0), arrivals[2]), 4U);
  EXPECT_EQ(*lane->IndexAtTime(Id(0), arrivals[2] + 1), 6U);
  EXPECT_EQ(*lane->IndexAtTime(Id(0), arrivals[4] + 1), 10U);
}

TEST_F(LaneRead, ArrivalNeverGoesBackWhenTheClockDoes) {
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  WallMs first = Put(Id(0), {"a"})->arrival_ms;
  clock.JumpWall(-3'600'000);
  EXPECT_GE(Put(Id(0), {"b"})->arrival_ms, first);
  Reopen();
  EXPECT_GE(Put(Id(0), {"c"})->arrival_ms, first);
}

TEST_F(LaneRead, TheCommitListenerHearsEveryChunkInOrderBeforeItsAppend) {
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  uint64_t heard = 0;
  lane->SetCommitListener([&](const ExtentId& id, const Chunk& chunk) {
    EXPECT_EQ(id, Id(0));
    EXPECT_EQ(chunk.first_index, heard);
    heard += chunk.count;
  });
  int done = 0;
  for (int i = 0; i < 50; ++i) {
    lane->AppendRecords(MakeAppend(Id(0), {std::string(3000, 'x')}),
                        [&](const Result<AppendResult>& result) {
                          EXPECT_LT(result->first_index, heard);
                          EXPECT_EQ(result->first_index, static_cast<uint64_t>(done));
                          ++done;
                        });
  }
  executor.RunUntil([&] { return done == 50; });
  EXPECT_EQ(heard, 50U);
}

TEST_F(LaneRead, AppendsOfOneTurnShareOneWrite) {
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  Settle();
  uint64_t before = lane->stats().durable_writes;
  int done = 0;
  for (int i = 0; i < 20; ++i) {
    lane->AppendRecords(MakeAppend(Id(0), {"x"}), [&](const Result<AppendResult>&) { ++done; });
  }
  executor.RunUntil([&] { return done == 20; });
  EXPECT_EQ(lane->stats().durable_writes, before + 1);
  EXPECT_EQ(Read(Id(0), 0)->chunks.size(), 1U);
}

TEST_F(LaneRead, ALargeAppendIsWrittenAndServedFromTheBufferItWasMadeIn) {
  options.segment_bytes = 2 * kMiB;
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  std::string data(300'000, 'x');
  Append append = MakeAppend(Id(0), {data});
  const uint8_t* at = append.records.data();
  int done = 0;
  lane->AppendRecords(std::move(append), [&](const Result<AppendResult>&) { ++done; });
  // A second holder sees nothing of the block: it is copied.
  Append held = MakeAppend(Id(0), {data});
  const uint8_t* held_at = held.records.data();
  lane->AppendRecords(held, [&](const Result<AppendResult>&) { ++done; });
  lane->AppendRecords(MakeAppend(Id(0), {"small"}), [&](const Result<AppendResult>&) { ++done; });
  executor.RunUntil([&] { return done == 3; });
  auto first = Read(Id(0), 0, 1);
  EXPECT_EQ(first->chunks[0].records.data(), at);
  auto second = Read(Id(0), 1, 1);
  EXPECT_NE(second->chunks[0].records.data(), held_at);
  std::vector<std::string> all = {"0:" + data, "1:" + data, "2:small"};
  EXPECT_EQ(ReadAll(Id(0)), all);
  Reopen();
  EXPECT_EQ(ReadAll(Id(0)), all);
}

TEST_F(LaneRead, TooMuchWaitingIsThrottled) {
  options.pending_bytes_max = 50'000;
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  int ok = 0;
  int throttled = 0;
  for (int i = 0; i < 10; ++i) {
    lane->AppendRecords(MakeAppend(Id(0), {std::string(10'000, 'x')}),
                        [&](const Result<AppendResult>& result) {
                          if (result.ok()) ++ok;
                          if (result.status().code() == Code::kThrottled) ++throttled;
                        });
  }
  executor.RunUntil([&] { return ok + throttled == 10; });
  EXPECT_EQ(ok, 4);
  EXPECT_EQ(throttled, 6);
  EXPECT_TRUE(Put(Id(0), {"x"}).ok());
}

TEST_F(LaneRead, ADroppedExtentIsGoneForItsReaders) {
  options.tail_cache_bytes = 0;
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  ASSERT_TRUE(Put(Id(0), {"a"}).ok());
  std::optional<Code> code;
  lane->Read(Id(0), 0, 1000,
             [&](const Result<ReadResult>& result) { code = result.status().code(); });
  ASSERT_TRUE(Drop(Id(0)).ok());
  executor.RunUntil([&] { return code.has_value(); });
  EXPECT_EQ(Read(Id(0), 0).status().code(), Code::kNotFound);
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  EXPECT_TRUE(Read(Id(0), 0)->chunks.empty());
  EXPECT_EQ(Put(Id(0), {"b"})->first_index, 0U);
  Reopen();
  EXPECT_EQ(ReadAll(Id(0)), std::vector<std::string>{"0:b"});
}

TEST_F(LaneRead, CloseMakesWhatWasAcceptedDurable) {
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  int done = 0;
  for (int i = 0; i < 10; ++i) {
    lane->AppendRecords(MakeAppend(Id(0), {"x"}),
                        [&](const Result<AppendResult>& result) { done += result.ok() ? 1 : 0; });
  }
  CloseAndReopen();
  EXPECT_EQ(done, 10);
  EXPECT_EQ(ReadAll(Id(0)).size(), 10U);
}

}  // namespace
}  // namespace millrace::storage
