#pragma once

#include <map>
#include <string>

#include "common/base/status.h"
#include "common/json/value.h"

namespace millrace::controlplane {

using Tags = std::map<std::string, std::string>;

// Adds `added` (a map document) to `tags`; kInvalidArgument past 50, kInvalidArgument for "aws:"
// keys.
Status MergeTags(const json::Value& added, Tags& tags);
// Keys that are not there are ignored, as on AWS.
void RemoveTags(const json::Value& keys, Tags& tags);
// [{"Key":..,"Value":..}], in the order of the keys.
json::Value TagList(const Tags& tags);

}  // namespace millrace::controlplane
