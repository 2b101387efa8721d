#include "operator/stream/stream_plan.h"

#include <algorithm>
#include <cstdio>

#include "common/json/value.h"
#include "common/pki/secret_key_id.h"
#include "operator/stream/loss_plan.h"
#include "operator/stream/reshard_plan.h"

namespace millrace::op {

using resources::HashKey;
using resources::MapConsumer;
using resources::MapExtent;
using resources::MapShard;
using resources::Resource;
using resources::ShardMap;
using resources::StreamSpec;

namespace {

constexpr WallMs kHourMs = 3'600'000;
constexpr Duration kLookAtBlinking = std::chrono::milliseconds(50);

ShardMap NewMap(const StreamSettings& settings, const Resource& stream, const StreamSpec& spec,
                uint64_t retired_epoch, WallMs now) {
  ShardMap map;
  // A reader with a checkpoint of a stream that had this name begins before everything in this one.
  map.last_epoch = retired_epoch;
  map.stream_uid = StreamUid(stream);
  map.stream_name = StreamNameOf(stream);
  map.stream_arn =
      "arn:aws:kinesis:" + settings.region + ":" + settings.account + ":stream/" + map.stream_name;
  map.created_ms = resources::ParseTime(stream.creation_timestamp).value_or(now);
  map.pool = spec.pool_name;
  map.encrypted = spec.encryption_type == "KMS";
  AddUniformShards(map, static_cast<uint32_t>(spec.shard_count), now);
  return map;
}

// `field` becomes `wanted`; true where it was something else.
template <typename T>
bool Assign(T& field, const T& wanted) {
  if (field == wanted) return false;
  field = wanted;
  return true;
}

// Every open shard goes on in a new extent of the same owner: the way encryption is switched.
void ReopenAll(const ObservedPool& pool, ShardMap& map, WallMs now) {
  std::map<std::string, std::string> volumes;
  for (const PoolPod& pod : pool.pods) volumes[pod.name] = pod.volume;
  OpenExtents(
      map,
      [&](const MapShard& shard) -> std::optional<HeadPlace> {
        if (shard.extents.empty()) return std::nullopt;
        const MapExtent& head = shard.extents.back();
        const std::string& said = volumes[head.owner];
        return HeadPlace{head.owner, said.empty() ? head.volume : said};
      },
      now);
}

bool UpdateConsumers(const StreamSpec& spec, WallMs now, ShardMap& map) {
  std::vector<MapConsumer> wanted;
  bool changed = spec.consumers.size() != map.consumers.size();
  for (const StreamSpec::Consumer& consumer : spec.consumers) {
    auto known = std::find_if(map.consumers.begin(), map.consumers.end(),
                              [&](const MapConsumer& c) { return c.name == consumer.name; });
    if (known != map.consumers.end()) {
      wanted.push_back(*known);
      continue;
    }
    changed = true;
    wanted.push_back(
        {consumer.name,
         map.stream_arn + "/consumer/" + consumer.name + ":" + std::to_string(now / 1000), now});
  }
  map.consumers = std::move(wanted);
  return changed;
}

// What SplitShard and MergeShards asked for by annotation.
Status ApplyReshardRequest(const std::string& text, WallMs now, ShardMap& map) {
  ASSIGN_OR_RETURN(json::Value request, json::ParseJson(text));
  auto shard = static_cast<uint32_t>(request["shard"].AsInt(-1));
  if (request["op"].AsString() == "split") {
    std::optional<HashKey> start = HashKey::FromDecimal(request["newStartingHashKey"].AsString());
    if (!start) return InvalidArgument("newStartingHashKey is not a hash key");
    return SplitShard(map, shard, *start, now);
  }
  if (request["op"].AsString() == "merge") {
    return MergeShards(map, shard, static_cast<uint32_t>(request["adjacent"].AsInt(-1)), now);
  }
  return InvalidArgument("op must be split or merge");
}

// Closed shards whose last record has passed retention are not listed any more.
bool DropExpiredShards(WallMs now, ShardMap& map) {
  WallMs retention = map.retention_hours * kHourMs;
  return std::erase_if(map.shards, [&](const MapShard& shard) {
           return shard.closed_ms && *shard.closed_ms + retention < now;
         }) > 0;
}

// An extent leaves the chain once every record in it has passed retention, or a shard that moves
// often would have an ever longer one. It took no record after the next one was opened, which that
// one's epoch dates, never too early; so nothing is owed of it, also where nobody can say its end.
WallMs ExpiryOf(const ShardMap& map, const MapExtent& the_one_after) {
  return static_cast<WallMs>(the_one_after.epoch) * 1000 + (map.retention_hours + 1) * kHourMs;
}

bool DropExpiredExtents(WallMs now, ShardMap& map) {
  bool dropped = false;
  for (MapShard& shard : map.shards) {
    std::vector<MapExtent>& chain = shard.extents;
    size_t expired = 0;
    while (expired + 1 < chain.size() && ExpiryOf(map, chain[expired + 1]) <= now) ++expired;
    chain.erase(chain.begin(), chain.begin() + static_cast<ptrdiff_t>(expired));
    dropped |= expired > 0;
  }
  return dropped;
}

// Whether the pod speaks of the volume that the extent is on. One of a version that does not know
// of volumes reports what it has not as empty, which is no word on an extent that has one.
bool MaySayEnd(const ObservedStream& observed, const MapExtent& extent, uint64_t end_index) {
  if (extent.volume.empty() || extent.volume == observed.volume) return true;
  return observed.volume.empty() && end_index > 0;
}

// A pod's word on an extent counts only where the extent is its own.
bool NoteSealedEnds(const std::string& pod, const ObservedStream& observed, ShardMap& map) {
  bool changed = false;
  for (const ObservedStream::SealedExtent& sealed : observed.sealed) {
    for (MapShard& shard : map.shards) {
      if (shard.index != sealed.shard) continue;
      for (MapExtent& extent : shard.extents) {
        if (extent.epoch == sealed.epoch && extent.owner == pod && !extent.end_index &&
            MaySayEnd(observed, extent, sealed.end_index)) {
          extent.end_index = sealed.end_index;
          changed = true;
        }
      }
    }
  }
  return changed;
}

// Whether every pod that answers and has an extent of the stream serves it no more. One that is
// away reads so in the map before it serves again.
bool DeletionIsKnown(const ObservedPool& pool, const ShardMap& map) {
  bool known = false;
  for (const PoolPod& pod : pool.pods) {
    if (pod.state == PoolPod::State::kAway || !HasExtentOn(map, pod.name)) continue;
    auto observed = pool.streams.find(pod.name);
    if (observed == pool.streams.end()) return false;
    if (observed->second.applied_version < map.serving_version) return false;
    known = true;
  }
  return known;
}

StreamPlan PlanDeletion(const StreamSettings& settings, const StreamInput& input) {
  StreamPlan plan;
  if (!input.map) {
    plan.remove_finalizer = true;
    return plan;
  }
  ShardMap map = *input.map;
  if (!map.deleting) {
    Result<StreamSpec> spec = StreamSpec::Parse(input.stream.spec);
    bool retain = !spec.ok() || spec->deletion_policy == "Retain";
    map.deleting = true;
    map.drop_after_ms = input.now;
    if (retain) {
      map.drop_after_ms +=
          std::chrono::duration_cast<std::chrono::milliseconds>(settings.retain_for).count();
    }
    map.serving_version = ++map.version;
    plan.map = map;
  } else if (DeletionIsKnown(input.pool, map)) {
    plan.remove_finalizer = true;
    return plan;
  }
  json::Value status =
      StreamStatus(settings, input, StreamSpec::Parse(input.stream.spec), &map, OkStatus());
  if (status != input.stream.status) plan.status = std::move(status);
  return plan;
}

// Whether there is a pod for the heads: for a new stream one that answers, so that the first pod of
// a pool does not get them all; later any.
bool CanPlace(const StreamInput& input) {
  if (!input.pool.exists) return false;
  const std::vector<PoolPod>& pods = input.pool.pods;
  if (input.map) return !pods.empty();
  return std::any_of(pods.begin(), pods.end(), [](const PoolPod& pod) {
    return pod.state == PoolPod::State::kOpen || pod.state == PoolPod::State::kLeaving;
  });
}

// Volumes and pods whose missing records are given up.
std::set<std::string> NamesGivenUp(const StreamInput& input) {
  std::set<std::string> names = input.pool.volumes_given_up;
  const auto annotation = input.stream.annotations.find(std::string(kAcceptLossAnnotation));
  if (annotation != input.stream.annotations.end()) names.merge(LossNames(annotation->second));
  return names;
}

// Nothing is written under another key than the one that was asked for.
bool HasItsKey(const StreamInput& input, const StreamSpec& spec) {
  if (spec.key_secret_name.empty() || !input.key.name.empty()) return true;
  return input.map && pki::SecretKeyName(input.map->key_id).has_value();
}

// When the next closed shard or extent leaves the map, or a pod with our heads may have been silent
// too long.
std::optional<Duration> NextLook(const ObservedPool& pool, const ShardMap& map, WallMs now) {
  std::optional<Duration> next;
  const std::map<std::string, size_t> heads = HeadsByPod(map);
  for (const PoolPod& pod : pool.pods) {
    if (pod.state == PoolPod::State::kBlinking && heads.contains(pod.name)) next = kLookAtBlinking;
  }
  auto look_at = [&](WallMs when) {
    const Duration wait = std::chrono::milliseconds(std::max<WallMs>(when - now + 1000, 1000));
    if (!next || wait < *next) next = wait;
  };
  for (const MapShard& shard : map.shards) {
    if (shard.closed_ms) look_at(*shard.closed_ms + map.retention_hours * kHourMs);
    if (shard.extents.size() > 1) look_at(ExpiryOf(map, shard.extents[1]));
  }
  return next;
}

// How long a new stream's first status may wait for the shards that are being opened.
std::optional<Duration> FirstStatusIn(const StreamSettings& settings, const StreamInput& input,
                                      const ShardMap& map) {
  const bool is_first = !input.stream.status.Has("observedGeneration");
  if (!is_first || map.shards.empty() || IsApplied(input.pool, map)) return std::nullopt;
  for (const auto& [pod, observed] : input.pool.streams) {
    if (!observed.error.empty()) return std::nullopt;
  }
  const WallMs age = std::max<WallMs>(input.now - map.shards.front().created_ms, 0);
  const Duration left = settings.first_status_after - std::chrono::milliseconds(age);
  return left > Duration::zero() ? std::optional(left) : std::nullopt;
}

}  // namespace

uint64_t StreamUid(const Resource& stream) {
  uint64_t uid = 0;
  int digits = 0;
  for (char c : stream.uid) {
    if (c == '-' || digits == 16) continue;
    uid = uid << 4 | static_cast<uint64_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    ++digits;
  }
  return uid;
}

resources::ResourceKey ShardMapKey(const Resource& stream) {
  char hex[17];
  std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(StreamUid(stream)));
  return {stream.key.ns, stream.key.name + "." + hex};
}

bool IsApplied(const ObservedPool& pool, const ShardMap& map) {
  for (const auto& [pod, heads] : HeadsByPod(map)) {
    auto observed = pool.streams.find(pod);
    if (observed == pool.streams.end()) return false;
    if (observed->second.applied_version < map.serving_version) return false;
  }
  return true;
}

Result<bool> UpdateMap(const StreamSettings& settings, const StreamInput& input,
                       const StreamSpec& spec, ShardMap& map) {
  const Resource& stream = input.stream;
  const WallMs now = input.now;
  bool provisioned = spec.stream_mode == "PROVISIONED";
  bool changed = Assign(map.on_demand, !provisioned);
  changed |= Assign(map.enforce_shard_limits, provisioned || settings.enforce_on_demand_limits);
  changed |= Assign(map.auto_distribution, spec.record_distribution_strategy == "AUTO");
  changed |= Assign(map.retention_hours, spec.retention_period_hours);
  changed |= Assign(map.max_record_kib, spec.max_record_size_kib);
  // A Secret that is gone or spoilt changes nothing for what is encrypted by what it was.
  const bool own_key = !spec.key_secret_name.empty();
  const std::string key_id =
      !own_key ? spec.key_id
               : (input.key.name.empty() ? map.key_id : pki::SecretKeyId(input.key.name));
  const bool other_key = pki::SecretKeyName(map.key_id) != pki::SecretKeyName(key_id);
  changed |= Assign(map.key_id, key_id);
  changed |= Assign(map.shard_level_metrics, spec.shard_level_metrics);
  if (input.pool.exists) {
    const bool at_home = input.pool.ns == settings.ns;
    changed |= Assign(map.pool_namespace, at_home ? std::string() : input.pool.ns);
  }
  changed |= UpdateConsumers(spec, now, map);
  const bool switched = Assign(map.encrypted, spec.encryption_type == "KMS");
  if (switched || (other_key && map.encrypted)) {
    ReopenAll(input.pool, map, now);
    changed = true;
  }
  auto request = stream.annotations.find(std::string(resources::kReshardAnnotation));
  if (request != stream.annotations.end()) {
    RETURN_IF_ERROR(ApplyReshardRequest(request->second, now, map).WithContext("reshard"));
    changed = true;
  } else if (provisioned && OpenShards(map).size() != static_cast<size_t>(spec.shard_count)) {
    RETURN_IF_ERROR(ScaleUniformly(map, static_cast<uint32_t>(spec.shard_count), now));
    changed = true;
  }
  if (!input.pool.pods.empty()) {
    HeadPlacement placement(input.pool.pods, map);
    placement.OpenFirst(map, now);
    changed |= placement.MoveHeads(map, now);
  }
  changed |= DropExpiredShards(now, map);
  changed |= DropExpiredExtents(now, map);
  return changed;
}

StreamPlan PlanStream(const StreamSettings& settings, const StreamInput& input) {
  const Resource& stream = input.stream;
  if (stream.deletion_timestamp) return PlanDeletion(settings, input);
  StreamPlan plan;
  auto& finalizers = stream.finalizers;
  if (std::find(finalizers.begin(), finalizers.end(), kStreamFinalizer) == finalizers.end()) {
    plan.add_finalizer = true;
    return plan;
  }
  Result<StreamSpec> spec = StreamSpec::Parse(stream.spec);
  std::optional<ShardMap> map = input.map;
  Status problem;
  if (spec.ok() && spec->management_policy == "Full" && HasItsKey(input, *spec) &&
      CanPlace(input) && input.name_taken_by.empty()) {
    if (!map) map = NewMap(settings, stream, *spec, input.retired_epoch, input.now);
    ShardMap next = *map;
    Result<bool> changed = UpdateMap(settings, input, *spec, next);
    if (changed.ok()) {
      plan.lost = AcceptLosses(NamesGivenUp(input), input.pool, next);
      changed = *changed || plan.lost.extents > 0;
    }
    // A request that cannot be done is answered in a condition and dropped, so that it blocks
    // nothing.
    if (!changed.ok()) problem = changed.status();
    bool noted = false;
    for (const auto& [pod, observed] : input.pool.streams) {
      if (!changed.ok()) continue;
      noted |= NoteSealedEnds(pod, observed, next);
      noted |= BindVolumes(pod, observed, next);
    }
    if (changed.ok() && (*changed || noted || next.version == 0)) {
      ++next.version;
      if (*changed || next.serving_version == 0) next.serving_version = next.version;
      plan.map = next;
      map = std::move(next);
    }
    plan.clear_reshard = stream.annotations.contains(std::string(resources::kReshardAnnotation));
    plan.clear_accept_loss =
        !plan.lost.more_to_come && stream.annotations.contains(std::string(kAcceptLossAnnotation));
    plan.again = NextLook(input.pool, *map, input.now);
  }
  json::Value status = StreamStatus(settings, input, spec, map ? &*map : nullptr, problem);
  if (status == stream.status) return plan;
  const auto wait = map && problem.ok() ? FirstStatusIn(settings, input, *map) : std::nullopt;
  if (wait) {
    plan.again = std::min(plan.again.value_or(*wait), *wait);
  } else {
    plan.status = std::move(status);
  }
  return plan;
}

}  // namespace millrace::op
