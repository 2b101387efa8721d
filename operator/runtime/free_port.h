#pragma once

#include <cstdint>

#include "common/base/status.h"

namespace millrace::op {

// A loopback port that is free now. The process that gets it binds it a moment later and says so
// when somebody else was faster; it is then started again.
Result<uint16_t> FreePort();

}  // namespace millrace::op
