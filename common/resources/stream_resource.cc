#include "common/resources/stream_resource.h"

#include <algorithm>

#include "common/base/nearest_name.h"
#include "common/resources/field_reader.h"

namespace millrace::resources {
namespace {

using json::Value;
using TextRule = FieldReader::TextRule;

constexpr TextRule kAwsName = {.chars_max = 128, .is_stream_name = true};
constexpr TextRule kKubernetesName = {.chars_max = 253};
constexpr TextRule kPolicy = {.chars_max = 20'480, .is_json = true};
constexpr TextRule kTagValue = {.chars_min = 0, .chars_max = 256};
constexpr size_t kTagsMax = 50;
constexpr size_t kConsumersMax = 50;

const std::vector<std::string>& ShardMetrics() {
  static const auto* const names =
      new std::vector<std::string>{"IncomingBytes",
                                   "IncomingRecords",
                                   "OutgoingBytes",
                                   "OutgoingRecords",
                                   "WriteProvisionedThroughputExceeded",
                                   "ReadProvisionedThroughputExceeded",
                                   "IteratorAgeMilliseconds",
                                   "ALL"};
  return *names;
}

void ReadEncryption(FieldReader& spec, StreamSpec& out, Problems& problems) {
  const Value& value = spec.Object("encryption");
  FieldReader in(value, spec.Path("encryption"), problems);
  in.OneOf("encryptionType", out.encryption_type, {"NONE", "KMS"});
  in.Text("keyID", out.key_id, {.chars_max = 2048});
  const Value& ref = in.Object("keySecretRef");
  FieldReader secret(ref, in.Path("keySecretRef"), problems);
  secret.RequiredText("name", out.key_secret_name, kKubernetesName);
  secret.RequiredText("key", out.key_secret_key, kKubernetesName);
  const int keys = (in.Has("keyID") ? 1 : 0) + (in.Has("keySecretRef") ? 1 : 0);
  if (keys != (out.encryption_type == "KMS" ? 1 : 0)) {
    spec.Add("encryption", "KMS needs exactly one of keyID or keySecretRef; NONE takes neither");
  }
}

void ReadMonitoring(FieldReader& spec, StreamSpec& out, Problems& problems) {
  const Value& value = spec.Object("enhancedMonitoring");
  FieldReader in(value, spec.Path("enhancedMonitoring"), problems);
  const std::vector<std::string>& known = ShardMetrics();
  for (const Value& item : in.List("shardLevelMetrics", known.size())) {
    const std::string& name = item.AsString();
    std::vector<std::string>& taken = out.shard_level_metrics;
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      const std::string nearest = SuggestName(name, known);
      in.Add("shardLevelMetrics", "'" + name.substr(0, 100) + "' is no shard-level metric" +
                                      (nearest.empty() ? "; ALL is all of them" : nearest));
    } else if (std::find(taken.begin(), taken.end(), name) != taken.end()) {
      in.Add("shardLevelMetrics", name + " stands in it twice");
    } else {
      taken.push_back(name);
    }
  }
}

void ReadScaling(FieldReader& spec, StreamSpec& out, Problems& problems) {
  constexpr int32_t kShardsMax = 100'000;
  const Value& value = spec.Object("scaling");
  FieldReader in(value, spec.Path("scaling"), problems);
  in.OneOf("mode", out.scaling_mode, {"Auto", "DryRun", "Off"});
  in.Int("targetUtilizationPercent", out.scaling_target_utilization_percent, 10, 90);
  in.Int("minShards", out.scaling_min_shards, 1, kShardsMax);
  in.Int("maxShards", out.scaling_max_shards, 1, kShardsMax);
  if (out.scaling_min_shards > out.scaling_max_shards) {
    spec.Add("scaling", "minShards must not exceed maxShards");
  }
  FieldReader up(in.Object("scaleUp"), in.Path("scaleUp"), problems);
  up.Int("windowSeconds", out.scale_up_window_seconds, 1, 3600);
  up.Int("maxFactorPercent", out.scale_up_max_factor_percent, 110, 1000);
  FieldReader down(in.Object("scaleDown"), in.Path("scaleDown"), problems);
  down.Int("windowSeconds", out.scale_down_window_seconds, 60, 604'800);
  down.Int("maxStepPercent", out.scale_down_max_step_percent, 1, 90);
}

void ReadConsumers(FieldReader& spec, StreamSpec& out, Problems& problems) {
  for (const Value& item : spec.List("consumers", kConsumersMax)) {
    const std::string path =
        spec.Path("consumers") + "[" + std::to_string(out.consumers.size()) + "]";
    StreamSpec::Consumer consumer;
    if (!item.is_object()) problems.Add(path, "must be a mapping with consumerName");
    FieldReader in(item, path, problems);
    in.RequiredText("consumerName", consumer.name, kAwsName);
    in.Map("tags", consumer.tags, kTagsMax, kTagValue);
    in.Text("resourcePolicy", consumer.resource_policy, kPolicy);
    const bool twice = std::any_of(out.consumers.begin(), out.consumers.end(),
                                   [&](const auto& other) { return other.name == consumer.name; });
    if (twice && !consumer.name.empty())
      in.Add("consumerName", "'" + consumer.name + "' stands in the list twice");
    out.consumers.push_back(std::move(consumer));
  }
}

// {<name>: {name: <target>}}
void ReadRef(FieldReader& in, std::string_view name, std::string& target, Problems& problems) {
  const Value& value = in.Object(name);
  FieldReader ref(value, in.Path(name), problems);
  ref.RequiredText("name", target, kKubernetesName);
}

void ReadTopLevel(FieldReader& in, StreamSpec& out) {
  in.Text("streamName", out.stream_name, kAwsName);
  in.Int("shardCount", out.shard_count, 1, 100'000);
  in.Int("retentionPeriodHours", out.retention_period_hours, 24, 8760);
  in.Int("maxRecordSizeKiB", out.max_record_size_kib, 1024, 10'240);
  in.OneOf("recordDistributionStrategy", out.record_distribution_strategy,
           {"AUTO", "USER_PARTITION_KEY"});
  in.Int("warmThroughputMiBps", out.warm_throughput_mibps, 1, 10'240);
  in.OneOf("consumerDeletionPolicy", out.consumer_deletion_policy, {"Block", "Enforce"});
  in.OneOf("deletionPolicy", out.deletion_policy, {"Delete", "Retain"});
  in.OneOf("deletionProtection", out.deletion_protection, {"Enabled", "Disabled"});
  in.OneOf("managementPolicy", out.management_policy, {"Full", "Observe", "Paused"});
  in.Text("resourcePolicy", out.resource_policy, kPolicy);
  in.Map("tags", out.tags, kTagsMax, kTagValue);
}

// Writes the members of a spec that differ from the defaults.
class DifferenceWriter {
 public:
  template <typename T>
  void Set(std::string_view name, const T& value, const T& fallback) {
    if (!(value == fallback)) out_.Set(name, Value(value));
  }
  void Set(std::string_view name, int32_t value, int32_t fallback) {
    if (value != fallback) out_.Set(name, int64_t{value});
  }
  void Set(std::string_view name, const std::map<std::string, std::string>& map) {
    for (const auto& [key, text] : map) out_[name].Set(key, text);
  }
  void SetObject(std::string_view name, DifferenceWriter nested) {
    if (!nested.out_.AsObject().empty()) out_.Set(name, std::move(nested.out_));
  }
  void SetRef(std::string_view name, const std::string& target, const std::string& fallback) {
    if (target != fallback) out_[name].Set("name", target);
  }
  void Append(std::string_view name, Value item) { out_[name].Append(std::move(item)); }
  Value Take() { return std::move(out_); }

 private:
  Value out_ = json::Object{};
};

DifferenceWriter EncryptionOf(const StreamSpec& spec, const StreamSpec& defaults) {
  DifferenceWriter out;
  out.Set("encryptionType", spec.encryption_type, defaults.encryption_type);
  out.Set("keyID", spec.key_id, defaults.key_id);
  if (!spec.key_secret_name.empty()) {
    DifferenceWriter ref;
    ref.Set("name", spec.key_secret_name, std::string());
    ref.Set("key", spec.key_secret_key, std::string());
    out.SetObject("keySecretRef", std::move(ref));
  }
  return out;
}

DifferenceWriter ScalingOf(const StreamSpec& spec, const StreamSpec& defaults) {
  DifferenceWriter out;
  out.Set("mode", spec.scaling_mode, defaults.scaling_mode);
  out.Set("targetUtilizationPercent", spec.scaling_target_utilization_percent,
          defaults.scaling_target_utilization_percent);
  out.Set("minShards", spec.scaling_min_shards, defaults.scaling_min_shards);
  out.Set("maxShards", spec.scaling_max_shards, defaults.scaling_max_shards);
  DifferenceWriter up;
  up.Set("windowSeconds", spec.scale_up_window_seconds, defaults.scale_up_window_seconds);
  up.Set("maxFactorPercent", spec.scale_up_max_factor_percent,
         defaults.scale_up_max_factor_percent);
  out.SetObject("scaleUp", std::move(up));
  DifferenceWriter down;
  down.Set("windowSeconds", spec.scale_down_window_seconds, defaults.scale_down_window_seconds);
  down.Set("maxStepPercent", spec.scale_down_max_step_percent,
           defaults.scale_down_max_step_percent);
  out.SetObject("scaleDown", std::move(down));
  return out;
}

Value ConsumerValue(const StreamSpec::Consumer& consumer) {
  DifferenceWriter out;
  out.Set("consumerName", consumer.name, std::string());
  out.Set("tags", consumer.tags);
  out.Set("resourcePolicy", consumer.resource_policy, std::string());
  return out.Take();
}

}  // namespace

Result<StreamSpec> StreamSpec::Parse(const Value& spec) {
  StreamSpec out;
  Problems problems;
  if (spec.is_null()) problems.Add("spec", "is needed; {} gives every field its default");
  {
    FieldReader in(spec, "spec", problems);
    ReadTopLevel(in, out);
    {
      FieldReader mode(in.Object("streamModeDetails"), in.Path("streamModeDetails"), problems);
      mode.OneOf("streamMode", out.stream_mode, {"ON_DEMAND", "PROVISIONED"});
    }
    ReadEncryption(in, out, problems);
    ReadMonitoring(in, out, problems);
    ReadScaling(in, out, problems);
    ReadConsumers(in, out, problems);
    {
      FieldReader placement(in.Object("placement"), in.Path("placement"), problems);
      ReadRef(placement, "poolRef", out.pool_name, problems);
    }
    ReadRef(in, "connectionConfigMapRef", out.connection_config_map, problems);
    if (out.warm_throughput_mibps && out.stream_mode != "ON_DEMAND") {
      in.Add("warmThroughputMiBps", "is for streamMode ON_DEMAND only");
    }
  }
  RETURN_IF_ERROR(problems.ToStatus());
  return out;
}

Value StreamSpec::ToValue() const {
  const StreamSpec defaults;
  DifferenceWriter out;
  out.Set("streamName", stream_name, defaults.stream_name);
  DifferenceWriter mode;
  mode.Set("streamMode", stream_mode, defaults.stream_mode);
  out.SetObject("streamModeDetails", std::move(mode));
  out.Set("shardCount", shard_count, defaults.shard_count);
  out.Set("retentionPeriodHours", retention_period_hours, defaults.retention_period_hours);
  out.SetObject("encryption", EncryptionOf(*this, defaults));
  out.Set("maxRecordSizeKiB", max_record_size_kib, defaults.max_record_size_kib);
  out.Set("recordDistributionStrategy", record_distribution_strategy,
          defaults.record_distribution_strategy);
  if (warm_throughput_mibps) out.Set("warmThroughputMiBps", *warm_throughput_mibps, 0);
  if (!shard_level_metrics.empty()) {
    DifferenceWriter monitoring;
    for (const std::string& metric : shard_level_metrics)
      monitoring.Append("shardLevelMetrics", metric);
    out.SetObject("enhancedMonitoring", std::move(monitoring));
  }
  out.SetObject("scaling", ScalingOf(*this, defaults));
  for (const Consumer& consumer : consumers) out.Append("consumers", ConsumerValue(consumer));
  out.Set("consumerDeletionPolicy", consumer_deletion_policy, defaults.consumer_deletion_policy);
  DifferenceWriter placement;
  placement.SetRef("poolRef", pool_name, defaults.pool_name);
  out.SetObject("placement", std::move(placement));
  out.SetRef("connectionConfigMapRef", connection_config_map, "");
  out.Set("deletionPolicy", deletion_policy, defaults.deletion_policy);
  out.Set("deletionProtection", deletion_protection, defaults.deletion_protection);
  out.Set("managementPolicy", management_policy, defaults.management_policy);
  out.Set("resourcePolicy", resource_policy, defaults.resource_policy);
  out.Set("tags", tags);
  return out.Take();
}

Status CheckStreamTransition(const StreamSpec& before, const StreamSpec& after) {
  Problems problems;
  if (before.stream_name != after.stream_name) {
    problems.Add("spec.streamName", "is immutable; create a new stream and migrate");
  }
  if (before.pool_name != after.pool_name) {
    problems.Add("spec.placement", "is immutable; create a new stream and migrate");
  }
  return problems.ToStatus();
}

std::string StreamNameOf(const Resource& stream) {
  const std::string& name = stream.spec["streamName"].AsString();
  return name.empty() ? stream.key.name : name;
}

}  // namespace millrace::resources
