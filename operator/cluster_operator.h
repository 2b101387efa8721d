#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/kube/client.h"
#include "common/kube/lease.h"
#include "common/kube_store/kube_store.h"
#include "common/metrics/metrics.h"
#include "operator/certificates/certificate_reconciler.h"
#include "operator/cluster_delivery.h"
#include "operator/engine/led_controller.h"
#include "operator/pool/pool_reconciler.h"
#include "operator/stream/pool_gate.h"
#include "operator/stream/shard_fleet.h"
#include "operator/stream/stream_reconciler.h"
#include "operator/stream_keys/stream_keys.h"
#include "operator/stream_user/stream_user_reconciler.h"
#include "operator/workload/silent_pods.h"
#include "operator/workload/workload_controller.h"

namespace millrace::op {

struct ClusterOperatorOptions {
  PoolSettings pool;
  StreamSettings stream;
  std::vector<std::string> namespaces;  // watched; empty: all
  std::string internal_token;
  std::string lease;                      // its name, in pool.ns
  std::string identity;                   // this process among those who stand for election
  std::vector<std::string> client_names;  // of certificates for clients, beside the Services'
  ClusterDeliveryOptions delivery;
  json::Value default_pool;  // a StreamPool, made when a stream first needs it; null: none
  size_t stream_workers = 4;
  metrics::Registry* metrics = nullptr;
};

// The operator in a cluster: everything that reconciles, joined, behind a leader election. A
// standby has its caches filled and follows the shard processes, so that taking over is quick. Who
// loses the lead has stopped acting when `on_lost` is called and is not to be used any more: the
// process ends and starts again as a standby. Made in main; Stop waits for what is under way.
class ClusterOperator {
 public:
  ClusterOperator(kube::Client& client, Clock& clock, ClusterOperatorOptions options,
                  std::function<void()> on_lost);
  ~ClusterOperator() { Stop(); }
  void Start();
  void Stop();

  // Whether every cache has been filled: a standby is ready as well.
  bool IsReady() const;
  bool is_leading() const { return leading_; }
  // Why it is not ready, for people.
  std::string Problem() const;
  // Sets the gauges of the metrics page that are of now.
  void PublishFigures();

 private:
  std::vector<LedController*> Queues();
  void FollowShardMaps();
  void FollowPods();
  void FollowPools();
  void PublishPods();
  std::vector<resources::ResourceKey> PoolWorkloads();
  // Every pod does, and none that might not is about to come; nothing where it is not known.
  std::optional<bool> PodsSpeakTls();
  void Lead();
  void StopActing();
  StreamKeyState GiveKey(const resources::Resource& stream, const resources::StreamSpec& spec,
                         const ObservedPool& pool);
  Outcome ReconcileStream(const resources::ResourceKey& key);
  Outcome ReconcileSilence(const resources::ResourceKey& workload);
  void EnqueueSilence();
  // Where it is the one a stream wants and there is none.
  Status MakeDefaultPool(const std::string& wanted);
  ObservedPool Observe(const std::string& pool, uint64_t uid);
  void TellLoss(const resources::Resource& stream, const LossAccepted& loss);
  Status WriteConnection(const resources::Resource& stream, const resources::StreamSpec& spec);
  void ForgetConnection(const resources::ResourceKey& key);
  void EnqueueStream(uint64_t uid);
  void EnqueueAllStreams(Priority priority);
  void KeepHouse();

  kube::Client& client_;
  Clock& clock_;
  const ClusterOperatorOptions options_;
  const std::function<void()> on_lost_;
  kube::EventRecorder events_;
  resources::KubeStore store_;
  ShardFleet fleet_;
  PoolGate gate_;
  WorkloadController workloads_;
  PoolReconciler pools_;
  StreamUserReconciler users_;
  CertificateReconciler certificates_;
  StreamKeys stream_keys_;
  StreamReconciler streams_;
  LedController stream_queue_;
  ClusterDelivery deliveries_;
  SilentPods silent_;
  LedController silence_queue_;  // from the first election on, leading or not
  std::mutex mu_;
  // What was written for each stream, so that a reconcile that changes nothing writes nothing.
  // Guarded by mu_.
  std::map<resources::ResourceKey, std::string> connections_;
  // By pool: volumes whose missing records are given up. Guarded by mu_.
  std::map<std::string, std::set<std::string>> given_up_;
  std::atomic<bool> leading_{false};
  std::atomic<bool> started_{false};
  std::atomic<bool> knows_world_{false};  // every map is read, every pod has answered or is away
  std::condition_variable stopping_changed_;
  bool stopping_ = false;  // guarded by mu_
  std::thread house_;
  std::unique_ptr<kube::LeaderElection> election_;
};

}  // namespace millrace::op
