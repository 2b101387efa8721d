#pragma once

#include "dataplane/client/stream_reader.h"

namespace millrace::client {

// The answer of GetRecords in CBOR as a page of views into `body`, which it keeps; unknown members
// are passed over. Corrupt where it is no such answer. One pass without a document: about as fast
// as the memory. Pure; any thread.
Result<StreamPage> ReadRecordsPage(std::string body);

}  // namespace millrace::client
