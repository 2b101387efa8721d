#pragma once

#include <optional>

#include "common/resources/resource.h"
#include "common/resources/stream_resource.h"
#include "operator/stream/stream_plan.h"

namespace millrace::op {

// The ConfigMap that spec.connectionConfigMapRef asks for, owned by the Stream: what a client needs
// in its environment (`envFrom: [{configMapRef: ...}]`). Nothing where none is asked for, or where
// the stream has no ARN yet. Pure.
std::optional<json::Value> StreamConnection(const StreamSettings& settings,
                                            const resources::Resource& stream,
                                            const resources::StreamSpec& spec);

}  // namespace millrace::op
