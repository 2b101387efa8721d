#include "tests/dataplane/storage/lane_fixture.h"

namespace millrace::storage {
namespace {

using Strings = std::vector<std::string>;

class LaneEncryption : public LaneFixture {
 protected:
  LaneEncryption() { options.keys = &keys; }
  bool DiskHolds(const std::string& text) const {
    for (const std::string& name : disk.FileNames()) {
      if (disk.Contents(name).find(text) != std::string::npos) return true;
    }
    return false;
  }
};

TEST_F(LaneEncryption, EncryptedExtentsAreReadBackFromMemoryAndFromTheDisk) {
  Open();
  ASSERT_TRUE(OpenExtent(Id(0), true).ok());
  ASSERT_TRUE(Put(Id(0), {"secret-one", "secret-two"}).ok());
  ASSERT_TRUE(Put(Id(0), {"secret-three"}).ok());
  Strings all = {"0:secret-one", "1:secret-two", "2:secret-three"};
  EXPECT_EQ(ReadAll(Id(0)), all);
  Reopen();
  EXPECT_TRUE(lane->Info(Id(0))->encrypted);
  EXPECT_EQ(ReadAll(Id(0)), all);
  EXPECT_GT(lane->stats().cache_misses, 0U);
}

TEST_F(LaneEncryption, NoPlainTextReachesTheDisk) {
  Open();
  ASSERT_TRUE(OpenExtent(Id(0), true).ok());
  ASSERT_TRUE(OpenExtent(Id(1), false).ok());
  ASSERT_TRUE(Put(Id(0), {"very-secret"}).ok());
  ASSERT_TRUE(Put(Id(1), {"not-secret"}).ok());
  EXPECT_FALSE(DiskHolds("very-secret"));
  EXPECT_TRUE(DiskHolds("not-secret"));
}

TEST_F(LaneEncryption, WithoutTheMasterKeyNothingIsReadAndNothingCountsAsLost) {
  Open();
  ASSERT_TRUE(OpenExtent(Id(0), true).ok());
  ASSERT_TRUE(Put(Id(0), {"secret"}).ok());
  options.keys = nullptr;
  Reopen();
  EXPECT_EQ(Read(Id(0), 0).status().code(), Code::kUnavailable);
  EXPECT_EQ(Put(Id(0), {"more"}).status().code(), Code::kUnavailable);
  EXPECT_EQ(lane->stats().lost_records, 0U);
  options.keys = &keys;
  Reopen();
  EXPECT_EQ(ReadAll(Id(0)), Strings{"0:secret"});
}

TEST_F(LaneEncryption, KeysOutliveTheSegmentTheyWereMadeIn) {
  Open();
  ASSERT_TRUE(OpenExtent(Id(0), true).ok());
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(Put(Id(0), {std::string(10'000, 'x')}).ok());
    lane->Trim(Id(0), clock.WallNow() - 10);
  }
  Settle();
  Reopen();
  EXPECT_EQ(Put(Id(0), {"y"})->first_index, 100U);
  EXPECT_EQ(ReadAll(Id(0)).back(), "100:y");
}

TEST_F(LaneEncryption, MovedChunksStayReadable) {
  options.tail_cache_bytes = 0;
  Open();
  ASSERT_TRUE(OpenExtent(Id(0), false).ok());
  ASSERT_TRUE(OpenExtent(Id(1), true).ok());
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(Put(Id(0), {std::string(10'000, 'x')}).ok());
    if (i % 20 != 0) continue;
    ASSERT_TRUE(Put(Id(1), {"keep" + std::to_string(i)}).ok());
  }
  lane->Trim(Id(0), clock.WallNow() + 1);
  executor.RunFor(std::chrono::seconds(5));
  auto all = ReadAll(Id(1));
  ASSERT_EQ(all.size(), 10U);
  Reopen();
  EXPECT_EQ(ReadAll(Id(1)), all);
}

}  // namespace
}  // namespace millrace::storage
