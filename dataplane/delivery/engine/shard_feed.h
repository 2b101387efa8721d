#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "common/base/clock.h"
#include "dataplane/client/stream_reader.h"
#include "dataplane/delivery/engine/checkpoint_tracker.h"
#include "dataplane/delivery/engine/pipeline.h"

namespace millrace::delivery {

// Reads one shard from its position on and hands batches to the pipeline; a thread of its own. What
// the pipeline could not keep is read again from the position. Owned by the worker that has the
// shard's lease; Stop returns once nothing more of the shard is handed on.
class ShardFeed {
 public:
  // `start`: where to begin when there is no position yet.
  ShardFeed(std::string shard, std::string position, client::ReadFrom start,
            std::unique_ptr<client::StreamReader> reader, Pipeline& pipeline, Clock& clock);
  ~ShardFeed();
  ShardFeed(const ShardFeed&) = delete;
  ShardFeed& operator=(const ShardFeed&) = delete;

  void Stop();

  const std::string& shard() const { return shard_; }
  // The last record that is delivered; "": none.
  std::string position() const;
  // The shard is closed, and all of it is delivered.
  bool is_complete() const;
  int64_t behind_ms() const { return behind_ms_.load(std::memory_order_relaxed); }
  uint64_t records_read() const { return records_read_.load(std::memory_order_relaxed); }
  uint64_t bytes_read() const { return bytes_read_.load(std::memory_order_relaxed); }
  // Why reading fails now; "": it does not.
  std::string error() const;

 private:
  void Run();
  // Reads from the position until the shard's end, a stop, or a failure after which reading begins
  // again; true at the end.
  bool ReadOn();
  Result<std::string> Open();
  // False when the page was not handed on: we are stopping, or what is before it has failed.
  bool HandOn(client::StreamPage page);
  bool WaitUntilDelivered();
  void Note(const Status& status);
  // False when we are stopping.
  bool Sleep(Duration time);

  const std::string shard_;
  const client::ReadFrom start_;
  const std::unique_ptr<client::StreamReader> reader_;
  Pipeline& pipeline_;
  Clock& clock_;
  std::vector<std::unique_ptr<Processor>> processors_;  // of our thread
  std::string read_until_;                              // of our thread: the last record read

  std::atomic<int64_t> behind_ms_{0};
  std::atomic<uint64_t> records_read_{0};
  std::atomic<uint64_t> bytes_read_{0};

  mutable std::mutex mu_;
  std::condition_variable stopped_;
  // Guarded by mu_.
  std::shared_ptr<CheckpointTracker> tracker_;
  std::string error_;
  bool is_stopping_ = false;

  std::stop_source stop_;
  std::thread thread_;
};

}  // namespace millrace::delivery
