#pragma once

#include <optional>
#include <string>

#include "common/base/status.h"
#include "common/delivery/delivery_report.h"
#include "common/resources/resource.h"

namespace millrace::op {

// What the processes of one DeliveryStream should be.
struct DeliveryOrders {
  resources::ResourceKey key;
  std::string uid;
  std::string plan;  // docs/formats/delivery_plan.md; holds secrets
  int32_t workers = 1;
  bool keeps_files = false;  // writes into a folder, which is to outlive the processes
  bool operator==(const DeliveryOrders&) const = default;
};

// What they are.
struct DeliveryObservation {
  int32_t running = 0;
  int restarts = 0;
  std::string last_exit;  // "killed by signal 9", "" before the first
  std::string trouble;    // why not all of them run, as a cluster says it; "" for none
  std::optional<resources::DeliveryReport> report;  // of all together; none while nobody answers
};

// Makes the processes of DeliveryStreams real, as child processes or pods. Level-triggered; any
// thread, may block for about a second.
class DeliveryWorkers {
 public:
  virtual ~DeliveryWorkers() = default;
  // The plan is where the processes read it and they are started when this returns.
  virtual Status Apply(const DeliveryOrders& orders) = 0;
  virtual DeliveryObservation Observe(const resources::ResourceKey& key) = 0;
  // Ok once they are gone, with their plan.
  virtual Status Remove(const resources::ResourceKey& key) = 0;
};

}  // namespace millrace::op
