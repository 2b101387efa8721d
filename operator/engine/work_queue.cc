#include "operator/engine/work_queue.h"

#include <algorithm>

namespace millrace::op {

using resources::ResourceKey;

void WorkQueue::AddAfter(const ResourceKey& key, Duration delay) {
  {
    std::lock_guard lock(mu_);
    const MonoTime at = clock_.Now() + delay;
    auto [it, added] = due_.try_emplace(key, at);
    if (!added && it->second <= at) return;
    const bool is_taken = taken_.contains(key);
    if (!added && !is_taken) order_.erase({it->second, key});
    it->second = at;
    if (!is_taken) order_.emplace(at, key);
  }
  changed_.notify_one();
}

void WorkQueue::AddWithBackoff(const ResourceKey& key) {
  Duration delay = kBackoffFirst;
  {
    std::lock_guard lock(mu_);
    int row = failures_[key]++;
    for (int i = 0; i < row && delay < kBackoffMost; ++i) delay *= 2;
  }
  AddAfter(key, std::min(delay, kBackoffMost));
}

void WorkQueue::Forget(const ResourceKey& key) {
  std::lock_guard lock(mu_);
  failures_.erase(key);
}

std::optional<ResourceKey> WorkQueue::Take() {
  std::unique_lock lock(mu_);
  while (!stopped_) {
    const MonoTime now = clock_.Now();
    if (order_.empty()) {
      changed_.wait(lock);
    } else if (order_.begin()->first > now) {
      changed_.wait_for(lock, order_.begin()->first - now);
    } else {
      ResourceKey key = order_.begin()->second;
      order_.erase(order_.begin());
      due_.erase(key);
      taken_.insert(key);
      return key;
    }
  }
  return std::nullopt;
}

void WorkQueue::Done(const ResourceKey& key) {
  {
    std::lock_guard lock(mu_);
    taken_.erase(key);
    if (auto it = due_.find(key); it != due_.end()) order_.emplace(it->second, key);
  }
  changed_.notify_one();
}

void WorkQueue::Stop() {
  {
    std::lock_guard lock(mu_);
    stopped_ = true;
  }
  changed_.notify_all();
}

size_t WorkQueue::depth() const {
  std::lock_guard lock(mu_);
  return due_.size();
}

}  // namespace millrace::op
