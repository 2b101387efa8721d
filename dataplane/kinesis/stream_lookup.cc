#include "dataplane/kinesis/stream_lookup.h"

#include "common/aws/arn.h"
#include "dataplane/kinesis/permissions.h"

namespace millrace::kinesis {

using shard::ShardRef;
using shard::ShardTable;
using shard::StartPoint;
using shard::StreamPtr;

Status StreamNotFound(std::string_view name, std::string_view account) {
  return NotFound("Stream " + std::string(name) + " under account " + std::string(account) +
                  " not found.");
}

Status RateExceeded(const shard::StreamView& stream, const shard::ShardView& shard) {
  return {Code::kThrottled, "Rate exceeded for shard " + shard.id + " in stream " + stream.name() +
                                " under account " + std::string(stream.account()) + "."};
}

Status DryRunSucceeded() {
  return {Code::kDryRun, "Request would have succeeded, but DryRun flag is set."};
}

Status CheckPool(const DataPlane& plane, const shard::StreamView& stream) {
  if (plane.only_pool.empty() || stream.map().pool == plane.only_pool) return OkStatus();
  return {Code::kAccessDenied, "Stream " + stream.name() + " is in pool " + stream.map().pool +
                                   ". Pool " + plane.only_pool +
                                   " takes unsigned requests and serves its own streams only."};
}

Result<StreamPtr> FindStream(const DataPlane& plane, const ShardTable& table, const Call& call,
                             std::string_view name, std::string_view arn) {
  std::string arn_name;
  if (!arn.empty()) {
    ASSIGN_OR_RETURN(aws::StreamArn parsed, aws::ParseStreamArn(arn));
    if (!name.empty() && name != parsed.name) {
      return InvalidArgument("StreamName " + std::string(name) + " does not match StreamARN " +
                             std::string(arn) + ".");
    }
    if (parsed.account != plane.account) return StreamNotFound(parsed.name, parsed.account);
    arn_name = std::move(parsed.name);
    name = arn_name;
  }
  if (name.empty()) return InvalidArgument("Either StreamName or StreamARN must be provided.");
  RETURN_IF_ERROR(CheckPermission(call.identity, call.operation, name));
  StreamPtr stream = table.ByName(name);
  if (stream == nullptr) return StreamNotFound(name, plane.account);
  RETURN_IF_ERROR(CheckPool(plane, *stream));
  return stream;
}

Result<ShardRef> FindShard(const StreamPtr& stream, std::string_view shard_id) {
  const std::string where =
      " in stream " + stream->name() + " under account " + std::string(stream->account());
  const std::optional<uint32_t> index = resources::ParseShardId(shard_id);
  if (!index) return NotFound("Could not find shard " + std::string(shard_id) + where + ".");
  const shard::ShardView* shard = stream->Find(*index);
  if (shard == nullptr)
    return NotFound("Shard " + std::string(shard_id) + where + " does not exist");
  return ShardRef{stream, shard};
}

namespace {

std::string Where(const StartInput& input, const ShardRef& at) {
  return " used in " + std::string(input.operation) + " on shard " + at.shard->id + " in stream " +
         at.stream->name() + " under account " + std::string(at.stream->account());
}

Status MustChoose(const StartInput& input, std::string_view what) {
  return InvalidArgument(
      "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and "
      "StartingSequenceNumber or (2) "
      "TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified " +
      input.type + " and " + std::string(what));
}

Result<StartPoint> ReadSequence(const StartInput& input, const ShardRef& at,
                                StartPoint::Kind kind) {
  if (input.sequence_number.is_null()) return MustChoose(input, "no StartingSequenceNumber.");
  const std::string& text = input.sequence_number.AsString();
  // Some clients say "from the beginning" with it.
  if (text == "0") return StartPoint{};
  const auto number = resources::SequenceNumber::FromDecimal(text);
  if (!number)
    return InvalidArgument("StartingSequenceNumber " + text + Where(input, at) + " is invalid.");
  if (number->shard != at.shard->index()) {
    return InvalidArgument("Invalid StartingSequenceNumber. It encodes " +
                           resources::ShardIdName(number->shard) +
                           ", while it was used in a call to a shard with " + at.shard->id);
  }
  return StartPoint{kind, *number, 0};
}

Result<StartPoint> ReadTimestamp(const StartInput& input, WallMs now) {
  if (input.timestamp.is_null()) {
    return InvalidArgument(
        "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current "
        "request has no "
        "timestamp parameter.");
  }
  const WallMs ms = input.timestamp.AsTimestampMs();
  if (ms > now) {
    return InvalidArgument(
        "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. "
        "timestampInMillis: " +
        std::to_string(ms) + ", currentTimestampInMillis: " + std::to_string(now));
  }
  return StartPoint{StartPoint::Kind::kAtTimestamp, {}, ms};
}

}  // namespace

Result<StartPoint> ReadStart(const StartInput& input, const ShardRef& at, WallMs now) {
  if (input.type == "AT_SEQUENCE_NUMBER")
    return ReadSequence(input, at, StartPoint::Kind::kAtSequenceNumber);
  if (input.type == "AFTER_SEQUENCE_NUMBER")
    return ReadSequence(input, at, StartPoint::Kind::kAfterSequenceNumber);
  if (input.type == "AT_TIMESTAMP") return ReadTimestamp(input, now);
  if (!input.sequence_number.is_null()) return MustChoose(input, "also a StartingSequenceNumber.");
  return StartPoint{
      input.type == "LATEST" ? StartPoint::Kind::kLatest : StartPoint::Kind::kTrimHorizon, {}, 0};
}

Status ForeignSequenceNumber(const StartInput& input, const ShardRef& at) {
  return InvalidArgument("StartingSequenceNumber " + input.sequence_number.AsString() +
                         Where(input, at) +
                         " is invalid because it did not come from this stream.");
}

}  // namespace millrace::kinesis
