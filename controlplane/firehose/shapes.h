#pragma once

#include <string_view>

#include "common/aws/validation.h"

namespace millrace::controlplane {

// The inputs of Firehose's operations, with the constraints of AWS's model (2015-08-04). URL
// patterns that AWS restricts to its own hosts are not there. Any other name is a broken invariant.
const aws::Shape& FirehoseInputShape(std::string_view operation);

}  // namespace millrace::controlplane
