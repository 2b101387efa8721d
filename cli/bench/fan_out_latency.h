#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/api_client.h"

namespace millrace::cli {

struct FanOutOptions {
  std::string stream;
  size_t consumers = 1;
  double seconds = 5;
  double puts_per_second = 200;
  size_t record_bytes = 1024;
};

struct FanOutResult {
  uint64_t sent = 0;
  uint64_t received = 0;             // over all consumers
  std::vector<double> latencies_ms;  // put begun to event received, of the first consumer; sorted
};

// Puts single records that carry the time and takes them from SubscribeToShard, with `consumers`
// registered consumers of the stream's first open shard. A thread a consumer. Consumers are named
// bench-0, bench-1, ... and are left behind.
Result<FanOutResult> RunFanOut(const FanOutOptions& options, const ApiOptions& api,
                               const std::function<void(bool begin)>& on_measuring);

}  // namespace millrace::cli
