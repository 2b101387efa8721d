#pragma once

#include <atomic>
#include <future>
#include <thread>

#include "dataplane/placement/map_applier.h"
#include "dataplane/placement/map_source.h"

namespace millrace::shard {

// The map thread: follows the source and drives the applier. Made in main after the log is open;
// stopped before the log is closed. Saved maps are applied before those of the store are looked at,
// so that a store that is away or slow delays nothing.
class MapLoop {
 public:
  MapLoop(MapSource& source, MapApplier& applier) : source_(source), applier_(applier) {}
  ~MapLoop() { Stop(); }
  MapLoop(const MapLoop&) = delete;

  // Returns when saved maps, and those the store has now, are applied.
  void Start();
  void Stop();

 private:
  void Run(std::promise<void> ready);
  void Follow(std::chrono::milliseconds wait);

  MapSource& source_;
  MapApplier& applier_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace millrace::shard
