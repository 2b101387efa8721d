#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/kube/client.h"
#include "operator/delivery_stream/delivery_pods.h"
#include "operator/delivery_stream/delivery_workers.h"
#include "operator/engine/applier.h"

namespace millrace::op {

// What watches show of the Workload of one DeliveryStream.
struct DeliveryParts {
  std::optional<json::Value> workload;
  std::vector<json::Value> pods;
};

// Workers of DeliveryStreams as pods: a Secret with the plan, a Workload and its disruption budget,
// all beside the operator. Owned by main; safe on any thread.
class KubeDeliveryWorkers final : public DeliveryWorkers {
 public:
  // Of the Workload with this name; from memory.
  using Look = std::function<DeliveryParts(const kube::ObjectName& workload)>;

  // `client` outlives it. `admin_port`: of the pods.
  KubeDeliveryWorkers(kube::Client& client, DeliveryPodSettings settings, Look look,
                      uint16_t admin_port = kDeliveryAdminPort);
  // The plan's Secret is written, its pods are being made, and those that run look at it.
  Status Apply(const DeliveryOrders& orders) override;
  DeliveryObservation Observe(const resources::ResourceKey& key) override;
  // Unavailable while pods are still stopping.
  Status Remove(const resources::ResourceKey& key) override;

 private:
  kube::ObjectName NameOf(const resources::ResourceKey& key) const;
  Status WritePlan(const DeliveryOrders& orders);
  // Pods read a changed Secret within a minute by themselves, and at once when they change, too.
  Status TellPods(const DeliveryOrders& orders, const std::vector<json::Value>& pods);

  kube::Client& client_;
  const DeliveryPodSettings settings_;
  const Look look_;
  const uint16_t admin_port_;
  Applier applier_;
  std::mutex mu_;
  std::map<resources::ResourceKey, std::string> plan_versions_;  // of the Secrets; guarded by mu_
};

}  // namespace millrace::op
