#pragma once

#include <span>

#include "common/aws/protocol.h"
#include "dataplane/kinesis/output_buffer.h"
#include "dataplane/shard/chain_reader.h"

namespace millrace::kinesis {

struct RecordLimits {
  uint32_t records_max = 10'000;
  uint64_t bytes_max = 10 * kMiB;  // of keys and data; one record always passes
};

// What EncodeRecords wrote.
struct EncodedRecords {
  shard::Position next;  // after the last record looked at
  uint32_t records = 0;
  uint64_t bytes = 0;  // of keys and data
  WallMs last_arrival_ms = 0;
  bool cut = false;  // a limit ended it before the runs did
};

// Room to reserve for the records of `runs` in that protocol.
size_t EncodedSizeHint(aws::Protocol protocol, std::span<const shard::RecordRun> runs,
                       uint64_t bytes_max);

// Writes the value of "Records": a JSON or CBOR array of Record straight from the log's bytes. A
// record that fails its checksum is passed over with the rest of its chunk, and logged. Pure but
// for the log.
EncodedRecords EncodeRecords(aws::Protocol protocol, const shard::ShardRef& at,
                             std::span<const shard::RecordRun> runs, shard::Position from,
                             const RecordLimits& limits, OutputBuffer& out);

// The sequence number that stands at `position`: of the record before it, or of none at the begin.
std::string SequenceNumberAt(const shard::ShardRef& at, shard::Position position,
                             WallMs arrival_ms);

// MillisBehindLatest after `encoded`.
int64_t MillisBehind(const EncodedRecords& encoded, bool at_tip, WallMs now);

// The value of "ChildShards" in a document.
json::Value ChildShards(const shard::ShardRef& at);

}  // namespace millrace::kinesis
