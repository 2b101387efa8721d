#pragma once

#include <chrono>
#include <set>
#include <vector>

#include "common/base/clock.h"
#include "common/resources/shard_map.h"

namespace millrace::shard {

// Where shard maps come from: a folder, or the Kubernetes API. One thread (the map thread) polls;
// Wake comes from any. Owned by main; stopped by whoever polls.
class MapSource {
 public:
  struct News {
    std::vector<resources::ShardMap> changed;  // new or rewritten since the last Poll
    std::set<uint64_t> present;                // the streams of every map there is
    bool readable = false;  // false: the source is away, and `present` says nothing
    MonoTime looked{};      // readable: when all this was so
  };

  virtual ~MapSource() = default;
  // What changed; waits up to `wait` for a change where nothing has.
  virtual News Poll(std::chrono::milliseconds wait) = 0;
  // Makes a waiting Poll return, which then looks at the source as it is.
  virtual void Wake() = 0;
};

}  // namespace millrace::shard
