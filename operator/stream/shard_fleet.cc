#include "operator/stream/shard_fleet.h"

#include <algorithm>

namespace millrace::op {

ShardFleet::ShardFleet(Clock& clock, std::string token, std::function<void(uint64_t)> on_stream,
                       std::function<void()> on_pods)
    : clock_(clock),
      token_(std::move(token)),
      on_stream_(std::move(on_stream)),
      on_pods_(std::move(on_pods)) {}

void ShardFleet::Stop() {
  std::map<std::string, Pods> pools;
  {
    std::lock_guard lock(mu_);
    stopped_ = true;
    pools.swap(pools_);
  }
  // Outside of the lock: a client's thread may be asking us something.
  pools.clear();
}

void ShardFleet::SetPods(const std::string& pool, std::vector<FleetPod> pods) {
  Pods before;  // clients left in it stop when this returns, outside of the lock
  bool changed = false;
  {
    std::lock_guard lock(mu_);
    if (stopped_) return;
    changed = !pools_.contains(pool);
    before.swap(pools_[pool]);
    Pods& now = pools_[pool];
    for (FleetPod& pod : pods) {
      auto known = before.find(pod.name);
      const bool same =
          known != before.end() && known->second.pod.admin_endpoint == pod.admin_endpoint;
      changed |= !same || known->second.pod.leaving != pod.leaving;
      std::shared_ptr<ShardStatusClient> client =
          same
              ? known->second.client
              : std::make_shared<ShardStatusClient>(pod.admin_endpoint, token_, clock_, on_stream_);
      std::string name = pod.name;
      now.emplace(std::move(name), Followed{std::move(pod), std::move(client)});
    }
    changed |= before.size() != now.size();
  }
  if (changed) on_pods_();
}

void ShardFleet::RemovePool(const std::string& pool) {
  Pods gone;
  {
    std::lock_guard lock(mu_);
    auto found = pools_.find(pool);
    if (found == pools_.end()) return;
    gone.swap(found->second);
    pools_.erase(found);
  }
  on_pods_();
}

ObservedPool ShardFleet::Observe(const std::string& pool, uint64_t uid) const {
  std::lock_guard lock(mu_);
  ObservedPool observed;
  auto found = pools_.find(pool);
  observed.exists = found != pools_.end();
  if (!observed.exists) return observed;
  for (const auto& [name, followed] : found->second) {
    observed.pods.push_back({name, StateOf(followed)});
    if (std::optional<ObservedStream> stream = followed.client->Observed(uid)) {
      observed.streams.emplace(name, std::move(*stream));
    }
  }
  return observed;
}

bool ShardFleet::AnyReady() const {
  std::lock_guard lock(mu_);
  for (const auto& [pool, pods] : pools_) {
    for (const auto& [name, followed] : pods) {
      if (followed.client->ready()) return true;
    }
  }
  return false;
}

PoolPod::State ShardFleet::StateOf(const Followed& followed) const {
  if (!followed.client->ready()) {
    const bool long_silent = clock_.Now() - followed.client->last_answer() >= kAwayAfter;
    return long_silent ? PoolPod::State::kAway : PoolPod::State::kBlinking;
  }
  return followed.pod.leaving ? PoolPod::State::kLeaving : PoolPod::State::kOpen;
}

}  // namespace millrace::op
