// Any bytes as the body of PutRecord or PutRecords in either protocol: what the scanner takes, the
// general way takes and reads the same.
#include <cstddef>
#include <cstdint>
#include <cstdio>

#include "common/base/check.h"
#include "tests/dataplane/kinesis/put_scan_oracle.h"

using namespace millrace;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  auto operation =
      (data[0] & 1) != 0 ? kinesis::PutOperation::kPutRecords : kinesis::PutOperation::kPutRecord;
  auto protocol = (data[0] & 2) != 0 ? aws::Protocol::kCbor : aws::Protocol::kJson;
  std::string_view body(reinterpret_cast<const char*>(data + 1), size - 1);
  bool taken = false;
  std::string wrong = kinesis::Disagreement(operation, protocol, body, taken);
  if (!wrong.empty()) std::fprintf(stderr, "%s\n", wrong.c_str());
  CHECK(wrong.empty());
  return 0;
}
