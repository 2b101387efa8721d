#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"

namespace millrace::client {

struct NewRecord {
  std::string_view data;
  std::string_view partition_key;
};

// What became of one record of a batch.
struct PutOutcome {
  std::string sequence_number;  // decimal; "" where it failed
  std::string error_code;       // "ProvisionedThroughputExceededException"
  std::string error_message;
};

// Writes one stream of the shard service through its Kinesis API. Calls block; one thread at a
// time.
class StreamWriter {
 public:
  virtual ~StreamWriter() = default;
  // At most 500 records and 5 MiB. Those without an error are durable when it returns. Unavailable
  // and Timeout leave open whether some are.
  virtual Result<std::vector<PutOutcome>> Put(const std::vector<NewRecord>& records) = 0;
};

}  // namespace millrace::client
