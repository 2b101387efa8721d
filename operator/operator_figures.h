#pragma once

#include <vector>

#include "common/metrics/metrics.h"
#include "operator/engine/led_controller.h"

namespace millrace::op {

// Sets the gauges that are of now, for a metrics page that is about to be made: what waits, fails
// and is stuck in each queue, and whether this process leads. Any thread.
void SetFigures(const std::vector<LedController*>& queues, bool leads, metrics::Registry& registry);

}  // namespace millrace::op
