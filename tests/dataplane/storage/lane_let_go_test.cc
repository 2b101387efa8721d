#include "dataplane/format/segment_index.h"
#include "tests/dataplane/storage/lane_fixture.h"

namespace millrace::storage {
namespace {

constexpr uint64_t kSeeds = 60;
// Larger than what is left of the first segment, and enough that it is written beside what is in
// flight.
constexpr size_t kLargeBytes = 66'000;

// A lane that has room for two segments. The first one is nearly full and nothing in it is alive;
// what its loss takes for granted is in the second one only, whose first blocks are written while
// the last one of the first still is.
class Life : public LaneFixture {
 public:
  Life(uint64_t seed, uint32_t extents, size_t write_bytes_max)
      : LaneFixture(seed), extents_(extents) {
    // Writes that overtake each other by far.
    disk.options().slow_one_in = 3;
    options.write_bytes_max = write_bytes_max;
    disk.options().capacity_bytes = 2 * options.segment_bytes + options.segment_bytes_min / 2;
    Begin();
    MoveOn();
    CrashOnceTheFirstSegmentIsGone();
    Compare();
  }
  bool crashed_in_time() const { return crashed_in_time_; }

 private:
  void TestBody() override {}

  void Begin() {
    Open();
    uint32_t opened = 0;
    for (uint32_t i = 0; i < extents_; ++i) {
      lane->OpenExtent(Id(i), false, [&](const Status& status) { opened += status.ok() ? 1 : 0; });
    }
    ASSERT_TRUE(executor.RunUntil([&] { return opened == extents_; }));
    first_ = OnlySegment();
    while (disk.Contents(first_).find_last_not_of('\0') + kLargeBytes < options.segment_bytes) {
      ASSERT_TRUE(Put(Id(0), {std::string(10'000, 'x')}).ok());
      ++ended_;
    }
    ASSERT_EQ(*Seal(Id(0)), ended_);
    // Not trimmed: the word of that would be durable after all that this is about.
    ASSERT_TRUE(Drop(Id(0)).ok());
    Settle();
  }
  void MoveOn() {
    lane->OpenExtent(Id(extents_), false, [this](const Status& status) { opened_ = status.ok(); });
    for (int i = 0; i < 2; ++i) {
      lane->AppendRecords(MakeAppend(Id(1), {std::string(kLargeBytes, 'y')}),
                          [this](const Result<AppendResult>& put) { put_ += put.ok() ? 1 : 0; });
    }
  }
  void CrashOnceTheFirstSegmentIsGone() {
    MonoTime began = clock.Now();
    ASSERT_TRUE(executor.RunUntil([this, began] {
      return !disk.Exists(first_) || clock.Now() - began > std::chrono::seconds(5);
    }));
    crashed_in_time_ = !disk.Exists(first_);
    Kill();
  }
  void Compare() {
    Open();
    EXPECT_EQ(lane->stats().corrupt_blocks, 0U);
    EXPECT_EQ(lane->stats().lost_records, 0U);
    EXPECT_FALSE(lane->Info(Id(0)).has_value());
    for (uint32_t i = 1; i < extents_; ++i) ASSERT_TRUE(lane->Info(Id(i)).has_value()) << i;
    EXPECT_GE(ReadAll(Id(1)).size(), put_);
    EXPECT_GE(lane->Info(Id(extents_)).has_value(), opened_);
  }

  const uint32_t extents_;
  std::string first_;
  uint64_t ended_ = 0;
  bool opened_ = false;
  size_t put_ = 0;
  bool crashed_in_time_ = false;
};

// Dies and comes back with many seeds.
void LiveWith(uint32_t extents, size_t write_bytes_max) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    Life life(seed, extents, write_bytes_max);
    EXPECT_TRUE(life.crashed_in_time()) << "it is never let go";
    ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed;
  }
}

TEST(LaneLetGo, ASegmentStaysWhileNoDurableBlockSaysThatItsEndWasAcknowledged) {
  LiveWith(2, 32 * kKiB);
}

TEST(LaneLetGo, ASegmentStaysWhileTheTableAfterItIsDurableInPart) { LiveWith(600, 4 * kKiB); }

// An extent is trimmed and dropped at once, so that its first segment is dead while its drop is on
// its way to the disk.
class TrimmedAndDropped : public LaneFixture {
 public:
  explicit TrimmedAndDropped(uint64_t seed) : LaneFixture(seed) {
    disk.options().slow_one_in = 3;
    Begin();
    MonoTime began = clock.Now();
    executor.RunUntil([this, began] {
      return !disk.Exists(first_) || clock.Now() - began > std::chrono::seconds(5);
    });
    EXPECT_FALSE(disk.Exists(first_)) << "it is never let go";
    Kill();
    Open();
    EXPECT_EQ(lane->stats().lost_records, 0U);
    auto info = lane->Info(Id(0));
    EXPECT_FALSE(dropped_ && info.has_value());
    if (!info.has_value()) return;
    EXPECT_EQ(ReadAll(Id(0)).size(), info->end_index - info->begin_index);
  }

 private:
  void TestBody() override {}

  void Begin() {
    Open();
    ASSERT_TRUE(OpenExtent(Id(0)).ok());
    first_ = OnlySegment();
    // Two segments and more: the second is kept for its table.
    for (int i = 0; i < 60; ++i) ASSERT_TRUE(Put(Id(0), {std::string(10'000, 'x')}).ok());
    Settle();
    ASSERT_TRUE(disk.Exists(first_));
    WallMs middle = clock.WallNow();
    Settle();
    ASSERT_TRUE(Put(Id(0), {"x"}).ok());
    Settle();
    lane->Trim(Id(0), middle);
    lane->Drop(Id(0), [this](const Status& status) { dropped_ = status.ok(); });
  }

  std::string first_;
  bool dropped_ = false;
};

TEST(LaneLetGo, WhatWasTrimmedOfAnExtentThatIsBeingDroppedIsNotMissed) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    TrimmedAndDropped life(seed);
    ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed;
  }
}

// A segment is closed half trimmed, and the crash comes as soon as there is an index of it.
class Indexed : public LaneFixture {
 public:
  explicit Indexed(uint64_t seed) : LaneFixture(seed) {
    disk.options().slow_one_in = 3;
    Open();
    EXPECT_TRUE(OpenExtent(Id(0)).ok());
    std::string index = IndexFileName(ParseFileName(OnlySegment()).number);
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(Put(Id(0), {std::string(10'000, 'x')}).ok());
    Settle();
    WallMs middle = clock.WallNow();
    for (int i = 0; i < 8; ++i) EXPECT_TRUE(Put(Id(0), {std::string(10'000, 'x')}).ok());
    lane->Trim(Id(0), middle);
    lane->AppendRecords(MakeAppend(Id(0), {std::string(kLargeBytes, 'y')}),
                        [](const Result<AppendResult>& put) { (void)put.ok(); });
    EXPECT_TRUE(executor.RunUntil([&] { return disk.Exists(index); }));
    Reopen();
    EXPECT_EQ(lane->stats().lost_records, 0U);
    // From now on a newer table speaks for it, and nobody looks into the segment itself any more.
    EXPECT_TRUE(Put(Id(0), {"z"}).ok());
    Reopen();
    EXPECT_EQ(lane->stats().lost_records, 0U);
    EXPECT_GE(ReadAll(Id(0)).size(), 8U);
  }

 private:
  void TestBody() override {}
};

TEST(LaneLetGo, WhatAnIndexLeavesOutSinceItWasTrimmedIsNotMissed) {
  for (uint64_t seed = 1; seed <= 4 * kSeeds; ++seed) {
    Indexed life(seed);
    ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace millrace::storage
