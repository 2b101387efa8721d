#pragma once

#include <cstdint>

#include "common/base/status.h"

namespace millrace {

// Raises this process's limit of open files (RLIMIT_NOFILE, soft) to the most it may have (hard),
// since each connection needs one and many systems begin with 1,024. Gives the limit it then has.
// Children inherit it. For mains, before they open anything.
Result<uint64_t> RaiseOpenFilesLimit();

}  // namespace millrace
