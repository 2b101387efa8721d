#include "dataplane/placement/placement.h"

#include <algorithm>

namespace millrace::shard {

ShardTable::ShardTable(uint64_t generation, std::vector<StreamPtr> streams)
    : generation_(generation), streams_(std::move(streams)) {
  for (const StreamPtr& stream : streams_) {
    versions_[stream->uid()] = stream->map().version;
    if (stream->map().deleting) continue;
    by_uid_[stream->uid()] = stream;
    const auto [it, added] = by_name_.try_emplace(stream->name(), stream);
    if (!added && it->second->map().created_ms < stream->map().created_ms) {
      by_name_.erase(it);  // its key lives in the older incarnation
      by_name_.emplace(stream->name(), stream);
    }
  }
}

StreamPtr ShardTable::ByName(std::string_view name) const {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : it->second;
}

StreamPtr ShardTable::ByUid(uint64_t uid) const {
  const auto it = by_uid_.find(uid);
  return it == by_uid_.end() ? nullptr : it->second;
}

uint64_t ShardTable::VersionOf(uint64_t uid) const {
  const auto it = versions_.find(uid);
  return it == versions_.end() ? 0 : it->second;
}

Placement::Placement() : table_(std::make_shared<const ShardTable>()) {}

void Placement::Publish(std::vector<StreamPtr> streams) {
  std::vector<Waiter> ready;
  {
    std::lock_guard lock(mu_);
    const uint64_t generation = table()->generation() + 1;
    table_.store(std::make_shared<const ShardTable>(generation, std::move(streams)),
                 std::memory_order_release);
    const auto rest = std::partition(waiters_.begin(), waiters_.end(),
                                     [&](const Waiter& w) { return w.generation >= generation; });
    std::move(rest, waiters_.end(), std::back_inserter(ready));
    waiters_.erase(rest, waiters_.end());
  }
  for (Waiter& waiter : ready) waiter.executor->Post(std::move(waiter.fn));
}

void Placement::WhenNewer(uint64_t generation, Executor& executor, UniqueFunction<void()> fn) {
  {
    std::lock_guard lock(mu_);
    if (table()->generation() <= generation) {
      waiters_.push_back({generation, &executor, std::move(fn)});
      return;
    }
  }
  executor.Post(std::move(fn));
}

}  // namespace millrace::shard
