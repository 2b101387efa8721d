#include "operator/stream/reshard_plan.h"

#include <algorithm>

namespace millrace::op {

using resources::HashKey;
using resources::MapExtent;
using resources::MapShard;
using resources::ShardMap;

namespace {

using Wide = unsigned __int128;

Wide ToWide(HashKey key) { return Wide{key.high} << 64 | key.low; }
HashKey FromWide(Wide value) {
  return {static_cast<uint64_t>(value >> 64), static_cast<uint64_t>(value)};
}
HashKey Before(HashKey key) { return FromWide(ToWide(key) - 1); }

MapShard* FindOpen(ShardMap& map, uint32_t index) {
  for (MapShard& shard : map.shards) {
    if (shard.index == index) return shard.closed_ms ? nullptr : &shard;
  }
  return nullptr;
}

uint32_t NextIndex(const ShardMap& map) {
  uint32_t next = 0;
  for (const MapShard& shard : map.shards) next = std::max(next, shard.index + 1);
  return std::max(next, map.next_shard_index);
}

uint32_t AddShard(ShardMap& map, HashKey start, HashKey end, WallMs now) {
  MapShard shard;
  shard.index = NextIndex(map);
  shard.start = start;
  shard.end = end;
  shard.created_ms = now;
  map.next_shard_index = shard.index + 1;
  map.shards.push_back(std::move(shard));
  return map.shards.back().index;
}

uint64_t NextEpoch(const ShardMap& map, WallMs now) {
  return std::max(LastEpoch(map) + 1, static_cast<uint64_t>(now / 1000));
}

void AddExtent(ShardMap& map, MapShard& shard, HeadPlace place, uint64_t epoch) {
  MapExtent extent;
  extent.epoch = epoch;
  extent.owner = std::move(place.pod);
  extent.volume = std::move(place.volume);
  extent.encrypted = map.encrypted;
  shard.extents.push_back(std::move(extent));
  map.last_epoch = epoch;
}

bool RangesAre(const ShardMap& map, const std::vector<HashKey>& starts) {
  std::vector<uint32_t> open = OpenShards(map);
  if (open.size() != starts.size()) return false;
  for (size_t i = 0; i < open.size(); ++i) {
    auto it = std::find_if(map.shards.begin(), map.shards.end(),
                           [&](const MapShard& s) { return s.index == open[i]; });
    if (it->start != starts[i]) return false;
  }
  return true;
}

const MapShard& Shard(const ShardMap& map, uint32_t index) {
  auto it = std::find_if(map.shards.begin(), map.shards.end(),
                         [&](const MapShard& s) { return s.index == index; });
  CHECK(it != map.shards.end());
  return *it;
}

}  // namespace

std::vector<uint32_t> OpenShards(const ShardMap& map) {
  std::vector<const MapShard*> open;
  for (const MapShard& shard : map.shards) {
    if (!shard.closed_ms) open.push_back(&shard);
  }
  std::sort(open.begin(), open.end(), [](auto* a, auto* b) { return a->start < b->start; });
  std::vector<uint32_t> indexes;
  for (const MapShard* shard : open) indexes.push_back(shard->index);
  return indexes;
}

std::vector<HashKey> UniformStarts(uint32_t count) {
  CHECK(count > 0);
  // floor(2^128 / count), without a 129-bit number.
  Wide most = ToWide(HashKey::Max());
  Wide step = most / count + (most % count == count - 1 ? 1 : 0);
  std::vector<HashKey> starts;
  for (uint32_t i = 0; i < count; ++i) starts.push_back(FromWide(step * i));
  return starts;
}

void AddUniformShards(ShardMap& map, uint32_t count, WallMs now) {
  std::vector<HashKey> starts = UniformStarts(count);
  for (uint32_t i = 0; i < count; ++i) {
    AddShard(map, starts[i], i + 1 < count ? Before(starts[i + 1]) : HashKey::Max(), now);
  }
}

Status SplitShard(ShardMap& map, uint32_t index, HashKey new_start, WallMs now) {
  MapShard* parent = FindOpen(map, index);
  if (!parent) return InvalidArgument("Shard " + resources::ShardIdName(index) + " is not open.");
  if (new_start <= parent->start || new_start > parent->end) {
    return InvalidArgument("NewStartingHashKey " + new_start.ToDecimal() +
                           " used in SplitShard() on shard " + resources::ShardIdName(index) +
                           " is not both greater than one plus the shard's StartingHashKey " +
                           parent->start.ToDecimal() + " and less than the shard's EndingHashKey " +
                           parent->end.ToDecimal() + ".");
  }
  HashKey start = parent->start;
  HashKey end = parent->end;
  parent->closed_ms = now;
  for (auto [from, to] : {std::pair{start, Before(new_start)}, std::pair{new_start, end}}) {
    uint32_t child = AddShard(map, from, to, now);
    FindOpen(map, child)->parent = index;
  }
  return OkStatus();
}

Status MergeShards(ShardMap& map, uint32_t index, uint32_t adjacent, WallMs now) {
  MapShard* a = FindOpen(map, index);
  MapShard* b = FindOpen(map, adjacent);
  if (!a || !b) {
    return InvalidArgument("Shard " + resources::ShardIdName(a ? adjacent : index) +
                           " is not open.");
  }
  bool a_first = a->end != HashKey::Max() && FromWide(ToWide(a->end) + 1) == b->start;
  bool b_first = b->end != HashKey::Max() && FromWide(ToWide(b->end) + 1) == a->start;
  if (!a_first && !b_first) {
    return InvalidArgument("Shards " + resources::ShardIdName(index) + " and " +
                           resources::ShardIdName(adjacent) + " in stream " + map.stream_name +
                           " are not an adjacent pair of shards eligible for merging");
  }
  HashKey start = std::min(a->start, b->start);
  HashKey end = std::max(a->end, b->end);
  a->closed_ms = now;
  b->closed_ms = now;
  uint32_t child = AddShard(map, start, end, now);
  MapShard* made = FindOpen(map, child);
  made->parent = index;
  made->adjacent_parent = adjacent;
  return OkStatus();
}

Status ScaleUniformly(ShardMap& map, uint32_t count, WallMs now) {
  std::vector<HashKey> starts = UniformStarts(count);
  if (RangesAre(map, starts)) return OkStatus();
  // Cut wherever a new boundary lies inside an open shard; walking the boundaries upwards, the
  // piece on the right is the one to cut next.
  for (HashKey start : starts) {
    for (uint32_t index : OpenShards(map)) {
      const MapShard& shard = Shard(map, index);
      if (shard.start < start && start <= shard.end) {
        RETURN_IF_ERROR(SplitShard(map, index, start, now));
        break;
      }
    }
  }
  for (size_t i = 0; i < starts.size(); ++i) {
    HashKey end = i + 1 < starts.size() ? Before(starts[i + 1]) : HashKey::Max();
    std::vector<uint32_t> pieces;
    for (uint32_t index : OpenShards(map)) {
      const MapShard& shard = Shard(map, index);
      if (shard.start >= starts[i] && shard.end <= end) pieces.push_back(index);
    }
    CHECK(!pieces.empty());
    uint32_t whole = pieces[0];
    for (size_t p = 1; p < pieces.size(); ++p) {
      RETURN_IF_ERROR(MergeShards(map, whole, pieces[p], now));
      whole = map.shards.back().index;
    }
  }
  return OkStatus();
}

uint64_t LastEpoch(const ShardMap& map) {
  uint64_t last = map.last_epoch;
  for (const MapShard& shard : map.shards) {
    for (const MapExtent& extent : shard.extents) last = std::max(last, extent.epoch);
  }
  return last;
}

void OpenExtents(ShardMap& map, const PlaceOf& place_of, WallMs now) {
  uint64_t epoch = NextEpoch(map, now);
  for (MapShard& shard : map.shards) {
    if (shard.closed_ms) continue;
    if (std::optional<HeadPlace> place = place_of(shard))
      AddExtent(map, shard, std::move(*place), epoch++);
  }
}

}  // namespace millrace::op
