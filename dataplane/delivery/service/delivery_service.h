#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/delivery/delivery_plan.h"
#include "common/delivery/delivery_report.h"
#include "common/metrics/metrics.h"
#include "dataplane/client/cursors.h"
#include "dataplane/delivery/engine/pipeline.h"
#include "dataplane/delivery/engine/worker.h"
#include "dataplane/delivery/service/pipeline_builder.h"

namespace millrace::delivery {

struct DeliveryOptions {
  std::string plan_path;
  std::string name;  // of this replica: "orders-0"
  BuildOptions build;
};

// One delivery stream, as its plan says: reads the plan's file, makes pipeline and worker of it,
// and makes them anew when the file has changed. Refresh and Stop on main's thread; Report and
// UpdateMetrics on any.
class DeliveryService {
 public:
  DeliveryService(DeliveryOptions options, metrics::Registry& registry, Clock& clock);
  ~DeliveryService();
  DeliveryService(const DeliveryService&) = delete;
  DeliveryService& operator=(const DeliveryService&) = delete;

  // Takes a plan that is new or has changed; one that can't be done leaves the old one in force and
  // stands in the report. Call it every second: it probes places that nobody has heard of, too.
  void Refresh();
  // Delivers what was read for at most 5 s, writes positions down, hands the shards back.
  void Stop();

  resources::DeliveryReport Report() const;
  // "" where a plan is in force.
  std::string NotReady() const;
  void UpdateMetrics();

 private:
  // What runs for one plan. Its parts stop in reverse order.
  struct Running;
  Status Take(const std::string& text);
  // Keeps why a plan is not in force, if it is not; says it once.
  void Note(const Status& taken);
  std::unique_ptr<Running> Make(const resources::DeliveryPlan& plan, PipelineParts parts);
  void ProbePlaces();

  const DeliveryOptions options_;
  const std::string worker_name_;  // this run's own
  metrics::Registry& registry_;
  Clock& clock_;
  std::string plan_text_;  // of main's thread: what was read last
  MonoTime probed_{};

  mutable std::mutex mu_;
  // Guarded by mu_ against readers; changed on main's thread only.
  std::unique_ptr<Running> running_;
  std::string plan_error_ = "there is no plan yet";
};

}  // namespace millrace::delivery
