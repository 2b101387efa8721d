#include "common/resources/stream_pool_resource.h"

#include <algorithm>

#include "common/base/quantity.h"

namespace millrace::resources {
namespace {

using json::Value;
using TextRule = FieldReader::TextRule;

constexpr TextRule kKubernetesName = {.chars_max = 253};
constexpr TextRule kLabelKey = {.chars_max = 317};
constexpr TextRule kLabelValue = {.chars_min = 0, .chars_max = 63};
constexpr int64_t kGiB = int64_t{1} << 30;

int64_t Bytes(const std::string& quantity) { return ParseQuantity(quantity).value_or(0); }

void ReadAutoExpand(FieldReader& storage, StreamPoolSpec& out, Problems& problems) {
  const Value& value = storage.Object("autoExpand");
  if (value.is_null()) return;
  StreamPoolSpec::AutoExpand auto_expand;
  FieldReader in(value, storage.Path("autoExpand"), problems);
  in.Int("targetUtilizationPercent", auto_expand.target_utilization_percent, 10, 90);
  in.RequiredQuantity("maxSize", auto_expand.max_size);
  in.Int("cooldownSeconds", auto_expand.cooldown_seconds, 60, 604'800);
  if (!auto_expand.max_size.empty() && Bytes(auto_expand.max_size) < Bytes(out.storage_size)) {
    storage.Add("autoExpand", "maxSize must not be below size");
  }
  out.auto_expand = std::move(auto_expand);
}

void ReadStorage(FieldReader& spec, StreamPoolSpec& out, Problems& problems) {
  FieldReader in(spec.Object("storage"), spec.Path("storage"), problems);
  in.Quantity("size", out.storage_size);
  if (Bytes(out.storage_size) < kGiB) in.Add("size", "must be 1Gi or more");
  in.Text("storageClassName", out.storage_class, kKubernetesName);
  ReadAutoExpand(in, out, problems);
}

// A list that is given replaces the default as a whole, as the CRD has it.
void ReadQuantities(FieldReader& resources, std::string_view name, std::string& cpu,
                    std::string& memory, Problems& problems) {
  const Value& value = resources.Object(name);
  if (value.is_null()) return;
  cpu.clear();
  memory.clear();
  FieldReader in(value, resources.Path(name), problems);
  in.PodQuantity("cpu", cpu, true);
  in.PodQuantity("memory", memory, false);
}

void ReadResources(FieldReader& spec, StreamPoolSpec& out, Problems& problems) {
  FieldReader in(spec.Object("resources"), spec.Path("resources"), problems);
  ReadQuantities(in, "requests", out.cpu_request, out.memory_request, problems);
  ReadQuantities(in, "limits", out.cpu_limit, out.memory_limit, problems);
  const bool has_both_memories = !out.memory_request.empty() && !out.memory_limit.empty();
  if (has_both_memories && Bytes(out.memory_request) > Bytes(out.memory_limit)) {
    spec.Add("resources", "requests.memory must not exceed limits.memory");
  }
  if (!out.cpu_limit.empty() && !out.cpu_request.empty() &&
      ParseMilli(out.cpu_request) > ParseMilli(out.cpu_limit)) {
    spec.Add("resources", "requests.cpu must not exceed limits.cpu");
  }
}

void ReadNames(FieldReader& spec, StreamPoolSpec& out, Problems& problems) {
  for (const Value& item : spec.List("imagePullSecrets", 10)) {
    std::string name;
    FieldReader in(item, spec.Path("imagePullSecrets"), problems);
    in.RequiredText("name", name, kKubernetesName);
    if (std::find(out.image_pull_secrets.begin(), out.image_pull_secrets.end(), name) !=
        out.image_pull_secrets.end()) {
      spec.Add("imagePullSecrets", "'" + name + "' stands in it twice");
    }
    out.image_pull_secrets.push_back(name);
  }
  if (!spec.Has("topologyKeys")) {
    spec.List("topologyKeys", 4);
    return;
  }
  out.topology_keys.clear();
  for (const Value& item : spec.List("topologyKeys", 4)) {
    const std::string& key = item.AsString();
    if (key.empty() || key.size() > kLabelKey.chars_max) {
      spec.Add("topologyKeys", "must be labels of nodes");
    } else if (std::find(out.topology_keys.begin(), out.topology_keys.end(), key) !=
               out.topology_keys.end()) {
      spec.Add("topologyKeys", "'" + key + "' stands in it twice");
    }
    out.topology_keys.push_back(key);
  }
}

void ReadToleration(FieldReader& spec, const Value& item, StreamPoolSpec& out, Problems& problems) {
  std::string key;
  std::string word = "Equal";
  std::string value;
  std::string effect;
  std::optional<int64_t> seconds;
  {
    FieldReader in(item, spec.Path("tolerations"), problems);
    in.Text("key", key, kLabelKey);
    in.OneOf("operator", word, {"Exists", "Equal"});
    in.Text("value", value, kLabelValue);
    in.OneOf("effect", effect, {"NoSchedule", "PreferNoSchedule", "NoExecute"});
    in.Int("tolerationSeconds", seconds, 0, 31'536'000);
    if (!in.Has("key") && word != "Exists") {
      spec.Add("tolerations", "a toleration without key needs operator Exists");
    }
    if (in.Has("value") && word != "Equal") {
      spec.Add("tolerations", "a toleration with operator Exists takes no value");
    }
  }
  Value made;
  if (!key.empty()) made.Set("key", key);
  made.Set("operator", word);
  if (!value.empty()) made.Set("value", value);
  if (!effect.empty()) made.Set("effect", effect);
  if (seconds) made.Set("tolerationSeconds", *seconds);
  out.tolerations.Append(std::move(made));
}

void ReadImage(FieldReader& spec, StreamPoolSpec& out) {
  spec.Text("image", out.image, {.chars_max = 512});
  if (out.image.find_first_of(" \t\r\n\f\v") != std::string::npos) {
    spec.Add("image", "must be the name of an image, without spaces");
  }
  spec.OneOf("imagePullPolicy", out.image_pull_policy, {"Always", "IfNotPresent", "Never"});
}

void ReadTls(FieldReader& spec, StreamPoolSpec& out, Problems& problems) {
  const Value& value = spec.Object("tls");
  if (value.is_null()) return;
  FieldReader in(value, spec.Path("tls"), problems);
  if (!in.Has("secretRef")) in.Add("secretRef", "is needed");
  FieldReader ref(in.Object("secretRef"), in.Path("secretRef"), problems);
  ref.RequiredText("name", out.tls_secret, kKubernetesName);
}

}  // namespace

Result<StreamPoolSpec> StreamPoolSpec::Parse(const Value& spec) {
  StreamPoolSpec out;
  Problems problems;
  if (spec.is_null()) problems.Add("spec", "is needed; {} gives every field its default");
  {
    FieldReader in(spec, "spec", problems);
    in.Int("replicas", out.replicas, 1, 1000);
    ReadImage(in, out);
    ReadStorage(in, out, problems);
    ReadResources(in, out, problems);
    ReadNames(in, out, problems);
    in.Map("nodeSelector", out.node_selector, 20, kLabelValue);
    for (const Value& item : in.List("tolerations", 20)) ReadToleration(in, item, out, problems);
    in.Text("priorityClassName", out.priority_class, kKubernetesName);
    in.OneOf("authentication", out.authentication, {"SigV4", "None"});
    ReadTls(in, out, problems);
    in.OneOf("logLevel", out.log_level, {"debug", "info", "warning", "error"});
    out.rollout.Read(in, "rollout", problems);
    in.OneOf("deletionPolicy", out.deletion_policy, {"Delete", "Retain"});
    in.OneOf("deletionProtection", out.deletion_protection, {"Enabled", "Disabled"});
    in.OneOf("managementPolicy", out.management_policy, {"Full", "Observe", "Paused"});
  }
  RETURN_IF_ERROR(problems.ToStatus());
  return out;
}

Status CheckStreamPoolTransition(const StreamPoolSpec& before, const StreamPoolSpec& after,
                                 const std::string& actual_size) {
  Problems problems;
  if (before.storage_class != after.storage_class) {
    problems.Add("spec.storage.storageClassName",
                 "is immutable; make a new pool and move the streams");
  }
  const int64_t wanted = Bytes(after.storage_size);
  const bool shrinks = wanted < Bytes(before.storage_size);
  if (shrinks && (actual_size.empty() || wanted < Bytes(actual_size))) {
    problems.Add("spec.storage.size",
                 "never shrinks below what the volumes have; make a new pool and move the streams");
  }
  return problems.ToStatus();
}

std::string PoolNameProblem(std::string_view name) {
  constexpr size_t kPoolNameMax = 50;
  const bool starts_well = !name.empty() && name.front() >= 'a' && name.front() <= 'z';
  if (name.size() <= kPoolNameMax && starts_well && NamespaceProblem(name).empty()) return "";
  return "the name of a pool has at most 50 lower-case letters, digits and '-', starts with a "
         "letter and has no '.', since it names Services and pods";
}

}  // namespace millrace::resources
