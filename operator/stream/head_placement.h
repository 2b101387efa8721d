#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/resources/shard_map.h"
#include "operator/stream/reshard_plan.h"

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
  // That it said it is on; "" where it has not, as versions before volumes had ids do not.
  std::string volume{};
  bool lacks = false;  // it is without extents that maps say are its own, of whatever stream
  std::set<std::pair<uint32_t, uint64_t>> missing{};  // of this stream: shard and epoch
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
  // moved. A head whose pod is on another volume now moves as well, maybe to the same pod: what was
  // given on the one must not be given again on the other. A pod that lacks extents gets heads only
  // where no other is open, since what it holds goes away again when its volume comes back.
  bool MoveHeads(resources::ShardMap& map, WallMs now);

 private:
  struct Pod {
    PoolPod pod;
    size_t heads = 0;
  };
  static bool IsLost(const resources::MapShard& shard, const PoolPod& pod);
  HeadPlace Take();
  std::optional<HeadPlace> Move(const resources::MapShard& shard);
  // Where the pod is silent, the one that the stream's newest extent there is on.
  HeadPlace PlaceOn(const Pod& pod) const;
  Pod* Find(const std::string& name);
  Pod* Emptiest(PoolPod::State state);
  bool AllOpen() const;

  std::vector<Pod> pods_;
  std::map<std::string, std::string> known_volumes_;  // by pod, as the map has them
};

// The pods that have the write heads of open shards, with how many.
std::map<std::string, size_t> HeadsByPod(const resources::ShardMap& map);
// Whether the pod has any of the stream's extents.
bool HasExtentOn(const resources::ShardMap& map, const std::string& pod);

}  // namespace millrace::op
