#include "operator/stream/pool_gate.h"

#include <utility>

#include "operator/engine/component.h"

namespace millrace::op {

using resources::ResourceKey;

std::map<ResourceKey, std::vector<FleetPod>> FleetPodsOf(const std::vector<json::Value>& pods,
                                                         uint16_t admin_port) {
  std::map<ResourceKey, std::vector<FleetPod>> by_workload;
  for (const json::Value& pod : pods) {
    if (!IsOfPool(pod)) continue;
    const json::Value& metadata = pod["metadata"];
    for (const json::Value& owner : metadata["ownerReferences"].AsArray()) {
      if (owner["kind"].AsString() != "Workload" || !owner["controller"].AsBool()) continue;
      FleetPod found;
      found.name = metadata["name"].AsString();
      const std::string& ip = pod["status"]["podIP"].AsString();
      const bool v6 = ip.find(':') != std::string::npos;
      if (!ip.empty()) {
        found.admin_endpoint =
            "http://" + (v6 ? "[" + ip + "]" : ip) + ":" + std::to_string(admin_port);
      }
      const ResourceKey workload{metadata["namespace"].AsString(), owner["name"].AsString()};
      by_workload[workload].push_back(std::move(found));
    }
  }
  return by_workload;
}

void PoolGate::SetPods(std::map<ResourceKey, std::vector<FleetPod>> pods) {
  std::vector<ResourceKey> changed;
  std::vector<ResourceKey> gone;
  {
    std::lock_guard lock(mu_);
    for (auto& [workload, pool] : pools_) {
      if (!pods.contains(workload)) gone.push_back(workload);
    }
    for (const ResourceKey& workload : gone) pools_.erase(workload);
    for (auto& [workload, of_workload] : pods) {
      pools_[workload].pods = std::move(of_workload);
      changed.push_back(workload);
    }
  }
  for (const ResourceKey& workload : gone) fleet_.RemovePool(workload.name);
  for (const ResourceKey& workload : changed) Publish(workload);
}

void PoolGate::MapChanged(const ResourceKey& key, const resources::ShardMap& map) {
  heads_.Update(key, map);
  TellChanges();
}

void PoolGate::MapGone(const ResourceKey& key) {
  heads_.Remove(key);
  TellChanges();
}

void PoolGate::SetMapsKnown() {
  {
    std::lock_guard lock(mu_);
    maps_known_ = true;
  }
  TellChanges();
}

void PoolGate::SetDraining(const ResourceKey& workload, const std::set<std::string>& pods) {
  {
    std::lock_guard lock(mu_);
    // Of a workload that is gone, or never was a pool's, nothing is to be remembered.
    if (pods.empty() && !pools_.contains(workload)) return;
    std::map<std::string, bool>& draining = pools_[workload].draining;
    std::erase_if(draining, [&](const auto& item) { return !pods.contains(item.first); });
    for (const std::string& pod : pods) draining.emplace(pod, false);
  }
  Publish(workload);
}

bool PoolGate::IsDrained(const ResourceKey& workload, const std::string& pod) const {
  std::lock_guard lock(mu_);
  auto pool = pools_.find(workload);
  // A pod that was not told to go may get a head at any time.
  if (!maps_known_ || pool == pools_.end() || !pool->second.draining.contains(pod)) return false;
  // Heads of the only pod have nowhere to go: its restart is a pause, and waiting would be for
  // ever.
  return pool->second.pods.size() <= 1 || heads_.Of(pod).drained(Missing(workload, pod));
}

bool PoolGate::IsEmpty(const ResourceKey& workload, const std::string& pod) const {
  return IsDrained(workload, pod) && heads_.Of(pod).empty();
}

void PoolGate::Publish(const ResourceKey& workload) {
  // What is told last is what was known last.
  std::lock_guard one_at_a_time(publish_mu_);
  std::vector<FleetPod> pods;
  {
    std::lock_guard lock(mu_);
    const Pool& pool = pools_[workload];
    pods = pool.pods;
    for (FleetPod& pod : pods) pod.leaving = pool.draining.contains(pod.name);
  }
  fleet_.SetPods(workload.name, std::move(pods), workload.ns);
}

void PoolGate::TellChanges() {
  std::set<ResourceKey> changed;
  {
    std::lock_guard lock(mu_);
    for (auto& [workload, pool] : pools_) {
      for (const FleetPod& pod : pool.pods) {
        const size_t missing = Missing(workload, pod.name);
        if (std::exchange(pool.missing[pod.name], missing) != missing) changed.insert(workload);
      }
      for (auto& [pod, told] : pool.draining) {
        const bool drained = maps_known_ && heads_.Of(pod).drained(Missing(workload, pod));
        if (drained != told) changed.insert(workload);
        told = drained;
      }
    }
  }
  for (const ResourceKey& workload : changed) on_change_(workload);
}

}  // namespace millrace::op
