#include "dataplane/placement/stream_view.h"

#include <algorithm>

namespace millrace::shard {

using resources::HashKey;
using resources::MapConsumer;
using resources::MapShard;

namespace {

// The fifth field of "arn:aws:kinesis:<region>:<account>:stream/<name>".
std::string AccountOf(std::string_view arn) {
  for (int field = 0; field < 4; ++field) {
    const size_t colon = arn.find(':');
    if (colon == std::string_view::npos) return "000000000000";
    arn.remove_prefix(colon + 1);
  }
  return std::string(arn.substr(0, arn.find(':')));
}

}  // namespace

StreamView::StreamView(resources::ShardMap map, std::shared_ptr<StreamState> state,
                       const std::function<size_t(uint32_t)>& lane_of, std::string self,
                       std::set<storage::ExtentId> missing)
    : map_(std::move(map)),
      state_(std::move(state)),
      account_(AccountOf(map_.stream_arn)),
      self_(std::move(self)),
      missing_(std::move(missing)) {
  shards_.reserve(map_.shards.size());
  for (const MapShard& shard : map_.shards) {
    std::unique_ptr<ShardState>& lasting = state_->shards[shard.index];
    if (lasting == nullptr) lasting = std::make_unique<ShardState>();
    ShardView view;
    view.map = &shard;
    view.id = resources::ShardIdName(shard.index);
    view.lane = lane_of(shard.index);
    view.state = lasting.get();
    if (!shard.extents.empty() && IsElsewhere(shard.extents.back()))
      view.head_elsewhere = &shard.extents.back().owner;
    if (!map_.shard_level_metrics.empty()) {
      view.metrics = state_->metrics->Shard(view.id, map_.shard_level_metrics);
    }
    shards_.push_back(std::move(view));
  }
  for (const MapShard& shard : map_.shards) {
    for (const std::optional<uint32_t>& parent : {shard.parent, shard.adjacent_parent}) {
      const ShardView* found = parent ? Find(*parent) : nullptr;
      if (found != nullptr)
        shards_[static_cast<size_t>(found - shards_.data())].children.push_back(shard.index);
    }
  }
  for (const ShardView& shard : shards_) {
    if (shard.open()) open_.push_back(&shard);
  }
  std::sort(open_.begin(), open_.end(),
            [](const ShardView* a, const ShardView* b) { return a->map->start < b->map->start; });
  for (const ShardView* shard : open_) open_starts_.push_back(shard->map->start);
}

const ShardView* StreamView::Find(uint32_t index) const {
  const auto at =
      std::lower_bound(shards_.begin(), shards_.end(), index,
                       [](const ShardView& shard, uint32_t i) { return shard.index() < i; });
  return at != shards_.end() && at->index() == index ? &*at : nullptr;
}

const ShardView* StreamView::OpenFor(const HashKey& key) const {
  const auto after = std::upper_bound(open_starts_.begin(), open_starts_.end(), key);
  if (after == open_starts_.begin()) return nullptr;
  const ShardView* shard = open_[static_cast<size_t>(after - open_starts_.begin()) - 1];
  return key <= shard->map->end ? shard : nullptr;
}

const MapConsumer* StreamView::FindConsumer(std::string_view arn) const {
  const auto at = std::find_if(map_.consumers.begin(), map_.consumers.end(),
                               [&](const MapConsumer& consumer) { return consumer.arn == arn; });
  return at != map_.consumers.end() ? &*at : nullptr;
}

}  // namespace millrace::shard
