#pragma once

#include <string>

#include "common/kube_store/kube_store.h"
#include "operator/delivery_stream/delivery_stream_reconciler.h"
#include "operator/delivery_stream/kube_delivery_workers.h"
#include "operator/delivery_stream/object_reader.h"
#include "operator/engine/led_controller.h"
#include "operator/pool/pool_reconciler.h"
#include "operator/workload/workload_controller.h"

namespace millrace::op {

struct ClusterDeliveryOptions {
  DeliverySettings settings;
  DeliveryPodSettings pods;
  // In the namespace of the pods: the pool through which they reach streams.
  std::string gateway_pool = "default";
  size_t workers = 4;
};

// DeliveryStreams in a cluster: their reconciler, with what it needs from the API, and its queue.
// Owned by ClusterOperator; what is passed in outlives it. Start when this process leads; Stop
// waits.
class ClusterDelivery {
 public:
  ClusterDelivery(kube::Client& client, Clock& clock, resources::KubeStore& store,
                  WorkloadController& workloads, PoolReconciler& pools,
                  ClusterDeliveryOptions options);
  // Before the store starts.
  void Follow();
  void Start();
  void Stop() { queue_.Stop(); }
  // Every DeliveryStream, and what is left of those that are gone.
  void EnqueueAll();
  LedController& queue() { return queue_; }

 private:
  Outcome Reconcile(const resources::ResourceKey& key);
  DeliveryParts Look(const kube::ObjectName& workload);
  Status Refresh(DeliverySettings& settings);
  Status FindGateway(DeliverySettings& settings);
  Status ReadDefaultS3(DeliverySettings& settings);
  Result<std::map<std::string, std::string>> ReadSecret(const resources::ResourceKey& key);

  resources::KubeStore& store_;
  WorkloadController& controller_;
  PoolReconciler& pools_;
  const ClusterDeliveryOptions options_;
  ObjectReader reader_;
  KubeDeliveryWorkers workers_;
  DeliveryStreamReconciler reconciler_;
  LedController queue_;
};

}  // namespace millrace::op
