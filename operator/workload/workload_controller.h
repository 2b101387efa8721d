#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/kube/events.h"
#include "operator/engine/drain_gate.h"
#include "operator/engine/led_controller.h"
#include "operator/workload/workload_plan.h"

namespace millrace::op {

struct WorkloadControllerOptions {
  std::vector<std::string> namespaces;  // empty: every one
  size_t workers = 2;
};

// Makes Workloads real: pods, volume claims and kept revisions. Has watches, queue and threads of
// its own and asks nothing of the data plane, so that pods come back while everything else is
// stuck; only a restart on purpose waits for the gate. Owned by main: Start when this process
// leads, Stop (or the destructor) waits. What is passed in outlives it.
class WorkloadController {
 public:
  WorkloadController(kube::Client& client, Clock& clock, kube::EventRecorder& events,
                     DrainGate& gate, WorkloadControllerOptions options = {});
  ~WorkloadController();
  // Fills the caches and does nothing else: for a standby that is to be quick.
  void Watch();
  // Begins to act.
  void Start();
  void Stop();
  bool HasSynced() const;
  // The gate's answer for a pod of this workload has changed.
  void Add(const resources::ResourceKey& workload);
  // For what it says of itself.
  LedController& queue();

  // The caches of pods and Workloads, for whoever follows shard processes.
  Informer& pods();
  Informer& workloads();
  // As the cache shows them; any thread.
  std::vector<json::Value> PodsOf(const kube::ObjectName& workload);

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::op
