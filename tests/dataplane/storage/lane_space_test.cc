#include "dataplane/format/segment_index.h"
#include "tests/dataplane/storage/lane_fixture.h"

namespace millrace::storage {
namespace {

class LaneSpace : public LaneFixture {
 protected:
  // Appends until the log is full; how many records were acknowledged.
  uint64_t Fill(ExtentId id) {
    for (int i = 0; i < 2000; ++i) {
      auto result = Put(id, {std::string(10'000, 'x')});
      if (result.ok()) continue;
      EXPECT_EQ(result.status().code(), Code::kNoSpace);
      return lane->Info(id)->end_index;
    }
    ADD_FAILURE() << "never full";
    return 0;
  }
};

TEST_F(LaneSpace, AFullLogRefusesAppendsAndStillServesReads) {
  options.bytes_max = 4 * 256 * kKiB;
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  uint64_t count = Fill(Id(0));
  EXPECT_GT(count, 60U);
  EXPECT_TRUE(lane->stats().full);
  EXPECT_LE(lane->stats().file_bytes, options.bytes_max);
  EXPECT_EQ(ReadAll(Id(0)).size(), count);
  EXPECT_EQ(fenced, 0);
  Reopen();
  EXPECT_EQ(ReadAll(Id(0)).size(), count);
}

TEST_F(LaneSpace, AFullVolumeIsLikeAFullLogAndResumesByItself) {
  disk.options().capacity_bytes = 1100 * kKiB;
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  uint64_t count = Fill(Id(0));
  EXPECT_TRUE(lane->stats().full);
  EXPECT_EQ(ReadAll(Id(0)).size(), count);
  disk.options().capacity_bytes = 10 * kMiB;
  executor.RunFor(std::chrono::seconds(2));
  EXPECT_FALSE(lane->stats().full);
  EXPECT_EQ(Put(Id(0), {"x"})->first_index, count);
  EXPECT_EQ(fenced, 0);
}

TEST_F(LaneSpace, RoomForASmallerSegmentIsEnoughToResume) {
  disk.options().capacity_bytes = 1100 * kKiB;
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  uint64_t count = Fill(Id(0));
  // Less than a whole segment, in place of which a smaller one does.
  disk.options().capacity_bytes = disk.used_bytes() + options.segment_bytes / 2;
  executor.RunFor(std::chrono::seconds(1));
  EXPECT_EQ(Put(Id(0), {"x"})->first_index, count);
  CloseAndReopen();
  EXPECT_EQ(ReadAll(Id(0)).size(), count + 1);
  EXPECT_EQ(lane->stats().lost_records, 0U);
}

TEST_F(LaneSpace, WritesResumeWithinASecondOfRoomHoweverOftenItIsTaken) {
  disk.options().capacity_bytes = 700 * kKiB;
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  uint64_t count = 0;
  for (int round = 0; round < 30; ++round) {
    count = Fill(Id(0));
    executor.RunFor(std::chrono::milliseconds(37 * round));
    disk.options().capacity_bytes += options.segment_bytes_min * (1 + round % 4) + 4 * kKiB;
    executor.RunFor(std::chrono::seconds(1));
    auto put = Put(Id(0), {"x"});
    ASSERT_TRUE(put.ok()) << round << ": " << put.status().ToString();
    EXPECT_EQ(put->first_index, count);
  }
  EXPECT_EQ(ReadAll(Id(0)).size(), count + 1);
  EXPECT_EQ(fenced, 0);
}

TEST_F(LaneSpace, AnIdleLaneTakesNoRoomFromOthers) {
  options.segment_bytes = 2 * kMiB;
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  ASSERT_TRUE(Put(Id(0), {"x"}).ok());
  executor.RunFor(std::chrono::seconds(10));
  EXPECT_EQ(lane->stats().file_bytes, options.segment_bytes);
  // Restarts do not add to it, nor does a volume that others filled.
  disk.options().capacity_bytes = disk.used_bytes() + 2 * kDiskAlignment;
  for (int i = 0; i < 5; ++i) {
    Reopen();
    ASSERT_TRUE(Put(Id(0), {"x"}).ok());
    EXPECT_FALSE(lane->stats().full);
  }
  EXPECT_EQ(lane->stats().file_bytes, options.segment_bytes);
  EXPECT_EQ(ReadAll(Id(0)).size(), 6U);
}

TEST_F(LaneSpace, AVolumeTooSmallForALaneSaysSo) {
  disk.options().capacity_bytes = 50 * kKiB;
  Open();
  Status status = OpenExtent(Id(0));
  EXPECT_EQ(status.code(), Code::kNoSpace);
  EXPECT_NE(status.message().find("the volume has 49 KiB free and the lane needs 64 KiB"),
            std::string::npos)
      << status.message();
  EXPECT_TRUE(lane->stats().full);
  EXPECT_EQ(lane->stats().full_reason,
            "the volume has 49 KiB free and the lane needs 64 KiB for "
            "its next segment");
  disk.options().capacity_bytes = 200 * kKiB;
  executor.RunFor(std::chrono::seconds(1));
  EXPECT_TRUE(OpenExtent(Id(0)).ok());
  EXPECT_TRUE(lane->stats().full_reason.empty());
}

TEST_F(LaneSpace, IndexFilesCountTowardsWhatTheLaneMayHave) {
  options.bytes_max = 8 * 256 * kKiB;
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  Fill(Id(0));
  Settle();
  auto bytes_of_files = [&] {
    uint64_t bytes = 0;
    for (const std::string& name : disk.FileNames()) {
      if (name != kLogIdFileName) bytes += disk.Contents(name).size();
    }
    return bytes;
  };
  EXPECT_LE(bytes_of_files(), options.bytes_max);
  EXPECT_EQ(lane->stats().file_bytes, bytes_of_files());
  Reopen();
  Settle();
  EXPECT_EQ(lane->stats().file_bytes, bytes_of_files());
  lane->Trim(Id(0), clock.WallNow() + 1);
  executor.RunFor(std::chrono::seconds(5));
  EXPECT_EQ(lane->stats().file_bytes, bytes_of_files());
}

TEST_F(LaneSpace, ControlEntriesGoThroughWhenTheLogIsFull) {
  options.bytes_max = 4 * 256 * kKiB;
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  uint64_t count = Fill(Id(0));
  EXPECT_EQ(*Seal(Id(0)), count);
  EXPECT_TRUE(OpenExtent(Id(1)).ok());
  EXPECT_TRUE(Drop(Id(1)).ok());
  Reopen();
  EXPECT_TRUE(lane->Info(Id(0))->sealed);
  EXPECT_FALSE(lane->Info(Id(1)).has_value());
}

TEST_F(LaneSpace, TrimmingMakesRoomWithoutARestart) {
  options.bytes_max = 4 * 256 * kKiB;
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  for (int round = 0; round < 8; ++round) {
    Fill(Id(0));
    executor.RunFor(std::chrono::milliseconds(5));
    lane->Trim(Id(0), clock.WallNow());
    executor.RunFor(std::chrono::seconds(5));
    ASSERT_FALSE(lane->stats().full) << round;
    ASSERT_TRUE(Put(Id(0), {"x"}).ok());
  }
  Reopen();
  EXPECT_EQ(lane->stats().lost_records, 0U);
  EXPECT_EQ(lane->stats().corrupt_blocks, 0U);
}

TEST_F(LaneSpace, TrimsOfThousandsOfExtentsFitIntoWhatAFullLogKeepsForThem) {
  options.segment_bytes = 16 * kMiB;
  options.segment_bytes_min = 8 * kMiB;
  options.write_bytes_max = 1 * kMiB;
  options.bytes_max = 4 * options.segment_bytes;
  constexpr uint32_t kExtents = 3'000;
  Open();
  uint32_t put = 0;
  for (uint32_t i = 0; i < kExtents; ++i) {
    lane->OpenExtent(Id(i), false, [](const Status& status) { EXPECT_TRUE(status.ok()); });
    lane->AppendRecords(MakeAppend(Id(i), {"x"}),
                        [&](const Result<AppendResult>& result) { put += result.ok() ? 1 : 0; });
  }
  executor.RunUntil([&] { return put == kExtents; });
  while (Put(Id(0), {std::string(200'000, 'x')}).ok()) {
  }
  uint32_t opened = 0;
  while (opened < 2'000 && OpenExtent(Id(kExtents + opened)).ok()) ++opened;
  ASSERT_LT(opened, 2'000U) << "the reserve is not used up";
  ASSERT_TRUE(lane->stats().full);

  executor.RunFor(std::chrono::milliseconds(5));
  for (uint32_t i = 0; i < kExtents; ++i) lane->Trim(Id(i), clock.WallNow());
  executor.RunFor(std::chrono::seconds(5));
  EXPECT_FALSE(lane->stats().full);
  EXPECT_TRUE(Put(Id(0), {"x"}).ok());
  Reopen();
  EXPECT_EQ(lane->stats().lost_records, 0U);
}

TEST_F(LaneSpace, DroppingMakesRoomWithoutARestart) {
  options.bytes_max = 4 * 256 * kKiB;
  Open();
  for (uint64_t epoch = 1; epoch < 8; ++epoch) {
    ASSERT_TRUE(OpenExtent(Id(0, epoch)).ok());
    Fill(Id(0, epoch));
    ASSERT_TRUE(Drop(Id(0, epoch)).ok());
    executor.RunFor(std::chrono::seconds(5));
    ASSERT_FALSE(lane->stats().full) << epoch;
  }
}

TEST_F(LaneSpace, RecycledSegmentsKeepTheFilesFew) {
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  for (int i = 0; i < 600; ++i) {
    ASSERT_TRUE(Put(Id(0), {std::string(10'000, 'x')}).ok());
    lane->Trim(Id(0), clock.WallNow() - 10);
  }
  Settle();
  EXPECT_LE(lane->stats().file_bytes, 8 * 256 * kKiB);
  auto info = lane->Info(Id(0));
  EXPECT_EQ(info->end_index, 600U);
  Reopen();
  EXPECT_EQ(lane->Info(Id(0))->end_index, 600U);
  EXPECT_EQ(lane->stats().lost_records, 0U);
  EXPECT_GE(lane->Info(Id(0))->begin_index, 500U);
}

TEST_F(LaneSpace, CleaningKeepsWhatIsAliveAndFreesTheRest) {
  options.tail_cache_bytes = 0;
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  ASSERT_TRUE(OpenExtent(Id(1)).ok());
  uint64_t kept = 0;
  for (int i = 0; i < 400; ++i) {
    ASSERT_TRUE(Put(Id(0), {std::string(10'000, 'x')}).ok());
    if (i % 10 == 0) {
      ASSERT_TRUE(Put(Id(1), {"keep" + std::to_string(i)}).ok());
      ++kept;
    }
  }
  uint64_t before = lane->stats().file_bytes;
  lane->Trim(Id(0), clock.WallNow() + 1);
  executor.RunFor(std::chrono::seconds(5));
  EXPECT_LT(lane->stats().file_bytes, before / 2);
  auto all = ReadAll(Id(1));
  ASSERT_EQ(all.size(), kept);
  EXPECT_EQ(all[3], "3:keep30");
  Reopen();
  EXPECT_EQ(ReadAll(Id(1)), all);
  EXPECT_EQ(lane->stats().lost_records, 0U);
  EXPECT_EQ(lane->Info(Id(0))->begin_index, 400U);
  EXPECT_EQ(lane->Info(Id(0))->end_index, 400U);
}

TEST_F(LaneSpace, ManyRestartsDoNotPileUpSegments) {
  Open();
  ASSERT_TRUE(OpenExtent(Id(0)).ok());
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(Put(Id(0), {std::string(1000, 'x')}).ok());
    Reopen();
  }
  EXPECT_EQ(ReadAll(Id(0)).size(), 50U);
  Settle();
  EXPECT_LE(lane->stats().file_bytes, 8 * 256 * kKiB);
}

TEST_F(LaneSpace, TenThousandExtentsAreOpenedWrittenAndRecovered) {
  options.segment_bytes = 8 * kMiB;
  options.write_bytes_max = 1 * kMiB;
  Open();
  int opened = 0;
  for (uint32_t i = 0; i < 10'000; ++i) {
    lane->OpenExtent(Id(i), false, [&](const Status& status) { opened += status.ok() ? 1 : 0; });
  }
  executor.RunUntil([&] { return opened == 10'000; });
  int put = 0;
  for (uint32_t i = 0; i < 10'000; ++i) {
    lane->AppendRecords(MakeAppend(Id(i), {std::to_string(i)}),
                        [&](const Result<AppendResult>& result) { put += result.ok() ? 1 : 0; });
  }
  executor.RunUntil([&] { return put == 10'000; });
  EXPECT_LT(lane->stats().durable_writes, 40U);
  Reopen();
  ASSERT_EQ(lane->Extents().size(), 10'000U);
  EXPECT_EQ(ReadAll(Id(7777)), std::vector<std::string>{"0:7777"});
  EXPECT_EQ(lane->stats().lost_records, 0U);
}

TEST_F(LaneSpace, MoreExtentsThanATableHoldsAreRefused) {
  options.segment_bytes = 64 * kKiB;
  Open();
  Status last;
  for (uint32_t i = 0; i < 2000 && last.ok(); ++i) last = OpenExtent(Id(i));
  EXPECT_EQ(last.code(), Code::kLimitExceeded);
  size_t count = lane->Extents().size();
  EXPECT_GT(count, 100U);
  Reopen();
  EXPECT_EQ(lane->Extents().size(), count);
}

}  // namespace
}  // namespace millrace::storage
