#pragma once

#include <string>
#include <string_view>

#include "common/base/status.h"
#include "common/json/value.h"

namespace millrace::aws {

// CBOR (RFC 8949) as AWS speaks it, to and from a document. Pure; any thread. Only the four tags
// that AWS sends are known: 0 (text, kept as text), 1 (epoch MILLISECONDS, not RFC seconds, to a
// Timestamp), 2 and 3 (bignums, to an integer where it fits, else a double).

// One item and nothing after it, within `limits`. Every declared length is checked against what is
// left before anything is reserved; map keys are text and unique; text is valid UTF-8.
Result<json::Value> ParseCbor(std::string_view body, const json::Limits& limits = {});
// Definite lengths, shortest heads, doubles as 64 bits.
void AppendCbor(std::string& out, const json::Value& value);

}  // namespace millrace::aws
