#pragma once

#include <optional>
#include <string>

#include "common/aws/protocol.h"
#include "common/aws/validation.h"
#include "common/json/value.h"

namespace millrace::aws {

// The first half of ValidateInput: gives every member of `input` the type that `shape` says, in the
// order of the input, drops members that are null, and says in AWS's words what cannot be converted
// (the message of a SerializationException). Elements of lists and maps that are null stay for the
// constraints to refuse. Pure; any thread.
std::optional<std::string> CoerceTypes(const Shape& shape, Protocol protocol, json::Value& input);

// `text` as far as messages repeat it.
std::string Echo(std::string_view text);

}  // namespace millrace::aws
