#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <string>

#include "cli/agent/file_tail.h"
#include "cli/agent/record_converter.h"
#include "cli/api_client.h"
#include "common/base/random.h"

namespace millrace::cli {

// One flow: files in, records out, checkpoints after what was acknowledged. At least once: a record
// is sent until the stream has it. Runs on a thread of its own until `stop`.
class Flow {
 public:
  Flow(const FlowConfig& config, RecordConverter converter, CheckpointStore& checkpoints,
       ApiOptions api);
  // Returns when `stop` is set and what was read has been sent or could not be.
  void Run(const std::atomic<bool>& stop);

  struct Counters {
    std::atomic<uint64_t> records{0};
    std::atomic<uint64_t> bytes{0};
    std::atomic<uint64_t> unmatched{0};  // lines that LOGTOJSON did not match
    std::atomic<uint64_t> failures{0};   // calls tried again
  };
  const Counters& counters() const { return counters_; }
  const FlowConfig& config() const { return config_; }

 private:
  void Convert(std::vector<PendingRecord> records);
  bool Due() const;
  Status SendBatch(const std::atomic<bool>& stop);
  Status PutOnce(json::Array& entries);

  const FlowConfig& config_;
  const RecordConverter converter_;
  CheckpointStore& checkpoints_;
  ApiClient client_;
  FileTail tail_;
  Random random_;
  std::deque<PendingRecord> waiting_;
  size_t waiting_bytes_ = 0;
  MonoTime oldest_{};
  Counters counters_;
};

}  // namespace millrace::cli
