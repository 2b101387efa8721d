#include "operator/pool/pool_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/resources/conditions.h"

namespace millrace::op {
namespace {

using json::Value;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

constexpr int64_t kGiB = int64_t{1} << 30;

PoolWorld World(std::string_view spec = "{}") {
  PoolWorld world;
  world.settings.image = "shard:1";
  world.settings.internal_token_secret = "millrace-internal";
  world.settings.control_endpoint = "http://cp:8080";
  Value& metadata = world.pool["metadata"];
  metadata.Set("name", "fast");
  metadata.Set("namespace", "millrace");
  metadata.Set("uid", "u1");
  metadata.Set("generation", int64_t{2});
  world.pool.Set("spec", *json::ParseJson(spec));
  world.now = 1'000'000'000;
  return world;
}

std::vector<std::string> ArgumentsOf(const PoolPlan& plan) {
  const Value pod_template = PoolPodTemplate(plan.input);
  const Value& container = pod_template.At("spec", "containers").AsArray()[0];
  std::vector<std::string> out;
  for (const Value& argument : container["args"].AsArray()) out.push_back(argument.AsString());
  return out;
}

std::string RevisionOf(std::string_view spec) { return PoolRevision(PlanPool(World(spec)).input); }

TEST(PoolPlan, PoolWithoutAnImageKeepsTheOneItWasMadeWith) {
  PoolWorld world = World();
  EXPECT_EQ(PlanPool(world).input.image, "shard:1");
  world.pool["status"].Set("image", "shard:1");
  world.settings.image = "shard:2";
  EXPECT_EQ(PlanPool(world).input.image, "shard:1");
  world.pool["spec"].Set("image", "shard:3");
  EXPECT_EQ(PlanPool(world).input.image, "shard:3");
  world.settings.image.clear();
  world.pool.Set("spec", json::Object{});
  world.pool.Remove("status");
  EXPECT_THAT(PlanPool(world).problem.ToString(), HasSubstr("spec.image: is needed"));
}

TEST(PoolPlan, OnlyWhatPeopleAskForMakesANewRevision) {
  const std::string base = RevisionOf("{}");
  EXPECT_EQ(base.size(), 10u);
  EXPECT_NE(RevisionOf(R"({"image":"shard:2"})"), base);
  EXPECT_NE(RevisionOf(R"({"logLevel":"debug"})"), base);
  EXPECT_NE(RevisionOf(R"({"tolerations":[{"key":"a","operator":"Exists"}]})"), base);
  // These reach the pods without a restart, or are none of theirs.
  EXPECT_EQ(RevisionOf(R"({"replicas":5})"), base);
  EXPECT_EQ(RevisionOf(R"({"storage":{"size":"20Gi"}})"), base);
  EXPECT_EQ(RevisionOf(R"({"rollout":{"partition":1}})"), base);
  PoolWorld other = World();
  other.settings.control_endpoint = "http://elsewhere";
  EXPECT_EQ(PoolRevision(PlanPool(other).input), base) << "another release restarts nothing";
}

TEST(PoolPlan, PausedAndObservedPoolsAreOnlyReported) {
  EXPECT_TRUE(PlanPool(World()).acts);
  PoolWorld world = World(R"({"managementPolicy":"Paused"})");
  const PoolPlan plan = PlanPool(world);
  EXPECT_FALSE(plan.acts);
  const Value status = PoolStatus(world, plan, OkStatus());
  EXPECT_EQ(resources::FindCondition(status, "Reconciled")["reason"].AsString(), "Paused");
}

TEST(PoolPlan, WrongSpecOrNameIsACondition) {
  PoolWorld world = World(R"({"storage":{"size":"1Mi"}})");
  const Value status = PoolStatus(world, PlanPool(world), OkStatus());
  EXPECT_EQ(resources::FindCondition(status, "Ready")["reason"].AsString(), "InvalidSpec");
  EXPECT_THAT(resources::FindCondition(status, "Ready")["message"].AsString(),
              HasSubstr("spec.storage.size"));
  PoolWorld named = World();
  named.pool["metadata"].Set("name", "a.b");
  EXPECT_FALSE(PlanPool(named).problem.ok());
}

TEST(PoolObjects, PodsAreRestrictedAndStayOnANodeThatIsSilent) {
  const PoolPlan plan = PlanPool(World());
  const Value pod_template = PoolPodTemplate(plan.input);
  const Value& spec = pod_template["spec"];
  const Value& container = spec["containers"].AsArray()[0];
  EXPECT_TRUE(spec.At("securityContext", "runAsNonRoot").AsBool());
  EXPECT_EQ(spec.At("securityContext", "seccompProfile", "type").AsString(), "RuntimeDefault");
  EXPECT_TRUE(container.At("securityContext", "readOnlyRootFilesystem").AsBool());
  EXPECT_FALSE(container.At("securityContext", "allowPrivilegeEscalation").AsBool(true));
  EXPECT_EQ(spec["topologySpreadConstraints"].AsArray()[0]["topologyKey"].AsString(),
            "topology.kubernetes.io/zone");
  EXPECT_EQ(spec["tolerations"].AsArray().size(), 2u);
  EXPECT_FALSE(spec["tolerations"].AsArray()[0].Has("tolerationSeconds"));
  EXPECT_EQ(spec["serviceAccountName"].AsString(), "millrace-shard");
  EXPECT_THAT(ArgumentsOf(plan), Contains("--peer-domain=fast.millrace.svc"));
  EXPECT_THAT(ArgumentsOf(plan), Contains("--auth=sigv4"));
  EXPECT_THAT(ArgumentsOf(PlanPool(World(R"({"authentication":"None"})"))),
              Not(Contains("--auth=sigv4")));
}

TEST(PoolObjects, WorkloadParsesAndBudgetLetsUnhealthyPodsGo) {
  const PoolPlan plan = PlanPool(World(R"({"replicas":4,"storage":{"size":"20Gi"}})"));
  const Value workload = PoolWorkload(plan.input);
  const auto spec = resources::WorkloadSpec::Parse(workload["spec"]);
  ASSERT_TRUE(spec.ok()) << spec.status().ToString();
  EXPECT_EQ(spec->replicas, 4);
  EXPECT_EQ(spec->volume_size, "20Gi");
  EXPECT_EQ(workload.At("metadata", "ownerReferences").AsArray()[0]["kind"].AsString(),
            "StreamPool");
  const Value budget = PoolDisruptionBudget(plan.input);
  EXPECT_EQ(budget.At("spec", "maxUnavailable").AsInt(), 1);
  EXPECT_EQ(budget.At("spec", "unhealthyPodEvictionPolicy").AsString(), "AlwaysAllow");
  const Value headless = PoolHeadlessService(plan.input);
  EXPECT_TRUE(headless.At("spec", "publishNotReadyAddresses").AsBool());
  // The key outlives the pool, as the data does.
  EXPECT_FALSE(PoolKeysSecret(plan.input, "k").At("metadata").Has("ownerReferences"));
}

struct ExpandCase {
  const char* what;
  std::optional<int> used;
  int64_t requested_gib;
  int64_t actual_gib;
  WallMs since_last_s;  // 0: never
  const char* reason;
  int64_t want_gib;  // 0: none
};

TEST(AutoExpand, GrowsByTheLargerOfTenGibibytesAndTenPercentWithACooldown) {
  const ExpandCase cases[] = {
      {"below the target", 75, 100, 100, 0, "WithinTarget", 0},
      {"unknown is not empty", std::nullopt, 100, 100, 0, "UseUnknown", 0},
      {"small volume", 76, 20, 20, 0, "Expanding", 30},
      {"large volume", 76, 400, 400, 0, "Expanding", 440},
      {"last step", 90, 495, 495, 0, "Expanding", 500},
      {"at the end", 90, 500, 500, 0, "AtMaxSize", 0},
      {"under way", 90, 100, 90, 0, "Resizing", 0},
      {"cooling down", 90, 100, 100, 100, "CoolingDown", 0},
      {"cooled down", 90, 100, 100, 30'000, "Expanding", 110},
      {"enlarged from outside", 90, 100, 200, 0, "Expanding", 220},
  };
  resources::StreamPoolSpec::AutoExpand rule;
  rule.max_size = "500Gi";
  for (const ExpandCase& c : cases) {
    VolumeUse use;
    use.used_percent_max = c.used;
    use.requested_bytes = c.requested_gib * kGiB;
    use.actual_bytes = c.actual_gib * kGiB;
    use.now = 1'000'000'000;
    if (c.since_last_s != 0) use.last_expanded_ms = use.now - c.since_last_s * 1000;
    const ExpandDecision decision = DecideExpansion(rule, use);
    EXPECT_EQ(decision.reason, c.reason) << c.what;
    EXPECT_EQ(decision.bytes.value_or(0), c.want_gib * kGiB) << c.what;
  }
}

TEST(AutoExpand, DecisionIsInStatusAndStandsWhateverSpecSaysLater) {
  PoolWorld world = World(R"({"storage":{"size":"20Gi","autoExpand":{"maxSize":"50Gi"}}})");
  world.workload["status"]["storage"].Set("actual", "20Gi");
  world.volumes = VolumeFigures{17 * kGiB, false};
  PoolPlan plan = PlanPool(world);
  EXPECT_EQ(plan.input.volume_size, "30Gi");
  world.pool.Set("status", PoolStatus(world, plan, OkStatus()));
  EXPECT_EQ(world.pool.At("status", "storage", "autoExpandedSize").AsString(), "30Gi");
  // The same again, also where nothing is measured any more.
  world.volumes.reset();
  plan = PlanPool(world);
  EXPECT_FALSE(plan.expanded_bytes);
  EXPECT_EQ(plan.input.volume_size, "30Gi");
  world.pool["spec"]["storage"].Set("size", "40Gi");
  EXPECT_EQ(PlanPool(world).input.volume_size, "40Gi");
}

TEST(AutoExpand, VolumeThatTakesNoWritesIsFullWhateverItHolds) {
  PoolWorld world = World(R"({"storage":{"size":"20Gi","autoExpand":{"maxSize":"50Gi"}}})");
  world.workload["status"]["storage"].Set("actual", "20Gi");
  world.volumes = VolumeFigures{kGiB, false};
  EXPECT_EQ(PlanPool(world).expand_reason, "WithinTarget");
  world.volumes = VolumeFigures{kGiB, true};
  EXPECT_EQ(PlanPool(world).input.volume_size, "30Gi");
  world.workload.Remove("status");
  world.volumes = VolumeFigures{19 * kGiB, false};
  EXPECT_EQ(PlanPool(world).expand_reason, "UseUnknown");
}

TEST(PoolStatus, TellsWhatTheWorkloadTellsAndIsTheSameTwice) {
  PoolWorld world = World();
  Value& told = world.workload["status"];
  told.Set("readyReplicas", int64_t{2});
  resources::SetCondition(told, "Ready", false, "WaitingForPods", "2 of 3 pods are ready", 1, 5);
  resources::SetCondition(told, "Progressing", true, "Draining", "waiting", 1, 5);
  const PoolPlan plan = PlanPool(world);
  const Value status = PoolStatus(world, plan, OkStatus());
  EXPECT_EQ(status["readyReplicas"].AsInt(), 2);
  EXPECT_EQ(resources::FindCondition(status, "Ready")["message"].AsString(),
            "2 of 3 pods are ready");
  EXPECT_EQ(resources::FindCondition(status, "Progressing")["status"].AsString(), "True");
  EXPECT_EQ(status["observedGeneration"].AsInt(), 2);
  world.pool.Set("status", status);
  world.now += 5'000;
  EXPECT_EQ(PoolStatus(world, plan, OkStatus()), status);
  const Value failed = PoolStatus(world, plan, Unavailable("Service fast: refused"));
  EXPECT_EQ(resources::FindCondition(failed, "Reconciled")["message"].AsString(),
            "Service fast: refused");
}

}  // namespace
}  // namespace millrace::op
