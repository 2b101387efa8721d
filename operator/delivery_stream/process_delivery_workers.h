#pragma once

#include <map>
#include <mutex>
#include <string>

#include "operator/delivery_stream/delivery_workers.h"
#include "operator/runtime/workload.h"

namespace millrace::op {

// One millrace-delivery process a DeliveryStream, on this machine. Its folder under `folder` has
// the plan and what the process spills; it goes with the DeliveryStream. Owned by main, which stops
// the runtime; safe on any thread.
class ProcessDeliveryWorkers final : public DeliveryWorkers {
 public:
  // `runtime` outlives it. `program`: path of the binary.
  ProcessDeliveryWorkers(Runtime& runtime, std::string program, std::string folder);
  Status Apply(const DeliveryOrders& orders) override;
  DeliveryObservation Observe(const resources::ResourceKey& key) override;
  Status Remove(const resources::ResourceKey& key) override;

 private:
  struct Known {
    std::string admin_address;  // kept, so that the same orders mean the same process
    std::string plan;
  };
  std::string FolderOf(const resources::ResourceKey& key) const;

  Runtime& runtime_;
  const std::string program_;
  const std::string folder_;
  std::mutex mu_;
  std::map<resources::ResourceKey, Known> known_;
};

}  // namespace millrace::op
