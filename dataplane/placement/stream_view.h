#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/resources/shard_map.h"
#include "dataplane/format/extent.h"
#include "dataplane/placement/shard_limits.h"
#include "dataplane/placement/stream_metrics.h"

namespace millrace::shard {

// What of a shard outlives map versions: its limits. Any thread.
struct ShardState {
  ShardLimits limits;
};

// What of a stream's incarnation outlives map versions. The map thread adds shards; everybody else
// reaches a shard's state by the pointer in a ShardView. Shared by the views of one incarnation.
struct StreamState {
  std::shared_ptr<StreamMetricsBook> metrics;
  std::map<uint32_t, std::unique_ptr<ShardState>> shards;
};

// One shard as one map version has it. Immutable; lives in its StreamView.
struct ShardView {
  const resources::MapShard* map = nullptr;
  std::string id;   // "shardId-000000000000"
  size_t lane = 0;  // where all of its extents are
  std::vector<uint32_t> children;
  ShardState* state = nullptr;
  ShardMetrics metrics;
  // The pod that takes the shard's writes; null where that is this one.
  const std::string* head_elsewhere = nullptr;

  uint32_t index() const { return map->index; }
  bool open() const { return !map->closed_ms.has_value(); }
  const std::vector<resources::MapExtent>& chain() const { return map->extents; }
  // The extent that takes writes; there is one while the shard is open.
  uint64_t open_epoch() const { return map->extents.back().epoch; }
};

// One stream as one map version has it, for looking things up quickly. Immutable, shared; any
// thread.
class StreamView {
 public:
  // `lane_of(shard index)` says where a shard's extents are. `state` is that of the view before it,
  // or a new one; only the map thread calls this. `self` is this pod as maps name it, "" where
  // there are no others; `missing` are the extents that it should have and has not.
  StreamView(resources::ShardMap map, std::shared_ptr<StreamState> state,
             const std::function<size_t(uint32_t)>& lane_of, std::string self = "",
             std::set<storage::ExtentId> missing = {});

  const resources::ShardMap& map() const { return map_; }
  const std::string& name() const { return map_.stream_name; }
  uint64_t uid() const { return map_.stream_uid; }
  // Of the stream's ARN: "000000000000".
  std::string_view account() const { return account_; }
  StreamMetricsBook& metrics() const { return *state_->metrics; }
  const std::shared_ptr<StreamState>& state() const { return state_; }
  storage::ExtentId Extent(const ShardView& shard, uint64_t epoch) const {
    return {map_.stream_uid, shard.index(), epoch};
  }

  // Another pod has the extent.
  bool IsElsewhere(const resources::MapExtent& extent) const {
    return !self_.empty() && extent.owner != self_;
  }

  // Records may have been acknowledged in this pod's extent that are not here: what is here of it
  // is not its end.
  bool IsMissing(const storage::ExtentId& id) const {
    return !missing_.empty() && missing_.contains(id);
  }

  const std::vector<ShardView>& shards() const { return shards_; }
  // nullptr where the map has no such shard.
  const ShardView* Find(uint32_t index) const;
  // The open shard whose range has the key; nullptr where none does.
  const ShardView* OpenFor(const resources::HashKey& key) const;
  // The open shards by their ranges: places for records that say nothing of where they belong.
  size_t open_count() const { return open_.size(); }
  const ShardView& OpenAt(size_t i) const { return *open_[i]; }
  const resources::MapConsumer* FindConsumer(std::string_view arn) const;

 private:
  const resources::ShardMap map_;
  const std::shared_ptr<StreamState> state_;
  const std::string account_;
  const std::string self_;
  const std::set<storage::ExtentId> missing_;
  std::vector<ShardView> shards_;                // by index
  std::vector<resources::HashKey> open_starts_;  // rising, beside open_
  std::vector<const ShardView*> open_;
};

}  // namespace millrace::shard
