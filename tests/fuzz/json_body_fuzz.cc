// Any bytes as the JSON body of some operation: a refusal is an AWS error whose text can be sent as
// JSON; an accepted input is written in both protocols and read back.
#include <cstddef>
#include <cstdint>

#include "common/aws/kinesis_shapes.h"
#include "common/aws/protocol.h"
#include "common/base/check.h"

using namespace millrace;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  auto operations = aws::KinesisOperations();
  std::string_view operation = operations[data[0] % operations.size()];
  std::string_view body(reinterpret_cast<const char*>(data + 1), size - 1);
  auto input = aws::DecodeBody(aws::Protocol::kJson, body);
  if (!input.ok()) return 0;
  auto error = aws::ValidateInput(aws::KinesisInputShape(operation), aws::Protocol::kJson, *input);
  if (error) {
    CHECK(!error->type.empty() && !error->message.empty());
    CHECK(json::ParseJson(json::WriteJson(json::Value(error->message))).ok());
    return 0;
  }
  for (aws::Protocol protocol : {aws::Protocol::kJson, aws::Protocol::kCbor}) {
    CHECK(aws::DecodeBody(protocol, aws::EncodeBody(protocol, *input)).ok());
  }
  return 0;
}
