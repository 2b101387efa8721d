#include "operator/stream/loss_plan.h"

#include <algorithm>
#include <map>

namespace millrace::op {

using resources::MapExtent;
using resources::MapShard;
using resources::ShardMap;
using State = PoolPod::State;

namespace {

constexpr size_t kShardsNamedMax = 8;

using Missing = std::map<std::pair<uint32_t, uint64_t>, uint64_t>;  // to the end that is there

Missing MissingOn(const ObservedPool& pool, const std::string& pod) {
  Missing missing;
  const auto observed = pool.streams.find(pod);
  if (observed == pool.streams.end()) return missing;
  for (const ObservedStream::SealedExtent& extent : observed->second.missing)
    missing.emplace(std::pair(extent.shard, extent.epoch), extent.end_index);
  return missing;
}

const PoolPod* Find(const ObservedPool& pool, const std::string& name) {
  const auto found = std::find_if(pool.pods.begin(), pool.pods.end(),
                                  [&](const PoolPod& pod) { return pod.name == name; });
  return found != pool.pods.end() ? &*found : nullptr;
}

// Nobody of that name will say what is on its volume: it has been silent for long, or is none of
// the pool's.
bool IsAway(const ObservedPool& pool, const std::string& pod) {
  const PoolPod* found = Find(pool, pod);
  return found == nullptr || found->state == State::kAway;
}

// The pod says that it is on this volume: what it has not said to be missing is there.
bool IsThere(const ObservedPool& pool, const MapExtent& extent) {
  const PoolPod* found = Find(pool, extent.owner);
  return found != nullptr && found->volume == extent.volume;
}

bool IsHead(const MapShard& shard, const MapExtent& extent) {
  return !shard.closed_ms && &extent == &shard.extents.back();
}

void GiveUp(MapExtent& extent, uint64_t end_here, LossAccepted& accepted) {
  ++accepted.extents;
  if (extent.end_index) {
    accepted.records += *extent.end_index - std::min(end_here, *extent.end_index);
  } else {
    ++accepted.extents_of_unknown_end;
  }
  extent.end_index = end_here;
  extent.lost = true;
}

// "0, 3, 7 and 5 more"
std::string ShardList(const std::set<uint32_t>& shards) {
  std::string text;
  size_t named = 0;
  for (const uint32_t shard : shards) {
    if (named == kShardsNamedMax)
      return text + " and " + std::to_string(shards.size() - named) + " more";
    text += (named++ == 0 ? "" : ", ") + std::to_string(shard);
  }
  return text;
}

std::string Count(size_t extents) {
  return std::to_string(extents) + (extents == 1 ? " extent" : " extents");
}

}  // namespace

std::set<std::string> LossNames(const std::string& annotation) {
  std::set<std::string> names;
  size_t at = 0;
  while ((at = annotation.find_first_not_of(", \t\n", at)) != std::string::npos) {
    const size_t end = std::min(annotation.find_first_of(", \t\n", at), annotation.size());
    names.insert(annotation.substr(at, end - at));
    at = end;
  }
  return names;
}

bool BindVolumes(const std::string& pod, const ObservedStream& observed, ShardMap& map) {
  if (observed.volume.empty() || observed.unbound.empty()) return false;
  const std::set<std::pair<uint32_t, uint64_t>> there(observed.unbound.begin(),
                                                      observed.unbound.end());
  bool bound = false;
  for (MapShard& shard : map.shards) {
    for (MapExtent& extent : shard.extents) {
      if (extent.owner != pod || !extent.volume.empty()) continue;
      if (!there.contains({shard.index, extent.epoch})) continue;
      extent.volume = observed.volume;
      bound = true;
    }
  }
  return bound;
}

LossAccepted AcceptLosses(const std::set<std::string>& names, const ObservedPool& pool,
                          ShardMap& map) {
  LossAccepted accepted;
  if (names.empty()) return accepted;
  std::map<std::string, Missing> missing;  // by pod
  for (MapShard& shard : map.shards) {
    for (MapExtent& extent : shard.extents) {
      if (extent.lost || extent.end_index == 0) continue;
      const bool volume_named = !extent.volume.empty() && names.contains(extent.volume);
      if (!volume_named && !names.contains(extent.owner)) continue;
      if (!missing.contains(extent.owner)) missing[extent.owner] = MissingOn(pool, extent.owner);
      const Missing& of_owner = missing[extent.owner];
      const auto found = of_owner.find({shard.index, extent.epoch});
      const bool away = volume_named && IsAway(pool, extent.owner);
      if (!IsHead(shard, extent) && (found != of_owner.end() || away)) {
        GiveUp(extent, found != of_owner.end() ? found->second : 0, accepted);
      } else if (volume_named && !IsThere(pool, extent)) {
        accepted.more_to_come = true;
      }
    }
  }
  return accepted;
}

std::string MissingText(const resources::Resource& stream, const ObservedPool& pool,
                        const ShardMap& map) {
  struct Lack {
    size_t extents = 0;
    std::set<uint32_t> shards;
  };
  std::map<std::pair<std::string, std::string>, Lack> lacks;  // by pod and volume
  for (const auto& [pod, observed] : pool.streams) {
    if (observed.missing.empty()) continue;
    const Missing missing = MissingOn(pool, pod);
    for (const MapShard& shard : map.shards) {
      for (const MapExtent& extent : shard.extents) {
        if (extent.lost || extent.owner != pod) continue;
        if (!missing.contains({shard.index, extent.epoch})) continue;
        Lack& lack = lacks[{pod, extent.volume}];
        ++lack.extents;
        lack.shards.insert(shard.index);
      }
    }
  }
  if (lacks.empty()) return "";
  std::string text;
  std::string names;
  for (const auto& [where, lack] : lacks) {
    const auto& [pod, volume] = where;
    text += (text.empty() ? "" : "; ") + pod + " is without " + Count(lack.extents) +
            " of shards " + ShardList(lack.shards) +
            (volume.empty() ? " that were on an earlier volume" : " that are on volume " + volume) +
            ", and is on volume " + pool.streams.at(pod).volume;
    names += (names.empty() ? "" : ",") + (volume.empty() ? pod : volume);
  }
  return text +
         ". Readers wait there, nothing is skipped. Put the volume back; or give its records "
         "up, for good: annotate stream " +
         stream.key.name + " of namespace " + stream.key.ns + " with " +
         std::string(kAcceptLossAnnotation) + "=" + names;
}

std::string AcceptedText(const ShardMap& map) {
  size_t extents = 0;
  std::set<uint32_t> shards;
  std::set<std::string> volumes;
  for (const MapShard& shard : map.shards) {
    for (const MapExtent& extent : shard.extents) {
      if (!extent.lost) continue;
      ++extents;
      shards.insert(shard.index);
      volumes.insert(extent.volume.empty() ? "of " + extent.owner : extent.volume);
    }
  }
  if (extents == 0) return "";
  std::string names;
  for (const std::string& volume : volumes) names += (names.empty() ? "" : ", ") + volume;
  return "by request the records of " + Count(extents) + " of shards " + ShardList(shards) +
         " are given up, which were on volume " + names;
}

}  // namespace millrace::op
