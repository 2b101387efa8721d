#include "common/base/quantity.h"
#include "common/resources/conditions.h"
#include "operator/pool/pool_plan.h"

namespace millrace::op {

using json::Value;

namespace {

struct Verdict {
  bool value = false;
  std::string reason;
  std::string message;
};

// A condition of the Workload, as the pool's own.
Verdict FromWorkload(const Value& workload, std::string_view type) {
  const Value& told = resources::FindCondition(workload["status"], type);
  if (told.is_null()) return {false, "Creating", "its pods have not been looked at yet"};
  return {told["status"].AsString() == "True", told["reason"].AsString(),
          told["message"].AsString()};
}

Verdict Ready(const PoolWorld& world, const PoolPlan& plan) {
  if (world.pool.At("metadata").Has("deletionTimestamp")) {
    return {false, "Deleting", "the pool is being deleted"};
  }
  if (!plan.problem.ok()) return {false, "InvalidSpec", plan.problem.message()};
  if (world.workload.is_null()) {
    return {false, plan.acts ? "Creating" : "Paused",
            plan.acts ? "its pods are being made"
                      : "managementPolicy is " + plan.input.spec.management_policy +
                            ": nothing has been made yet"};
  }
  return FromWorkload(world.workload, "Ready");
}

Verdict Reconciled(const PoolWorld& world, const PoolPlan& plan, const Status& failure) {
  if (!plan.problem.ok()) return {false, "InvalidSpec", plan.problem.message()};
  if (!failure.ok()) return {false, "Failed", failure.message()};
  if (!plan.acts) {
    return {
        false, plan.input.spec.management_policy,
        "managementPolicy is " + plan.input.spec.management_policy + ": the spec is not acted on"};
  }
  const Value& workload = resources::FindCondition(world.workload["status"], "Reconciled");
  if (workload["status"].AsString() == "False") {
    return {false, workload["reason"].AsString(), workload["message"].AsString()};
  }
  if (!world.missing_pull_secrets.empty()) {
    return {false, "PullSecretMissing",
            "imagePullSecrets: there is no Secret " + world.missing_pull_secrets.front() + " in " +
                kube::NameOf(world.pool).ns + "; images are pulled without it"};
  }
  return {true, "Reconciled", ""};
}

Verdict Storage(const PoolWorld& world, const PoolPlan& plan) {
  Verdict told = FromWorkload(world.workload, "StorageResizing");
  const bool is_limited = plan.expand_reason == "AtMaxSize" || plan.expand_reason == "CoolingDown";
  if (told.reason == "Idle" && is_limited) return {false, plan.expand_reason, plan.expand_message};
  return told;
}

// Counts and texts that are the Workload's to know.
void CopyFacts(const PoolWorld& world, Value& status) {
  const Value& from = world.workload["status"];
  for (const char* name : {"replicas", "readyReplicas", "updatedReplicas"}) {
    status.Set(name, from[name].AsInt());
  }
  const std::pair<const char*, std::string> texts[] = {
      {"currentRevision", from["stableRevision"].AsString()},
      {"updatedRevision", world.workload.At("spec", "revision").AsString()},
  };
  for (const auto& [name, text] : texts) {
    if (!text.empty()) status.Set(name, text);
  }
}

void SetStorage(const PoolWorld& world, const PoolPlan& plan, Value& status) {
  const Value& told = world.workload.At("status", "storage");
  Value storage = status["storage"].is_object() ? status["storage"] : Value(json::Object{});
  storage.Set("requested", plan.input.volume_size);
  if (told.Has("actual")) storage.Set("actual", told["actual"]);
  storage.Set("resizing", told["resizing"].AsInt());
  if (plan.expanded_bytes) {
    storage.Set("autoExpandedSize", FormatQuantity(*plan.expanded_bytes));
    storage.Set("lastExpandTime", resources::FormatTime(world.now));
  }
  status.Set("storage", std::move(storage));
}

std::string SelectorText(const PoolWorld& world) {
  return "app.kubernetes.io/component=shard,millrace.dev/pool=" + kube::NameOf(world.pool).name;
}

}  // namespace

Value PoolStatus(const PoolWorld& world, const PoolPlan& plan, const Status& failure) {
  Value status = world.pool["status"].is_object() ? world.pool["status"] : Value(json::Object{});
  const int64_t generation = world.pool.At("metadata", "generation").AsInt();
  status.Set("observedGeneration", generation);
  status.Set("selector", SelectorText(world));
  CopyFacts(world, status);
  if (plan.problem.ok()) {
    status.Set("image", plan.input.image);
    status.Set("endpoint", PoolEndpoint(plan.input));
    SetStorage(world, plan, status);
  }
  auto set = [&](std::string_view type, const Verdict& v) {
    resources::SetCondition(status, type, v.value, v.reason, v.message, generation, world.now);
  };
  set("Ready", Ready(world, plan));
  set("Progressing", FromWorkload(world.workload, "Progressing"));
  set("Degraded", FromWorkload(world.workload, "Degraded"));
  set("StorageResizing", Storage(world, plan));
  set("Reconciled", Reconciled(world, plan, failure));
  return status;
}

}  // namespace millrace::op
