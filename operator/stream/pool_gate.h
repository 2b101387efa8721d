#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "common/json/value.h"
#include "operator/engine/drain_gate.h"
#include "operator/stream/head_index.h"
#include "operator/stream/shard_fleet.h"

namespace millrace::op {

// The shard processes among `pods` (Kubernetes Pods), by the Workload that owns them, with where
// their admin port answers. One that has no address yet answers nowhere.
std::map<resources::ResourceKey, std::vector<FleetPod>> FleetPodsOf(
    const std::vector<json::Value>& pods, uint16_t admin_port);

// Joins the pods of pools, which of them are to go, and what shard maps say of them: the fleet
// hears who leaves, so that write heads move, and the workload controller hears when they have. A
// pool's name is its Workload's. Owned by main, and outlives both; any thread.
class PoolGate final : public DrainGate {
 public:
  // `on_change` is told the Workload of a draining pod whose answer has changed; on the thread that
  // changed it.
  PoolGate(ShardFleet& fleet, std::function<void(const resources::ResourceKey&)> on_change)
      : fleet_(fleet), on_change_(std::move(on_change)) {}

  // Every shard process there is, once that is known; ones not named any more are forgotten.
  void SetPods(std::map<resources::ResourceKey, std::vector<FleetPod>> pods);
  void MapChanged(const resources::ResourceKey& key, const resources::ShardMap& map);
  void MapGone(const resources::ResourceKey& key);
  // A pod came, went, or says another thing of its volume.
  void PodsChanged() { TellChanges(); }
  // Every map has been told: before, no pod counts as drained.
  void SetMapsKnown();

  void SetDraining(const resources::ResourceKey& workload,
                   const std::set<std::string>& pods) override;
  bool IsDrained(const resources::ResourceKey& workload, const std::string& pod) const override;
  bool IsEmpty(const resources::ResourceKey& workload, const std::string& pod) const override;
  size_t Missing(const resources::ResourceKey& workload, const std::string& pod) const override {
    return fleet_.MissingExtents(workload.name, pod);
  }

 private:
  struct Pool {
    std::vector<FleetPod> pods;
    std::map<std::string, bool> draining;   // pod, and whether it was drained when last told
    std::map<std::string, size_t> missing;  // by pod, when last told
  };
  void Publish(const resources::ResourceKey& workload);
  void TellChanges();

  ShardFleet& fleet_;
  const std::function<void(const resources::ResourceKey&)> on_change_;
  HeadIndex heads_;
  std::mutex publish_mu_;  // taken before mu_
  mutable std::mutex mu_;
  bool maps_known_ = false;
  std::map<resources::ResourceKey, Pool> pools_;
};

}  // namespace millrace::op
