#include <algorithm>
#include <map>

#include "common/pki/secret_key_id.h"
#include "common/resources/conditions.h"
#include "operator/stream/loss_plan.h"
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

Verdict SpecProblem(const StreamSettings& settings, const StreamInput& input,
                    const Result<StreamSpec>& spec) {
  if (!spec.ok()) return {false, "InvalidSpec", spec.status().message()};
  if (!spec->key_secret_name.empty() && !settings.in_cluster) {
    return {false, "KeySecretUnsupported",
            "encryption.keySecretRef needs Kubernetes; on one machine give keyID and the master "
            "key by --master-key-file or MILLRACE_MASTER_KEY"};
  }
  if (!input.pool.exists) {
    return {false, "PoolNotFound",
            "placement.poolRef: there is no pool " + spec->pool_name +
                "; make that StreamPool, or name another one"};
  }
  return {true, "", ""};
}

// Of spec.encryption.keySecretRef.
Verdict KeyProblem(const StreamInput& input) {
  const Code code = input.key.problem.code();
  if (code == Code::kOk) return {true, "", ""};
  const char* const reason = code == Code::kNotFound          ? "KeySecretNotFound"
                             : code == Code::kInvalidArgument ? "KeySecretInvalid"
                                                              : "KeySecretNotGiven";
  return {false, reason, input.key.problem.message()};
}

// Once applied a version stays so, also while a shard process restarts and applies it again.
bool Applied(const StreamInput& input, const ShardMap* map) {
  if (!map) return false;
  int64_t before = input.stream.status["appliedMapVersion"].AsInt();
  return before >= static_cast<int64_t>(map->serving_version) || IsApplied(input.pool, *map);
}

bool AnyPodAnswers(const ObservedPool& pool) {
  return std::any_of(pool.pods.begin(), pool.pods.end(), [](const PoolPod& pod) {
    return pod.state == PoolPod::State::kOpen || pod.state == PoolPod::State::kLeaving;
  });
}

// What a pod says is wrong with the map, with its name where there are several.
std::string MapError(const ObservedPool& pool) {
  for (const auto& [pod, observed] : pool.streams) {
    if (observed.error.empty()) continue;
    return pool.pods.size() > 1 ? pod + ": " + observed.error : observed.error;
  }
  return "";
}

// Extents that no pod can serve now, as "2 extents on default-1".
std::string ExtentsAway(const ObservedPool& pool, const ShardMap& map) {
  std::map<std::string, size_t> away;
  for (const resources::MapShard& shard : map.shards) {
    for (const resources::MapExtent& extent : shard.extents) ++away[extent.owner];
  }
  for (const PoolPod& pod : pool.pods) {
    if (pod.state != PoolPod::State::kAway) away.erase(pod.name);
  }
  std::string text;
  for (const auto& [pod, extents] : away) {
    if (!text.empty()) text += ", ";
    text += std::to_string(extents) + (extents == 1 ? " extent on " : " extents on ") + pod;
  }
  return text;
}

Verdict Ready(const StreamSettings& settings, const StreamInput& input,
              const Result<StreamSpec>& spec, const ShardMap* map) {
  if (input.stream.deletion_timestamp) return {false, "Deleting", "the stream is being deleted"};
  if (Verdict problem = SpecProblem(settings, input, spec); !problem.value) return problem;
  if (!input.name_taken_by.empty()) {
    return {false, "NameTaken",
            "stream name " + StreamNameOf(input.stream) + " belongs to " + input.name_taken_by +
                "; give this one another spec.streamName"};
  }
  if (Verdict problem = KeyProblem(input); !map && !problem.value) return problem;
  if (!map && spec->management_policy == "Full") {
    return {false, "PoolNotReady", "pool " + spec->pool_name + " has no pod that answers yet"};
  }
  if (!map)
    return {false, "Paused",
            "managementPolicy is " + spec->management_policy + ": nothing has been made yet"};
  if (!AnyPodAnswers(input.pool)) {
    return {false, "ShardProcessAway",
            "no shard process answers; they are started again by themselves"};
  }
  if (std::string error = MapError(input.pool); !error.empty()) {
    return {false, "MapNotApplied", error};
  }
  if (!Applied(input, map) && input.stream.status["appliedMapVersion"].AsInt() == 0) {
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

Verdict Degraded(const StreamInput& input, const ShardMap* map) {
  if (std::string text = map ? MissingText(input.stream, input.pool, *map) : ""; !text.empty())
    return {true, "ExtentsMissing", std::move(text)};
  uint64_t lost = 0;
  for (const auto& [pod, observed] : input.pool.streams) lost += observed.lost_records;
  if (lost > 0) {
    return {true, "CorruptRecords",
            std::to_string(lost) +
                " records failed their checksum and are not served; restore the volume from a "
                "snapshot to get them back"};
  }
  // What nobody has opened yet holds nothing.
  const bool opened = map && input.stream.status["appliedMapVersion"].AsInt() > 0;
  if (std::string away = opened ? ExtentsAway(input.pool, *map) : ""; !away.empty()) {
    return {true, "ExtentsAway",
            away + " cannot be read until the pod is back; readers wait there, nothing is skipped"};
  }
  if (std::string text = map ? AcceptedText(*map) : ""; !text.empty())
    return {false, "LossAccepted", std::move(text)};
  return {false, "NoDataLost", ""};
}

Verdict Reconciled(const StreamSettings& settings, const StreamInput& input,
                   const Result<StreamSpec>& spec, const ShardMap* map, const Status& problem) {
  if (!spec.ok()) return {false, "InvalidSpec", spec.status().message()};
  if (Verdict of_key = KeyProblem(input); !of_key.value) return of_key;
  if (!problem.ok()) return {false, "RequestRefused", problem.message()};
  if (spec->management_policy != "Full") {
    return {false, spec->management_policy,
            "managementPolicy is " + spec->management_policy + ": the spec is not acted on"};
  }
  if (!spec->connection_config_map.empty() && !settings.in_cluster) {
    return {false, "NotOnOneMachine",
            "connectionConfigMapRef needs Kubernetes; the endpoint is in status.endpoint"};
  }
  if (map && map->on_demand && OpenShards(*map).size() != static_cast<size_t>(spec->shard_count)) {
    return {true, "OnDemand", "shardCount is only the first count of an ON_DEMAND stream"};
  }
  return {true, "Reconciled", ""};
}

Verdict Encryption(const StreamInput& input, const StreamSpec& spec, const ShardMap& map) {
  const bool wanted = spec.encryption_type == "KMS";
  if (!wanted) return {!map.encrypted, "NotAsked", ""};
  if (spec.key_secret_name.empty()) {
    return {map.encrypted, "MasterKey", "data keys are wrapped by this machine's master key"};
  }
  if (Verdict problem = KeyProblem(input); !problem.value) return problem;
  return {map.encrypted && map.key_id == pki::SecretKeyId(input.key.name), "OwnKey",
          "data keys are wrapped by the key in Secret " + spec.key_secret_name};
}

Verdict Autoscaling(const StreamSettings& settings, const Result<StreamSpec>& spec) {
  if (spec.ok() && spec->stream_mode == "ON_DEMAND" && spec->scaling_mode != "Off") {
    return {false, "NotNeeded",
            settings.in_cluster
                ? "an ON_DEMAND shard takes what its pod gives; shards are not split by load yet"
                : "on one machine an ON_DEMAND shard takes what the machine gives"};
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
  set("Ready", Ready(settings, input, spec, map));
  set("Progressing", Progressing(input, map));
  set("Degraded", Degraded(input, map));
  set("Reconciled", Reconciled(settings, input, spec, map, problem));
  set("AutoscalingActive", Autoscaling(settings, spec));
  if (spec.ok() && map) set("EncryptionReady", Encryption(input, *spec, *map));
  return status;
}

}  // namespace millrace::op
