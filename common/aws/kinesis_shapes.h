#pragma once

#include <span>
#include <string_view>

#include "common/aws/validation.h"

namespace millrace::aws {

// The inputs of the Kinesis operations, with the constraints of AWS's service model (2013-12-02).
// Both planes validate by them. Constant data; any thread.

// The input of one of KinesisOperations(); any other name is a broken invariant.
const Shape& KinesisInputShape(std::string_view operation);
// The operations served, sorted.
std::span<const std::string_view> KinesisOperations();
// Operations of the same model that are not: the Queue, DeadLetterQueue and Channel families.
// Sorted.
std::span<const std::string_view> KinesisOperationsNotOffered();

}  // namespace millrace::aws
