// Any bytes as a CBOR body: they are refused, or what they say is encoded and read back as the
// same. What was read then passes through the validation of some operation.
#include <cstddef>
#include <cstdint>

#include "common/aws/cbor.h"
#include "common/aws/kinesis_shapes.h"
#include "common/base/check.h"

using namespace millrace;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  auto operations = aws::KinesisOperations();
  std::string_view operation = operations[data[0] % operations.size()];
  auto value = aws::ParseCbor({reinterpret_cast<const char*>(data + 1), size - 1});
  if (!value.ok()) return 0;
  std::string encoded;
  aws::AppendCbor(encoded, *value);
  auto again = aws::ParseCbor(encoded);
  CHECK(again.ok());
  std::string encoded_again;  // not the values: a NaN is not equal to itself
  aws::AppendCbor(encoded_again, *again);
  CHECK(encoded == encoded_again);
  (void)aws::ValidateInput(aws::KinesisInputShape(operation), aws::Protocol::kCbor, *value);
  return 0;
}
