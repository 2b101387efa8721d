#include "controlplane/kinesis/page_token.h"

#include <gtest/gtest.h>

#include "common/codec/base64.h"
#include "tests/support/sim_clock.h"

namespace millrace::controlplane {
namespace {

class PageTokensTest : public testing::Test {
 protected:
  static json::Value Position() {
    json::Value position;
    position.Set("after", "a-secret-stream-name");
    return position;
  }
  sim::SimClock clock_;
  PageTokens tokens_{clock_, "secret"};
};

TEST_F(PageTokensTest, ATokenComesBackAsThePosition) {
  Result<json::Value> read = tokens_.Read("ListStreams", tokens_.Make("ListStreams", Position()));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, Position());
}

TEST_F(PageTokensTest, WhatIsInATokenCannotBeRead) {
  const std::string token = tokens_.Make("ListStreams", Position());
  EXPECT_EQ(codec::Base64Decode(token)->find("secret"), std::string::npos);
  EXPECT_NE(token, tokens_.Make("ListStreams", Position()));
}

TEST_F(PageTokensTest, ATokenIsForItsOperationOnly) {
  EXPECT_FALSE(tokens_.Read("ListShards", tokens_.Make("ListStreams", Position())).ok());
}

TEST_F(PageTokensTest, AnyChangedByteMakesATokenInvalid) {
  const std::string sealed = *codec::Base64Decode(tokens_.Make("ListStreams", Position()));
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string bad = sealed;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    Result<json::Value> read = tokens_.Read("ListStreams", codec::Base64Encode(bad));
    EXPECT_EQ(read.status().code(), Code::kInvalidArgument) << i;
  }
  for (const char* bad : {"", "!", "AAAA"}) EXPECT_FALSE(tokens_.Read("ListStreams", bad).ok());
}

TEST_F(PageTokensTest, ATokenExpiresAfterFiveMinutes) {
  const std::string token = tokens_.Make("ListStreams", Position());
  clock_.AdvanceTo(std::chrono::seconds(300));
  EXPECT_TRUE(tokens_.Read("ListStreams", token).ok());
  clock_.AdvanceTo(std::chrono::seconds(301));
  EXPECT_EQ(tokens_.Read("ListStreams", token).status().code(), Code::kExpiredToken);
}

TEST_F(PageTokensTest, AnotherProcessWithTheSecretReadsIt) {
  const std::string token = tokens_.Make("ListStreams", Position());
  EXPECT_TRUE(PageTokens(clock_, "secret").Read("ListStreams", token).ok());
  EXPECT_FALSE(PageTokens(clock_, "other").Read("ListStreams", token).ok());
}

}  // namespace
}  // namespace millrace::controlplane
