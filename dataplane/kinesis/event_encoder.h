#pragma once

#include "dataplane/shard/event_encoder.h"

namespace millrace::kinesis {

// SubscribeToShard's messages in AWS's event-stream framing. Stateless; any thread.
class AwsEventEncoder final : public shard::EventEncoder {
 public:
  shard::EncodedEvent Records(aws::Protocol protocol, const shard::ShardRef& at,
                              std::span<const shard::RecordRun> runs, shard::Position from,
                              bool at_tip, WallMs now) const override;
  Slice KeepAlive(aws::Protocol protocol, const shard::ShardRef& at, shard::Position position,
                  WallMs now) const override;
  Slice EndOfShard(aws::Protocol protocol, const shard::ShardRef& at) const override;
  Slice Exception(aws::Protocol protocol, const Status& status) const override;
  // The first message of every stream, which clients insist on.
  static Slice InitialResponse(aws::Protocol protocol);
};

}  // namespace millrace::kinesis
