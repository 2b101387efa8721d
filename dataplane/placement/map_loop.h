#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "dataplane/placement/map_applier.h"
#include "dataplane/placement/map_source.h"

namespace millrace::shard {

// The map thread: follows the source and drives the applier. Made in main after the log is open;
// stopped before the log is closed. Saved maps are applied before those of the store are looked at,
// so that a store that is away or slow delays nothing.
class MapLoop {
 public:
  // `on_source` is called, on the map thread, whenever what the source had at that time has been
  // applied.
  MapLoop(MapSource& source, MapApplier& applier, std::function<void(MonoTime)> on_source = {})
      : source_(source), applier_(applier), on_source_(std::move(on_source)) {}
  ~MapLoop() { Stop(); }
  MapLoop(const MapLoop&) = delete;

  // Returns when saved maps, and those the store has now, are applied.
  void Start();
  void Stop();
  // A map that came another way than by the source, and a hint that the source has news. Any
  // thread; both are seen to at once.
  void Offer(resources::ShardMap map);
  void LookNow() { source_.Wake(); }

 private:
  void Run(std::promise<void> ready);
  void Follow(std::chrono::milliseconds wait);

  MapSource& source_;
  MapApplier& applier_;
  const std::function<void(MonoTime)> on_source_;
  std::mutex mu_;
  std::vector<resources::ShardMap> offered_;  // guarded by mu_
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace millrace::shard
