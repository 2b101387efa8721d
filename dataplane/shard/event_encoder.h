#pragma once

#include <span>

#include "common/aws/protocol.h"
#include "dataplane/shard/chain_reader.h"

namespace millrace::shard {

// One SubscribeToShardEvent with records, framed, for every consumer that is at its start.
struct EncodedEvent {
  Slice frame;
  Position next;  // after its last record
  uint32_t records = 0;
  uint64_t bytes = 0;  // of keys and data
  int64_t millis_behind = 0;
};

// How events look on the wire. Implemented by dataplane/kinesis; pure; any thread.
class EventEncoder {
 public:
  virtual ~EventEncoder() = default;
  // Records of `runs` from `from` on: about a mebibyte, at least one. There is one. `at_tip` says
  // that nothing follows the runs. The same records always make the same cut.
  virtual EncodedEvent Records(aws::Protocol protocol, const ShardRef& at,
                               std::span<const RecordRun> runs, Position from, bool at_tip,
                               WallMs now) const = 0;
  // No records, but a sequence number to go on from.
  virtual Slice KeepAlive(aws::Protocol protocol, const ShardRef& at, Position position,
                          WallMs now) const = 0;
  // The last event of a closed shard: names its children.
  virtual Slice EndOfShard(aws::Protocol protocol, const ShardRef& at) const = 0;
  virtual Slice Exception(aws::Protocol protocol, const Status& status) const = 0;
};

}  // namespace millrace::shard
