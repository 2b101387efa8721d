#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "common/aws/protocol.h"

namespace millrace::kinesis {

// One record of a scanned body. Views into the body.
struct ScannedRecord {
  std::string_view partition_key;      // 1 to 256 chars, valid UTF-8
  std::string_view explicit_hash_key;  // 0|[1-9][0-9]{0,38}, or empty where there is none
  std::string_view data;  // JSON: base64 that codec::Base64Decode takes; CBOR: the bytes
  size_t data_size = 0;   // bytes of data, decoded
};

// What a scanned body says. Meant to be kept and scanned into again, so that a scan allocates only
// when it meets more records than any before.
struct ScannedPut {
  std::string_view stream_name;                   // or empty; one of the two is there
  std::string_view stream_arn;                    // or empty
  std::string_view sequence_number_for_ordering;  // of a PutRecord; or empty
  std::vector<ScannedRecord> records;             // one for a PutRecord
};

// The fast way to read the bodies of PutRecords and PutRecord: one pass, no document. They return
// true where the body has the usual shape; `put` then says what aws::DecodeBody and
// aws::ValidateInput would have said, and no constraint of the service model on any member is left
// to check. They return false for anything unusual, right or wrong: escapes, chunked strings,
// members that are unknown, null or stand twice, text that is not UTF-8, values outside their
// constraints; the caller then takes the general way, which decides. `put` is unspecified then, and
// its views are never longer-lived than `body`. Pure but for `put`; any thread.
[[nodiscard]] bool ScanPutRecords(aws::Protocol protocol, std::string_view body, ScannedPut& put);
[[nodiscard]] bool ScanPutRecord(aws::Protocol protocol, std::string_view body, ScannedPut& put);

}  // namespace millrace::kinesis
