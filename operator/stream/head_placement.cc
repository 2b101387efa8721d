#include "operator/stream/head_placement.h"

#include <algorithm>

#include "common/base/check.h"
#include "operator/stream/reshard_plan.h"

namespace millrace::op {

using resources::MapShard;
using resources::ShardMap;
using State = PoolPod::State;

std::map<std::string, size_t> HeadsByPod(const ShardMap& map) {
  std::map<std::string, size_t> heads;
  for (const MapShard& shard : map.shards) {
    if (!shard.closed_ms && !shard.extents.empty()) ++heads[shard.extents.back().owner];
  }
  return heads;
}

bool HasExtentOn(const ShardMap& map, const std::string& pod) {
  for (const MapShard& shard : map.shards) {
    for (const resources::MapExtent& extent : shard.extents) {
      if (extent.owner == pod) return true;
    }
  }
  return false;
}

HeadPlacement::HeadPlacement(std::vector<PoolPod> pods, const ShardMap& map) {
  CHECK(!pods.empty());
  std::sort(pods.begin(), pods.end(),
            [](const PoolPod& a, const PoolPod& b) { return a.name < b.name; });
  // Ties go to the first: which one that is depends on the stream.
  std::rotate(pods.begin(), pods.begin() + static_cast<ptrdiff_t>(map.stream_uid % pods.size()),
              pods.end());
  std::map<std::string, size_t> heads = HeadsByPod(map);
  for (PoolPod& pod : pods) pods_.push_back({pod, heads[pod.name]});
  std::map<std::string, uint64_t> newest;
  for (const MapShard& shard : map.shards) {
    for (const resources::MapExtent& extent : shard.extents) {
      if (extent.volume.empty() || extent.epoch < newest[extent.owner]) continue;
      newest[extent.owner] = extent.epoch;
      known_volumes_[extent.owner] = extent.volume;
    }
    // One that has just come up on another volume has not said yet what it lacks.
    if (shard.closed_ms || shard.extents.empty()) continue;
    Pod* owner = Find(shard.extents.back().owner);
    if (owner && IsLost(shard, owner->pod)) owner->pod.lacks = true;
  }
}

HeadPlace HeadPlacement::PlaceOn(const Pod& pod) const {
  const bool answers = pod.pod.state == State::kOpen || pod.pod.state == State::kLeaving;
  if (answers || !pod.pod.volume.empty()) return {pod.pod.name, pod.pod.volume};
  const auto known = known_volumes_.find(pod.pod.name);
  return {pod.pod.name, known != known_volumes_.end() ? known->second : ""};
}

HeadPlace HeadPlacement::Take() {
  for (State state : {State::kOpen, State::kBlinking, State::kAway, State::kLeaving}) {
    if (Pod* pod = Emptiest(state)) {
      ++pod->heads;
      return PlaceOn(*pod);
    }
  }
  CHECK(false);
}

void HeadPlacement::OpenFirst(ShardMap& map, WallMs now) {
  OpenExtents(
      map,
      [this](const MapShard& shard) {
        return shard.extents.empty() ? std::optional(Take()) : std::nullopt;
      },
      now);
}

bool HeadPlacement::MoveHeads(ShardMap& map, WallMs now) {
  if (!Emptiest(State::kOpen)) return false;
  bool moved = false;
  OpenExtents(
      map,
      [&](const MapShard& shard) {
        std::optional<HeadPlace> to = Move(shard);
        moved |= to.has_value();
        return to;
      },
      now);
  return moved;
}

// The head is the pod's, and the pod says that it is not on the volume that has it.
bool HeadPlacement::IsLost(const MapShard& shard, const PoolPod& pod) {
  const resources::MapExtent& head = shard.extents.back();
  const bool on_another = pod.state != State::kBlinking && !pod.volume.empty() &&
                          !head.volume.empty() && pod.volume != head.volume;
  return on_another || pod.missing.contains({shard.index, head.epoch});
}

std::optional<HeadPlace> HeadPlacement::Move(const MapShard& shard) {
  if (shard.extents.empty()) return std::nullopt;
  Pod* from = Find(shard.extents.back().owner);
  Pod* to = Emptiest(State::kOpen);
  const bool must = !from || from->pod.state == State::kAway ||
                    from->pod.state == State::kLeaving || IsLost(shard, from->pod);
  const bool may = from && AllOpen() && from->heads > to->heads + 1;
  if (!must && !may) return std::nullopt;
  if (from) --from->heads;
  ++to->heads;
  return PlaceOn(*to);
}

HeadPlacement::Pod* HeadPlacement::Find(const std::string& name) {
  auto it = std::find_if(pods_.begin(), pods_.end(),
                         [&](const Pod& pod) { return pod.pod.name == name; });
  return it == pods_.end() ? nullptr : &*it;
}

HeadPlacement::Pod* HeadPlacement::Emptiest(State state) {
  Pod* best = nullptr;
  for (Pod& pod : pods_) {
    if (pod.pod.state != state) continue;
    const bool better =
        !best || std::pair(pod.pod.lacks, pod.heads) < std::pair(best->pod.lacks, best->heads);
    if (better) best = &pod;
  }
  return best;
}

bool HeadPlacement::AllOpen() const {
  return std::all_of(pods_.begin(), pods_.end(),
                     [](const Pod& pod) { return pod.pod.state == State::kOpen; });
}

}  // namespace millrace::op
