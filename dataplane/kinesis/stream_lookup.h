#pragma once

#include <string_view>

#include "dataplane/kinesis/call.h"
#include "dataplane/kinesis/data_plane.h"
#include "dataplane/shard/start_position.h"

namespace millrace::kinesis {

// The stream that StreamName, StreamARN or both name ("" where not given), in AWS's words where
// there is none: unknown, not served yet, or on its way out; or where the caller may not use it.
// Any thread.
Result<shard::StreamPtr> FindStream(const DataPlane& plane, const shard::ShardTable& table,
                                    const Call& call, std::string_view name, std::string_view arn);

// Whether streams of that pool are served to whoever calls here: see DataPlane::only_pool.
Status CheckPool(const DataPlane& plane, const shard::StreamView& stream);
// "Stream X under account Y not found."
Status StreamNotFound(std::string_view name, std::string_view account);
Status RateExceeded(const shard::StreamView& stream, const shard::ShardView& shard);
// What a DryRun answers where everything is in order.
Status DryRunSucceeded();

Result<shard::ShardRef> FindShard(const shard::StreamPtr& stream, std::string_view shard_id);

// ShardIteratorType with its sequence number and timestamp, checked against the shard and the
// clock. The members come from GetShardIterator's input or SubscribeToShard's StartingPosition.
struct StartInput {
  std::string_view operation;
  const std::string& type;
  const json::Value& sequence_number;  // null where not given
  const json::Value& timestamp;
};
Result<shard::StartPoint> ReadStart(const StartInput& input, const shard::ShardRef& at, WallMs now);
// The words for a sequence number that the shard never gave.
Status ForeignSequenceNumber(const StartInput& input, const shard::ShardRef& at);

}  // namespace millrace::kinesis
