#include "dataplane/delivery/engine/lease_plan.h"

#include <gtest/gtest.h>

namespace millrace::delivery {
namespace {

using std::chrono::seconds;
using Names = std::vector<std::string>;

LeaseInput Input(const std::vector<client::StreamShard>& shards) {
  LeaseInput input;
  input.me = "me";
  input.shards = shards;
  input.now = seconds(100);
  return input;
}

void Hold(LeaseInput& input, const std::string& shard, const std::string& owner,
          Duration seen_for = {}) {
  input.leases[shard] = {.owner = owner, .counter = 1, .position = "", .is_complete = false};
  input.seen[shard] = {1, input.now - seen_for};
}

TEST(PlanLeases, TakesEverythingWhereItIsAlone) {
  EXPECT_EQ(PlanLeases(Input({{"a", {}}, {"b", {}}})).take, (Names{"a", "b"}));
}

TEST(PlanLeases, AChildWaitsForItsListedParents) {
  LeaseInput input = Input({{"parent", {}}, {"child", {"parent"}}, {"orphan", {"gone"}}});
  EXPECT_EQ(PlanLeases(input).take, (Names{"parent", "orphan"}));
  input.leases["parent"] = {"me", 4, "10", false};
  input.leases["orphan"] = {"me", 4, "10", false};
  EXPECT_EQ(PlanLeases(input).take, Names{});
  input.leases["parent"].is_complete = true;
  EXPECT_EQ(PlanLeases(input).take, (Names{"child"}));
}

TEST(PlanLeases, SharesEvenly) {
  LeaseInput input = Input({{"a", {}}, {"b", {}}, {"c", {}}, {"d", {}}});
  for (const char* shard : {"a", "b", "c", "d"}) Hold(input, shard, "other");
  EXPECT_EQ(PlanLeases(input).take, (Names{"a"}));
  Hold(input, "a", "me");
  EXPECT_EQ(PlanLeases(input).take.size(), 1U);
  Hold(input, "b", "me");
  EXPECT_EQ(PlanLeases(input).take, Names{});
}

TEST(PlanLeases, DoesNotTakeWhatWouldBeTakenBack) {
  LeaseInput input = Input({{"a", {}}, {"b", {}}, {"c", {}}});
  Hold(input, "a", "other");
  Hold(input, "b", "other");
  Hold(input, "c", "me");
  EXPECT_EQ(PlanLeases(input).take, Names{});
}

TEST(PlanLeases, TakesADeadWorkersShardsAfterTheLeaseTime) {
  LeaseInput input = Input({{"a", {}}, {"b", {}}});
  Hold(input, "a", "dead", seconds(4));
  Hold(input, "b", "me");
  EXPECT_EQ(PlanLeases(input).take, Names{});
  Hold(input, "a", "dead", seconds(5));
  EXPECT_EQ(PlanLeases(input).take, (Names{"a"}));
}

TEST(PlanLeases, TakesWhatWasHandedBackAtOnce) {
  LeaseInput input = Input({{"a", {}}});
  Hold(input, "a", "");
  EXPECT_EQ(PlanLeases(input).take, (Names{"a"}));
}

TEST(PlanLeases, ForgetsWhatIsDeliveredAndNoLongerListed) {
  LeaseInput input = Input({{"b", {}}});
  input.leases["a"] = {"me", 9, "5", true};
  input.leases["b"] = {"me", 9, "5", true};
  input.leases["lost"] = {"me", 9, "5", false};
  EXPECT_EQ(PlanLeases(input).forget, (Names{"a"}));
}

TEST(Lease, ReadsBackAsItWasWritten) {
  const Lease lease{"w-0/1", 18, "4960", true};
  const Lease back = Lease::Parse(lease.ToText()).value();
  EXPECT_EQ(back.owner, "w-0/1");
  EXPECT_EQ(back.counter, 18U);
  EXPECT_EQ(back.position, "4960");
  EXPECT_TRUE(back.is_complete);
  EXPECT_FALSE(Lease::Parse("{}").ok());
  EXPECT_FALSE(Lease::Parse("no json").ok());
}

}  // namespace
}  // namespace millrace::delivery
