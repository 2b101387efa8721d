#include <algorithm>

#include "common/resources/conditions.h"
#include "operator/stream/reshard_plan.h"
#include "operator/stream/stream_plan.h"

namespace millrace::op {

using resources::Resource;
using resources::ShardMap;
using resources::StreamSpec;

namespace {

// One condition's answer, before it is written into the list.
struct Verdict {
  bool value = false;
  std::string reason;
  std::string message;
};

Verdict SpecProblem(const Result<StreamSpec>& spec) {
  if (!spec.ok()) return {false, "InvalidSpec", spec.status().message()};
  if (!spec->key_secret_name.empty()) {
    return {
        false, "KeySecretUnsupported",
        "encryption.keySecretRef needs Kubernetes; on one machine give keyID and the master key by "
        "--master-key-file or MILLRACE_MASTER_KEY"};
  }
  if (spec->pool_name != "default") {
    return {false, "PoolNotFound",
            "placement.poolRef: pool " + spec->pool_name +
                " does not exist; on one machine there is only 'default'"};
  }
  return {true, "", ""};
}

// Once applied a version stays so, also while the shard process restarts and applies it again.
int64_t AppliedVersion(const StreamInput& input) {
  int64_t before = input.stream.status["appliedMapVersion"].AsInt();
  return input.observed ? std::max(before, static_cast<int64_t>(input.observed->applied_version))
                        : before;
}

bool Applied(const StreamInput& input, const ShardMap* map) {
  return map && AppliedVersion(input) >= static_cast<int64_t>(map->serving_version);
}

Verdict Ready(const StreamInput& input, const Result<StreamSpec>& spec, const ShardMap* map) {
  if (input.stream.deletion_timestamp) return {false, "Deleting", "the stream is being deleted"};
  if (Verdict problem = SpecProblem(spec); !problem.value) return problem;
  if (!input.name_taken_by.empty()) {
    return {false, "NameTaken",
            "stream name " + StreamNameOf(input.stream) + " belongs to " + input.name_taken_by +
                "; give this one another spec.streamName"};
  }
  if (!map)
    return {false, "Paused",
            "managementPolicy is " + spec->management_policy + ": nothing has been made yet"};
  if (!input.shard_process_ready) {
    return {false, "ShardProcessAway",
            "the shard process does not answer; it is started again by itself"};
  }
  if (input.observed && !input.observed->error.empty()) {
    return {false, "MapNotApplied", input.observed->error};
  }
  if (AppliedVersion(input) == 0) {
    return {false, "Creating", "waiting for the shard process to open the shards"};
  }
  return {true, "Active", std::to_string(OpenShards(*map).size()) + " shards serving"};
}

Verdict Progressing(const StreamInput& input, const ShardMap* map) {
  if (!map || Applied(input, map)) return {false, "Idle", ""};
  return {
      true, map->version == 1 ? "Creating" : "Updating",
      "waiting for the shard process to apply map version " + std::to_string(map->serving_version)};
}

Verdict Degraded(const StreamInput& input) {
  if (input.observed && input.observed->lost_records > 0) {
    return {true, "CorruptRecords",
            std::to_string(input.observed->lost_records) +
                " records failed their checksum and are not served; restore the volume from a "
                "snapshot to get them back"};
  }
  return {false, "NoDataLost", ""};
}

Verdict Reconciled(const Result<StreamSpec>& spec, const ShardMap* map, const Status& problem) {
  if (!spec.ok()) return {false, "InvalidSpec", spec.status().message()};
  if (!problem.ok()) return {false, "RequestRefused", problem.message()};
  if (spec->management_policy != "Full") {
    return {false, spec->management_policy,
            "managementPolicy is " + spec->management_policy + ": the spec is not acted on"};
  }
  if (!spec->connection_config_map.empty()) {
    return {false, "NotOnOneMachine",
            "connectionConfigMapRef needs Kubernetes; the endpoint is in status.endpoint"};
  }
  if (map && map->on_demand && OpenShards(*map).size() != static_cast<size_t>(spec->shard_count)) {
    return {true, "OnDemand", "shardCount is only the first count of an ON_DEMAND stream"};
  }
  return {true, "Reconciled", ""};
}

Verdict Autoscaling(const Result<StreamSpec>& spec) {
  if (spec.ok() && spec->stream_mode == "ON_DEMAND" && spec->scaling_mode != "Off") {
    return {false, "NotNeeded", "on one machine an ON_DEMAND shard takes what the machine gives"};
  }
  return {false, "Off", ""};
}

std::string StatusWord(const StreamInput& input, const ShardMap* map) {
  if (input.stream.deletion_timestamp) return "DELETING";
  const std::string& before = input.stream.status["streamStatus"].AsString();
  if (Applied(input, map)) return "ACTIVE";
  if (before == "ACTIVE" || before == "UPDATING") return "UPDATING";
  return "CREATING";
}

void SetFacts(const StreamSettings& settings, const StreamSpec& spec, const ShardMap& map,
              json::Value& status) {
  status.Set("streamARN", map.stream_arn);
  status.Set("streamCreationTimestamp", resources::FormatTime(map.created_ms));
  status.Set("openShardCount", static_cast<int64_t>(OpenShards(map).size()));
  status.Set("consumerCount", static_cast<int64_t>(map.consumers.size()));
  status.Set("encryptionType", map.encrypted ? "KMS" : "NONE");
  status.Set("retentionPeriodHours", int64_t{map.retention_hours});
  if (!settings.endpoint.empty()) status.Set("endpoint", settings.endpoint);
  if (spec.warm_throughput_mibps) {
    // Nothing has to be warmed up on one machine: what is asked for is what there is.
    json::Value warm;
    warm.Set("targetMiBps", int64_t{*spec.warm_throughput_mibps});
    warm.Set("currentMiBps", int64_t{*spec.warm_throughput_mibps});
    status.Set("warmThroughput", std::move(warm));
  } else {
    status.Remove("warmThroughput");
  }
}

}  // namespace

json::Value StreamStatus(const StreamSettings& settings, const StreamInput& input,
                         const Result<StreamSpec>& spec, const ShardMap* map,
                         const Status& problem) {
  json::Value status = input.stream.status;
  if (status.is_null()) status = json::Object{};
  int64_t generation = input.stream.generation;
  status.Set("observedGeneration", generation);
  status.Set("streamStatus", StatusWord(input, map));
  // Only as far as a version that matters, so that noting a sealed end rewrites no status.
  if (map && Applied(input, map)) status.Set("appliedMapVersion", map->serving_version);
  if (map && spec.ok()) SetFacts(settings, *spec, *map, status);
  auto set = [&](std::string_view type, const Verdict& v) {
    resources::SetCondition(status, type, v.value, v.reason, v.message, generation, input.now);
  };
  set("Ready", Ready(input, spec, map));
  set("Progressing", Progressing(input, map));
  set("Degraded", Degraded(input));
  set("Reconciled", Reconciled(spec, map, problem));
  set("AutoscalingActive", Autoscaling(spec));
  if (spec.ok() && map) {
    bool wanted = spec->encryption_type == "KMS";
    set("EncryptionReady", {map->encrypted == wanted, wanted ? "MasterKey" : "NotAsked",
                            wanted ? "data keys are wrapped by this machine's master key" : ""});
  }
  return status;
}

}  // namespace millrace::op
