#pragma once

#include <span>
#include <string_view>

#include "dataplane/kinesis/call.h"
#include "dataplane/kinesis/data_plane.h"

namespace millrace::kinesis {

// The data operations, one a file. Each takes an authenticated call on its connection's executor
// and ends it, then or later; none blocks.
void PutRecord(DataPlane& plane, const CallPtr& call);
void PutRecords(DataPlane& plane, const CallPtr& call);
void GetRecords(DataPlane& plane, const CallPtr& call);
void GetShardIterator(DataPlane& plane, const CallPtr& call);
void SubscribeToShard(DataPlane& plane, const CallPtr& call);

struct DataOperation {
  std::string_view name;
  void (*serve)(DataPlane& plane, const CallPtr& call);
};
inline constexpr DataOperation kDataOperations[] = {
    {"PutRecords", PutRecords},
    {"PutRecord", PutRecord},
    {"GetRecords", GetRecords},
    {"GetShardIterator", GetShardIterator},
    {"SubscribeToShard", SubscribeToShard},
};

}  // namespace millrace::kinesis
