#include "tests/dataplane/storage/lane_fixture.h"

namespace millrace::storage {
namespace {

class LaneFencing : public LaneFixture {};

TEST_F(LaneFencing, AFailedWriteFencesTheLaneForGood) {
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  ASSERT_TRUE(Put(Id(0), {"a"}).ok());
  disk.options().write_error_one_in = 1;
  int refused = 0;
  for (int i = 0; i < 20; ++i) {
    lane->AppendRecords(MakeAppend(Id(0), {std::string(20'000, 'x')}),
                        [&](const Result<AppendResult>& result) {
                          EXPECT_EQ(result.status().code(), Code::kFenced);
                          ++refused;
                        });
  }
  ASSERT_TRUE(executor.RunUntil([&] { return refused == 20; }));
  EXPECT_EQ(fenced, 1);
  EXPECT_TRUE(lane->stats().fenced);
  disk.options().write_error_one_in = 0;
  EXPECT_EQ(Put(Id(0), {"b"}).status().code(), Code::kFenced);
  EXPECT_EQ(Seal(Id(0)).status().code(), Code::kFenced);
  EXPECT_EQ(OpenExtent(Id(1)).code(), Code::kFenced);
  EXPECT_EQ(Drop(Id(0)).code(), Code::kFenced);
  EXPECT_EQ(fenced, 1);
}

TEST_F(LaneFencing, AnExtentWhoseOpeningFailedIsNotCalledGone) {
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  disk.options().write_error_one_in = 1;
  // What a failed write left of it, nobody knows before the next recovery.
  EXPECT_EQ(OpenExtent(Id(1)).code(), Code::kFenced);
  EXPECT_EQ(Drop(Id(1)).code(), Code::kFenced);
  EXPECT_EQ(Drop(Id(0)).code(), Code::kFenced);
  EXPECT_EQ(Drop(Id(0)).code(), Code::kFenced);
}

TEST_F(LaneFencing, ReadsGoOnBehindAFence) {
  options.tail_cache_bytes = 0;
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  ASSERT_TRUE(Put(Id(0), {"a"}).ok());
  disk.options().write_error_one_in = 1;
  EXPECT_EQ(Put(Id(0), {"b"}).status().code(), Code::kFenced);
  EXPECT_EQ(ReadAll(Id(0)), std::vector<std::string>{"0:a"});
}

TEST_F(LaneFencing, TheNextLifeHasWhatWasAcknowledged) {
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  ASSERT_TRUE(Put(Id(0), {"a"}).ok());
  disk.options().write_error_one_in = 1;
  EXPECT_EQ(Put(Id(0), {"b"}).status().code(), Code::kFenced);
  disk.options().write_error_one_in = 0;
  Reopen();
  auto all = ReadAll(Id(0));
  ASSERT_GE(all.size(), 1U);
  EXPECT_EQ(all[0], "0:a");
  EXPECT_TRUE(Put(Id(0), {"c"}).ok());
}

TEST_F(LaneFencing, ALaneThatIsFencedCloses) {
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  disk.options().write_error_one_in = 1;
  EXPECT_EQ(Put(Id(0), {"b"}).status().code(), Code::kFenced);
  bool closed = false;
  lane->Close([&] { closed = true; });
  EXPECT_TRUE(executor.RunUntil([&] { return closed; }));
}

TEST_F(LaneFencing, ALaneThatIsFencedWhileItClosesCloses) {
  Open();  // its first segment is being made
  disk.options().folder_error_one_in = 1;
  bool closed = false;
  lane->Close([&] { closed = true; });
  EXPECT_TRUE(executor.RunUntil([&] { return closed; }));
  EXPECT_EQ(fenced, 1);
}

TEST_F(LaneFencing, AReadThatFailsIsAnErrorAndNoLoss) {
  options.tail_cache_bytes = 0;
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  ASSERT_TRUE(Put(Id(0), {"a"}).ok());
  disk.options().read_error_one_in = 1;
  EXPECT_EQ(Read(Id(0), 0).status().code(), Code::kIo);
  disk.options().read_error_one_in = 0;
  EXPECT_EQ(ReadAll(Id(0)), std::vector<std::string>{"0:a"});
  EXPECT_EQ(lane->stats().corrupt_blocks, 0U);
}

}  // namespace
}  // namespace millrace::storage
