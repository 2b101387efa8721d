// Any bytes as the message of a KPL aggregate, its digest made right: refused, or its records
// survive being encoded and read again.
#include <cstddef>
#include <cstdint>

#include "common/aws_framing/kpl_aggregate.h"
#include "common/base/check.h"
#include "common/codec/digest.h"

using namespace millrace;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view message(reinterpret_cast<const char*>(data), size);
  (void)aws::DecodeKplAggregate(message).ok();
  codec::Md5Digest digest = codec::Md5(message);
  std::string record = "\xF3\x89\x9A\xC2" + std::string(message) +
                       std::string(reinterpret_cast<const char*>(digest.data()), digest.size());
  auto records = aws::DecodeKplAggregate(record);
  if (!records.ok()) return 0;
  std::string encoded = aws::EncodeKplAggregate(*records);
  auto again = aws::DecodeKplAggregate(encoded);
  CHECK(again.ok() && again->size() == records->size());
  for (size_t i = 0; i < records->size(); ++i) {
    CHECK((*again)[i].partition_key == (*records)[i].partition_key);
    CHECK((*again)[i].explicit_hash_key == (*records)[i].explicit_hash_key);
    CHECK((*again)[i].data == (*records)[i].data);
  }
  return 0;
}
