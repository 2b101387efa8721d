#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dataplane/format/extent.h"
#include "dataplane/format/record_format.h"

namespace millrace::sim {

// Which record of which append to which extent: all that its bytes follow from, so that the
// reference model needs to keep none of them.
struct RecordName {
  storage::ExtentId extent;
  uint64_t append = 0;
  uint32_t record = 0;
  uint32_t bytes_max = 0;  // of the append's records
};

// Makes records and tells whether what came back is one, byte for byte. Pure.
class RecordSource {
 public:
  static void Add(const RecordName& name, storage::RecordBatch* batch);
  static bool Matches(const RecordName& name, const storage::RecordView& record);

 private:
  static void Fill(const RecordName& name, std::string* key, std::string* data);
};

}  // namespace millrace::sim
