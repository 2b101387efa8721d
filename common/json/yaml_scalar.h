#pragma once

#include <string>
#include <string_view>

#include "common/base/status.h"
#include "common/json/value.h"

namespace millrace::json {

// What a plain (unquoted) scalar means by YAML 1.2's core schema: null, a bool, an int, a float,
// else the string itself. Infinities and NaN are refused: JSON has no place for them.
Result<Value> ResolvePlainScalar(std::string_view text, const Limits& limits);

// Whether `text` written plain reads back as the same string, here and by the YAML 1.1 readers that
// are still about ("yes", "012", "2026-01-01").
bool IsPlainSafe(std::string_view text);

// Whether `text` is UTF-8 without control characters, line breaks or byte order marks.
bool IsPrintable(std::string_view text);

}  // namespace millrace::json
