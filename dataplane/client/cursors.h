#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/status.h"

namespace millrace::client {

struct Cursor {
  std::string key;
  std::string value;
  uint64_t version = 0;  // grows by one with every write; 0: not there
};

// A small durable table of the shard service: where consumers keep their positions and leases. Any
// thread; blocks for one round trip.
class Cursors {
 public:
  virtual ~Cursors() = default;
  // Every row of the table, by key; empty where there is no such table.
  virtual Result<std::vector<Cursor>> List(const std::string& table) = 0;
  // Writes the row if its version is still `expected` (0: if there is none) and returns the new
  // version; durable when it returns. Conflict where somebody was faster: read again. Unavailable
  // and Timeout leave open whether it was written: read again, too.
  virtual Result<uint64_t> CompareAndSet(const std::string& table, const std::string& key,
                                         const std::string& value, uint64_t expected) = 0;
  // Drops the row if its version is still `expected`.
  virtual Status Remove(const std::string& table, const std::string& key, uint64_t expected) = 0;
};

}  // namespace millrace::client
