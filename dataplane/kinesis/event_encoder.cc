#include "dataplane/kinesis/event_encoder.h"

#include "common/aws/error_shape.h"
#include "common/aws_framing/event_stream.h"
#include "common/json/value.h"
#include "dataplane/kinesis/record_encoder.h"

namespace millrace::kinesis {

using aws::Protocol;
using shard::EncodedEvent;
using shard::Position;
using shard::RecordRun;
using shard::ShardRef;

namespace {

// Of keys and data in one event; a larger record is an event of its own.
constexpr RecordLimits kEventLimits{.records_max = 10'000, .bytes_max = kMiB};

// Events say application/json where requests say application/x-amz-json-1.1.
std::string_view PayloadType(Protocol protocol) {
  return protocol == Protocol::kJson ? "application/json" : aws::ContentType(protocol);
}

const std::string& EventHeaders(Protocol protocol) {
  static const auto make = [](Protocol p) {
    return aws::EncodeEventHeaders({{":event-type", "SubscribeToShardEvent"},
                                    {":content-type", std::string(PayloadType(p))},
                                    {":message-type", "event"}});
  };
  static const std::string json = make(Protocol::kJson);
  static const std::string cbor = make(Protocol::kCbor);
  return protocol == Protocol::kJson ? json : cbor;
}

void Begin(Protocol protocol, OutputBuffer& out) {
  out.Room(aws::kEventPreludeBytes);
  out.Advance(aws::kEventPreludeBytes);
  out.Append(EventHeaders(protocol));
}

Slice Seal(Protocol protocol, OutputBuffer& out) {
  out.Room(aws::kEventTrailerBytes);
  out.Advance(aws::kEventTrailerBytes);
  aws::SealEvent(out.data(), out.size(), EventHeaders(protocol).size());
  return out.Take();
}

std::string MembersBehindRecords(Protocol protocol, const std::string& continuation,
                                 int64_t millis_behind) {
  if (protocol == Protocol::kJson) {
    return ",\"ContinuationSequenceNumber\":\"" + continuation +
           "\",\"MillisBehindLatest\":" + std::to_string(millis_behind) + "}";
  }
  std::string out;
  aws::AppendCborText(out, "ContinuationSequenceNumber");
  aws::AppendCborText(out, continuation);
  aws::AppendCborText(out, "MillisBehindLatest");
  aws::AppendCborHead(out, 0, static_cast<uint64_t>(millis_behind));
  return out;
}

void AppendRecordsName(Protocol protocol, OutputBuffer& out) {
  if (protocol == Protocol::kJson) return out.Append("{\"Records\":");
  std::string begin;
  aws::AppendCborHead(begin, 5, 3);
  aws::AppendCborText(begin, "Records");
  out.Append(begin);
}

Slice DocumentEvent(Protocol protocol, const json::Value& document) {
  const std::string payload = aws::EncodeBody(protocol, document);
  OutputBuffer out(payload.size() + 256);
  Begin(protocol, out);
  out.Append(payload);
  return Seal(protocol, out);
}

}  // namespace

EncodedEvent AwsEventEncoder::Records(Protocol protocol, const ShardRef& at,
                                      std::span<const RecordRun> runs, Position from, bool at_tip,
                                      WallMs now) const {
  OutputBuffer out(EncodedSizeHint(protocol, runs, kEventLimits.bytes_max));
  Begin(protocol, out);
  AppendRecordsName(protocol, out);
  const EncodedRecords encoded = EncodeRecords(protocol, at, runs, from, kEventLimits, out);
  EncodedEvent event;
  event.next = encoded.next;
  event.records = encoded.records;
  event.bytes = encoded.bytes;
  event.millis_behind = MillisBehind(encoded, at_tip, now);
  out.Append(MembersBehindRecords(
      protocol, SequenceNumberAt(at, encoded.next, encoded.last_arrival_ms), event.millis_behind));
  event.frame = Seal(protocol, out);
  return event;
}

Slice AwsEventEncoder::KeepAlive(Protocol protocol, const ShardRef& at, Position position,
                                 WallMs now) const {
  return DocumentEvent(
      protocol, json::Object{{"Records", json::Array{}},
                             {"ContinuationSequenceNumber", SequenceNumberAt(at, position, now)},
                             {"MillisBehindLatest", 0}});
}

Slice AwsEventEncoder::EndOfShard(Protocol protocol, const ShardRef& at) const {
  // Clients know the end by the missing ContinuationSequenceNumber, against the model.
  return DocumentEvent(protocol, json::Object{{"Records", json::Array{}},
                                              {"MillisBehindLatest", 0},
                                              {"ChildShards", ChildShards(at)}});
}

Slice AwsEventEncoder::Exception(Protocol protocol, const Status& status) const {
  const aws::ErrorShape shape = aws::ShapeOf(status);
  // The stream's model has only these; what it lacks is a failure inside.
  const bool modelled =
      shape.type == "ResourceInUseException" || shape.type == "ResourceNotFoundException";
  return Slice::FromString(
      aws::EncodeEvent({{":exception-type", modelled ? shape.type : "InternalFailureException"},
                        {":content-type", std::string(PayloadType(protocol))},
                        {":message-type", "exception"}},
                       aws::EncodeBody(protocol, json::Object{{"message", shape.message}})));
}

Slice AwsEventEncoder::InitialResponse(Protocol protocol) {
  return Slice::FromString(
      aws::EncodeEvent({{":event-type", "initial-response"},
                        {":content-type", std::string(aws::ContentType(protocol))},
                        {":message-type", "event"}},
                       aws::EncodeBody(protocol, json::Object{})));
}

}  // namespace millrace::kinesis
