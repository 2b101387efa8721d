#pragma once

#include "common/async/executor.h"
#include "dataplane/placement/placement.h"
#include "dataplane/storage/lane.h"

namespace millrace::shard {

// One shard as a request sees it: the view is held so that the shard stays valid.
struct ShardRef {
  StreamPtr stream;
  const ShardView* shard = nullptr;
};

// What another pod has of an extent of its own.
struct RemoteRead {
  storage::ReadResult read;
  uint64_t end_index = 0;  // what was durable then
};
struct RemoteInfo {
  uint64_t begin_index = 0;
  uint64_t end_index = 0;
  bool sealed = false;
  uint64_t index_at = 0;  // where a time was asked for: the first record that arrived then or later
};

struct RemoteReadOptions {
  uint64_t from_index = 0;
  size_t bytes_max = 0;
  // At the end of an open extent: how long the owner may keep the question until something comes.
  Duration wait{0};
  // Of a GetRecords call, whose limits the owner enforces; 0 for other readers.
  uint32_t records_max = 0;
};

// The extents that other pods have. Implemented by dataplane/peer; on any executor, `done` runs on
// that one. kUnavailable: the owner is away or does not know of the extent yet, and may be asked
// again; kNotFound: its owner, whose map may be a newer one, has no such extent, which says nothing
// of what was in it; kThrottled: over the shard's rate.
class RemoteExtents {
 public:
  virtual ~RemoteExtents() = default;
  virtual void Read(Executor& executor, const ShardRef& at, const resources::MapExtent& extent,
                    const RemoteReadOptions& options,
                    UniqueFunction<void(Result<RemoteRead>)> done) = 0;
  // With `at_ms` also where that time is; -1 for no time.
  virtual void Find(Executor& executor, const ShardRef& at, const resources::MapExtent& extent,
                    WallMs at_ms, UniqueFunction<void(Result<RemoteInfo>)> done) = 0;
};

}  // namespace millrace::shard
