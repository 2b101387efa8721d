#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/async/executor.h"
#include "dataplane/placement/stream_view.h"

namespace millrace::shard {

using StreamPtr = std::shared_ptr<const StreamView>;

// Every stream that is served, at one moment. Immutable, shared; any thread.
class ShardTable {
 public:
  ShardTable() = default;
  // Of two incarnations of one name that are not being deleted the younger is found by the name.
  ShardTable(uint64_t generation, std::vector<StreamPtr> streams);

  uint64_t generation() const { return generation_; }
  const std::vector<StreamPtr>& streams() const { return streams_; }
  // nullptr where there is none that is served: unknown, not applied yet, or being deleted.
  StreamPtr ByName(std::string_view name) const;
  // The same by incarnation.
  StreamPtr ByUid(uint64_t uid) const;
  // Of the map applied for this incarnation, also while it is being deleted; 0 for none.
  uint64_t VersionOf(uint64_t uid) const;

 private:
  uint64_t generation_ = 0;
  std::vector<StreamPtr> streams_;
  std::unordered_map<std::string_view, StreamPtr> by_name_;  // keys live in their values
  std::unordered_map<uint64_t, StreamPtr> by_uid_;
  std::unordered_map<uint64_t, uint64_t> versions_;
};

// Where every shard is now: the table that requests read, replaced as a whole when a map version
// has been applied. Made in main; the map thread publishes, any thread reads and waits.
class Placement {
 public:
  Placement();
  std::shared_ptr<const ShardTable> table() const { return table_.load(std::memory_order_acquire); }
  void Publish(std::vector<StreamPtr> streams);
  // Posts `fn` to `executor` once the table is newer than `generation`; at once where it is. For
  // requests that found a shard sealed: the map that sealed it is about to be published. The caller
  // bounds its own wait; `fn` must stand being late.
  void WhenNewer(uint64_t generation, Executor& executor, UniqueFunction<void()> fn);

 private:
  struct Waiter {
    uint64_t generation;
    Executor* executor;
    UniqueFunction<void()> fn;
  };
  std::atomic<std::shared_ptr<const ShardTable>> table_;
  std::mutex mu_;
  std::vector<Waiter> waiters_;  // guarded by mu_
};

}  // namespace millrace::shard
