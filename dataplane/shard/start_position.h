#pragma once

#include "common/resources/shard_map.h"
#include "dataplane/shard/chain_reader.h"

namespace millrace::shard {

// Where a reader wants to begin: ShardIteratorType with what belongs to it. A value.
struct StartPoint {
  enum class Kind { kTrimHorizon, kLatest, kAtSequenceNumber, kAfterSequenceNumber, kAtTimestamp };
  Kind kind = Kind::kTrimHorizon;
  resources::SequenceNumber sequence;  // of this shard
  WallMs timestamp_ms = 0;
};

// The place in the shard's chain. On the lane's executor. kInvalidArgument for a sequence number
// that this shard never gave.
Result<Position> ResolveStart(const storage::Lane& lane, const ShardRef& at,
                              const StartPoint& start);

}  // namespace millrace::shard
