#include "common/base/nearest_name.h"

#include <gtest/gtest.h>

namespace millrace {
namespace {

const std::vector<std::string> kNames = {"listen", "tls-listen", "data", "shardCount"};

TEST(NearestName, FindsMisspellings) {
  EXPECT_EQ(NearestName("lisen", kNames), "listen");
  EXPECT_EQ(NearestName("tls-lsiten", kNames), "tls-listen");
  EXPECT_EQ(NearestName("shardcount", kNames), "shardCount");
  EXPECT_EQ(NearestName("shard_count", kNames), "shardCount");
}

TEST(NearestName, FindsNothingWhereNothingIsNear) {
  EXPECT_EQ(NearestName("retention", kNames), "");
  EXPECT_EQ(NearestName("x", {"a", "b"}), "");
  EXPECT_EQ(NearestName(std::string(1000, 'a'), {std::string(1000, 'a')}), "");
  EXPECT_EQ(NearestName("x", {}), "");
}

TEST(NearestName, SuggestionEndsAMessage) {
  EXPECT_EQ(SuggestName("dat", kNames), "; did you mean 'data'?");
  EXPECT_EQ(SuggestName("zzzzzz", kNames), "");
}

}  // namespace
}  // namespace millrace
