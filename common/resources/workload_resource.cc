#include "common/resources/workload_resource.h"

namespace millrace::resources {

using json::Value;

void RolloutSpec::Read(FieldReader& in, std::string_view name, Problems& problems) {
  constexpr int32_t kReplicasMax = 1000;
  FieldReader rollout(in.Object(name), in.Path(name), problems);
  rollout.OneOf("state", state, {"Running", "Paused"});
  rollout.Int("partition", partition, 0, kReplicasMax);
  FieldReader canary(rollout.Object("canary"), rollout.Path("canary"), problems);
  canary.Int("replicas", canary_replicas, 0, kReplicasMax);
  canary.Int("soakSeconds", canary_soak_seconds, 0, 604'800);
  rollout.Int("progressDeadlineSeconds", progress_deadline_seconds, 10, 86'400);
  rollout.OneOf("onFailure", on_failure, {"Pause", "Rollback"});
}

Value RolloutSpec::ToValue() const {
  Value canary;
  canary.Set("replicas", int64_t{canary_replicas});
  canary.Set("soakSeconds", int64_t{canary_soak_seconds});
  Value out;
  out.Set("state", state);
  out.Set("partition", int64_t{partition});
  out.Set("canary", std::move(canary));
  out.Set("progressDeadlineSeconds", int64_t{progress_deadline_seconds});
  out.Set("onFailure", on_failure);
  return out;
}

Result<WorkloadSpec> WorkloadSpec::Parse(const Value& spec) {
  WorkloadSpec out;
  Problems problems;
  {
    FieldReader in(spec, "spec", problems);
    in.Int("replicas", out.replicas, 0, 1000);
    in.RequiredText("revision", out.revision, {.chars_max = 63});
    out.pod_template = in.Object("template");
    if (!out.pod_template["spec"].is_object()) in.Add("template", "needs the spec of a pod");
    in.Map("selector", out.selector, 10, {.chars_min = 0, .chars_max = 63});
    if (const Value& given = in.Object("volume"); given.is_object()) {
      FieldReader volume(given, in.Path("volume"), problems);
      volume.RequiredQuantity("size", out.volume_size);
      volume.Text("storageClassName", out.storage_class, {.chars_min = 0});
    }
    in.OneOf("deletionPolicy", out.deletion_policy, {"Delete", "Retain"});
    out.rollout.Read(in, "rollout", problems);
  }
  RETURN_IF_ERROR(problems.ToStatus());
  return out;
}

Value WorkloadSpec::ToValue() const {
  Value labels = json::Object{};
  for (const auto& [name, text] : selector) labels.Set(name, text);
  Value out;
  out.Set("replicas", int64_t{replicas});
  out.Set("revision", revision);
  out.Set("template", pod_template);
  out.Set("selector", std::move(labels));
  if (has_volumes()) out["volume"].Set("size", volume_size);
  if (!storage_class.empty()) out["volume"].Set("storageClassName", storage_class);
  out.Set("deletionPolicy", deletion_policy);
  out.Set("rollout", rollout.ToValue());
  return out;
}

}  // namespace millrace::resources
