#pragma once

#include <string>
#include <string_view>

#include "common/aws/validation.h"
#include "common/codec/base64.h"
#include "dataplane/kinesis/put_records_scanner.h"

namespace millrace::kinesis {

enum class PutOperation { kPutRecord, kPutRecords };

inline aws::Member Text(std::string_view name, std::string_view pattern) {
  aws::Member member;
  member.name = name;
  member.pattern = pattern;
  return member;
}
inline aws::Member Bounded(aws::Member member, bool required, int64_t min, int64_t max) {
  member.required = required;
  member.min = min;
  member.max = max;
  return member;
}
inline aws::Member Typed(aws::Type type, std::string_view name, std::vector<aws::Member> members) {
  aws::Member member;
  member.name = name;
  member.type = type;
  member.members = std::move(members);
  return member;
}

// The members of PutRecord and PutRecords as the service model has them.
inline aws::Shape PutShape(PutOperation operation) {
  using aws::Member;
  const Member name = Bounded(Text("StreamName", "[a-zA-Z0-9_.-]+"), false, 1, 128);
  const Member arn =
      Bounded(Text("StreamARN", "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+"), false, 1, 2048);
  const Member data = Bounded(Typed(aws::Type::kBlob, "Data", {}), true, 0, 10'485'760);
  const Member key = Bounded(Text("PartitionKey", ""), true, 1, 256);
  const Member hash_key = Text("ExplicitHashKey", "0|([1-9]\\d{0,38})");
  if (operation == PutOperation::kPutRecord) {
    const Member sequence = Text("SequenceNumberForOrdering", "0|([1-9]\\d{0,128})");
    return {name, data, key, hash_key, sequence, arn};
  }
  const Member entry = Typed(aws::Type::kStructure, "member", {data, hash_key, key});
  return {Bounded(Typed(aws::Type::kList, "Records", {entry}), true, 1, 500), name, arn};
}

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
  static const aws::Shape shapes[] = {PutShape(PutOperation::kPutRecord),
                                      PutShape(PutOperation::kPutRecords)};
  static ScannedPut put;
  taken = Scan(operation, protocol, body, put);
  if (!taken) return "";
  Result<json::Value> decoded = aws::DecodeBody(protocol, body);
  if (!decoded.ok()) return "taken, but " + decoded.status().ToString();
  json::Value input = *std::move(decoded);
  auto error = aws::ValidateInput(shapes[static_cast<size_t>(operation)], protocol, input);
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
