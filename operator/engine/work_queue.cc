#include "operator/engine/work_queue.h"

#include <algorithm>

namespace millrace::op {

using resources::ResourceKey;

void WorkQueue::AddAfter(const ResourceKey& key, Duration delay) {
  {
    std::lock_guard lock(mu_);
    MonoTime at = clock_.Now() + delay;
    auto [it, added] = due_.try_emplace(key, at);
    if (!added) it->second = std::min(it->second, at);
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
    MonoTime now = clock_.Now();
    auto next = due_.end();
    for (auto it = due_.begin(); it != due_.end(); ++it) {
      if (taken_.contains(it->first)) continue;
      if (next == due_.end() || it->second < next->second) next = it;
    }
    if (next == due_.end()) {
      changed_.wait(lock);
    } else if (next->second > now) {
      changed_.wait_for(lock, next->second - now);
    } else {
      ResourceKey key = next->first;
      due_.erase(next);
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
