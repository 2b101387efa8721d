#pragma once

#include <vector>

#include "dataplane/placement/placement.h"
#include "dataplane/shard/position.h"
#include "dataplane/storage/lane.h"

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
};

// One shard as a request sees it: the view is held so that the shard stays valid.
struct ShardRef {
  StreamPtr stream;
  const ShardView* shard = nullptr;
};

// Reads about `bytes_max` bytes from `from` on, across the extents of the chain; at least one
// record where there is one. On the lane's executor; `done` runs there, before the return when
// memory holds what is asked for. A position in an extent that is gone goes on at the next one
// kept.
void ReadChain(storage::Lane& lane, ShardRef at, Position from, size_t bytes_max,
               UniqueFunction<void(Result<ChainRead>)> done);

}  // namespace millrace::shard
