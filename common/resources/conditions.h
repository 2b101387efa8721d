#pragma once

#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/json/value.h"

namespace millrace::resources {

// Sets status.conditions[type] by the API conventions: lastTransitionTime moves only when `status`
// does. Returns whether anything changed. `reason` is CamelCase, `message` for a person to act on.
bool SetCondition(json::Value& status, std::string_view type, bool value, std::string_view reason,
                  std::string_view message, int64_t observed_generation, WallMs now);
// The condition's object, or null.
const json::Value& FindCondition(const json::Value& status, std::string_view type);

}  // namespace millrace::resources
