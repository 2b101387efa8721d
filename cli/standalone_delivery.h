#pragma once

#include <memory>
#include <string>

#include "common/resources/store.h"
#include "operator/delivery_stream/delivery_stream_reconciler.h"
#include "operator/delivery_stream/process_delivery_workers.h"
#include "operator/engine/controller.h"
#include "operator/runtime/workload.h"

namespace millrace::cli {

// The delivery streams of `millrace up`: the reconciler, and a process for each. Where S3 is and
// who we are there comes from the AWS_* variables. Runs from its making; owned by Standalone, which
// stops it before the runtime.
class StandaloneDelivery {
 public:
  struct Options {
    std::string data;  // plans in data/delivery, relative folders in data/delivered
    op::DeliverySettings settings;
  };
  StandaloneDelivery(resources::ResourceStore& store, op::Runtime& runtime, Options options);
  ~StandaloneDelivery() { Stop(); }
  void Stop();
  // Whether every delivery stream that can be made is.
  bool IsSettled() const;

 private:
  void TakeStream(const resources::Resource& stream);

  resources::ResourceStore& store_;
  op::ProcessDeliveryWorkers workers_;
  op::DeliveryStreamReconciler reconciler_;
  op::Controller controller_;
  std::unique_ptr<resources::WatchHandle> watch_;
  std::unique_ptr<resources::WatchHandle> stream_watch_;
};

}  // namespace millrace::cli
