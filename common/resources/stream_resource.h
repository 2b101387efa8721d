#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/resources/resource.h"

namespace millrace::resources {

inline constexpr std::string_view kStreamKind = "Stream";
inline constexpr std::string_view kShardMapKind = "ShardMap";
inline constexpr std::string_view kReshardAnnotation = "millrace.dev/reshard";

// The spec of a Stream (crds/stream.yaml), complete with defaults. Field names in messages are
// those of the YAML. A value.
struct StreamSpec {
  std::string stream_name;  // "": metadata.name
  std::string stream_mode = "ON_DEMAND";
  int32_t shard_count = 4;
  int32_t retention_period_hours = 24;
  std::string encryption_type = "NONE";
  std::string key_id;
  std::string key_secret_name;
  std::string key_secret_key;
  int32_t max_record_size_kib = 1024;
  std::string record_distribution_strategy = "USER_PARTITION_KEY";
  std::optional<int32_t> warm_throughput_mibps;
  std::vector<std::string> shard_level_metrics;
  std::string scaling_mode = "Auto";
  int32_t scaling_min_shards = 4;
  int32_t scaling_max_shards = 10000;
  int32_t scaling_target_utilization_percent = 50;
  int32_t scale_up_window_seconds = 6;
  int32_t scale_up_max_factor_percent = 200;
  int32_t scale_down_window_seconds = 3600;
  int32_t scale_down_max_step_percent = 50;
  struct Consumer {
    std::string name;
    std::map<std::string, std::string> tags;
    std::string resource_policy;  // JSON text, "" for none
  };
  std::vector<Consumer> consumers;
  std::string consumer_deletion_policy = "Block";
  std::string pool_name = "default";
  std::string connection_config_map;
  std::string deletion_policy = "Retain";
  std::string deletion_protection = "Disabled";
  std::string management_policy = "Full";
  std::string resource_policy;  // JSON text, "" for none
  std::map<std::string, std::string> tags;

  // Defaults filled in, every rule of the CRD checked; unknown fields are refused by name with the
  // nearest known one. InvalidArgument: "spec.retentionPeriodHours: 12 is below the minimum 24".
  static Result<StreamSpec> Parse(const json::Value& spec);
  // Only what differs from the defaults.
  json::Value ToValue() const;
};

// The CRD's transition rules: which fields may change from `before` to `after`.
Status CheckStreamTransition(const StreamSpec& before, const StreamSpec& after);

// spec.streamName or else metadata.name.
std::string StreamNameOf(const Resource& stream);

}  // namespace millrace::resources
