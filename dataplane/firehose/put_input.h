#pragma once

#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/base/status.h"
#include "dataplane/kinesis/call.h"

namespace millrace::firehose {

// What a PutRecord or PutRecordBatch says; nothing after the call was answered with what is wrong.
struct PutInput {
  std::string delivery_stream;
  std::vector<std::string> records;
};
std::optional<PutInput> ReadPut(kinesis::Call& call, bool single);

// The body of the PutRecords of Kinesis (CBOR) that stands for it. Records that come together stay
// together up to 256 KiB, then another shard takes its turn. Pure but for `random`.
std::string KinesisBody(const PutInput& input, Random& random);

}  // namespace millrace::firehose
