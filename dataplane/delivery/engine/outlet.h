#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "common/base/clock.h"
#include "dataplane/delivery/engine/parcel_maker.h"
#include "dataplane/delivery/engine/partition_buffers.h"
#include "dataplane/delivery/model/sink.h"

namespace millrace::delivery {

// What an outlet has done since it was made, for metrics and status.
struct OutletFigures {
  uint64_t delivered_records = 0;
  uint64_t delivered_bytes = 0;  // of data, before encoding
  uint64_t delivered_parcels = 0;
  uint64_t tries_failed = 0;
  uint64_t refused_records = 0;  // went to the error output
  size_t open_partitions = 0;
  size_t buffered_bytes = 0;
  size_t spilled_bytes = 0;
  WallMs oldest_arrival_ms = 0;  // of what is not delivered yet; 0: there is nothing
  // Of the last try.
  bool is_failing = false;
  std::string last_error{};  // "S3.NoSuchBucket: The specified bucket does not exist"
};

struct OutletOptions {
  std::string name{};  // "destination", "error output", "backup": threads, logs, metrics
  BufferLimits buffers{};
  // How long a bundle is tried again; nullopt: for as long as the source keeps its records.
  std::optional<Duration> retry_time{};
  // What is refused is called in the error output: "http-endpoint-failed".
  std::string failure_type{};
};

// One way out of the pipeline: buffers by partition, senders that deliver what is due and try
// again, and what happens to records that the destination will not have. Add may be called by
// several feeds; senders are threads of its own, as many as the sink likes. A record added is
// delivered, or handed to `on_refused`, or its receipt is failed: nothing else.
class Outlet {
 public:
  // Gets records that are not to be tried again, and the receipts to hold until they are safe.
  using Refused = std::function<void(std::vector<FailedRecord> records,
                                     const std::vector<std::shared_ptr<Receipt>>& receipts)>;

  Outlet(OutletOptions options, std::unique_ptr<ParcelMaker> maker, std::unique_ptr<Sink> sink,
         Refused on_refused, Clock& clock);
  // Stops at once: what is not delivered fails its receipts.
  ~Outlet();
  Outlet(const Outlet&) = delete;
  Outlet& operator=(const Outlet&) = delete;

  // Takes copies of the records. Returns those that no partition is free for. Blocks while the
  // buffers are full (backpressure), until Stop or until `stop` is asked for: then the receipt is
  // failed.
  std::vector<Record> Add(const std::vector<Record>& records, std::string_view error_output_type,
                          const std::shared_ptr<Receipt>& receipt,
                          const std::stop_token& stop = {});
  // Delivers everything now, due or not, and waits until it is delivered or refused; false when
  // `limit` was not enough.
  bool Drain(Duration limit);
  // Breaks tries under way and fails what is left. Idempotent.
  void Stop();

  Status Probe() { return sink_->Probe(); }
  OutletFigures Figures() const;

 private:
  struct Job;
  void Send();
  void Deliver(Bundle bundle);
  // One try; true once nothing is left to try.
  bool Try(Job& job);
  void Settle(Job& job, const Delivery& delivery);
  void Refuse(Job& job, std::vector<FailedRecord> failed);
  void GiveUp(Job& job, const Delivery& delivery);
  Failure MakeFailure(const Job& job, const std::string& code, const std::string& message) const;
  void NoteTry(const Delivery& delivery);
  // False when we are stopping.
  bool Sleep(Duration time);

  const OutletOptions options_;
  const std::unique_ptr<ParcelMaker> maker_;
  const std::unique_ptr<Sink> sink_;
  const Refused on_refused_;
  Clock& clock_;

  mutable std::mutex mu_;
  std::condition_variable changed_;
  // Guarded by mu_.
  PartitionBuffers buffers_;
  std::multiset<WallMs> under_way_;  // oldest arrival of each bundle at a sender
  OutletFigures figures_;
  bool is_draining_ = false;
  bool is_stopping_ = false;

  std::vector<std::thread> senders_;
};

}  // namespace millrace::delivery
