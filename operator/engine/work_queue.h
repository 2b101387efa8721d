#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <unordered_map>

#include "common/base/clock.h"
#include "common/resources/resource.h"

namespace millrace::op {

// Keys to reconcile: each stands in it once, is given to one worker at a time, and comes back later
// when asked to. A key added while a worker has it is given out again after Done. Shared by any
// number of threads; owned by a Controller.
class WorkQueue {
 public:
  explicit WorkQueue(Clock& clock) : clock_(clock) {}

  void Add(const resources::ResourceKey& key) { AddAfter(key, Duration::zero()); }
  // An earlier time already asked for stands.
  void AddAfter(const resources::ResourceKey& key, Duration delay);
  // After a failure: 5 ms, doubled with every failure in a row up to 30 s, without end.
  void AddWithBackoff(const resources::ResourceKey& key);
  // Ends the row of failures.
  void Forget(const resources::ResourceKey& key);

  // Blocks until a key is due; nothing after Stop.
  std::optional<resources::ResourceKey> Take();
  void Done(const resources::ResourceKey& key);
  void Stop();
  size_t depth() const;

 private:
  static constexpr Duration kBackoffFirst = std::chrono::milliseconds(5);
  static constexpr Duration kBackoffMost = std::chrono::seconds(30);

  Clock& clock_;
  mutable std::mutex mu_;
  std::condition_variable changed_;
  bool stopped_ = false;
  // Guarded by mu_. When each key is due; and those that no worker has, in the order of that.
  std::map<resources::ResourceKey, MonoTime> due_;
  std::set<std::pair<MonoTime, resources::ResourceKey>> order_;
  std::set<resources::ResourceKey> taken_;
  std::map<resources::ResourceKey, int> failures_;
};

}  // namespace millrace::op
