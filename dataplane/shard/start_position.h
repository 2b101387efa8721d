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
// On the lane's executor; `done` runs there, before the return unless the disk or another pod has
// to be asked. kInvalidArgument for a sequence number that this shard never gave, kUnavailable
// where the pod that knows is away. Nobody is sent past records that were asked for: an extent
// whose pod is away is where a time begins, unless all of it is too old.
void ResolveStart(const ChainSource& source, const ShardRef& at, const StartPoint& start,
                  UniqueFunction<void(Result<Position>)> done);
// The same where there are no other pods.
void ResolveStart(storage::Lane& lane, const ShardRef& at, const StartPoint& start,
                  UniqueFunction<void(Result<Position>)> done);

// The first record of an extent of this lane that arrived at `ms` or later, its end where there is
// none. `done` as above.
void FindTime(storage::Lane& lane, const storage::ExtentId& id, WallMs ms,
              UniqueFunction<void(Result<uint64_t>)> done);

}  // namespace millrace::shard
