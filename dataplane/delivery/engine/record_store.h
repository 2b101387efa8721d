#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "dataplane/delivery/model/record.h"

namespace millrace::delivery {

// Copies of records, packed together; in memory, or in a file without a name where memory is short.
// The file is never synced: the source still has the records. One thread at a time.
class RecordStore {
 public:
  void Add(const Record& record);
  // The records; views into the store, valid until it changes or goes. Reads the file back first.
  Result<std::vector<Record>> Records();
  // Moves the bytes into a file in `folder` and frees their memory.
  Status Spill(const std::string& folder);

  size_t count() const { return count_; }
  // Of the records' data alone, as buffering hints count them.
  size_t data_bytes() const { return data_bytes_; }
  // What it holds in memory and in its file.
  size_t memory_bytes() const { return bytes_.capacity(); }
  size_t spilled_bytes() const { return spilled_bytes_; }
  WallMs oldest_arrival_ms() const { return oldest_arrival_ms_; }

 private:
  Status ReadBack();

  // A header and its texts for each record (record_store.cc), without what was spilled.
  std::string bytes_;
  size_t count_ = 0;
  std::unique_ptr<FILE, int (*)(FILE*)> file_{nullptr, &std::fclose};
  size_t spilled_bytes_ = 0;
  uint32_t spilled_crc_ = 0;  // CRC-32C of the file
  size_t data_bytes_ = 0;
  WallMs oldest_arrival_ms_ = 0;
};

}  // namespace millrace::delivery
