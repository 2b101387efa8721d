#include "dataplane/storage/lane.h"

#include "tests/dataplane/storage/lane_fixture.h"

namespace millrace::storage {
namespace {

using Strings = std::vector<std::string>;

class LaneTest : public LaneFixture {};

TEST_F(LaneTest, AppendedRecordsAreReadBack) {
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  auto first = Put(Id(0), {"a", "b"});
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->first_index, 0U);
  EXPECT_GE(first->arrival_ms, sim::SimClock::kStartMs);
  EXPECT_EQ(Put(Id(0), {"c"})->first_index, 2U);
  EXPECT_EQ(ReadAll(Id(0)), (Strings{"0:a", "1:b", "2:c"}));
  EXPECT_EQ(ReadAll(Id(0), 1), (Strings{"1:b", "2:c"}));
}

TEST_F(LaneTest, AcknowledgedRecordsSurviveACrash) {
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  ASSERT_TRUE(Put(Id(0), {"a", "b"}).ok());
  ASSERT_TRUE(Put(Id(0), {"c"}).ok());
  Reopen();
  EXPECT_EQ(ReadAll(Id(0)), (Strings{"0:a", "1:b", "2:c"}));
  EXPECT_EQ(Put(Id(0), {"d"})->first_index, 3U);
  Reopen();
  EXPECT_EQ(ReadAll(Id(0)), (Strings{"0:a", "1:b", "2:c", "3:d"}));
  EXPECT_EQ(lane->stats().corrupt_blocks, 0U);
}

TEST_F(LaneTest, EveryKindOfEntrySurvivesACrash) {
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  ASSERT_TRUE(OpenExtent(Id(1)).ok());
  ASSERT_TRUE(OpenExtent(Id(2)).ok());
  Reopen();
  EXPECT_EQ(lane->Extents().size(), 3U);
  ASSERT_TRUE(Put(Id(0), {"a"}).ok());
  EXPECT_EQ(*Seal(Id(0)), 1U);
  Reopen();
  EXPECT_TRUE(lane->Info(Id(0))->sealed);
  EXPECT_EQ(lane->Info(Id(0))->end_index, 1U);
  EXPECT_EQ(Put(Id(0), {"b"}).status().code(), Code::kResourceInUse);
  EXPECT_EQ(*Seal(Id(0)), 1U);
  ASSERT_TRUE(Drop(Id(1)).ok());
  Reopen();
  EXPECT_FALSE(lane->Info(Id(1)).has_value());
  EXPECT_TRUE(lane->Info(Id(2)).has_value());
  EXPECT_TRUE(Drop(Id(1)).ok());
}

TEST_F(LaneTest, SealedExtentEndsWhereItsAcceptedAppendsDo) {
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  int acknowledged = 0;
  for (int i = 0; i < 10; ++i) {
    lane->AppendRecords(MakeAppend(Id(0), {"x"}), [&](const Result<AppendResult>& result) {
      EXPECT_TRUE(result.ok());
      ++acknowledged;
    });
  }
  EXPECT_EQ(*Seal(Id(0)), 10U);
  EXPECT_EQ(acknowledged, 10);
  auto end = Read(Id(0), 10);
  EXPECT_TRUE(end->end_of_extent);
  EXPECT_EQ(end->next_index, 10U);
}

TEST_F(LaneTest, ErrorsSayWhatIsWrong) {
  Open();
  EXPECT_EQ(Put(Id(0), {"x"}).status().code(), Code::kNotFound);
  EXPECT_EQ(Read(Id(0), 0).status().code(), Code::kNotFound);
  EXPECT_EQ(Seal(Id(0)).status().code(), Code::kNotFound);
  EXPECT_EQ(lane->IndexAtTime(Id(0), 0).status().code(), Code::kNotFound);
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  EXPECT_EQ(Put(Id(0), {}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(Put(Id(0), {std::string(200 * kKiB, 'x')}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(OpenExtent(Id(1), true).code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace millrace::storage
