#pragma once

#include <functional>
#include <string_view>

#include "dataplane/kinesis/call.h"
#include "dataplane/kinesis/data_plane.h"

namespace millrace::firehose {

inline constexpr std::string_view kTargetPrefix = "Firehose_20150804";

// Serves a call that is not for this plane: the control plane knows delivery streams that take no
// PutRecord, and says so in AWS's words.
using Elsewhere = std::function<void(const kinesis::CallPtr&)>;

// The data operations of Firehose. A record goes to the hidden Stream of its delivery stream like
// any other of Kinesis: it is durable when the answer is sent. Called with an authenticated call on
// its connection's executor, end it then or later; neither blocks.
void PutRecord(kinesis::DataPlane& plane, const kinesis::CallPtr& call, const Elsewhere& elsewhere);
void PutRecordBatch(kinesis::DataPlane& plane, const kinesis::CallPtr& call,
                    const Elsewhere& elsewhere);

struct DataOperation {
  std::string_view name;
  void (*serve)(kinesis::DataPlane&, const kinesis::CallPtr&, const Elsewhere&);
};
inline constexpr DataOperation kDataOperations[] = {
    {"PutRecordBatch", PutRecordBatch},
    {"PutRecord", PutRecord},
};

}  // namespace millrace::firehose
