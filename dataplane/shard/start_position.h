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

// The place in the shard's chain; for a time exactly the first record that arrived at or after it.
// On the lane's executor; `done` runs there, before the return unless a time has to be looked up on
// the disk. kInvalidArgument for a sequence number that this shard never gave.
void ResolveStart(storage::Lane& lane, const ShardRef& at, const StartPoint& start,
                  UniqueFunction<void(Result<Position>)> done);

}  // namespace millrace::shard
