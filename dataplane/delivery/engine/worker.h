#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/base/clock.h"
#include "dataplane/client/cursors.h"
#include "dataplane/client/stream_reader.h"
#include "dataplane/delivery/engine/lease_plan.h"
#include "dataplane/delivery/engine/shard_feed.h"

namespace millrace::delivery {

struct WorkerOptions {
  std::string name;   // of this worker, unlike that of any other, this run included
  std::string table;  // the cursor table of the delivery stream
  // Where shards begin that were there when the delivery stream was made; kLatest means the moment
  // of its first worker, which the table keeps.
  client::ReadFrom start;
  Duration lease_time = std::chrono::seconds(5);
  Duration tick_time = std::chrono::seconds(1);
  size_t shards_max = 256;
};

// One shard as this worker has it.
struct ShardState {
  std::string shard;
  std::string position;
  int64_t behind_ms = 0;
  uint64_t records_read = 0;
  uint64_t bytes_read = 0;
  std::string error;
};

// Shares the shards of a stream with its like by leases in the cursor table, feeds those that it
// holds into the pipeline, and writes their positions down, each with its lease in one row. A shard
// whose row was written by somebody else, or that could not be renewed for the lease's time, is
// dropped at once. A thread of its own.
class Worker {
 public:
  // Makes a reader for one thread.
  using MakeReader = std::function<std::unique_ptr<client::StreamReader>()>;
  Worker(WorkerOptions options, client::Cursors& cursors, MakeReader make_reader,
         Pipeline& pipeline, Clock& clock);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Stops reading, delivers what was read within `limit`, writes positions down and hands the
  // shards back. Idempotent.
  void Stop(Duration limit);

  std::vector<ShardState> Shards() const;
  // Why the table or the list of shards can't be had; "": they can.
  std::string error() const;

 private:
  struct Held {
    std::unique_ptr<ShardFeed> feed;
    Lease lease;
    uint64_t version = 0;
    MonoTime renewed{};
  };
  void Run();
  Status Tick();
  Status FindStart(const std::vector<client::Cursor>& rows);
  void See(const std::vector<client::Cursor>& rows, MonoTime now);
  void Renew(const std::string& shard, Held& held, bool is_handed_back);
  void Take(const std::string& shard);
  void DropLost(MonoTime now);
  Result<std::vector<client::StreamShard>> ListShards(MonoTime now);

  const WorkerOptions options_;
  client::Cursors& cursors_;
  const MakeReader make_reader_;
  Pipeline& pipeline_;
  Clock& clock_;

  // Of our thread.
  std::unique_ptr<client::StreamReader> lister_;
  std::vector<client::StreamShard> shards_;
  MonoTime listed_{};
  std::optional<client::ReadFrom> start_;
  LeaseInput seen_;
  std::map<std::string, uint64_t> versions_;  // of rows in the table

  mutable std::mutex mu_;
  std::condition_variable stopped_;
  // Guarded by mu_ against readers of state; changed by our thread only.
  std::map<std::string, Held> held_;
  std::string error_;
  bool is_stopping_ = false;

  std::thread thread_;
};

}  // namespace millrace::delivery
