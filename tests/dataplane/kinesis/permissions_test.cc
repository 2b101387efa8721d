#include "dataplane/kinesis/permissions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::kinesis {
namespace {

TEST(Permissions, StarsStandForAnyLetters) {
  const Permissions user({{{"kinesis:PutRecord*", "DescribeStream"}, {"orders", "orders-*"}}});
  EXPECT_TRUE(user.Allows("PutRecord", "orders"));
  EXPECT_TRUE(user.Allows("PutRecords", "orders-eu"));
  EXPECT_TRUE(user.Allows("DescribeStream", "orders"));
  EXPECT_FALSE(user.Allows("DescribeStreamSummary", "orders"));
  EXPECT_FALSE(user.Allows("GetRecords", "orders"));
  EXPECT_FALSE(user.Allows("PutRecord", "orders2"));
  EXPECT_FALSE(user.Allows("PutRecord", "Orders"));
  EXPECT_FALSE(user.Allows("PutRecord", ""));
}

TEST(Permissions, CallWithoutAStreamNeedsARuleForAll) {
  EXPECT_FALSE(Permissions({{{"*"}, {"a*"}}}).Allows("ListStreams", ""));
  EXPECT_TRUE(Permissions({{{"kinesis:List*"}, {"*"}}}).Allows("ListStreams", ""));
  EXPECT_TRUE(Permissions({{{"kinesis:liststreams"}, {"*"}}}).Allows("ListStreams", ""));
  EXPECT_FALSE(Permissions(std::vector<Permissions::Rule>{}).Allows("ListStreams", ""));
}

TEST(Permissions, HostilePatternsAreQuick) {
  std::string pattern;
  for (int i = 0; i < 32; ++i) pattern += "*a";
  const Permissions user({{{"*"}, {pattern + "b"}}});
  EXPECT_FALSE(user.Allows("PutRecord", std::string(128, 'a')));
}

TEST(Permissions, RefusalSaysWhoWhatAndWhere) {
  aws::Identity who;
  who.user_name = "checkout";
  EXPECT_TRUE(CheckPermission(who, "PutRecord", "orders").ok()) << "no permissions: everything";
  who.grants = std::make_shared<const Permissions>(std::vector<Permissions::Rule>{});
  const Status refused = CheckPermission(who, "PutRecord", "orders");
  EXPECT_EQ(refused.code(), Code::kAccessDenied);
  EXPECT_EQ(refused.message(),
            "User: arn:aws:iam::000000000000:user/checkout is not authorized to perform: "
            "kinesis:PutRecord on resource: stream/orders because no identity-based policy allows "
            "the kinesis:PutRecord action");
}

}  // namespace
}  // namespace millrace::kinesis
