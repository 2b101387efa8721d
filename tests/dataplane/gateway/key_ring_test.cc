#include "dataplane/gateway/key_ring.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "common/base/random.h"

namespace millrace::gateway {
namespace {

class KeyRingTest : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void PutKey(const std::string& name, char digit) const {
    std::ofstream(folder_ + "/" + name) << std::string(64, digit);
  }
  static resources::ShardMap MapOf(const std::string& key_id) {
    resources::ShardMap map;
    map.stream_uid = 7;
    map.key_id = key_id;
    return map;
  }
  const std::string folder_ = (std::filesystem::temp_directory_path() / NewUuid()).string();
  const std::unique_ptr<MasterKey> master_ = *MasterKey::FromText(std::string(64, '1'));
  const std::string data_key_ = std::string(32, 'k');
};

TEST_F(KeyRingTest, AStreamsDataKeysAreWrappedByItsOwnKeyAndReadAfterItsRotation) {
  PutKey("aa", '2');
  PutKey("bb", '3');
  KeyRing ring(*master_, folder_);
  const std::string by_master = *ring.WrapFor(7, data_key_);
  EXPECT_EQ(*master_->Unwrap(by_master), data_key_);
  ring.Note(MapOf("secret:aa"));
  const std::string by_first = *ring.WrapFor(7, data_key_);
  ring.Note(MapOf("secret:bb"));
  const std::string by_second = *ring.WrapFor(7, data_key_);
  // Another stream's are not.
  EXPECT_EQ(*master_->Unwrap(*ring.WrapFor(8, data_key_)), data_key_);
  EXPECT_FALSE(master_->Unwrap(by_first).ok());

  const KeyRing restarted(*master_, folder_);
  for (const std::string& wrapped : {by_master, by_first, by_second}) {
    EXPECT_EQ(*restarted.Unwrap(wrapped), data_key_);
  }
}

TEST_F(KeyRingTest, TheKeysThatAreHereAreListedAndNothingElse) {
  EXPECT_TRUE(KeyNamesIn("").empty());
  EXPECT_TRUE(KeyNamesIn(folder_ + "/nowhere").empty());
  EXPECT_TRUE(KeyNamesIn(folder_).empty());
  PutKey("aa", '2');
  PutKey("..data", '2');
  EXPECT_EQ(KeyNamesIn(folder_), std::vector<std::string>{"aa"});
}

TEST_F(KeyRingTest, WhatIsNotHereYetIsAwaitedAndNeverReplacedByTheMasterKey) {
  KeyRing ring(*master_, folder_);
  ring.Note(MapOf("secret:aa"));
  EXPECT_EQ(ring.WrapFor(7, data_key_).status().code(), Code::kUnavailable);
  PutKey("aa", '2');
  EXPECT_TRUE(ring.WrapFor(7, data_key_).ok());
  KeyRing nowhere(*master_, "");
  nowhere.Note(MapOf("secret:aa"));
  EXPECT_FALSE(nowhere.WrapFor(7, data_key_).ok());
}

TEST_F(KeyRingTest, WhatWasCutOffOrNamesAPathIsRefused) {
  PutKey("aa", '2');
  KeyRing ring(*master_, folder_);
  ring.Note(MapOf("secret:aa"));
  const std::string wrapped = *ring.WrapFor(7, data_key_);
  for (size_t size = 0; size < wrapped.size(); ++size) {
    EXPECT_FALSE(ring.Unwrap(wrapped.substr(0, size)).ok()) << size;
  }
  ring.Note(MapOf("secret:../aa"));
  EXPECT_FALSE(ring.WrapFor(7, data_key_).ok());
}

}  // namespace
}  // namespace millrace::gateway
