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

void ShardFleet::SetPods(const std::string& pool, std::vector<FleetPod> pods,
                         const std::string& ns) {
  Pods before;  // clients left in it stop when this returns, outside of the lock
  bool changed = false;
  {
    std::lock_guard lock(mu_);
    if (stopped_) return;
    changed = !pools_.contains(pool);
    namespaces_[pool] = ns;
    before.swap(pools_[pool]);
    Pods& now = pools_[pool];
    for (FleetPod& pod : pods) {
      auto known = before.find(pod.name);
      const bool same =
          known != before.end() && known->second.pod.admin_endpoint == pod.admin_endpoint;
      changed |= !same || known->second.pod.leaving != pod.leaving;
      std::string name = pod.name;
      if (same) {
        now.emplace(std::move(name),
                    Followed{std::move(pod), known->second.client, known->second.since});
      } else {
        now.emplace(std::move(name), Follow(std::move(pod)));
      }
    }
    changed |= before.size() != now.size();
  }
  if (changed) on_pods_();
}

ShardFleet::Followed ShardFleet::Follow(FleetPod pod) {
  std::shared_ptr<ShardStatusClient> client;
  if (!pod.admin_endpoint.empty()) {
    client = std::make_shared<ShardStatusClient>(pod.admin_endpoint, token_, clock_, on_stream_,
                                                 on_pods_);
  }
  return {std::move(pod), std::move(client), clock_.Now()};
}

void ShardFleet::RemovePool(const std::string& pool) {
  Pods gone;
  {
    std::lock_guard lock(mu_);
    auto found = pools_.find(pool);
    if (found == pools_.end()) return;
    gone.swap(found->second);
    pools_.erase(found);
    namespaces_.erase(pool);
  }
  on_pods_();
}

// Of the keys those that the pod has, too; where nobody says which, it is not known.
static void KeepCommon(std::optional<std::set<std::string>> of_pod,
                       std::optional<std::set<std::string>>& keys) {
  if (!of_pod) return;
  if (keys) std::erase_if(*of_pod, [&](const std::string& name) { return !keys->contains(name); });
  keys = std::move(of_pod);
}

ObservedPool ShardFleet::Observe(const std::string& pool, uint64_t uid) const {
  std::lock_guard lock(mu_);
  ObservedPool observed;
  auto found = pools_.find(pool);
  observed.exists = found != pools_.end();
  if (!observed.exists) return observed;
  observed.ns = namespaces_.at(pool);
  observed.stream_keys = !found->second.empty();
  for (const auto& [name, followed] : found->second) {
    PoolPod& pod = observed.pods.emplace_back(PoolPod{name, StateOf(followed)});
    observed.stream_keys &= followed.client != nullptr && followed.client->stream_keys();
    if (!followed.client) continue;
    // One that is away gets them before it is back.
    if (followed.client->ready()) KeepCommon(followed.client->key_names(), observed.keys);
    const VolumeWord volume = followed.client->volume();
    pod.volume = volume.id;
    pod.lacks = volume.missing_extents > 0;
    if (std::optional<ObservedStream> stream = followed.client->Observed(uid)) {
      for (const ObservedStream::SealedExtent& extent : stream->missing)
        pod.missing.emplace(extent.shard, extent.epoch);
      observed.streams.emplace(name, std::move(*stream));
    }
  }
  return observed;
}

std::map<std::string, bool> ShardFleet::Answering(const std::string& pool) const {
  std::lock_guard lock(mu_);
  std::map<std::string, bool> answering;
  auto found = pools_.find(pool);
  if (found == pools_.end()) return answering;
  for (const auto& [name, followed] : found->second) {
    const PoolPod::State state = StateOf(followed);
    if (!followed.client || !followed.client->ever_answered()) continue;
    if (state != PoolPod::State::kBlinking) answering[name] = state != PoolPod::State::kAway;
  }
  return answering;
}

bool ShardFleet::AnyReady() const {
  std::lock_guard lock(mu_);
  for (const auto& [pool, pods] : pools_) {
    for (const auto& [name, followed] : pods) {
      if (followed.client && followed.client->ready()) return true;
    }
  }
  return false;
}

size_t ShardFleet::MissingExtents(const std::string& pool, const std::string& pod) const {
  std::lock_guard lock(mu_);
  auto found = pools_.find(pool);
  if (found == pools_.end()) return 0;
  auto followed = found->second.find(pod);
  if (followed == found->second.end() || !followed->second.client) return 0;
  return followed->second.client->volume().missing_extents;
}

std::optional<bool> ShardFleet::AllSpeakTls() const {
  std::lock_guard lock(mu_);
  std::optional<bool> all = true;
  for (const auto& [pool, pods] : pools_) {
    for (const auto& [name, followed] : pods) {
      const std::optional<bool> said = followed.client ? followed.client->peer_tls() : std::nullopt;
      if (said && !*said) return false;
      if (!said) all = std::nullopt;
    }
  }
  return all;
}

bool ShardFleet::AllOf(const std::function<bool(PoolPod::State)>& holds) const {
  std::lock_guard lock(mu_);
  for (const auto& [pool, pods] : pools_) {
    for (const auto& [name, followed] : pods) {
      if (!holds(StateOf(followed))) return false;
    }
  }
  return true;
}

bool ShardFleet::HasSettled() const {
  return AllOf([](PoolPod::State state) { return state != PoolPod::State::kBlinking; });
}

bool ShardFleet::AllOpen() const {
  return AllOf([](PoolPod::State state) { return state == PoolPod::State::kOpen; });
}

std::optional<LogFigures> ShardFleet::FullestLog(const std::string& pool) const {
  std::lock_guard lock(mu_);
  std::optional<LogFigures> fullest;
  auto found = pools_.find(pool);
  if (found == pools_.end()) return fullest;
  for (const auto& [name, followed] : found->second) {
    const std::optional<LogFigures> log = followed.client ? followed.client->log() : std::nullopt;
    if (!log) continue;
    if (!fullest) fullest.emplace();
    fullest->live_bytes = std::max(fullest->live_bytes, log->live_bytes);
    fullest->full = fullest->full || log->full;
  }
  return fullest;
}

PoolPod::State ShardFleet::StateOf(const Followed& followed) const {
  const bool ready = followed.client && followed.client->ready();
  if (!ready) {
    const MonoTime heard = followed.client ? followed.client->last_answer() : followed.since;
    const bool long_silent = clock_.Now() - heard >= kAwayAfter;
    return long_silent ? PoolPod::State::kAway : PoolPod::State::kBlinking;
  }
  return followed.pod.leaving ? PoolPod::State::kLeaving : PoolPod::State::kOpen;
}

}  // namespace millrace::op
