#pragma once

#include <string_view>

#include "common/json/value.h"

namespace millrace::op {

// On a Workload and its pods: what they are a part of. Shard pods are followed for what they say of
// streams and lose their write heads before they are taken down; no others have any.
inline constexpr std::string_view kComponentLabel = "app.kubernetes.io/component";
inline constexpr std::string_view kShardComponent = "shard";
inline constexpr std::string_view kDeliveryComponent = "delivery";

// Whether the Workload or pod is a pool's. One without the label is, too: nobody else's lacks it.
inline bool IsOfPool(const json::Value& object) {
  const std::string& component = object.At("metadata", "labels")[kComponentLabel].AsString();
  return component.empty() || component == kShardComponent;
}

}  // namespace millrace::op
