#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "dataplane/delivery/engine/error_record.h"
#include "dataplane/delivery/engine/outlet.h"
#include "dataplane/delivery/model/processor.h"

namespace millrace::delivery {

// The sinks and rules of one delivery stream, from which its outlets are made.
struct PipelineParts {
  OutletOptions destination_options;
  std::unique_ptr<ParcelMaker> destination_parcels;
  std::unique_ptr<Sink> destination;
  // Where records go that were refused: objects of error lines.
  OutletOptions error_options;
  std::unique_ptr<ParcelMaker> error_parcels;
  std::unique_ptr<Sink> error_output;
  // Where everything that comes in goes as well; null where it does not.
  OutletOptions backup_options;
  std::unique_ptr<ParcelMaker> backup_parcels;
  std::unique_ptr<Sink> backup;
  CatalogTable table;
  // Makes one feed's processors.
  std::function<std::vector<std::unique_ptr<Processor>>()> make_processors;
};

// What stands between the feeds and the destinations of one delivery stream. Any thread.
class Pipeline {
 public:
  Pipeline(PipelineParts parts, Clock& clock);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  std::vector<std::unique_ptr<Processor>> MakeProcessors() const;
  // What came in, as it came: counted, and for the backup of everything.
  void KeepSource(const Batch& batch, const std::stop_token& stop);
  // Takes over a processed batch: its records go to the destination, its failed ones to the error
  // output; its receipt is held until both are safe. Blocks while buffers are full; the batch is
  // given up undelivered when `stop` is asked for meanwhile.
  void Deliver(Batch batch, const std::stop_token& stop);

  // Delivers all that is buffered; false when `limit` was not enough.
  bool Drain(Duration limit);
  // Breaks what is under way; positions stay behind what is not delivered. Idempotent.
  void Stop();

  uint64_t records_in() const { return records_in_.load(std::memory_order_relaxed); }
  uint64_t bytes_in() const { return bytes_in_.load(std::memory_order_relaxed); }
  Outlet& destination() { return *destination_; }
  Outlet& error_output() { return *error_output_; }
  Outlet* backup() { return backup_.get(); }

 private:
  void Refuse(const std::vector<FailedRecord>& failed, const std::shared_ptr<Receipt>& receipt,
              const std::stop_token& stop);

  const CatalogTable table_;
  const std::function<std::vector<std::unique_ptr<Processor>>()> make_processors_;
  Clock& clock_;
  std::atomic<uint64_t> records_in_{0};
  std::atomic<uint64_t> bytes_in_{0};
  // The destination hands its refused records to the error output, and so goes first.
  std::unique_ptr<Outlet> error_output_;
  std::unique_ptr<Outlet> backup_;
  std::unique_ptr<Outlet> destination_;
};

}  // namespace millrace::delivery
