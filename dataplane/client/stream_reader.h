#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/status.h"

namespace millrace::client {

struct StreamShard {
  std::string id;
  std::vector<std::string> parents;  // that are still listed or not
};

struct StreamRecord {
  std::string_view data;
  std::string_view partition_key;
  std::string_view sequence_number;  // decimal
  WallMs arrival_ms = 0;
};

// What one read gave. Its records lie in `memory`.
struct StreamPage {
  std::shared_ptr<const std::string> memory;
  std::vector<StreamRecord> records;
  std::string next_iterator;  // "": the shard is closed, and this was its end
  int64_t behind_ms = 0;
};

// Where reading of a shard starts.
struct ReadFrom {
  enum class Kind { kOldest, kLatest, kTime, kAfter };
  Kind kind = Kind::kOldest;
  WallMs time_ms = 0;
  std::string sequence_number{};
};

// Reads one stream of the shard service through its Kinesis API, not counted against the read
// limits of its shards where we are a part of the installation. Calls block; one thread at a time.
class StreamReader {
 public:
  virtual ~StreamReader() = default;
  // Every shard whose records are kept, open or closed.
  virtual Result<std::vector<StreamShard>> ListShards() = 0;
  virtual Result<std::string> Open(const std::string& shard, const ReadFrom& from) = 0;
  // At most 10,000 records or 10 MiB; ExpiredIterator: open again after the last record.
  virtual Result<StreamPage> Read(const std::string& iterator) = 0;
};

}  // namespace millrace::client
