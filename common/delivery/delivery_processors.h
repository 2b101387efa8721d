#pragma once

#include <vector>

#include "common/delivery/delivery_stream_resource.h"

// The processors of a delivery stream: which parameters each type has, and what goes together.
namespace millrace::resources {

void VisitProcessor(FieldVisitor& in, DeliveryProcessor& processor);
// Rules across processors, and those of dynamic partitioning; `in` is at spec.processing.
void CheckProcessors(FieldVisitor& in, const DeliveryStreamSpec& spec);

}  // namespace millrace::resources
