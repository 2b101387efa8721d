#pragma once

#include <string>
#include <string_view>

#include "common/aws/kinesis_shapes.h"
#include "common/codec/base64.h"
#include "dataplane/kinesis/put_records_scanner.h"

namespace millrace::kinesis {

enum class PutOperation { kPutRecord, kPutRecords };

inline bool Scan(PutOperation operation, aws::Protocol protocol, std::string_view body,
                 ScannedPut& put) {
  return operation == PutOperation::kPutRecord ? ScanPutRecord(protocol, body, put)
                                               : ScanPutRecords(protocol, body, put);
}

inline bool SameRecord(aws::Protocol protocol, const ScannedRecord& scanned,
                       const json::Value& record) {
  std::string data(scanned.data);
  if (protocol == aws::Protocol::kJson) data = codec::Base64Decode(scanned.data).value_or("?");
  return data.size() == scanned.data_size && data == record["Data"].AsBlob() &&
         record["Data"].is_blob() && scanned.partition_key == record["PartitionKey"].AsString() &&
         scanned.explicit_hash_key == record["ExplicitHashKey"].AsString();
}

// Reads a body both ways. What is wrong with what the scanner says, or "" where it took nothing
// that the general way refuses or reads differently. Sets `taken` to whether it took the body.
inline std::string Disagreement(PutOperation operation, aws::Protocol protocol,
                                std::string_view body, bool& taken) {
  static ScannedPut put;
  taken = Scan(operation, protocol, body, put);
  if (!taken) return "";
  Result<json::Value> decoded = aws::DecodeBody(protocol, body);
  if (!decoded.ok()) return "taken, but " + decoded.status().ToString();
  json::Value input = *std::move(decoded);
  const aws::Shape& shape =
      aws::KinesisInputShape(operation == PutOperation::kPutRecord ? "PutRecord" : "PutRecords");
  auto error = aws::ValidateInput(shape, protocol, input);
  if (error) return "taken, but " + error->message;
  json::Array one = {input};
  const json::Array& records =
      operation == PutOperation::kPutRecord ? one : input["Records"].AsArray();
  if (records.size() != put.records.size()) return "another number of records";
  for (size_t i = 0; i < records.size(); ++i) {
    if (!SameRecord(protocol, put.records[i], records[i])) {
      return "record " + std::to_string(i) + " read differently";
    }
  }
  const json::Value& members = input;
  if (put.stream_name != members["StreamName"].AsString() ||
      put.stream_arn != members["StreamARN"].AsString() ||
      put.sequence_number_for_ordering != members["SequenceNumberForOrdering"].AsString()) {
    return "a member read differently";
  }
  return "";
}

}  // namespace millrace::kinesis
