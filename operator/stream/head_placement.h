#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/resources/shard_map.h"

namespace millrace::op {

// A pod of a stream's pool, as far as placing write heads goes.
struct PoolPod {
  enum class State : uint8_t {
    kOpen,      // answers
    kBlinking,  // has not answered for a moment: keeps what it has, gets nothing new
    kAway,      // has not answered for too long: its heads move
    kLeaving,   // is to go down on purpose: its heads move
  };
  std::string name;
  State state = State::kOpen;
};

// Chooses where the write heads of one stream go: to the pods that can take them, evenly; streams
// begin at different pods, so that many streams of one shard are spread as well. Pure; a value that
// lives for one plan.
class HeadPlacement {
 public:
  // Counts the heads that `map` has on each pod now. `pods` is not empty, in any order.
  HeadPlacement(std::vector<PoolPod> pods, const resources::ShardMap& map);

  // Opens a first extent for every open shard that has none, on a pod that is open if there is any;
  // else on one that may come back, since a shard without an extent could take no write at all.
  void OpenFirst(resources::ShardMap& map, WallMs now);

  // Moves heads: off pods that are away, leaving or no longer of the pool where another one is
  // open, and, while every pod is open, from fuller to emptier ones until they differ by at most
  // one. The shard's old extent stays in its chain, to be sealed by its owner. True where any
  // moved.
  bool MoveHeads(resources::ShardMap& map, WallMs now);

 private:
  struct Pod {
    PoolPod pod;
    size_t heads = 0;
  };
  std::string Take();
  std::optional<std::string> Move(const resources::MapShard& shard);
  Pod* Find(const std::string& name);
  Pod* Emptiest(PoolPod::State state);
  bool AllOpen() const;

  std::vector<Pod> pods_;
};

// The pods that have the write heads of open shards, with how many.
std::map<std::string, size_t> HeadsByPod(const resources::ShardMap& map);
// Whether the pod has any of the stream's extents.
bool HasExtentOn(const resources::ShardMap& map, const std::string& pod);

}  // namespace millrace::op
