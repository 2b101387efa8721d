#pragma once

#include <functional>
#include <memory>

#include "dataplane/client/stream_writer.h"
#include "dataplane/delivery/model/sink.h"

namespace millrace::delivery {

// Makes a connection to the stream that is written.
using MakeStreamWriter = std::function<std::unique_ptr<client::StreamWriter>()>;

// Another Stream, through its Kinesis API: batches of at most 500 records and 5 MiB, each record
// under the partition key that it came with, or a random one where `random_keys`. Delivered is what
// PutRecords gave a sequence number. A record that the stream will never have (larger than it
// takes) goes to the backup; others that failed are tried again by themselves, and after a lost
// answer the batch is, so that the stream may have records twice. Any
// thread; Stop lets calls under way end, which is 30 s at most.
std::unique_ptr<Sink> MakeStreamSink(MakeStreamWriter make_writer, bool random_keys);

}  // namespace millrace::delivery
