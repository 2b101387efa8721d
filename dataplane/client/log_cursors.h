#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "dataplane/client/cursor_fold.h"
#include "dataplane/client/cursors.h"
#include "dataplane/client/stream_reader.h"
#include "dataplane/client/stream_writer.h"

namespace millrace::client {

// Cursor tables kept in a one-shard stream (cursor_fold.h): a change is put, and its place in the
// stream's order decides. So the tables are as durable and as available as streams are, and no
// server knows of them. Calls block, a write for one put and one read; one at a time. A snapshot is
// written every few hundred changes, and reading begins at one.
std::unique_ptr<Cursors> MakeLogCursors(std::unique_ptr<StreamReader> reader,
                                        std::unique_ptr<StreamWriter> writer, Clock& clock);

}  // namespace millrace::client
