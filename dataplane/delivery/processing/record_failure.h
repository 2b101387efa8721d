#pragma once

#include <string>

#include "dataplane/delivery/model/record.h"

namespace millrace::delivery {

// Moves a record to the batch's failed ones, as "processing-failed".
inline void FailRecord(Batch& batch, const Record& record, std::string code, std::string message,
                       WallMs now) {
  batch.failed.push_back({record,
                          {.output_type = "processing-failed",
                           .code = std::move(code),
                           .message = std::move(message),
                           .last_attempt_ms = now}});
}

}  // namespace millrace::delivery
