#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/aws/error_shape.h"
#include "common/json/value.h"

namespace millrace::aws {

enum class Type { kString, kInteger, kLong, kBoolean, kBlob, kTimestamp, kList, kMap, kStructure };

// One member of an operation's input, as the service model states it: the type (a mismatch is a
// SerializationException), then the constraints.
struct Member {
  std::string_view name;  // "StreamName"
  Type type = Type::kString;
  bool required = false;
  std::optional<int64_t> min;  // length of a string, blob, list or map; value of a number
  std::optional<int64_t> max;
  std::string_view pattern;              // RE2, anchored at both ends; "" for none
  std::vector<std::string_view> one_of;  // enum values, in the order messages show them
  std::vector<Member> members;  // of a structure, of a list's elements, of a map's {key, value}
};

using Shape = std::vector<Member>;

// First every type in the order of the input, then every constraint. Constraint failures come
// together, as AWS says them: "2 validation errors detected: Value null at 'streamName' failed to
// satisfy constraint: Member must not be null; Value '0' at 'shardCount' failed to satisfy
// constraint: Member must have value greater than or equal to 1". Blobs that came as base64 text
// are decoded in place, numbers that stand for timestamps become Timestamp. Unknown members are
// ignored.
std::optional<ErrorShape> ValidateInput(const Shape& shape, Protocol protocol, json::Value& input);

}  // namespace millrace::aws
