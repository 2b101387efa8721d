#include "dataplane/firehose/put_reply.h"

#include "common/codec/base64.h"

namespace millrace::firehose {
namespace {

constexpr std::string_view kSlowDown = "Slow down.";

// One shard's throttling is the delivery stream's: the caller knows no shards.
bool IsThrottled(std::string_view code) { return code == "ProvisionedThroughputExceededException"; }

std::string RecordId(const json::Value& entry) {
  return codec::Base64Encode(entry["ShardId"].AsString() + ":" +
                             entry["SequenceNumber"].AsString());
}

}  // namespace

PutReply ReplyOf(const json::Value& kinesis_reply, bool single) {
  PutReply reply;
  const bool encrypted = kinesis_reply["EncryptionType"].AsString() == "KMS";
  const json::Array& entries = kinesis_reply["Records"].AsArray();
  if (single) {
    const json::Value& entry = entries.empty() ? kinesis_reply : entries.front();
    if (entry.Has("SequenceNumber")) {
      reply.body.Set("RecordId", RecordId(entry));
      reply.body.Set("Encrypted", encrypted);
    } else if (IsThrottled(entry["ErrorCode"].AsString())) {
      reply.error = aws::NamedError(503, "ServiceUnavailableException", std::string(kSlowDown));
    } else {
      reply.error = aws::NamedError(500, "InternalFailure", "Internal Service Failure");
    }
    return reply;
  }
  json::Value responses = json::Array{};
  for (const json::Value& entry : entries) {
    json::Value one;
    if (entry.Has("SequenceNumber")) {
      one.Set("RecordId", RecordId(entry));
    } else if (IsThrottled(entry["ErrorCode"].AsString())) {
      one.Set("ErrorCode", "ServiceUnavailableException");
      one.Set("ErrorMessage", kSlowDown);
    } else {
      one.Set("ErrorCode", "InternalFailure");
      one.Set("ErrorMessage", "Internal Service Failure");
    }
    responses.Append(std::move(one));
  }
  reply.body.Set("FailedPutCount", kinesis_reply["FailedRecordCount"].AsInt());
  reply.body.Set("Encrypted", encrypted);
  reply.body.Set("RequestResponses", std::move(responses));
  return reply;
}

std::optional<aws::ErrorShape> RefusalOf(int status, std::string_view type,
                                         std::string_view message) {
  if (type == "ResourceNotFoundException") return std::nullopt;
  if (status == 503 || IsThrottled(type)) {
    return aws::NamedError(503, "ServiceUnavailableException", std::string(message));
  }
  return aws::NamedError(status, std::string(type), std::string(message));
}

}  // namespace millrace::firehose
