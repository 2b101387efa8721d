#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "common/async/executor.h"
#include "common/base/check.h"
#include "common/base/clock.h"
#include "dataplane/disk/disk.h"
#include "dataplane/storage/extent_table.h"
#include "dataplane/storage/lane.h"
#include "dataplane/storage/lane_metrics.h"
#include "dataplane/storage/tail_cache.h"

namespace millrace::storage {

// What the parts of one lane share. Owned by the lane, which outlives its parts; used on its
// executor.
struct LaneContext {
  LaneContext(LaneOptions o, Disk& d, Clock& c, Executor& e)
      : options(std::move(o)),
        disk(d),
        clock(c),
        executor(e),
        cache(options.tail_cache_bytes),
        metrics(options.metrics) {}

  const LaneOptions options;
  Disk& disk;
  Clock& clock;
  Executor& executor;
  ExtentTable extents;
  TailCache cache;
  LaneMetrics metrics;
  Lane::Stats stats;
  uint64_t log_id = 0;

  // Work that the executor or the disk still holds when the lane is destroyed runs into nothing.
  template <typename F>
  auto Guard(F fn) const {
    return [alive = std::weak_ptr<const bool>(alive_), fn = std::move(fn)](auto&&... args) mutable {
      if (alive.lock()) {
        fn(std::forward<decltype(args)>(args)...);
      } else {
        (static_cast<void>(args.ok()), ...);  // outcomes that nobody is left to look at
      }
    };
  }

 private:
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace millrace::storage
