#pragma once

#include <vector>

#include "dataplane/shard/position.h"
#include "dataplane/shard/remote_extents.h"

namespace millrace::shard {

// Records of one chunk from `from_index` on.
struct RecordRun {
  uint64_t epoch = 0;
  uint64_t from_index = 0;
  storage::Chunk chunk;
};

// What a read along a shard's chain found. A value.
struct ChainRead {
  std::vector<RecordRun> runs;  // in order, without gaps but for trimmed and quarantined records
  Position next;                // after all of them
  bool at_tip = false;          // nothing durable came after `next` when it was read
  bool end_of_shard = false;    // nothing ever will: the shard is closed and `next` is its end
  bool elsewhere = false;       // `next` is in an extent of another pod
  // Nobody can say now what follows `next`: its pod is away, or has not sealed its extent yet. The
  // reader keeps its position and asks again.
  bool waiting = false;
};

// Where chains lie: what this pod has in a lane, the rest elsewhere. A value; the lane's executor.
struct ChainSource {
  storage::Lane& lane;
  Executor* executor = nullptr;     // the lane's; asked only where there is `remote`
  RemoteExtents* remote = nullptr;  // null: there are no other pods
};

struct ChainReadOptions {
  size_t bytes_max = 0;
  Duration wait{0};          // at the tip of another pod's extent; here there are listeners
  uint32_t records_max = 0;  // of a GetRecords call, 0 for others
};

// Reads about `bytes_max` bytes from `from` on, across the extents of the chain; at least one
// record where there is one. On the lane's executor; `done` runs there, before the return when
// memory holds what is asked for. A position in an extent that is gone goes on at the next one
// kept; one in an extent whose pod is away stays.
void ReadChain(const ChainSource& source, ShardRef at, Position from,
               const ChainReadOptions& options, UniqueFunction<void(Result<ChainRead>)> done);
// The same where there are no other pods.
void ReadChain(storage::Lane& lane, ShardRef at, Position from, size_t bytes_max,
               UniqueFunction<void(Result<ChainRead>)> done);

}  // namespace millrace::shard
