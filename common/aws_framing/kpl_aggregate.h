#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"

namespace millrace::aws {

// The aggregated record of the Kinesis Producer Library: F3 89 9A C2, a protobuf message, and the
// MD5 of that message. Pure; any thread.

// One record as its producer put it. Views into what was decoded, or of the caller's when encoding.
struct KplUserRecord {
  std::string_view partition_key;
  std::optional<std::string_view> explicit_hash_key;
  std::string_view data;
};

// Past it an aggregate is refused; the library's own limit of 51,200 bytes holds far fewer.
constexpr size_t kKplRecordsMax = 262'144;

// Whether `record` starts like an aggregate. It may still be none: a record of a user may start
// with the same four bytes, and whatever DecodeKplAggregate refuses is such a plain record.
bool LooksKplAggregated(std::string_view record);
// The user records in order, their index being the subsequence number. Corrupt where the digest or
// the message is wrong. Views into `record`.
Result<std::vector<KplUserRecord>> DecodeKplAggregate(std::string_view record);
// The bytes of one aggregated record. Equal keys are written once.
std::string EncodeKplAggregate(std::span<const KplUserRecord> records);

}  // namespace millrace::aws
