#include "dataplane/placement/apply_status.h"

#include <gtest/gtest.h>

namespace millrace::shard {
namespace {

StreamStatus Applied(uint64_t version) {
  StreamStatus status;
  status.name = "orders";
  status.applied_version = version;
  return status;
}

std::string Uids(const json::Value& answer, std::string_view list) {
  std::string out;
  for (const json::Value& item : answer[list].AsArray())
    out += (item.is_string() ? item.AsString() : item["uid"].AsString()) + " ";
  return out;
}

TEST(ApplyStatus, WhoHasTheRestIsToldTheChangesOnly) {
  ApplyStatus status("incarnation");
  status.Set(1, Applied(1));
  status.Set(2, Applied(1));
  const uint64_t known = status.sequence();
  EXPECT_EQ(Uids(status.ToValue(), "streams"), "1 2 ");
  EXPECT_FALSE(status.ToValue()["changesOnly"].AsBool());
  EXPECT_EQ(Uids(status.ToValue(known), "streams"), "");
  status.Set(2, Applied(2));
  status.Set(2, Applied(2));
  status.Set(3, Applied(1));
  status.Forget(1);
  const json::Value answer = status.ToValue(known);
  EXPECT_TRUE(answer["changesOnly"].AsBool());
  EXPECT_EQ(Uids(answer, "streams"), "2 3 ");
  EXPECT_EQ(Uids(answer, "gone"), "1 ");
  EXPECT_EQ(static_cast<uint64_t>(answer["sequence"].AsInt()), known + 3);
  // Back again: not gone.
  status.Set(1, Applied(4));
  EXPECT_EQ(Uids(status.ToValue(known), "gone"), "");
}

TEST(ApplyStatus, WhoIsTooFarBehindOrAheadIsToldEverything) {
  ApplyStatus status("incarnation");
  status.Set(1, Applied(1));
  const uint64_t known = status.sequence();
  for (uint64_t uid = 100; uid < 11'000; ++uid) {
    status.Set(uid, Applied(1));
    status.Forget(uid);
  }
  EXPECT_FALSE(status.ToValue(known)["changesOnly"].AsBool());
  EXPECT_EQ(Uids(status.ToValue(known), "streams"), "1 ");
  EXPECT_FALSE(status.ToValue(status.sequence() + 7)["changesOnly"].AsBool());
}

}  // namespace
}  // namespace millrace::shard
