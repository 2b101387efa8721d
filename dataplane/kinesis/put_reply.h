#pragma once

#include <vector>

#include "dataplane/kinesis/put_call.h"

namespace millrace::kinesis {

// The answers of PutRecord and PutRecords, assembled without a document. Pure.

// `batch` is durable and has one record.
Slice EncodePutRecordReply(aws::Protocol protocol, const PutBatch& batch, bool encrypted);
// One verdict a record, in the order of the request: `batch_of` says in which batch each is.
Slice EncodePutRecordsReply(aws::Protocol protocol, const std::vector<uint32_t>& batch_of,
                            const std::vector<PutBatch>& batches, bool encrypted);

}  // namespace millrace::kinesis
