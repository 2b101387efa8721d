#include "dataplane/shard/iterator_token.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "common/base/random.h"

namespace millrace::shard {
namespace {

constexpr WallMs kNow = 1'763'700'000'000;
const IteratorClaims kClaims{
    UINT64_MAX - 3, 4'000'000'000, {(1ULL << 36) - 1, UINT64_MAX - 9}, kNow};

Code CodeOf(const Result<IteratorClaims>& result) {
  return result.ok() ? Code::kOk : result.status().code();
}

TEST(IteratorTokens, AreReadBackWithinFiveMinutes) {
  const IteratorTokens tokens(std::string(32, 'k'));
  const std::string token = tokens.Issue(kClaims);
  EXPECT_LE(token.size(), 512u);
  const auto claims = tokens.Read(token, kNow + 300'000);
  ASSERT_TRUE(claims.ok());
  EXPECT_EQ(claims->stream_uid, kClaims.stream_uid);
  EXPECT_EQ(claims->shard, kClaims.shard);
  EXPECT_EQ(claims->position, kClaims.position);
  EXPECT_EQ(claims->issued_ms, kNow);
}

TEST(IteratorTokens, ExpireAfterFiveMinutesInAwssWords) {
  const IteratorTokens tokens(std::string(32, 'k'));
  const auto claims = tokens.Read(tokens.Issue(kClaims), kNow + 300'001);
  ASSERT_EQ(CodeOf(claims), Code::kExpiredIterator);
  EXPECT_EQ(claims.status().message(),
            "Iterator expired. The iterator was created at time Fri Nov 21 04:40:00 UTC 2025 while "
            "right now it is "
            "Fri Nov 21 04:45:00 UTC 2025 which is further in the future than the tolerated delay "
            "of 300000 "
            "milliseconds.");
}

TEST(IteratorTokens, AnyChangedCharacterIsRefused) {
  const IteratorTokens tokens(std::string(32, 'k'));
  const std::string token = tokens.Issue(kClaims);
  for (size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(CodeOf(tokens.Read(changed, kNow)), Code::kInvalidArgument) << i;
  }
  for (size_t size = 0; size < token.size(); ++size) {
    EXPECT_EQ(CodeOf(tokens.Read(token.substr(0, size), kNow)), Code::kInvalidArgument);
  }
  EXPECT_EQ(CodeOf(tokens.Read(token + "A", kNow)), Code::kInvalidArgument);
}

TEST(IteratorTokens, OfAnotherKeyAreRefused) {
  const IteratorTokens ours(std::string(32, 'k'));
  const IteratorTokens theirs(std::string(32, 'j'));
  EXPECT_EQ(CodeOf(ours.Read(theirs.Issue(kClaims), kNow)), Code::kInvalidArgument);
}

TEST(IteratorTokens, TheKeyIsMadeOnceForItsOwnerOnly) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("token-" + NewUuid());
  std::filesystem::create_directories(folder);
  const std::string path = folder / "token.key";
  const auto first = IteratorTokens::FromKeyFile(path);
  ASSERT_TRUE(first.ok());
  struct stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const auto second = IteratorTokens::FromKeyFile(path);
  ASSERT_TRUE(second.ok());
  EXPECT_TRUE(second->Read(first->Issue(kClaims), kNow).ok());
  std::ofstream(path, std::ios::trunc) << "short";
  EXPECT_FALSE(IteratorTokens::FromKeyFile(path).ok());
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace millrace::shard
