#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "common/kube/events.h"
#include "operator/engine/led_controller.h"
#include "operator/pool/pool_settings.h"

namespace millrace::op {

struct PoolReconcilerOptions {
  PoolSettings settings;
  std::vector<std::string> namespaces;  // to watch; empty: every one
  size_t workers = 1;
  // For autoExpand; nothing where no pod has told. Asked once a minute, and when Add is called: do
  // that when a volume gets full.
  std::function<std::optional<VolumeFigures>(const resources::ResourceKey& pool)> volume_use;
};

// Makes StreamPools real: a Workload, Services, a disruption budget, a network policy, a ConfigMap
// and the pool's Secrets, each repaired where somebody else changes it; and keeps their status.
// Owned by main: Watch fills the caches, Start begins to act, Stop (or the destructor) waits.
class PoolReconciler {
 public:
  PoolReconciler(kube::Client& client, Clock& clock, kube::EventRecorder& events,
                 PoolReconcilerOptions options);
  ~PoolReconciler();
  void Watch();
  void Start();
  void Stop();
  bool HasSynced() const;
  void Add(const resources::ResourceKey& pool);
  // For what it says of itself.
  LedController& queue();

  Informer& pools();

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::op
