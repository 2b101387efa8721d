#include "dataplane/placement/volume_identity.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/temp_folder.h"

namespace millrace::shard {
namespace {

namespace fs = std::filesystem;

constexpr WallMs kNow = 1'763'700'000'000;

class VolumeIdentityTest : public ::testing::Test {
 protected:
  void MakeLane(const std::string& name) const {
    fs::create_directories(folder_.path() / name);
    std::ofstream(folder_.path() / name / "segment") << "x";
  }
  // A start of the process: looks, opens the log with so many lanes, settles.
  Result<Volume> Start(size_t lanes, WallMs now = kNow) const {
    ASSIGN_OR_RETURN(VolumeIdentity identity, VolumeIdentity::Look(folder_.path()));
    for (size_t i = 0; i < lanes; ++i) MakeLane("lane-00" + std::to_string(i));
    return identity.Settle(lanes, now);
  }

  testing_support::TempFolder folder_;
};

TEST_F(VolumeIdentityTest, ReadsTheStoredSample) {
  Result<VolumeIdentity> identity = VolumeIdentity::Look("tests/dataplane/placement/volume_sample");
  ASSERT_TRUE(identity.ok()) << identity.status().ToString();
  const Result<Volume> volume = identity->Settle(2, 5);
  ASSERT_TRUE(volume.ok());
  EXPECT_EQ(volume->id, "9f86d081884c7d65");
  EXPECT_EQ(volume->born_ms, kNow);
}

TEST_F(VolumeIdentityTest, AnEmptyFolderGetsAnIdOnceAndKeepsIt) {
  const Result<Volume> first = Start(2);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->id.size(), 16u);
  EXPECT_EQ(first->born_ms, kNow);
  const Result<Volume> again = Start(2, kNow + 5);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->id, first->id);
  EXPECT_EQ(again->born_ms, kNow);
}

TEST_F(VolumeIdentityTest, TwoFoldersNeverHaveTheSameId) {
  const Result<Volume> first = Start(1);
  fs::remove_all(folder_.path() / "lane-000");
  fs::remove(folder_.path() / "volume.json");
  const Result<Volume> second = Start(1, kNow + 5);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_NE(first->id, second->id);
  EXPECT_EQ(second->born_ms, kNow + 5);
}

TEST_F(VolumeIdentityTest, ALogOfAnEarlierVersionIsOlderThanItsId) {
  MakeLane("lane-000");
  const Result<Volume> volume = Start(1);
  ASSERT_TRUE(volume.ok());
  EXPECT_EQ(volume->born_ms, 0);
  EXPECT_EQ(Start(1)->id, volume->id);
}

TEST_F(VolumeIdentityTest, ALogThatHasLostALaneIsAnotherVolume) {
  const Result<Volume> before = Start(3);
  ASSERT_TRUE(before.ok());
  fs::remove_all(folder_.path() / "lane-001");
  const Result<Volume> after = Start(3, kNow + 9);
  ASSERT_TRUE(after.ok());
  EXPECT_NE(after->id, before->id);
  EXPECT_EQ(after->born_ms, kNow + 9);
}

TEST_F(VolumeIdentityTest, ALaneThatIsThereWithNothingInItIsLost) {
  const Result<Volume> before = Start(2);
  fs::remove(folder_.path() / "lane-000" / "segment");
  EXPECT_NE(Start(2)->id, before->id);
}

TEST_F(VolumeIdentityTest, ALogThatGetsMoreLanesIsTheSameVolumeAndMissesThemLater) {
  const Result<Volume> before = Start(1);
  EXPECT_EQ(Start(3)->id, before->id);
  EXPECT_EQ(Start(1)->id, before->id);
  fs::remove_all(folder_.path() / "lane-002");
  EXPECT_NE(Start(1)->id, before->id);
}

TEST_F(VolumeIdentityTest, AFileThatDoesNotParseStopsTheStart) {
  ASSERT_TRUE(Start(1).ok());
  for (const char* text : {"", "{}", R"({"format":2,"id":"9f86d081884c7d65","lanes":1})",
                           R"({"format":1,"id":"short","lanes":1})"}) {
    std::ofstream(folder_.path() / "volume.json", std::ios::trunc) << text;
    const Result<VolumeIdentity> identity = VolumeIdentity::Look(folder_.path());
    ASSERT_FALSE(identity.ok()) << text;
    EXPECT_EQ(identity.status().code(), Code::kInvalidArgument);
  }
}

}  // namespace
}  // namespace millrace::shard
