#include "operator/stream/stream_reconciler.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "common/log/log.h"
#include "common/pki/secret_key_id.h"
#include "operator/stream/loss_plan.h"
#include "operator/stream/reshard_plan.h"

namespace millrace::op {

using resources::Resource;
using resources::ResourceKey;
using resources::ShardMap;

StreamReconciler::StreamReconciler(resources::ResourceStore& store, Clock& clock,
                                   StreamSettings settings, Observe observe, OnLoss on_loss,
                                   GiveKey give_key)
    : store_(store),
      clock_(clock),
      settings_(std::move(settings)),
      observe_(std::move(observe)),
      on_loss_(std::move(on_loss)),
      give_key_(std::move(give_key)) {}

Outcome StreamReconciler::Reconcile(const ResourceKey& key) {
  Result<Resource> stream = store_.Get(resources::kStreamKind, key);
  if (!stream.ok()) {
    if (stream.status().code() == Code::kNotFound) return Outcome::Done();
    return Outcome::Failed(stream.status());
  }
  StreamInput input;
  input.stream = *stream;
  input.now = clock_.WallNow();
  Resource map_object;
  auto map = ReadMap(ShardMapKey(*stream), map_object);
  if (!map.ok()) return Outcome::Failed(map.status());
  input.map = *map;
  Result<resources::StreamSpec> spec = resources::StreamSpec::Parse(stream->spec);
  input.pool = observe_(spec.ok() ? spec->pool_name : "default", StreamUid(*stream));
  const bool own_key = spec.ok() && !spec->key_secret_name.empty() && give_key_;
  if (own_key && input.pool.exists) input.key = KeyOf(*stream, *spec, input);
  // Only a stream without shards can be late: names do not change, and the first one keeps its own.
  if (!input.map) {
    Result<std::string> taken = NameTakenBy(*stream);
    if (!taken.ok()) return Outcome::Failed(taken.status());
    input.name_taken_by = *taken;
    Result<uint64_t> retired = RetiredEpoch(*stream);
    if (!retired.ok()) return Outcome::Failed(retired.status());
    input.retired_epoch = *retired;
  }
  return Act(std::move(input.stream), PlanStream(settings_, input), std::move(map_object));
}

// Where the pool or the API is away for a moment, the key is the one that is in use.
StreamKeyState StreamReconciler::KeyOf(const Resource& stream, const resources::StreamSpec& spec,
                                       const StreamInput& input) const {
  StreamKeyState key = give_key_(stream, spec, input.pool);
  const Code code = key.problem.code();
  const bool for_people = code == Code::kNotFound || code == Code::kInvalidArgument;
  if (key.problem.ok() || for_people || !input.map) return key;
  const std::optional<std::string> in_use = pki::SecretKeyName(input.map->key_id);
  return in_use ? StreamKeyState{*in_use, OkStatus()} : key;
}

Result<std::string> StreamReconciler::NameTakenBy(const Resource& stream) {
  ASSIGN_OR_RETURN(std::vector<Resource> all,
                   store_.ListByStreamName(resources::kStreamKind, StreamNameOf(stream)));
  for (const Resource& other : all) {
    if (other.key == stream.key) continue;
    bool older = std::tie(other.creation_timestamp, other.key) <
                 std::tie(stream.creation_timestamp, stream.key);
    if (older) return other.key.ToString();
  }
  return std::string();
}

Result<uint64_t> StreamReconciler::RetiredEpoch(const Resource& stream) {
  ASSIGN_OR_RETURN(std::vector<Resource> maps,
                   store_.ListByStreamName(resources::kShardMapKind, StreamNameOf(stream)));
  uint64_t last = 0;
  for (const Resource& object : maps) {
    ASSIGN_OR_RETURN(const ShardMap map, ShardMap::Parse(object.spec));
    last = std::max(last, LastEpoch(map));
  }
  return last;
}

Outcome StreamReconciler::Act(Resource stream, const StreamPlan& plan, Resource map_object) {
  if (plan.add_finalizer) {
    stream.finalizers.emplace_back(kStreamFinalizer);
    Result<Resource> updated = store_.Update(stream);
    return updated.ok() ? Reconcile(updated->key) : Outcome::Failed(updated.status());
  }
  if (plan.map) {
    Status written = WriteMap(ShardMapKey(stream), *plan.map, map_object);
    if (!written.ok()) return Outcome::Failed(written);
    if (plan.lost.extents > 0) TellLoss(stream, plan.lost);
  }
  if (plan.status) {
    stream.status = *plan.status;
    Result<Resource> updated = store_.UpdateStatus(stream);
    if (!updated.ok()) return Outcome::Failed(updated.status());
    stream = *updated;
  }
  if (plan.clear_reshard || plan.clear_accept_loss || plan.remove_finalizer) {
    if (plan.clear_accept_loss) stream.annotations.erase(std::string(kAcceptLossAnnotation));
    if (plan.clear_reshard) stream.annotations.erase(std::string(resources::kReshardAnnotation));
    if (plan.remove_finalizer) {
      std::erase(stream.finalizers, std::string(kStreamFinalizer));
    }
    Result<Resource> updated = store_.Update(stream);
    if (!updated.ok()) return Outcome::Failed(updated.status());
  }
  return plan.again ? Outcome::After(*plan.again) : Outcome::Done();
}

void StreamReconciler::TellLoss(const Resource& stream, const LossAccepted& loss) {
  log::Warning("records of a lost volume are given up by request",
               {{"stream", stream.key.ToString()},
                {"extents", loss.extents},
                {"records_at_least", loss.records},
                {"extents_of_unknown_end", loss.extents_of_unknown_end}});
  if (on_loss_) on_loss_(stream, loss);
}

Result<std::optional<ShardMap>> StreamReconciler::ReadMap(const ResourceKey& key,
                                                          Resource& object) {
  Result<Resource> found = store_.Get(resources::kShardMapKind, key);
  if (!found.ok()) {
    if (found.status().code() == Code::kNotFound) return std::optional<ShardMap>();
    return found.status();
  }
  object = *found;
  ASSIGN_OR_RETURN(ShardMap map, ShardMap::Parse(object.spec));
  return std::optional<ShardMap>(std::move(map));
}

Status StreamReconciler::WriteMap(const ResourceKey& key, const ShardMap& map, Resource& object) {
  bool is_new = object.kind.empty();
  object.kind = resources::kShardMapKind;
  object.key = key;
  object.spec = map.ToValue();
  Result<Resource> written = is_new ? store_.Create(object) : store_.Update(object);
  if (!written.ok()) return written.status().WithContext("shard map " + key.ToString());
  log::Info("shard map written",
            {{"stream", map.stream_name}, {"version", map.version}, {"shards", map.shards.size()}});
  return OkStatus();
}

// Whether every pod that has had an extent of the stream says that it is gone there.
bool StreamReconciler::IsDropped(const ShardMap& map) const {
  std::set<std::string> owners;
  for (const resources::MapShard& shard : map.shards) {
    for (const resources::MapExtent& extent : shard.extents) owners.insert(extent.owner);
  }
  const ObservedPool pool = observe_(map.pool, map.stream_uid);
  return std::all_of(owners.begin(), owners.end(), [&](const std::string& owner) {
    auto observed = pool.streams.find(owner);
    return observed != pool.streams.end() && observed->second.dropped;
  });
}

Status StreamReconciler::CollectDroppedMaps() {
  ASSIGN_OR_RETURN(std::vector<Resource> maps, store_.ListDeletingMaps());
  for (const Resource& object : maps) {
    Result<ShardMap> map = ShardMap::Parse(object.spec);
    if (!map.ok()) {
      log::Error("shard map does not parse",
                 {{"map", object.key.ToString()}, {"error", map.status().ToString()}});
      continue;
    }
    bool outdated = LastEpoch(*map) < static_cast<uint64_t>(clock_.WallNow() / 1000);
    if (map->deleting && outdated && IsDropped(*map)) {
      RETURN_IF_ERROR(store_.Delete(resources::kShardMapKind, object.key));
    }
  }
  return OkStatus();
}

}  // namespace millrace::op
