#include "operator/pool/pool_plan.h"

#include <algorithm>

#include "common/base/quantity.h"

namespace millrace::op {

using json::Value;

namespace {

int64_t BytesIn(const Value& value) { return ParseQuantity(value.AsString()).value_or(0); }

std::optional<int> UsedPercent(const std::optional<VolumeFigures>& told, int64_t volume_bytes) {
  if (told && told->is_any_full) return 100;
  if (!told || volume_bytes <= 0) return std::nullopt;
  return static_cast<int>(std::min<int64_t>(100, told->live_bytes_max / (volume_bytes / 100 + 1)));
}

void PlanStorage(const PoolWorld& world, PoolPlan& plan) {
  const resources::StreamPoolSpec& spec = plan.input.spec;
  const Value& storage = world.pool.At("status", "storage");
  const int64_t asked = ParseQuantity(spec.storage_size).value_or(0);
  int64_t bytes = asked;
  if (spec.auto_expand) {
    const int64_t most = ParseQuantity(spec.auto_expand->max_size).value_or(asked);
    // What was decided stands, within what is allowed now.
    bytes = std::max(asked, std::min(BytesIn(storage["autoExpandedSize"]), most));
    VolumeUse use;
    use.requested_bytes = bytes;
    use.actual_bytes = BytesIn(world.workload.At("status", "storage", "actual"));
    use.used_percent_max = UsedPercent(world.volumes, use.actual_bytes);
    use.last_expanded_ms = resources::ParseTime(storage["lastExpandTime"].AsString()).value_or(0);
    use.now = world.now;
    const ExpandDecision decision = DecideExpansion(*spec.auto_expand, use);
    plan.expand_reason = decision.reason;
    plan.expand_message = decision.message;
    if (decision.bytes) plan.expanded_bytes = bytes = *decision.bytes;
  }
  // The text that people wrote where nothing else was decided.
  plan.input.volume_size = bytes == asked ? spec.storage_size : FormatQuantity(bytes);
}

}  // namespace

PoolPlan PlanPool(const PoolWorld& world) {
  PoolPlan plan;
  Result<resources::StreamPoolSpec> spec = resources::StreamPoolSpec::Parse(world.pool["spec"]);
  const std::string name = kube::NameOf(world.pool).name;
  if (!spec.ok()) {
    plan.problem = spec.status();
    return plan;
  }
  if (const std::string wrong = resources::PoolNameProblem(name); !wrong.empty()) {
    plan.problem = InvalidArgument(wrong);
    return plan;
  }
  // Streams name a pool without its namespace, and shard maps name its pods.
  if (!world.name_taken_in.empty()) {
    plan.problem = InvalidArgument("there is a pool " + name + " in namespace " +
                                   world.name_taken_in + " already: give this one another name");
    return plan;
  }
  plan.input.settings = world.settings;
  plan.input.pool = world.pool;
  plan.input.spec = std::move(spec).value();
  // A pool without an image keeps the one it was made with: a newer operator restarts nothing.
  const std::string& before = world.pool.At("status", "image").AsString();
  plan.input.image = plan.input.spec.image;
  if (plan.input.image.empty()) plan.input.image = before.empty() ? world.settings.image : before;
  if (plan.input.image.empty()) {
    plan.problem =
        InvalidArgument("spec.image: is needed, since the operator has no default image");
    return plan;
  }
  PlanStorage(world, plan);
  plan.acts = plan.input.spec.management_policy == "Full" &&
              !world.pool.At("metadata").Has("deletionTimestamp");
  return plan;
}

}  // namespace millrace::op
