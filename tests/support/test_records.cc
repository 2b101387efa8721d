#include "tests/support/test_records.h"

#include "dataplane/format/record_format.h"

namespace millrace::testing {

storage::Append MakeAppend(storage::ExtentId id, const std::vector<KeyAndData>& records) {
  storage::RecordBatch batch;
  for (const auto& [key, data] : records) batch.Add(key, data);
  const uint32_t count = batch.count();
  return {id, batch.Take(), count};
}

}  // namespace millrace::testing
