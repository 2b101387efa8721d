#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/base/status.h"

namespace millrace::cli {

struct LoadOptions {
  std::string host;
  uint16_t port = 0;
  size_t connections = 16;
  double seconds = 10;
  double warm_up_seconds = 1;  // not counted
};

struct LoadResult {
  uint64_t calls = 0;
  uint64_t failed_calls = 0;    // other than 200
  uint64_t failed_records = 0;  // "FailedRecordCount" of the answers
  double seconds = 0;
  std::vector<uint32_t> latencies_us;  // sorted
  std::string first_failure;           // body of the first call that failed

  double Percentile(double p) const;  // in ms
};

// Sends `requests` in turn over `connections` connections, one at a time on each, and reads the
// answers: HTTP/1.1 with Content-Length, nothing more, so that the client costs little beside the
// server. One thread, the caller's; `on_measuring` is called when the warm-up is over and again
// when the measured time is.
Result<LoadResult> RunLoad(const LoadOptions& options, const std::vector<std::string>& requests,
                           const std::function<void(bool begin)>& on_measuring);

}  // namespace millrace::cli
