#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace millrace::json {

// The length of the well-formed UTF-8 character that `text` starts with; 0 where there is none
// (overlong forms, surrogates and code points past U+10FFFF are none). `text` is not empty.
size_t Utf8CharSize(std::string_view text);

// RFC 4648 with padding.
std::string Base64(std::string_view bytes);

// The shortest text that reads back as the same double, with a '.' or an exponent so that it reads
// back as a double; "null" for what JSON has no number for.
std::string DoubleText(double value);

// Seconds with up to three decimals: "1.5".
std::string SecondsText(int64_t ms);

}  // namespace millrace::json
