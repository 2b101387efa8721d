#include "common/base/random.h"
#include "dataplane/kinesis/put_call.h"
#include "dataplane/kinesis/stream_lookup.h"

namespace millrace::kinesis {

namespace {

constexpr uint64_t kCallBytesMax = 10 * kMiB;  // of keys and data

ScannedRecord RecordOf(const json::Value& entry) {
  ScannedRecord record;
  record.partition_key = entry["PartitionKey"].AsString();
  record.explicit_hash_key = entry["ExplicitHashKey"].AsString();
  record.data = entry["Data"].AsBlob();
  record.data_size = record.data.size();
  return record;
}

std::string MemberPath(bool single, size_t index, std::string_view member) {
  if (single) return std::string(member);
  return "records." + std::to_string(index + 1) + ".member." + std::string(member);
}

Status ConstraintFailed(std::string_view value, std::string_view path,
                        std::string_view constraint) {
  return {Code::kValidation, "1 validation error detected: Value " + std::string(value) + " at '" +
                                 std::string(path) +
                                 "' failed to satisfy constraint: " + std::string(constraint)};
}

}  // namespace

bool PutCall::Read() {
  const std::string_view body = call_->request.body.view();
  const bool usual = single_ ? ScanPutRecord(call_->protocol, body, put_)
                             : ScanPutRecords(call_->protocol, body, put_);
  raw_data_ = call_->protocol == aws::Protocol::kCbor;
  return usual || ReadGeneral();
}

bool PutCall::ReadGeneral() {
  std::optional<json::Value> input = ReadInput(*call_);
  if (!input) return false;
  document_ = std::move(*input);
  const json::Value& said = document_;
  raw_data_ = true;
  put_ = {};
  put_.stream_name = said["StreamName"].AsString();
  put_.stream_arn = said["StreamARN"].AsString();
  put_.sequence_number_for_ordering = said["SequenceNumberForOrdering"].AsString();
  dry_run_ = said["DryRun"].AsBool();
  if (single_) {
    put_.records.push_back(RecordOf(said));
  } else {
    for (const json::Value& entry : said["Records"].AsArray())
      put_.records.push_back(RecordOf(entry));
  }
  for (ScannedRecord& record : put_.records) {
    if (!record.partition_key.empty()) continue;
    keys_missing_ = true;
    if (made_key_.empty()) made_key_ = NewUuid();
    record.partition_key = made_key_;
  }
  return true;
}

Status PutCall::Check() const {
  RETURN_IF_ERROR(CheckOrdering());
  uint64_t bytes = 0;
  for (size_t i = 0; i < put_.records.size(); ++i) {
    RETURN_IF_ERROR(CheckRecord(put_.records[i], i));
    bytes += put_.records[i].partition_key.size() + put_.records[i].data_size;
  }
  if (!single_ && bytes > kCallBytesMax) return InvalidArgument("Records size exceeds 10 MB limit");
  return OkStatus();
}

Status PutCall::CheckRecord(const ScannedRecord& record, size_t index) const {
  if (keys_missing_ && record.partition_key.data() == made_key_.data() &&
      !stream_->map().auto_distribution) {
    return ConstraintFailed("null", MemberPath(single_, index, "partitionKey"),
                            "Member must not be null");
  }
  if (!record.explicit_hash_key.empty() &&
      !resources::HashKey::FromDecimal(record.explicit_hash_key)) {
    return InvalidArgument(
        "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified "
        "value was " +
        std::string(record.explicit_hash_key));
  }
  const uint64_t bytes_max = static_cast<uint64_t>(stream_->map().max_record_kib) * kKiB;
  if (record.data_size > bytes_max) {
    const std::string size = std::to_string(record.data_size);
    return ConstraintFailed(
        "'java.nio.HeapByteBuffer[pos=0 lim=" + size + " cap=" + size + "]'",
        MemberPath(single_, index, "data"),
        "Member must have length less than or equal to " + std::to_string(bytes_max));
  }
  if (record.data_size + record.partition_key.size() > bytes_max) {
    return InvalidArgument("Record size of " +
                           std::to_string(record.data_size + record.partition_key.size()) +
                           " bytes (data and partition key) exceeds the maximum of " +
                           std::to_string(bytes_max) + " bytes of stream " + stream_->name() +
                           " under account " + std::string(stream_->account()) + ".");
  }
  return OkStatus();
}

// Every number of a shard is greater than all before it, so the wish is always granted; it only has
// to be a number that a client could have got.
Status PutCall::CheckOrdering() const {
  const std::string_view text = put_.sequence_number_for_ordering;
  if (text.empty() || text == "0") return OkStatus();
  const auto number = resources::SequenceNumber::FromDecimal(text);
  if (number && number->arrival_s <= plane_.clock.WallNow() / 1000 + 1) return OkStatus();
  return InvalidArgument("ExclusiveMinimumSequenceNumber " + std::string(text) +
                         " used in PutRecord on stream " + stream_->name() + " under account " +
                         std::string(stream_->account()) + " is invalid.");
}

}  // namespace millrace::kinesis
