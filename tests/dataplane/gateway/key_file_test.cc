#include "dataplane/gateway/key_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "common/base/random.h"
#include "dataplane/gateway/master_key.h"

namespace millrace::gateway {
namespace {

class KeyFileTest : public ::testing::Test {
 protected:
  KeyFileTest() { std::filesystem::create_directories(folder_); }
  ~KeyFileTest() override { std::filesystem::remove_all(folder_); }
  void Write(const std::string& text) { std::ofstream(path_, std::ios::trunc) << text; }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("keys-" + NewUuid());
  const std::string path_ = (folder_ / "file").string();
};

TEST_F(KeyFileTest, GivesTheKeysItLists) {
  Write(
      "- accessKeyId: AKIA1\n  secretAccessKey: one\n- accessKeyId: AKIA2\n  secretAccessKey: two\n"
      "  accountId: \"123456789012\"\n  userName: ann\n");
  const auto keys = KeyFile::Open(path_);
  ASSERT_TRUE(keys.ok()) << keys.status().ToString();
  EXPECT_EQ((*keys)->Find("AKIA1")->secret_access_key, "one");
  EXPECT_EQ((*keys)->Find("AKIA1")->account_id, "000000000000");
  EXPECT_EQ((*keys)->Find("AKIA2")->account_id, "123456789012");
  EXPECT_EQ((*keys)->Find("AKIA2")->user_name, "ann");
  EXPECT_FALSE((*keys)->Find("AKIA3"));
}

TEST_F(KeyFileTest, IsReadAgainWhenItChangesAndKeptWhenItBreaks) {
  Write("- {accessKeyId: AKIA1, secretAccessKey: one}\n");
  const auto keys = KeyFile::Open(path_);
  ASSERT_TRUE(keys.ok());
  Write(
      "- {accessKeyId: AKIA1, secretAccessKey: three}\n- {accessKeyId: AKIA2, secretAccessKey: "
      "two}\n");
  (*keys)->Refresh();
  EXPECT_EQ((*keys)->Find("AKIA1")->secret_access_key, "three");
  EXPECT_TRUE((*keys)->Find("AKIA2"));
  Write("- {accessKeyId: AKIA1}\n");
  (*keys)->Refresh();
  EXPECT_TRUE((*keys)->Find("AKIA2"));
  std::filesystem::remove(path_);
  (*keys)->Refresh();
  EXPECT_TRUE((*keys)->Find("AKIA2"));
}

TEST_F(KeyFileTest, SaysWhatIsWrongAndNeverTheSecret) {
  for (const char* text :
       {"{}", "- accessKeyId: A\n", "- secretAccessKey: hush\n",
        "- {accessKeyId: A, secretAccessKey: hush, accountId: short}\n",
        "- {accessKeyId: A, secretAccessKey: hush}\n- {accessKeyId: A, secretAccessKey: hush}\n"}) {
    const auto keys = ParseKeyFile(text);
    ASSERT_FALSE(keys.ok()) << text;
    EXPECT_EQ(keys.status().message().find("hush"), std::string::npos);
  }
  EXPECT_FALSE(KeyFile::Open(path_ + ".missing").ok());
}

TEST_F(KeyFileTest, AMasterKeyIsHexOrBase64AndWrapsSoThatNoOtherUnwraps) {
  const auto hex =
      MasterKey::FromText(" 000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F\n");
  const auto base64 = MasterKey::FromText("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
  const auto other = MasterKey::FromText(std::string(64, 'f'));
  ASSERT_TRUE(hex.ok() && base64.ok() && other.ok());
  const auto wrapped = (*hex)->Wrap("a data key of some length");
  ASSERT_TRUE(wrapped.ok());
  EXPECT_EQ(*(*base64)->Unwrap(*wrapped), "a data key of some length");
  EXPECT_FALSE((*other)->Unwrap(*wrapped).ok());
  EXPECT_NE(*(*hex)->Wrap("a data key of some length"), *wrapped);
  for (const char* text :
       {"", "short", "zz0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"}) {
    EXPECT_FALSE(MasterKey::FromText(text).ok()) << text;
  }
}

TEST_F(KeyFileTest, AMasterKeyOfOnesOwnIsMadeOnceForItsOwnerOnly) {
  const auto first = MasterKey::FromOwnFile(path_);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(std::filesystem::status(path_).permissions() & std::filesystem::perms::mask,
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  const auto second = MasterKey::FromOwnFile(path_);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(*(*second)->Unwrap(*(*first)->Wrap("key")), "key");
}

}  // namespace
}  // namespace millrace::gateway
