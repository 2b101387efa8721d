#pragma once

#include <string>

#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/delivery/delivery_plan.h"
#include "dataplane/delivery/engine/pipeline.h"

namespace millrace::delivery {

struct BuildOptions {
  std::string spill_folder;
  size_t memory_bytes_max = 384 << 20;  // of all buffers together
  size_t spill_bytes_max = size_t{8} << 30;
};

// The plan's destination, error output and backup, made into what a pipeline needs. InvalidArgument
// or Unsupported say what of the plan can't be done. Connects to nothing.
Result<PipelineParts> BuildPipeline(const resources::DeliveryPlan& plan,
                                    const BuildOptions& options, Clock& clock);

}  // namespace millrace::delivery
