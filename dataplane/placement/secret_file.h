#pragma once

#include <string>

#include "common/base/status.h"

namespace millrace::shard {

// The `bytes` of `path`; where there is no such file it is made with unpredictable bytes, mode
// 0600, durable before it is used. A file of another size is an error: it is not ours to replace.
// `made`, where given, says which it was. Blocks.
Result<std::string> EnsureSecretFile(const std::string& path, size_t bytes, bool* made = nullptr);

// Replaces `path` as a whole: after a crash it is the old content or the new. Durable on return.
// Blocks.
Status WriteFileDurably(const std::string& path, std::string_view content, int mode);
Result<std::string> ReadWholeFile(const std::string& path);

}  // namespace millrace::shard
