#pragma once

#include <cstdint>

#include "common/base/clock.h"
#include "common/metrics/metrics.h"

namespace millrace::storage {

// The series of all lanes of a process; does nothing without a registry. Any thread.
class LaneMetrics {
 public:
  explicit LaneMetrics(metrics::Registry* registry);

  bool enabled() const { return append_ != nullptr; }
  // From the call to the acknowledgement.
  void Appended(Duration latency);
  // One durable write.
  void Committed(Duration latency, uint64_t block_bytes);
  void Read(bool from_cache);
  void Corrupt(uint64_t blocks, uint64_t records);
  void PendingBytes(int64_t change);

 private:
  metrics::Histogram* append_ = nullptr;
  metrics::Histogram* commit_ = nullptr;
  metrics::Counter* written_bytes_ = nullptr;
  metrics::Counter* cache_hits_ = nullptr;
  metrics::Counter* cache_misses_ = nullptr;
  metrics::Counter* corrupt_blocks_ = nullptr;
  metrics::Counter* lost_records_ = nullptr;
  metrics::Gauge* pending_bytes_ = nullptr;
};

}  // namespace millrace::storage
