#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millrace {

// A Kubernetes quantity as a number of bytes, rounded up: "10Gi", "1.5G", "1e3" is none. Nothing
// where the text is no quantity, or past 8 EiB.
std::optional<int64_t> ParseQuantity(std::string_view text);
// A number of processors in thousandths: "500m", "2", "0.5".
std::optional<int64_t> ParseMilli(std::string_view text);
// The shortest exact text: "10Gi", "1536Mi", "1000".
std::string FormatQuantity(int64_t bytes);

}  // namespace millrace
