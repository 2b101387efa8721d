#pragma once

#include <string>
#include <utility>
#include <vector>

#include "dataplane/storage/lane.h"

namespace millrace::testing {

using KeyAndData = std::pair<std::string, std::string>;

// One append of these records.
storage::Append MakeAppend(storage::ExtentId id, const std::vector<KeyAndData>& records);

}  // namespace millrace::testing
