#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "dataplane/storage/log.h"

namespace millrace::shard {

// Calls on lanes that a thread outside the executors waits for: all of one batch are under way
// together, so that they share durable writes. One batch, one thread, then done with.
class LaneCalls {
 public:
  explicit LaneCalls(storage::Log& log) : log_(log), calls_(log.lane_count()) {}
  // `call` runs on the lane's executor and calls `finished` exactly once, there, then or later.
  using Call = std::function<void(storage::Lane& lane, std::function<void()> finished)>;
  void Add(size_t lane, Call call) { calls_[lane].push_back(std::move(call)); }
  // The same for a call that is over when it returns.
  void AddSimple(size_t lane, std::function<void(storage::Lane& lane)> call);
  // Runs all and blocks until every one has finished; from outside the executors.
  void Run();

 private:
  struct Shared {
    std::mutex mu;
    std::condition_variable idle;
    size_t left = 0;  // guarded by mu
  };
  storage::Log& log_;
  std::vector<std::vector<Call>> calls_;
};

}  // namespace millrace::shard
